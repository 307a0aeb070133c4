"""What a coloured surface stands for: one colour a meaning, on every page. The colours are classes of the style sheet."""

from __future__ import annotations

from enum import StrEnum


class Meaning(StrEnum):
    """What became of readings; the values are classes of ``static/sluice.css``."""

    ALL = "f-in"
    TOLD = "f-told"
    HELD = "f-held"
    WAITING = "f-wait"
    ROUNDED = "f-left"
    """What rounding leaves over: in no row."""
