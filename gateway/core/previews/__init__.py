"""Previews: a household's own readings of the last two days, in memory alone, and what a recipient would have seen of them."""
