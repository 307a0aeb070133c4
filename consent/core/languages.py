"""The languages that the program itself speaks: in messages, explanations, receipts and the words of an audit."""

from __future__ import annotations

from typing import Final

LANGUAGES: Final = ("en", "es", "pt")
"""As BCP 47 tags; the first is spoken where no other is asked for."""
