"""Device profiles: paths, and the files."""
