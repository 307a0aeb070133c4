"""Series: the latest readings of one property of one household's sensor, one slot a quarter of an hour, for 48 hours.

The pipeline adds each batch's readings that are neither refused nor repeats. A slot holds how many came in it, when the last one
held, and their sum; of a counter what it showed last. So sums, means and differences over whole quarters of hours are exact
however dense the readings were. It lies in the gateway's memory alone: nothing of it is stored or written to the journal, and it
goes with the device, with the household, and at the end of the process.

The slots of all series lie side by side, quarter by quarter: what comes in now belongs to few quarters, so what a batch touches
stays in the processor's cache however many households there are. A slot takes eight bytes, a household's 48 hours 1.5 KiB.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from msgspec import Struct

from consent.core.disclosure import DAY_MS

SLOT_MS: Final = 900_000
"""A quarter of an hour."""
SLOTS: Final = 192
"""48 hours: all of the present UTC day and all of the one before, at any time of day."""
_AHEAD: Final = DAY_MS // SLOT_MS
"""Devices' clocks may run ahead by a day."""

_WHEN: Final = (1 << 20) - 1
"""The low bits of a mark, since a slot has fewer milliseconds than 2**20: when in its slot the last reading held."""
_ONE: Final = 1 << 20
"""The bits above count readings, up to 4,095, which are more than four a second; 0: none."""
_COUNTED: Final = ~_WHEN
_MOST: Final = 2**63 - 1
_BLOCK: Final = 256
"""Places are made so many at a time."""


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


class _Quarter:
    """One slot of every series.

    Attributes:
        begin_ms: When the quarter of an hour begins.
        marks: By place, how many readings there were and when the last one held.
        sums: By place, the low part of their sum, or what a counter showed.
        carried: By place, the rest of the few sums that 32 bits do not hold.
    """

    __slots__ = ("begin_ms", "carried", "marks", "sums")

    def __init__(self, begin_ms: int, places: int) -> None:
        self.begin_ms = begin_ms
        self.marks = array("I", bytes(4 * places))
        self.sums = array("i", bytes(4 * places))
        self.carried: dict[int, int] = {}

    def widen(self, places: int) -> None:
        """Have so many places more."""
        self.marks.frombytes(bytes(4 * places))
        self.sums.frombytes(bytes(4 * places))

    def carry(self, place: int, n: int) -> None:
        """Add to a sum what does not fit beside what is there."""
        self.carried[place] = self.carried.get(place, 0) + self.sums[place] + n
        self.sums[place] = 0

    def show(self, place: int, since_ms: int, n: int) -> None:
        """Replace what a counter showed, unless that was later."""
        mark = self.marks[place]
        if mark and since_ms < mark & _WHEN:
            return
        self.empty(place)
        self.marks[place] = _ONE | since_ms
        try:
            self.sums[place] = n
        except OverflowError:
            self.carried[place] = n

    def empty(self, place: int) -> None:
        """Drop what is held of a series."""
        self.marks[place] = self.sums[place] = 0
        self.carried.pop(place, None)

    def total(self, place: int) -> int:
        """Return a whole sum, or what a counter showed."""
        total = self.sums[place] + self.carried.get(place, 0)
        return max(-_MOST, min(_MOST, total))


