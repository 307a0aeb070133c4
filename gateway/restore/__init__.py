"""Restoring from a backup: bringing it up to the published log, and putting it in place."""
