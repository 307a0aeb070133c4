"""The public's numbers: tallies of the last days, as they are counted and as they are shown.

Part of the state. Releases and voids change what is counted, with the commit that holds the bundle or the void;
``gateway.core.public.turn`` has it shown once an hour has ended, and nothing that is shown changes in between. A turn is seen
only once it is durable, so that the numbers of an hour are the same again after a crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from consent.core.disclosure import DAY_MS
from gateway.core.effects import PublicRow
from gateway.core.public.tally import (
    HOURS_OF_A_DAY,
    BundleTally,
    DayTally,
    FlowTally,
    HourTally,
    Mean,
    decode_day,
    decode_hour,
    encode,
)

DAYS_KEPT: Final = 31
"""The present day and the thirty before it."""


@dataclass(slots=True)
class Shown:
    """What is shown until the next turn.

    Attributes:
        hour: Up to which hour since the epoch it counts; 0 before the first turn.
        days: By day since the epoch; never changed in place.
        hours: By hour since the epoch, encoded.
    """

    hour: int = 0
    days: dict[int, DayTally] = field(default_factory=dict)
    hours: dict[int, bytes] = field(default_factory=dict)


class PublicNumbers:
    """The tallies of the days that are kept, and of their hours.

    Attributes:
        days: As counted, by day since the epoch. Changed here alone.
        turned: Up to which hour since the epoch the ledger was counted; 0 before the first turn.
        shown: As shown; replaced once a turn is durable.
    """

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self.days: dict[int, DayTally] = {}
        self.turned = 0
        self.shown = Shown()
        self._hours: dict[int, HourTally] = {}  # those that have changed since they were shown
        self._unshown: set[tuple[bool, int]] = set()  # (is a day, number) of what has changed since the last turn
        self._unstored: set[tuple[bool, int]] = set()
        self._turns = False
        self._next: Shown | None = None

    # counting

    def add(self, tally: BundleTally) -> None:
        """Count a bundle that is formed."""
        for key, more in tally.flows.items():
            day = self._day(tally.formed_ms // DAY_MS)
            flow = day.flows.setdefault(key, FlowTally(told={}))
            tally.former_ms[key] = flow.last_ms
            _count(flow, more, 1)
            flow.last_ms = tally.formed_ms
        self._count_hours(tally, 1)

    def take_back(self, tally: BundleTally) -> None:
        """Count a bundle no more: it is voided, and the latest of its flows is again the one before it."""
        number = tally.formed_ms // DAY_MS
        for key, less in tally.flows.items() if number in self.days else ():
            flows = self._day(number).flows
            flow = flows.get(key)
            if flow is None:
                continue  # a restore does not know it
            _count(flow, less, -1)
            flow.last_ms = tally.former_ms.get(key, flow.last_ms)
            if not flow.records:
                del flows[key]
        self._count_hours(tally, -1)

    def _day(self, number: int) -> DayTally:
        """Return a day, to be changed."""
        if number not in self.days:
            self.days[number] = DayTally(flows={}, at={}, homes={}, sensors={})
        self._note(is_day=True, number=number)
        return self.days[number]

    def _count_hours(self, tally: BundleTally, sign: int) -> None:
        for number, more in tally.hours.items():
            if number // HOURS_OF_A_DAY <= self.turned // HOURS_OF_A_DAY - DAYS_KEPT:
                continue  # of a bundle that was ready for a month
            if number not in self._hours:
                shown = self.shown.hours.get(number)
                self._hours[number] = HourTally({}) if shown is None else decode_hour(shown)
            self._note(is_day=False, number=number)
            _count_series(self._hours[number], more, sign)

    def _note(self, *, is_day: bool, number: int) -> None:
        self._unshown.add((is_day, number))
        self._unstored.add((is_day, number))

    # showing

    def turn(self, hour: int, totals: Mapping[str, int], hour_share: int) -> DayTally:
        """Count the ledger up to the beginning of an hour that has come, and have everything shown as it is then.

        Args:
            hour: Since the epoch; later than the last.
            totals: The ledger's.
            hour_share: The most pairs that the readings of one home have given since the last turn.
        Returns: The day that the hour lies in, to be surveyed.
        """
        number = hour // HOURS_OF_A_DAY
        former = max((each for each, day in self.days.items() if day.begin is not None), default=number)
        for each in sorted({former, number}):
            day = self._day(each)
            day.begin = dict(totals) if day.begin is None else day.begin
            day.at = dict(totals)
            day.until = min(hour, (each + 1) * HOURS_OF_A_DAY)
            day.hour_share = max(day.hour_share, hour_share)
        self.turned, self._turns = hour, True
        for gone in [each for each in self.days if each <= number - DAYS_KEPT]:
            del self.days[gone]
        return self.days[number]

    @property
    def has_news(self) -> bool:
        """Return whether anything is to be stored."""
        return self._turns or bool(self._unstored)

    def take_rows(self) -> list[PublicRow]:
        """Return what must become durable: each tally that has changed, once, and how it is shown where that has changed."""
        changed = sorted(self._unstored | self._unshown) if self._turns else sorted(self._unstored)
        tallies = {key: self._tally(*key) for key in changed}
        contents = {key: encode(tally) for key, tally in tallies.items() if tally is not None}
        rows = [PublicRow(*key, content, content if self._turns else None) for key, content in contents.items()]
        if self._turns:
            self._next = self._shown_with(contents)
            self._unshown.clear()
        self._unstored.clear()
        self._turns = False
        return rows

    def show(self) -> None:
        """Show what the last turn has counted: it is durable."""
        if self._next is not None:
            self.shown, self._next = self._next, None
            self._hours = {number: hour for number, hour in self._hours.items() if (False, number) in self._unshown}

    def first_kept(self) -> int:
        """Return the first day that is kept, since the epoch."""
        return max(0, self.turned // HOURS_OF_A_DAY - DAYS_KEPT + 1)

    def _tally(self, is_day: bool, number: int) -> DayTally | HourTally | None:
        return self.days.get(number) if is_day else self._hours.get(number)

    def _shown_with(self, contents: Mapping[tuple[bool, int], bytes]) -> Shown:
        first = self.first_kept()
        days = {number: day for number, day in self.shown.days.items() if number >= first}
        hours = {number: hour for number, hour in self.shown.hours.items() if number >= first * HOURS_OF_A_DAY}
        for (is_day, number), content in contents.items():
            if is_day:
                days[number] = decode_day(content)
            else:
                hours[number] = content
        return Shown(self.turned, days, hours)

    # start-up

    def resume(self, rows: Iterable[PublicRow]) -> None:
        """Continue from what is stored.

        Raises: msgspec.MsgspecError: it is damaged.
        """
        for row in rows:
            key = row.is_day, row.number
            if row.is_day:
                self.days[row.number] = decode_day(row.content)
                if row.shown:
                    self.shown.days[row.number] = decode_day(row.shown)
            else:
                if row.shown:
                    self.shown.hours[row.number] = row.shown
                if row.content != row.shown:
                    self._hours[row.number] = decode_hour(row.content)
            if row.content != row.shown:
                self._unshown.add(key)
        self.turned = self.shown.hour = max((day.until for day in self.days.values()), default=0)


def _count(flow: FlowTally, more: FlowTally, sign: int) -> None:
    flow.bundles += sign * more.bundles
    flow.records += sign * more.records
    flow.pairs += sign * more.pairs
    for homes, figures in more.told.items():
        flow.told[homes] = flow.told.get(homes, 0) + sign * figures
        if not flow.told[homes]:
            del flow.told[homes]


def _count_series(hour: HourTally, more: HourTally, sign: int) -> None:
    for key, mean in more.series.items():
        held = hour.series.setdefault(key, Mean())
        held.count += sign * mean.count
        held.total += sign * mean.total
        if not held.count:
            del hour.series[key]
