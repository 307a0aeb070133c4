"""Voided windows that were formed again without some subjects: who has both versions of a figure sees the difference.

A gateway voids what it has not sent, after a withdrawal say, and forms it again without whoever withdrew; that is in order.
Where a recipient already had the voided bundle it is not, and no auditor can tell from the log alone: so each case is listed,
with how many of those left out still permitted it. The recipient, who has bundles, finds the voids of those.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from gateway.audit.log.earlier_payloads import decode_release
from gateway.audit.log.openings import Opening, Part
from gateway.audit.log.payloads import Contribution, ReleasedDraw, ReleaseRecord
from gateway.audit.replay.release import ReleasedFigure

StillPermits = Callable[[ReleaseRecord | ReleasedDraw, Contribution], bool]


class FormedAgain(NamedTuple):
    """One figure that was voided and formed again without some of its subjects, whether or not others stand in their place."""

    void: int
    release: int
    again: int
    flow: str
    cell: str
    window_ms: tuple[int, int]
    subjects_before: int
    subjects_after: int
    left_out_though_permitting: int

    def __str__(self) -> str:
        return (
            f"entry {self.void} voids release {self.release}, formed again in {self.again}: `{self.flow}` of "
            f"{self.subjects_before} subjects, then of {self.subjects_after}; "
            f"{self.left_out_though_permitting} left out still permitted it"
        )


class _Voided(NamedTuple):
    void: int
    release: int
    record: ReleaseRecord | ReleasedDraw
    members: dict[bytes, Contribution]
    erased: int


class VoidedFigures:
    """The figures of voided releases that have not been formed again yet."""

    def __init__(self) -> None:
        self._voided: dict[ReleasedFigure, _Voided] = {}

    def void(self, void: int, release: int, opening: Opening) -> None:
        """Remember the figures of a release that an entry voids."""
        for figure, (record, members) in _figures(opening).items():
            self._voided[figure] = _Voided(void, release, record, members, opening.erased_count)

    def release(self, index: int, opening: Opening, still_permits: StillPermits) -> Iterator[FormedAgain]:
        """Yield the figures of a release that an earlier one held for other subjects as well, and forget what was voided."""
        if not self._voided:
            return
        for figure, (_, members) in _figures(opening).items():
            before = self._voided.pop(figure, None)
            if before is None:
                continue
            left_out = [one for subject, one in before.members.items() if subject not in members]
            n_before, n_after = len(before.members) + before.erased, len(members) + opening.erased_count
            if left_out or n_after < n_before:
                permitting = sum(still_permits(before.record, one) for one in left_out)
                yield FormedAgain(
                    before.void, before.release, index, figure.flow, figure.cell, figure.window, n_before, n_after, permitting
                )


def _figures(opening: Opening) -> dict[ReleasedFigure, tuple[ReleaseRecord | ReleasedDraw, dict[bytes, Contribution]]]:
    """Return the figures in a release, each with its subjects' shares; single readings are none."""
    if opening.first is None:
        return {}
    payload = decode_release(opening.first)
    members: defaultdict[int, dict[bytes, Contribution]] = defaultdict(dict)
    for part in opening.parts[1:]:
        if isinstance(part, Part):
            one = Contribution.decode(part.data)
            members[one.record].setdefault(one.subject, one)
    found: dict[ReleasedFigure, tuple[ReleaseRecord | ReleasedDraw, dict[bytes, Contribution]]] = {}
    told: tuple[ReleaseRecord | ReleasedDraw, ...] = (*payload.records, *payload.draws)
    for number, record in enumerate(told):
        if isinstance(record, ReleasedDraw) or record.statistic:
            found.setdefault(ReleasedFigure.of(record), (record, {}))[1].update(members[number])
    return found
