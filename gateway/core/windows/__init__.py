"""Open windows: what has been counted and not yet released."""
