"""The page: what was measured, for people who decide about a city and not about programs."""
