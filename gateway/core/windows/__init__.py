"""Open windows: what has been counted and not been released."""
