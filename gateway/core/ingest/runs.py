"""Runs that nobody announces: a device that counts from zero again after a restart, and does not say so.

A number far below the last one, at a later time, begins a run. An earlier number with its own time is of an earlier run, and is
held against the numbers of that one: a copy of an old message is refused after any number of restarts, since its time comes with
it. So this is only for profiles whose messages carry a time; without one a number is held against the present run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from gateway.core.ingest.admission import WINDOW_BITS, Boot, mark_used

MOST_RUNS: Final = 16
"""How many are remembered of a device: those that began last. What is of before them is refused, new or not."""

SOON_MS: Final = 3_600_000
"""A copy by another of a network's gateways may be dated a little later, and begins no run; a used number that comes at least an
hour after the newest reading does."""


class Runs:
    """The runs of one device, and the numbers that it has used in each."""

    __slots__ = ("_runs",)

    def __init__(self, runs: Iterable[Iterable[Any]] = ()) -> None:
        """Continue from what ``to_state`` returned."""
        self._runs: list[list[Any]] = [list(run) for run in runs]  # [boot, began ms, newest ms, highest, bitmap], as they began

    def admit(self, boot: Boot, sequence: int, time_ms: int | None) -> bool:
        """Mark a number as used; ``False`` where it was used before or is too old to be checked.

        Args:
            boot: The run's name, where devices of this profile name their runs besides.
            time_ms: When the reading was taken, by a clock that is believable; None where that is not known.
        """
        if time_ms is not None and len(self._runs) == MOST_RUNS and time_ms < self._runs[0][1]:
            return False  # of a run that may have been forgotten, and its numbers with it
        run = self._run_of(boot, time_ms)
        if run is None:
            return self._begin(boot, sequence, time_ms)
        _, _, newest_ms, highest, bitmap = run
        found = mark_used(highest, bitmap, sequence)
        is_present = run is self._present(boot)
        if is_present and time_ms is not None and _begins_run(highest - sequence, found is None, time_ms - newest_ms):
            return self._begin(boot, sequence, time_ms)
        if found is None:
            return False
        run[3:] = found
        if time_ms is not None:
            run[2] = max(newest_ms, time_ms)
        return True

    def _present(self, boot: Boot) -> list[Any] | None:
        return next((run for run in reversed(self._runs) if run[0] == boot), None)

    def _run_of(self, boot: Boot, time_ms: int | None) -> list[Any] | None:
        """Return the run that a time falls into, the first one where it lies before all; None where the boot is new."""
        own = [run for run in self._runs if run[0] == boot]
        if not own or time_ms is None:
            return own[-1] if own else None
        return next((run for run in reversed(own) if run[1] <= time_ms), own[0])

    def _begin(self, boot: Boot, sequence: int, time_ms: int | None) -> bool:
        began_ms = -1 if time_ms is None else time_ms
        self._runs.append([boot, began_ms, began_ms, sequence, 1])
        del self._runs[:-MOST_RUNS]
        return True

    def to_state(self) -> list[list[Any]]:
        """Return plain data, ``[[boot, began ms, newest ms, highest, bitmap], …]``, that makes the same runs."""
        return [list(run) for run in self._runs]


def _begins_run(below: int, is_used: bool, later_ms: int) -> bool:
    """Return whether a number so far below the highest, so much later than the newest reading, is the first of a new run."""
    if later_ms <= 0 or below < 0:
        return False
    return below >= WINDOW_BITS or (is_used and later_ms >= SOON_MS)
