"""Figures: from ended windows to what may be published."""
