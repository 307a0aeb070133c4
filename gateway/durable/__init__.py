"""The durable core: commits, the start from what is stored, and what is to be published."""
