"""The recipient's side: making keys, receiving and opening bundles, and checking them against the log.

It runs by itself, on the recipient's own machine. The bytes of a bundle are specified in ``wire``.
"""
