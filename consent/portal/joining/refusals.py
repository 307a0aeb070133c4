"""Why the gate takes something back to the person: the reason in one word, as the sentences of a page are named after it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from consent.portal.gates.public import GateRefusedError

OTHER: Final = "other"
"""A reason that the page has no sentence for: something else than what its form can bring about."""


def reason_of(error: GateRefusedError, known: Collection[str]) -> str:
    """Return why the gate refused, where a page knows that reason; else ``OTHER``."""
    return error.reason if error.reason in known else OTHER
