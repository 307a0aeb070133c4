"""Drawings of numbers as SVG: pure functions from numbers to markup, one colour a meaning, a wide and a narrow drawing each.

Colours, fonts and what is shown at which width stand in ``static/sluice.css``; nothing here has a style of its own. Every drawing
has a name for those who do not see it; the page puts a sentence before it and a table after it.
"""
