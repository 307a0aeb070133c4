"""Forms of bundles: sealed, and open data."""
