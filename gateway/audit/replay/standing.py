"""Who stands in which draw of a period: each of a subject's devices in one cohort of a flow and property, no slice drawn twice.

A draw's noise covers each subject once. One whose device told in two cohorts of one flow and period, at two levels say, would
have told twice what was accounted for once; and of two draws of the same slice the mean has less noise than either. A home with
devices at several places stands in a cohort of each, and shares its bound out between them: no log says where a device stands but
by the part itself, so such homes are counted.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from consent.core.disclosure import DAY_MS
from consent.core.periods import Period
from gateway.audit.log.payloads import ReleasedDraw
from gateway.audit.replay.entitlement import ReleasedPart

_KEPT_MS: Final = 60 * DAY_MS
"""For how long a period is remembered: publications come in order, so that none comes that late."""

_PeriodKey = tuple[str, str, int]
_Slice = tuple[tuple[str, str, str], str, tuple[int, int]]


class _Place(NamedTuple):
    level: tuple[str, str, str]
    cell: str
    profile: str
    zone: str


class CohortStanding:
    """Takes the draws of a log in order.

    Attributes:
        several_places: How often a subject stood in more than one cohort of a flow, property and period, by several devices.
    """

    def __init__(self) -> None:
        self.several_places = 0
        self._slices: dict[_PeriodKey, dict[_Slice, int]] = {}
        self._members: dict[_PeriodKey, dict[bytes, tuple[_Place, int]]] = {}
        self._of: dict[int, list[tuple[_PeriodKey, _Slice]]] = {}
        self._latest_ms = 0

    def take(self, index: int, draw: ReleasedDraw, stood: list[ReleasedPart]) -> list[str]:
        """Take a draw and who stands in it; return what is wrong with that, given those before it."""
        start_ms = Period(draw.period).start_ms(draw.span[0])
        key, drawn = (draw.flow, draw.property, start_ms), (draw.level, draw.cell, draw.span)
        self._forget(start_ms)
        slices, members = self._slices.setdefault(key, {}), self._members.setdefault(key, {})
        found = []
        if drawn in slices:
            found.append(f"what is in it was released before, by entry `{slices[drawn]}`")
        else:
            slices[drawn] = index
            self._of.setdefault(index, []).append((key, drawn))
        places: dict[tuple[str, str], _Place] = {}  # thousands share a few
        elsewhere = set()
        for subject, share, _, _ in stood:
            device = (share.profile, share.zone)
            place = places.get(device) or places.setdefault(device, _Place(draw.level, draw.cell, *device))
            known, _ = members.setdefault(subject, (place, index))
            if known is place or known == place or known[:2] == place[:2]:
                continue
            if known[2:] == place[2:]:
                elsewhere.add(subject)
            else:
                self.several_places += 1
        if elsewhere:
            found.append(f"`{len(elsewhere)}` subjects stand in another draw of that flow and {draw.period} as well")
        return found

    def void(self, index: int) -> None:
        """Void a release: what was drawn in it may be drawn again, of others as well."""
        for key, drawn in self._of.pop(index, ()):
            self._slices.get(key, {}).pop(drawn, None)
            members = self._members.get(key, {})
            for subject in [one for one, (place, by) in members.items() if by == index and place[:2] == drawn[:2]]:
                del members[subject]

    def _forget(self, start_ms: int) -> None:
        """Forget periods long past, once a new one begins."""
        if start_ms <= self._latest_ms:
            return
        self._latest_ms = start_ms
        for key in [key for key in self._slices if key[2] < start_ms - _KEPT_MS]:
            del self._slices[key], self._members[key]
