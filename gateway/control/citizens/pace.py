"""How much a household confirms with its passkeys: each time is an entry of the log, which nobody is to fill.

What tells less is bounded by that as well, since it ends what was confirmed, and is itself never refused for it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from gateway.control.context import MethodError

AT_ONCE: Final = 60
"""So many times at once: every question of a home of several people, and their ways in, several times over."""
AN_HOUR: Final = 60
_A_MS: Final = AN_HOUR / 3_600_000
_FULL_AFTER_MS: Final = AT_ONCE / _A_MS


@dataclass(slots=True)
class _Left:
    times: float
    at_ms: int


class Pace:
    """How many times each household that has confirmed something lately may still do so; in memory."""

    def __init__(self) -> None:
        """Begin with none."""
        self._left: OrderedDict[bytes, _Left] = OrderedDict()  # those longest unused first

    def count(self, subject: bytes, real_ms: int) -> None:
        """Count one time.

        Raises: MethodError: it was too often.
        """
        while self._left and real_ms - next(iter(self._left.values())).at_ms >= _FULL_AFTER_MS:
            self._left.popitem(last=False)
        left = self._left.setdefault(subject, _Left(AT_ONCE, real_ms))
        left.times = min(AT_ONCE, left.times + max(0, real_ms - left.at_ms) * _A_MS)
        left.at_ms = real_ms
        self._left.move_to_end(subject)
        if left.times < 1:
            raise MethodError("the household has confirmed too much within the hour: try again in some minutes", "too-often")
        left.times -= 1
