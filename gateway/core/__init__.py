"""The core of the gateway: what becomes of each reading, as plain functions and objects.

Time, keys and randomness come in as arguments; what has to be stored, acknowledged or sent is returned to the caller.
The path of a batch begins in ``pipeline``; ``state`` is everything that is held in memory.
"""
