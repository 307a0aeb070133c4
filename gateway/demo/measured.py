"""What the meters of the demo's homes really measured, against which its screen and outcome hold the figures with noise.

Only a demo can know this: the simulator tells it the truth about each measurement (`stage`), and `city` who permits what. The
gateway and the recipients see none of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from firmware_sim.misbehaviour.truth import Truth
from gateway.recipient.records import Record

SPREAD: Final = 1.96
"""So many standard errors to each side hold the truth in 95 of 100 figures."""
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_WEEK_MS: Final = 7 * _DAY_MS
_KEPT_MS: Final = _WEEK_MS + 3 * _DAY_MS
_FLOWS: Final = ("energy-hourly", "energy-typical-week")


@dataclass(frozen=True, slots=True)
class OpenedFigure:
    """A figure with noise, as a recipient opened it.

    Attributes:
        log_index: Index of its release entry, by which it is before or after a withdrawal.
    """

    record: Record
    log_index: int


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure beside what it was made of.

    Attributes:
        homes: How many homes permitted it and were heard in its day or week.
        true: What the figure would be without noise, in the record's unit; of a sum the sum, of a typical day the mean.
    """

    record: Record
    homes: int
    true: float

    @property
    def half_width(self) -> float:
        """Half of the width of the figure's 95 % interval, in the record's unit."""
        return SPREAD * (self.record.standard_error or 0)

    @property
    def is_within(self) -> bool:
        """Whether the figure's interval holds the truth."""
        return abs(self.record.result - self.true) <= self.half_width

    def as_json(self) -> dict[str, object]:
        """Return it as plain data; times are Unix milliseconds."""
        record = self.record
        begin_ms, end_ms = record.phenomenon_time
        values = {"flow": record.flow, "cell": record.cell, "begin_ms": begin_ms, "end_ms": end_ms, "result": record.result}
        values |= {"standard_error": record.standard_error, "n": record.n, "homes": self.homes, "true": round(self.true, 3)}
        return {**values, "within": self.is_within, **({} if record.hour is None else {"hour": record.hour})}


class Measured:
    """Hour by hour, what each home's meter measured.

    Args:
        permitting: By the cell of a figure, the meters of the homes that permit it there, by topic.
        withdrawing: The meter of the home that withdraws.
    """

    def __init__(self, permitting: Mapping[str, Collection[str]], withdrawing: str) -> None:
        self._permitting = permitting
        self._withdrawing = withdrawing
        self._hours: dict[int, dict[str, float]] = {}

    def take(self, truth: Truth) -> None:
        """Take what a device measured; of devices other than meters, nothing."""
        if truth.kind != "meter" or not truth.sent_ms:
            return
        hour_ms = truth.measured_ms // _HOUR_MS * _HOUR_MS
        if hour_ms not in self._hours:
            self._hours = {old: homes for old, homes in self._hours.items() if old > hour_ms - _KEPT_MS}
        homes = self._hours.setdefault(hour_ms, {})
        homes[truth.topic] = homes.get(truth.topic, 0.0) + truth.measured["kwh"]

    def compared(self, figures: Iterable[OpenedFigure], is_after: Callable[[int], bool]) -> list[Compared]:
        """Return the figures of meters beside what they were made of, those of which it is still known.

        Args:
            figures: The figures.
            is_after: Whether a log index is after the withdrawal.
        """
        found = (self._beside(figure, is_after) for figure in figures if figure.record.flow in _FLOWS)
        return [each for each in found if each is not None]

    def _beside(self, figure: OpenedFigure, is_after: Callable[[int], bool]) -> Compared | None:
        record = figure.record
        begin_ms, end_ms = record.phenomenon_time
        permitting = set(self._permitting.get(record.cell, ()))
        if is_after(figure.log_index):
            permitting.discard(self._withdrawing)
        from_ms = begin_ms // _DAY_MS * _DAY_MS
        heard = self._heard(range(from_ms, max(end_ms, from_ms + _DAY_MS), _HOUR_MS)) & permitting
        hours = range(begin_ms, end_ms, _HOUR_MS)
        if not heard or from_ms <= max(self._hours) - _KEPT_MS:  # some of it is forgotten
            return None
        if record.hour is None:
            return Compared(record, len(heard), self._used(heard, hours))
        used = self._used(heard, range(begin_ms + record.hour * _HOUR_MS, end_ms, _DAY_MS))
        return Compared(record, len(heard), used / len(heard) / (_WEEK_MS // _DAY_MS))

    def _heard(self, hours: range) -> set[str]:
        return {home for hour_ms in hours for home in self._hours.get(hour_ms, ())}

    def _used(self, homes: Collection[str], hours: range) -> float:
        return sum(kwh for hour_ms in hours for home, kwh in self._hours.get(hour_ms, {}).items() if home in homes)
