"""Consent records, byte for byte, and the book of those that count now."""
