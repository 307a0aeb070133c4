"""The edges of the gateway: sockets, files, clock, keys and randomness; everything that waits, reads or writes.

No decision is made here: edges carry bytes to the core, and carry out what it has decided.
"""
