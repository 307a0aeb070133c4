"""Releases: ended windows and waiting records, drawn into sealed bundles or voided."""
