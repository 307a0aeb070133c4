"""The ledger's accounts for citizens: which words each account comes under, and how they add up to where readings went."""
