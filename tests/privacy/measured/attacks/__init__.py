"""Attacks on recordings. Each module tells the attacker, the recipe and the control, and holds one ``ATTACK``."""
