"""Formats of bundles: the form in which one recipient gets its records, a file each."""
