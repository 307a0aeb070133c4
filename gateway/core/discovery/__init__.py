"""What publishes to the broker and is registered by nobody, gathered for one terminal, in memory alone, while it looks."""
