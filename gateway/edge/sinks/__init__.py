"""Sinks: where bundles go, and how acknowledgements come back."""
