"""Ingest: a message is authenticated, admitted once, and reduced to what may be used, before it is counted."""
