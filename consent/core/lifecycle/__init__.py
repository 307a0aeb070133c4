"""The life of a consent: who takes which step when, what expires by itself, and what a subject is notified of."""
