"""The other end: what a city runs to make its keys, to receive and open bundles, and to check them against the log.

It runs alone, on the recipient's own machine. The bytes of a bundle are specified in ``wire``.
"""
