"""Places, conditions and identities in parsed messages."""
