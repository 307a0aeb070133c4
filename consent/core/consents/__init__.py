"""Consent records: what was said, byte for byte, and the book of what counts now."""
