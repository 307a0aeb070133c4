"""`sluice device`: finding devices, trying their profiles, registering them, and hearing which have fallen silent."""
