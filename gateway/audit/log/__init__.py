"""The formats of the log, byte for byte, with their readers and writers: one format per file.

No other part of the audit is imported here.
"""
