"""Codecs: a frame in, a reading or a rejection out; one format a file, and the registry of them."""
