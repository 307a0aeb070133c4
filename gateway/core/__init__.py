"""The core of the gateway: what becomes of each reading, as plain functions and objects.

Time, keys and randomness come in as arguments, and what has to be stored, acknowledged or sent goes out as an answer.
The path of a batch begins in ``pipeline``; ``state`` is all that there is in memory.
"""
