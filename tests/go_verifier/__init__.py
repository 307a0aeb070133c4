"""A second verifier of the log, in another language, on libraries that the project has no hand in."""
