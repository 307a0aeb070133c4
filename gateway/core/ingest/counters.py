"""Counters: whether the reading of a register can be consumption, and what the register has counted since it was first read.

Between decoding and the windows of `delta` flows, for fields whose profile says how they count. A register that rolls over, or
that begins each day anew, becomes one total that never falls, so that windows take differences of it as of any other. A reading
that contradicts the last one is a suspect: it is refused, and it is no baseline. If the next reading agrees with it and not with
the last one, the register was reset or exchanged: counting begins anew there, and the window that this happens in is left out.
Otherwise the suspect was a wrong telegram, and nothing is left of it but that a window which it would have ended is left out.

Amounts are whole millionths of the property's first step, so that no total depends on the order of additions or on a restart.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import floor
from typing import Any, Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

from consent.core.profiles.profile import Field, Restart
from gateway.core.model import UNKNOWN_MS, Observation

PARTS: Final = 1_000_000
"""Millionths of a step; ``minimise`` takes less than one for nothing as well."""

_HOUR_MS: Final = 3_600_000
_CLOCK_MS: Final = 600_000
"""A device that restarts daily may do so this long after midnight."""
_ZONE_BLOCK_MS: Final = 900_000
"""All offsets from UTC are multiples of a quarter of an hour, so that no day begins within one."""
_UNKNOWN: Final = -1
_MOST_PARTS: Final = 2**60
"""No register counts to more."""
_MOST_TOTAL: Final = 2**62
"""What overflows this has to begin anew: totals are stored in 64 bits."""
_POINTS: Final = 8
_NUMBERS: Final = 5


class CounterRule(Struct, frozen=True, array_like=True):
    """How a register counts, in parts of the property's first step.

    Attributes:
        most_parts_per_h: The most that it can plausibly grow in an hour; -1: nobody knows.
        span_parts: After how many it begins again from zero; -1: never.
        day_zone: IANA zone of the days at whose beginning it restarts; empty: it does not.
    """

    most_parts_per_h: int
    span_parts: int
    day_zone: str

    @classmethod
    def of(cls, field: Field, first_step: Decimal) -> CounterRule | None:
        """Return the rule of a profile's field; None where the field is no register."""
        if (counter := field.counter) is None:
            return None
        part = Fraction(first_step) / PARTS
        most, span = counter.most_per_h, counter.bits
        return cls(
            _UNKNOWN if most is None else min(int(Fraction(most) / part), _MOST_PARTS),
            _UNKNOWN if span is None else min(round(2**span * abs(Fraction(field.scale)) / part), _MOST_PARTS),
            counter.zone if counter.restarts is Restart.DAILY else "",
        )

    def most_in(self, span_ms: int) -> int:
        """Return the most that it can grow in a time; never less than in an hour, since readings and registers go in steps."""
        if self.most_parts_per_h == _UNKNOWN:
            return _MOST_PARTS
        return self.most_parts_per_h * max(span_ms, _HOUR_MS) // _HOUR_MS

    def run_ms(self, t_ms: int) -> int:
        """Return when the day of a time began, where it restarts daily; 0 where it does not."""
        return _day_start_ms(self.day_zone, t_ms // _ZONE_BLOCK_MS) if self.day_zone else 0


@lru_cache(maxsize=4096)
def _day_start_ms(zone: str, block: int) -> int:
    local = datetime.fromtimestamp(block * _ZONE_BLOCK_MS // 1000, ZoneInfo(zone))
    return int(local.replace(hour=0, minute=0, second=0, fold=0).timestamp()) * 1000


class Point(NamedTuple):
    """A reading that was taken.

    Attributes:
        t_ms: When it held; the latest where only a span is known.
        earliest_ms: The earliest.
        total: What was counted until then.
        shift: What of that the register itself no longer showed.
        run_ms: When the day began whose consumption it showed; 0 where it does not restart daily.
    """

    t_ms: int
    earliest_ms: int
    total: int
    shift: int
    run_ms: int


class Verdict(NamedTuple):
    """A reading that can be consumption.

    Attributes:
        point: It.
        is_repeat: It is known already.
        breaks_ms: Times of windows that are left out, since counting begins anew: of this reading, and of the last one before
            where that was the wrong one.
    """

    point: Point
    is_repeat: bool = False
    breaks_ms: tuple[int, ...] = ()


class CounterMemory:
    """The last readings of one register, and a suspect. Small, since there may be one for each device."""

    __slots__ = ("_points", "_suspect")

    def __init__(self, points: list[int] | None = None, suspect: list[int] | None = None) -> None:
        """Continue from what ``state`` returned."""
        self._points = array("q", points or [])
        self._suspect: tuple[int, int, int] | None = (suspect[0], suspect[1], suspect[2]) if suspect else None

    def state(self) -> list[list[int]]:
        """Return plain data from which the same memory can be made."""
        return [list(self._points), list(self._suspect or ())]

    @property
    def _newest_ms(self) -> int:
        return self._points[-_NUMBERS] if self._points else -1

    def _newest(self) -> Point:
        return Point(*self._points[-_NUMBERS:])

    def judge(self, rule: CounterRule, span: tuple[int, int], shown: int) -> Verdict | None:
        """Return what a reading is; None where it is a suspect. Nothing is changed.

        Args:
            rule: Of its field.
            span: The earliest and the latest time at which it can have held.
            shown: What the register showed.
        """
        if abs(shown) > _MOST_PARTS:
            return None
        earliest_ms, t_ms = span
        if not self._points:
            return Verdict(Point(t_ms, earliest_ms, shown, 0, rule.run_ms(t_ms)))
        points = list(self) if rule.day_zone or t_ms <= self._newest_ms or self._suspect is not None else [self._newest()]
        at = bisect_right(points, t_ms, key=lambda point: point.t_ms)
        before, after = points[:at], points[at] if at < len(points) else None
        for point in reversed(before):
            if point.t_ms == t_ms and point.total - point.shift == shown:
                return Verdict(point, is_repeat=True)
        if after is not None:
            found = _after(rule, before, span, shown) if before else _before(rule, after, span, shown)
            return Verdict(found) if found is not None and _precedes(found, after) else None
        if (found := _after(rule, points, span, shown)) is not None:
            return Verdict(found)
        if self._suspect is None or self._suspect[1] >= t_ms:
            return None
        begun = _begun(rule, self._suspect)
        if (found := _after(rule, [begun], span, shown)) is None:
            return None
        last_was_wrong = len(points) > 1 and _after(rule, points[:-1], span, shown) is not None
        return Verdict(found, breaks_ms=(t_ms, points[-1].t_ms) if last_was_wrong else (t_ms,))

    def take(self, rule: CounterRule, verdict: Verdict) -> None:
        """Remember a reading that was taken."""
        if verdict.is_repeat:
            return
        if not verdict.breaks_ms and verdict.point.t_ms > self._newest_ms:
            self._suspect = None
            self._points.extend(verdict.point)
            del self._points[: -_POINTS * _NUMBERS]
            return
        points = list(self)
        if verdict.breaks_ms:
            assert self._suspect is not None
            points = [_begun(rule, self._suspect)]
        at = bisect_right(points, verdict.point.t_ms, key=lambda point: point.t_ms)
        points.insert(at, verdict.point)
        if at == len(points) - 1:
            self._suspect = None
        self._points = array("q", [number for point in points[-_POINTS:] for number in point])

    def suspect(self, span: tuple[int, int], shown: int) -> None:
        """Remember a suspect, where it is later than all that was taken; it replaces one that nothing has confirmed."""
        if span[1] >= self._newest_ms and abs(shown) <= _MOST_PARTS and (self._suspect is None or span[1] >= self._suspect[1]):
            self._suspect = (*span, shown)

    def in_doubt(self) -> tuple[tuple[int, int, int], ...]:
        """Return the suspect, if there is one: the earliest and the latest time, and what the register showed."""
        return () if self._suspect is None else (self._suspect,)

    def drop_before(self, since_ms: int) -> bool:
        """Drop what was read before a time; return whether that was anything."""
        points = [point for point in self if point.t_ms >= since_ms]
        stale = self._suspect is not None and self._suspect[1] < since_ms
        if stale:
            self._suspect = None
        dropped = len(points) * _NUMBERS < len(self._points)
        self._points = array("q", [number for point in points for number in point])
        return stale or dropped

    def __bool__(self) -> bool:
        """Return whether anything is remembered."""
        return bool(self._points) or self._suspect is not None

    def __iter__(self) -> Iterator[Point]:
        """Iterate over the readings, oldest first."""
        return (Point(*self._points[at : at + _NUMBERS]) for at in range(0, len(self._points), _NUMBERS))


def _begun(rule: CounterRule, suspect: tuple[int, int, int]) -> Point:
    earliest_ms, t_ms, shown = suspect
    return Point(t_ms, earliest_ms, shown, 0, rule.run_ms(t_ms))


def _after(rule: CounterRule, before: list[Point], span: tuple[int, int], shown: int) -> Point | None:
    """Return the point of a reading that continues from the last of those before it; None where it cannot."""
    last, (earliest_ms, t_ms) = before[-1], span
    most = rule.most_in(t_ms - last.earliest_ms)
    total, shift, run_ms = shown + last.shift, last.shift, last.run_ms
    if rule.day_zone and (day_ms := rule.run_ms(t_ms)) > run_ms and (total < last.total or t_ms - day_ms > _CLOCK_MS):
        # where it has not fallen, what was read since midnight was the new day's already
        base = last.total if total < last.total else _total_at(before, day_ms)
        if 0 <= shown <= rule.most_in(t_ms - day_ms) and last.total <= base + shown <= min(last.total + most, _MOST_TOTAL):
            return Point(t_ms, earliest_ms, base + shown, base, day_ms)
    elif rule.span_parts > 0 and total < last.total:
        over = -(-(last.total - total) // rule.span_parts) * rule.span_parts  # of a sum, several may have rolled over
        total, shift = total + over, shift + over
        most = most if rule.most_parts_per_h != _UNKNOWN else rule.span_parts // 4
    fits = last.total <= total <= min(last.total + most, _MOST_TOTAL)
    return Point(t_ms, earliest_ms, total, shift, run_ms) if fits else None


def _total_at(before: list[Point], day_ms: int) -> int:
    """Return what had been counted when a day began."""
    return next((point.total for point in reversed(before) if point.t_ms < day_ms), before[0].total)


def _before(rule: CounterRule, first: Point, span: tuple[int, int], shown: int) -> Point | None:
    """Return the point of a reading from before the first that is remembered; None where it cannot be."""
    earliest_ms, t_ms = span
    total, shift = shown + first.shift, first.shift
    if rule.day_zone and rule.run_ms(t_ms) != first.run_ms:
        return None
    if rule.span_parts > 0 and total > first.total:
        over = -(-(total - first.total) // rule.span_parts) * rule.span_parts
        total, shift = total - over, shift - over
    most = rule.most_in(first.t_ms - earliest_ms)
    return Point(t_ms, earliest_ms, total, shift, first.run_ms) if first.total - most <= total <= first.total else None


def _precedes(point: Point, after: Point) -> bool:
    """Return whether a late reading leaves the total of the next one as it was: a day that is over has got its last one."""
    return point.total <= (after.total if point.run_ms == after.run_ms else after.shift)


def _parts(steps: float) -> int:
    """Return a number of steps as parts: floored to steps, it is what ``minimise`` makes of any reading."""
    whole = floor(steps + 1 / PARTS)
    return whole * PARTS + min(max(round((steps - whole) * PARTS), 0), PARTS - 1)


class Doubtful(Protocol):
    """A target that can be told that a reading was refused."""

    def doubt(self, t_ms: int) -> bool:
        """Leave out a window that ends without a later reading; return whether one or a baseline was concerned."""


CounterKey = tuple[bytes, bytes, str]
"""(contributor, meter, observed property)"""


class Register:
    """The register behind one slot of a plan: judges each reading before its targets take it.

    Attributes:
        total: Of the reading that was judged last: what was counted until then, in first steps.
        breaks_ms: Times of windows that are left out by it.
        kept: Whether a target has taken it; targets say so.
        targets: Those that take totals.
    """

    __slots__ = ("_judged", "_key", "_memories", "_verdict", "breaks_ms", "kept", "rule", "targets", "total")

    def __init__(self, memories: dict[CounterKey, CounterMemory], key: CounterKey, rule: CounterRule) -> None:
        """Judge by what is remembered among ``memories`` under ``key``."""
        self._memories = memories
        self._key = key
        self.rule = rule
        self.targets: list[Doubtful] = []
        self.total = 0
        self.breaks_ms: tuple[int, ...] = ()
        self.kept = False
        self._judged = (0, 0, 0)
        self._verdict: Verdict | None = None

    def read(self, observation: Observation, step: float, *, may_have_waited: bool) -> int | None:
        """Return the first steps that a reading shows; None where it is a suspect."""
        latest_ms = observation.phenomenon_time_ms
        earliest_ms = observation.earliest_ms if may_have_waited else None
        return self.judge(latest_ms if earliest_ms is None else earliest_ms, latest_ms, _parts(observation.result / step))

    def judge(self, earliest_ms: int, latest_ms: int, shown: int) -> int | None:
        """Return the first steps that a register shows; None where it is a suspect.

        Args:
            earliest_ms: When it can have shown this, at the earliest, or ``UNKNOWN_MS``.
            latest_ms: At the latest.
            shown: In parts of a first step.
        """
        self._judged = (earliest_ms, latest_ms, shown)
        self.kept = False
        self._verdict = (self._memories.get(self._key) or CounterMemory()).judge(self.rule, (earliest_ms, latest_ms), shown)
        if self._verdict is None:
            return None
        self.total = self._verdict.point.total // PARTS
        self.breaks_ms = self._verdict.breaks_ms
        return shown // PARTS

    def keep(self) -> int:
        """Remember the reading that was judged last, if a target has taken it; return what the register showed."""
        if self.kept and self._verdict is not None:
            self._memory().take(self.rule, self._verdict)
        return self._judged[2]

    def doubt(self) -> tuple[int, ...]:
        """Tell the targets of the suspect that was judged last, and remember it if that concerned any of them.

        Returns: The earliest and the latest time and what the register showed, for the journal; nothing where it concerned none.
        """
        earliest_ms, latest_ms, shown = self._judged
        if earliest_ms == UNKNOWN_MS:
            return ()
        concerned = [target.doubt(latest_ms) for target in self.targets]
        if not any(concerned):
            return ()
        self._memory().suspect((earliest_ms, latest_ms), shown)
        return self._judged

    def _memory(self) -> CounterMemory:
        return self._memories.setdefault(self._key, CounterMemory())


def counters_state(memories: dict[CounterKey, CounterMemory]) -> list[Any]:
    """Return plain data from which ``counters_from_state`` makes the same memories."""
    return [[*key, *memory.state()] for key, memory in memories.items()]


def counters_from_state(state: list[Any]) -> dict[CounterKey, CounterMemory]:
    """Make memories from their stored state."""
    return {(row[0], row[1], row[2]): CounterMemory(row[3], row[4]) for row in state}
