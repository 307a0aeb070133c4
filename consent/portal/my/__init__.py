"""A household's own pages, each for whoever is signed in."""
