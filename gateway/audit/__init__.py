"""The transparency log: its entries, tree and files as the gateway writes them, and their verification by anyone else.

An auditor runs this folder alone. The formats, byte for byte, are in ``docs/log-format.md``.
"""
