"""``./dev shots DIR``: pictures of every page of the portal in every state, at both widths, light and dark, and as printed.

``states`` says what there is to see, ``taken`` takes the pictures, ``gallery`` puts them side by side, and ``__main__`` is the
command. The pages are those of a played demo city, a larger one that is made up, states that a city seldom sees, and, by ``own``,
those of a household that walks through all of its own.
"""
