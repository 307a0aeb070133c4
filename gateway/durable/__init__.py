"""The core with its disk: commits, the start from what is stored, and what is to be published."""
