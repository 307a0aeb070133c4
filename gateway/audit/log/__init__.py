"""The formats of the log, byte for byte, with their reading and writing: one format a file.

No other part of the audit is imported here.
"""
