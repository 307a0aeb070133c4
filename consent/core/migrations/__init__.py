"""Migrations of policies: the edits to a policies folder that a new version asks for, with comments and order kept."""
