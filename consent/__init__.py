"""Consent: what flows ask, what law and neighbourhoods permit, what each resident consents to, and what follows.

It does not depend on the gateway, so that anyone can repeat a decision. ``core`` is pure; ``policy_files`` reads the folder,
``texts`` holds the sentences.
"""
