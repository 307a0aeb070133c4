"""A way out of the gate, as the public sees it: how far it is open, what it tells at most, what a record of it looks like.

From the rules in force and the gateway's numbers alone; pages put it on paper.
"""
