"""Consent: what the city asks, what law and neighbourhoods permit, what each resident says, and what follows from all three.

It knows nothing of the gateway, so that anyone can take a decision again. ``core`` is pure; ``policy_files`` reads the folder,
``texts`` holds the sentences.
"""
