"""Sensors as the public's pages show them: what the city's own tell, and to whom; where homes' stand, as far as may be told.

From the rules in force and the gateway's rounded numbers alone.
"""
