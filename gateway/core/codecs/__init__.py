"""Codecs: decode a frame into a reading or a rejection; one module for each format, and the registry of formats."""
