"""Accumulators: what one contributor puts into one window, for each statistic.

Readings arrive as whole numbers of their property's first ladder step; ``windows`` keeps the accumulators, and
``gateway.core.figures`` asks them for their values when windows are closed.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, Protocol

from gateway.core.ingest.minimise import energy

CONTRIBUTED, RECORDED, RESET, BASELINE, LATE, PARTIAL, EXPIRED, UNDATED = range(8)
"""What became of a pair (observation, flow); the pipeline counts these and turns them into ledger accounts."""
LAST_KEPT = BASELINE
"""Up to this outcome the reading has left a trace in the windows or the outbox, and belongs in the journal."""


Amount = int | Fraction
"""An exact value in first steps (energies for `energy-mean`): an int where possible, which is ten times faster."""


class Accumulator(Protocol):
    """What one contributor has put into one window."""

    pairs: int

    def add(self, meter: bytes, t_ms: int, n: int) -> int:
        """Add a reading of ``n`` first steps; return what became of the pair."""

    def value(self) -> Amount | None:
        """Return the contributor's own value for the window, in first steps (energies for `energy-mean`), or None."""

    def state(self) -> list[Any]:
        """Return plain data that ``restore`` continues from."""

    def restore(self, state: list[Any]) -> None:
        """Continue from a stored state."""


class _Total:
    """`sum`: the sum of the readings."""

    __slots__ = ("pairs", "total")

    def __init__(self) -> None:
        self.pairs = 0
        self.total = 0

    def add(self, meter: bytes, t_ms: int, n: int) -> int:
        self.pairs += 1
        self.total += n
        return CONTRIBUTED

    def value(self) -> Amount | None:
        return self.total

    def state(self) -> list[Any]:
        return [self.pairs, str(self.total)]

    def restore(self, state: list[Any]) -> None:
        self.pairs, self.total = state[0], int(state[1])


class _Count(_Total):
    """`count`: the number of readings."""

    __slots__ = ()

    def value(self) -> Amount | None:
        return self.pairs


class _Mean(_Total):
    """`mean`: the contributor's own mean."""

    __slots__ = ()

    def value(self) -> Amount | None:
        return Fraction(self.total, self.pairs)


class _Least(_Total):
    """`min`: the smallest reading."""

    __slots__ = ()

    def add(self, meter: bytes, t_ms: int, n: int) -> int:
        self.total = n if self.pairs == 0 else min(self.total, n)
        self.pairs += 1
        return CONTRIBUTED


class _Greatest(_Total):
    """`max`: the largest reading."""

    __slots__ = ()

    def add(self, meter: bytes, t_ms: int, n: int) -> int:
        self.total = n if self.pairs == 0 else max(self.total, n)
        self.pairs += 1
        return CONTRIBUTED


class _EnergyMean(_Mean):
    """`energy-mean` of levels in decibel: energies are added, as whole numbers."""

    __slots__ = ("_step",)

    def __init__(self, step: Decimal) -> None:
        super().__init__()
        self._step = step

    def add(self, meter: bytes, t_ms: int, n: int) -> int:
        self.pairs += 1
        self.total += energy(n, self._step)
        return CONTRIBUTED


class Delta:
    """`delta` of a counter: last reading at or before the window's end minus last at or before its start, per meter.

    Attributes:
        doubts: For each meter of which a reading was refused as no consumption, the time of the latest.
    """

    __slots__ = ("broken", "doubts", "meters", "pairs")

    def __init__(self) -> None:
        self.pairs = 0
        self.broken = False
        self.meters: dict[bytes, list[int | None]] = {}  # meter -> [time of last reading, last reading, baseline]
        self.doubts: dict[bytes, int] = {}

    def add(self, meter: bytes, t_ms: int, n: int) -> int:
        last = self.meters.setdefault(meter, [None, None, None])
        behind = last[0] is not None and t_ms < last[0]
        fell = last[1] is not None and (n > last[1] if behind else n < last[1])
        if not behind:
            last[0], last[1] = t_ms, n
        if fell:
            self.broken = True
            return RESET
        self.pairs += 1
        return CONTRIBUTED

    def doubt(self, meter: bytes, t_ms: int) -> None:
        """Record that a reading was refused: unless a later one ends the window, nobody knows what the register showed then."""
        self.doubts[meter] = max(t_ms, self.doubts.get(meter, t_ms))

    def value(self) -> Amount | None:
        if self.broken or any(baseline is None for _, _, baseline in self.meters.values()):
            return None
        return sum((last or 0) - (baseline or 0) for _, last, baseline in self.meters.values())

    def state(self) -> list[Any]:
        plain: list[Any] = [self.pairs, self.broken, [[meter, *last] for meter, last in self.meters.items()]]
        return [*plain, self.doubts] if self.doubts else plain

    def restore(self, state: list[Any]) -> None:
        self.pairs, self.broken = state[0], state[1]
        self.meters = {row[0]: list(row[1:]) for row in state[2]}
        self.doubts = dict(state[3]) if len(state) > 3 else {}


_PLAIN: dict[str, Callable[[], Accumulator]] = {
    "sum": _Total,
    "count": _Count,
    "mean": _Mean,
    "min": _Least,
    "max": _Greatest,
    "delta": Delta,
}


def new_contribution(statistic: str, first_step: Decimal) -> Accumulator:
    """Return an empty accumulator for a figure of this statistic."""
    return _EnergyMean(first_step) if statistic == "energy-mean" else _PLAIN[statistic]()
