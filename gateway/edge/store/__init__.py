"""The database: its tables, its rows read and written, and the disk space under it."""