class HeldReadings:
    """All series of a gateway. A reading is added by the place of its series, which only that series has while it goes on.

    What lies 48 hours behind the gateway's clock, or more than a day ahead of it, is not held.
    """

    def __init__(self) -> None:
        """Begin with no series."""
        self._quarters: dict[int, _Quarter] = {}  # by number since the epoch
        self._places = 0
        self._free: list[int] = []  # the lowest last

    def begin(self, observed_property: str, *, is_counter: bool) -> Series:
        """Begin a series of a property, of a register or of anything else."""
        if not self._free:
            self._free += range(self._places + _BLOCK - 1, self._places - 1, -1)
            self._places += _BLOCK
            for quarter in self._quarters.values():
                quarter.widen(_BLOCK)
        at = self._free.pop()
        return Series(self, ~at if is_counter else at, observed_property)

    def end(self, series: Series) -> None:
        """Drop a series and all that is held of it; its place may become another's, so nothing is added there from now on."""
        at, _ = _where(series.place)
        for quarter in self._quarters.values():
            quarter.empty(at)
        self._free.append(at)

    def add(self, readings: Iterable[int], now_ms: int) -> None:
        """Add readings, flat: place, phenomenon time, first steps. Paid for with each reading.

        Of a counter, one that is older than the last one of its slot changes nothing.
        """
        begin_ms = end_ms = 0
        one, counted = _ONE, _COUNTED
        flat = iter(readings)
        for place, t_ms, n in zip(flat, flat, flat, strict=True):
            if place < 0:
                self._show(~place, t_ms - 1, n, now_ms)
                continue
            if not begin_ms <= t_ms < end_ms:
                found = self._quarter(t_ms, now_ms)
                if found is None:
                    continue
                quarter = found
                begin_ms, marks, sums = quarter.begin_ms, quarter.marks, quarter.sums
                end_ms = begin_ms + SLOT_MS
            try:
                marks[place] = marks[place] + one & counted | t_ms - begin_ms
            except OverflowError:  # no more are counted
                continue
            try:
                sums[place] += n
            except OverflowError:
                quarter.carry(place, n)

    def add_new(self, readings: Iterable[int], now_ms: int) -> None:
        """Add those of some readings that are no repeats: whose time is not that of the last one of their slot."""
        flat = iter(readings)
        for place, t_ms, n in zip(flat, flat, flat, strict=True):
            at, offset_ms = _where(place)
            number, since_ms = divmod(t_ms - offset_ms, SLOT_MS)
            quarter = self._quarters.get(number)
            if quarter is None or not quarter.marks[at] or quarter.marks[at] & _WHEN != since_ms:
                self.add((place, t_ms, n), now_ms)

    def held(self, place: int, after_ms: int, until_ms: int) -> Iterator[HeldSlot]:
        """Iterate over the slots of a series whose last reading lies in a span (after, until], oldest first."""
        at, offset_ms = _where(place)
        for _, quarter in sorted(self._quarters.items()):
            mark = quarter.marks[at]
            t_ms = quarter.begin_ms + (mark & _WHEN) + offset_ms
            if mark and after_ms < t_ms <= until_ms:
                yield HeldSlot(t_ms, mark // _ONE, quarter.total(at))

    def forget_old(self, now_ms: int) -> None:
        """Drop the quarters of an hour that are not held any longer, by the gateway's clock."""
        for number in [number for number in self._quarters if not _is_held(number, now_ms)]:
            del self._quarters[number]

    def _show(self, at: int, at_ms: int, n: int, now_ms: int) -> None:
        quarter = self._quarter(at_ms, now_ms)
        if quarter is not None:
            quarter.show(at, at_ms - quarter.begin_ms, n)

    def _quarter(self, t_ms: int, now_ms: int) -> _Quarter | None:
        """Return the quarter of an hour that a time lies in; None where that is not held."""
        number = t_ms // SLOT_MS
        quarter = self._quarters.get(number)
        if quarter is None and _is_held(number, now_ms):
            self.forget_old(now_ms)
            quarter = self._quarters[number] = _Quarter(number * SLOT_MS, self._places)
        return quarter


class Series(Struct, frozen=True, eq=False, gc=False):
    """The slots of one property of one device. Small, since there are many; ``HeldReadings.begin`` makes them.

    Attributes:
        readings: Those of the gateway, among which its own lie.
        place: Of its slots, by which readings are added; of a counter negative: its slots are (begin, end], as its windows are.
        observed_property: Which property of the device.
    """

    readings: HeldReadings
    place: int
    observed_property: str

    @property
    def is_counter(self) -> bool:
        """Return whether it holds what a register showed."""
        return self.place < 0

    def held(self, after_ms: int, until_ms: int) -> Iterator[HeldSlot]:
        """Iterate over the slots whose last reading lies in a span (after, until], oldest first."""
        return self.readings.held(self.place, after_ms, until_ms)

    def end(self) -> None:
        """Drop it, and all that is held of it."""
        self.readings.end(self)


def _where(place: int) -> tuple[int, int]:
    """Return where a series lies, and how much earlier its slots end than what a quarter of an hour of the clock includes."""
    return (~place, 1) if place < 0 else (place, 0)


def _is_held(number: int, now_ms: int) -> bool:
    return 0 <= number - (now_ms // SLOT_MS - SLOTS + 1) < SLOTS + _AHEAD
