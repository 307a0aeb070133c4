"""Random order: which of several records comes first tells nothing of whose it is."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

_KEY_BYTES: Final = 16
"""Length of the random keys by which records are ordered: two alike will never be drawn."""


def random_some(those: Collection[bytes], count: int, random_bytes: Callable[[int], bytes]) -> list[bytes]:
    """Return some of those given, of which all choices are equally likely; all, where they are no more than ``count``."""
    left = list(those)
    if len(left) <= count:
        return left
    keys = random_bytes(_KEY_BYTES * count)
    for at in range(count):
        other = at + int.from_bytes(keys[_KEY_BYTES * at : _KEY_BYTES * (at + 1)]) % (len(left) - at)
        left[at], left[other] = left[other], left[at]
    return left[:count]


def random_order(count: int, random_bytes: Callable[[int], bytes]) -> list[int]:
    """Return the numbers below ``count`` in an order of which all are equally likely."""
    keys = random_bytes(_KEY_BYTES * count)
    return sorted(range(count), key=lambda number: keys[_KEY_BYTES * number : _KEY_BYTES * (number + 1)])
