"""Verification of a log in numbered steps, against the trust that an auditor brings."""
