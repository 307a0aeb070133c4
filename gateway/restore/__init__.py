"""Restoring from a backup: it is brought up to date with the published log, and put in the database's place."""
