"""Receipts: what a resident keeps of a consent record, signed, as JSON-LD that anyone can check."""
