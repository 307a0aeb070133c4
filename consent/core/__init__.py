"""The core of consent: the disclosure lattice, policies, consent records and the decision, as plain functions and records.

Nothing here uses files, clock or randomness: the same arguments give the same decision, years later and on any machine. The
sentences of ``consent.texts`` are constants.
"""
