"""TOML that somebody else wrote: read within bounds, into typed records, with errors in its own words; of policies and the
gateway's configuration alike.
"""
