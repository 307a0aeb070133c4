"""Figures: from the ended windows of a recipient to what may be published, by a chain of checks over all of them together."""
