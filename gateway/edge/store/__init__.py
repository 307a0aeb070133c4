"""The database: its tables, the reading and writing of its rows, and the disk space under it."""
