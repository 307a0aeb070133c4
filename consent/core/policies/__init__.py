"""Policies: the records that a policies folder is parsed into, and every check of a single version of it."""
