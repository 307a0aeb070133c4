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

_WHEN: Final = (1 << 20) - 1
"""A slot has fewer milliseconds than 2**20, so that these bits of a time tell it once its slot is known."""
_ONE: Final = 1 << 20
_READINGS: Final = 4095
"""From here on no more readings are counted in a slot: these are more than four a second."""
_FULL: Final = _READINGS * _ONE
_NO_TIME: Final = ~_WHEN
_BITS: Final = 32
"""Above these stands the total, below it how many readings there were and when the last one held; 0: none."""
_MARK: Final = (1 << _BITS) - 1
_LARGEST: Final = 2**63 - 1


class HeldSlot(NamedTuple):
    """What is held of one slot.

    Attributes:
        t_ms: When the reading in it held that came last, Unix time; of a counter the latest.
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
    """

    __slots__ = ("_beyond", "_cells", "_next", "observed_property")

    offset_ms = 0
    """How much earlier a slot ends than what a quarter of an hour of the clock includes."""

    def __init__(self, observed_property: str) -> None:
        """Begin with no reading."""
        self.observed_property = observed_property
        self._next = -1  # the number, since the epoch, of the slot after the newest
        self._cells = _NO_CELLS
        self._beyond: dict[int, int] | None = None  # by number of their slot, totals that 32 bits do not hold

    def add(self, t_ms: int, n: int) -> None:
        """Add a reading of ``n`` first steps; one that is older than all slots is dropped. Paid for with each reading."""
        number = t_ms // SLOT_MS
        after = self._next
        try:
            if number == after - 1 and self._beyond is None:
                cells, at = self._cells, number % SLOTS
                cell = cells[at]
                if cell & _MARK < _FULL:
                    cells[at] = cell + (n << _BITS) + _ONE & _NO_TIME | t_ms & _WHEN
            elif number == after:
                self._next = after + 1
                self._cells[number % SLOTS] = n << _BITS | _ONE | t_ms & _WHEN
            else:
                self._put(number, t_ms, n)
        except OverflowError:
            if number == after:
                self._cells[number % SLOTS] = 0
            self._put(number, t_ms, n)

    def has(self, t_ms: int) -> bool:
        """Return whether the last reading of its slot held at this very time: where readings have times, another is a repeat."""
        number = (t_ms - self.offset_ms) // SLOT_MS
        if not self._next - SLOTS <= number < self._next:
            return False
        cell = self._cells[number % SLOTS]
        return bool(cell) and cell & _WHEN == (t_ms - self.offset_ms) & _WHEN

    def held(self, after_ms: int, until_ms: int) -> Iterator[HeldSlot]:
        """Iterate over the slots whose last reading lies in a span (after, until], oldest first."""
        first = max(after_ms // SLOT_MS - 1, self._next - SLOTS, 0)
        for number in range(first, min(self._next, until_ms // SLOT_MS + 2)):
            cell = self._cells[number % SLOTS]
            if cell:
                t_ms = _time_ms(number, cell) + self.offset_ms
                if after_ms < t_ms <= until_ms:
                    yield HeldSlot(t_ms, (cell & _MARK) // _ONE, self._total(number, cell))

    def _put(self, number: int, t_ms: int, n: int) -> None:
        """Add a reading wherever its slot lies."""
        if number < self._next - SLOTS:
            return
        if number >= self._next:
            self._advance(number)
        cell = self._cells[number % SLOTS]
        readings = (cell & _MARK) // _ONE
        if not readings:
            self._set(number, n, 1, t_ms)
        elif readings < _READINGS:
            self._set(number, self._total(number, cell) + n, readings + 1, t_ms)

    def _set(self, number: int, total: int, readings: int, t_ms: int) -> None:
        mark = readings * _ONE | t_ms & _WHEN
        if self._beyond is not None:
            self._beyond.pop(number, None)
        try:
            self._cells[number % SLOTS] = total << _BITS | mark
        except OverflowError:
            self._cells[number % SLOTS] = mark
            kept = {each: held for each, held in (self._beyond or {}).items() if each >= self._next - SLOTS}
            self._beyond = {**kept, number: max(-_LARGEST, min(_LARGEST, total))}

    def _total(self, number: int, cell: int) -> int:
        return cell >> _BITS if self._beyond is None else self._beyond.get(number, cell >> _BITS)

    def _advance(self, number: int) -> None:
        """Make a slot the newest, and empty those up to it, which were those of 48 hours before."""
        if not self._cells or number >= self._next + SLOTS:
            self._cells = array("q", bytes(8 * SLOTS))
        for each in range(self._next, number + 1) if number < self._next + SLOTS else ():
            self._cells[each % SLOTS] = 0
        self._next = number + 1


class CounterSeries(Series):
    """The same of a register: a slot is (begin, end], as a counter's windows are, and holds what was shown last."""

    __slots__ = ()

    offset_ms = 1

    def add(self, t_ms: int, n: int) -> None:
        """Add what a register showed; one that is older than the last one of its slot is dropped."""
        at_ms = t_ms - 1
        number = at_ms // SLOT_MS
        if number >= self._next:
            self._advance(number)
        elif number < self._next - SLOTS or at_ms < self._last_ms(number):
            return
        self._set(number, n, 1, at_ms)

    def _last_ms(self, number: int) -> int:
        cell = self._cells[number % SLOTS]
        return _time_ms(number, cell) if cell else 0


def _time_ms(number: int, cell: int) -> int:
    """Return when the last reading of a slot held, by the low bits of it."""
    begin_ms = number * SLOT_MS
    return begin_ms + ((cell - begin_ms) & _WHEN)


def new_series(observed_property: str, *, is_counter: bool) -> Series:
    """Return the series of a property, of a register or of anything else."""
    return CounterSeries(observed_property) if is_counter else Series(observed_property)


_NO_CELLS: Final = array("q")
