"""Explanations for people from outside: the log entries about a subject or release, in sentences."""
