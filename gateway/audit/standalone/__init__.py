"""The verifier that rides in every export: one file, for any Python from 3.9 on, with nothing installed beside it."""
