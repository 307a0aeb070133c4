"""Who stands in which draw of a period: a subject in one cohort of a flow and property at most, and no slice is drawn twice.

A draw's noise covers each subject once. Somebody in two draws of one flow and period, as in two places at once or at two levels,
would have told twice what was accounted for once; and of two draws of the same slice the mean has less noise than either.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from consent.core.disclosure import DAY_MS
from consent.core.periods import Period
from gateway.audit.log.payloads import ReleasedDraw

_KEPT_MS: Final = 60 * DAY_MS
"""For how long a period is remembered: publications come in order, so that none comes that late."""

_PeriodKey = tuple[str, str, int]
_Slice = tuple[tuple[str, str, str], str, tuple[int, int]]


class _Place(NamedTuple):
    level: tuple[str, str, str]
    cell: str


class Standing:
    """Takes the draws of a log in order."""

    def __init__(self) -> None:
        self._slices: dict[_PeriodKey, dict[_Slice, int]] = {}
        self._members: dict[_PeriodKey, dict[bytes, tuple[_Place, int]]] = {}
        self._of: dict[int, list[tuple[_PeriodKey, _Slice]]] = {}
        self._latest_ms = 0

    def take(self, index: int, draw: ReleasedDraw, subjects: set[bytes]) -> list[str]:
        """Take a draw and who stands in it; return what is wrong with that, given those before it."""
        start_ms = Period(draw.period).start_ms(draw.span[0])
        key, drawn, place = (
            (draw.flow, draw.property, start_ms),
            (draw.level, draw.cell, draw.span),
            _Place(draw.level, draw.cell),
        )
        self._forget(start_ms)
        slices, members = self._slices.setdefault(key, {}), self._members.setdefault(key, {})
        found = []
        if (before := slices.setdefault(drawn, index)) != index or drawn in [
            each for at, each in self._of.get(index, ()) if at == key
        ]:
            found.append(f"what is in it was released before, by entry `{before}`")
        self._of.setdefault(index, []).append((key, drawn))
        elsewhere = 0
        for subject in subjects:
            known = members.setdefault(subject, (place, index))
            elsewhere += known[0] != place
        if elsewhere:
            found.append(f"`{elsewhere}` subjects stand in another draw of that flow and {draw.period} as well")
        return found

    def void(self, index: int) -> None:
        """Void a release: what was drawn in it may be drawn again, of others as well."""
        for key, drawn in self._of.pop(index, ()):
            if self._slices.get(key, {}).get(drawn) == index:
                del self._slices[key][drawn]
            members = self._members.get(key, {})
            place = _Place(drawn[0], drawn[1])
            for subject in [subject for subject, known in members.items() if known == (place, index)]:
                del members[subject]

    def _forget(self, start_ms: int) -> None:
        """Forget periods long past, once a new one begins."""
        if start_ms <= self._latest_ms:
            return
        self._latest_ms = start_ms
        for key in [key for key in self._slices if key[2] < start_ms - _KEPT_MS]:
            del self._slices[key], self._members[key]
