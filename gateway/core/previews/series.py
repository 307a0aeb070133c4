"""Series: the latest readings of one property of one household's sensor, one slot a quarter of an hour, for 48 hours.

The pipeline adds each reading that is neither refused nor a repeat. A slot holds how many came in it, when the last one held, and
their sum; of a counter what it showed last. So sums, means and differences over whole quarters of hours are exact however dense
the readings were, and a household takes less than 2 KiB. It lies in the gateway's memory alone: nothing of it is stored or
written to the journal, and it goes with the device, with the household, and at the end of the process.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Final, NamedTuple

SLOT_MS: Final = 900_000
"""A quarter of an hour."""
SLOTS: Final = 192
"""48 hours: all of the present UTC day and all of the one before, at any time of day."""

_WHEN_BITS: Final = 20
"""A slot has fewer milliseconds than 2**20; above them stands the number of readings."""
_WHEN_MASK: Final = (1 << _WHEN_BITS) - 1
_ONE: Final = 1 << _WHEN_BITS
_MOST: Final = (1 << 32) - _ONE
"""From here on no more readings are counted in a slot: 4,095 are more than four a second."""
_NONE: Final = -1


class Held(NamedTuple):
    """What is held of one slot.

    Attributes:
        t_ms: When the last reading in it held, Unix time.
        readings: How many were in it; of a counter 1.
        total: Their sum, in the property's first steps; of a counter what it showed last.
    """

    t_ms: int
    readings: int
    total: int


class Series:
    """The slots of one property of one device. Small, since there are many; empty until the first reading.

    Attributes:
        observed_property: Which property of the device.
        is_counter: Whether it shows what a register has counted. A counter's slot is (begin, end], as its windows are.
    """

    __slots__ = ("_marks", "_newest", "_totals", "is_counter", "observed_property")

    def __init__(self, observed_property: str, *, is_counter: bool) -> None:
        """Begin with no reading."""
        self.observed_property = observed_property
        self.is_counter = is_counter
        self._newest = _NONE  # the number of the newest slot, since the epoch
        self._totals: array[int] | None = None
        self._marks: array[int] = _NO_MARKS

    def add(self, t_ms: int, n: int) -> None:
        """Add a reading of ``n`` first steps; one that is older than all slots is dropped."""
        at_ms = t_ms - self.is_counter
        number = at_ms // SLOT_MS
        newest = self._newest
        if number > newest:
            self._advance(number)
        elif number <= newest - SLOTS:
            return
        cell, when = number % SLOTS, at_ms - number * SLOT_MS
        totals, mark = self._totals, self._marks[cell]
        if self.is_counter:
            if mark and when < mark & _WHEN_MASK:
                return
            total, mark = n, _ONE
        elif mark:
            if mark >= _MOST:
                return
            total, when, mark = n + totals[cell], max(when, mark & _WHEN_MASK), (mark & ~_WHEN_MASK) + _ONE  # type: ignore[index]
        else:
            total, mark = n, _ONE
        try:
            totals[cell] = total  # type: ignore[index]  # `_advance` has made them
        except OverflowError:
            self._widen(cell, total)
        self._marks[cell] = mark | when

    def has(self, t_ms: int) -> bool:
        """Return whether the last reading of its slot held at this very time: where readings have times, another is a repeat."""
        at_ms = t_ms - self.is_counter
        number = at_ms // SLOT_MS
        if not self._newest - SLOTS < number <= self._newest:
            return False
        mark = self._marks[number % SLOTS]
        return bool(mark) and mark & _WHEN_MASK == at_ms - number * SLOT_MS

    def held(self, after_ms: int, until_ms: int) -> Iterator[Held]:
        """Iterate over the slots whose last reading lies in a span (after, until], oldest first."""
        first = max(after_ms // SLOT_MS - 1, self._newest - SLOTS + 1, 0)
        for number in range(first, min(self._newest, until_ms // SLOT_MS + 1) + 1):
            mark = self._marks[number % SLOTS]
            if mark and self._totals is not None:
                t_ms = number * SLOT_MS + (mark & _WHEN_MASK) + self.is_counter
                if after_ms < t_ms <= until_ms:
                    yield Held(t_ms, mark >> _WHEN_BITS, self._totals[number % SLOTS])

    def _advance(self, number: int) -> None:
        """Make a slot the newest; those between are empty, and it takes the place of the one of 48 hours before."""
        if self._totals is None:
            self._totals, self._marks = array("i", bytes(4 * SLOTS)), array("I", bytes(4 * SLOTS))
        elif number == self._newest + 1:
            self._marks[number % SLOTS] = 0
        else:
            for each in range(max(self._newest + 1, number - SLOTS + 1), number + 1):
                self._marks[each % SLOTS] = 0
        self._newest = number

    def _widen(self, cell: int, total: int) -> None:
        """Hold a number that needs more than 32 bits."""
        assert self._totals is not None
        if self._totals.typecode == "i":
            self._totals = array("q", self._totals)
        self._totals[cell] = max(-_LARGEST, min(_LARGEST, total))


_NO_MARKS: Final = array("I")
_LARGEST: Final = 2**63 - 1
