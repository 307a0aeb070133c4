"""Open windows: what has been counted and still waits to be released."""
