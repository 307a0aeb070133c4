"""Whether the documentation is true: pages made from the source are current, and what the others say is tried out."""
