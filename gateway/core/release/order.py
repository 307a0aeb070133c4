"""Random order: which of several records comes first tells nothing of whose it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_KEY_BYTES: Final = 16
"""Length of the random keys by which records are ordered: two alike will never be drawn."""


def random_order(count: int, random_bytes: Callable[[int], bytes]) -> list[int]:
    """Return the numbers below ``count`` in an order of which all are equally likely."""
    keys = random_bytes(_KEY_BYTES * count)
    return sorted(range(count), key=lambda number: keys[_KEY_BYTES * number : _KEY_BYTES * (number + 1)])
