"""Passkeys: what a browser hands over when one is made (`registration`) or answers (`assertion`), and its `proof` later on.

The gateway checks these when they come in and an auditor when the log is replayed, by the same code. Source: Web Authentication
Level 3; COSE keys by RFC 9052 and RFC 9053; `codes` are what stands on paper in their place.
"""
