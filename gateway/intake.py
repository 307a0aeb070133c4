"""Intake: whether readings may be taken in now, and if not, what they wait for.

Nothing is lost while they wait: frames that are not taken pause the socket, and the broker keeps the rest. What has been sent by
then must count like everything else, so no window ends before it is in.
"""

from __future__ import annotations

from gateway.core import pipeline
from gateway.core.release.publication import next_due
from gateway.durable.state import Durable

CLOCK = "the clock is wrong"
DISK = "the disk has no room"
OUTBOX = "more records than `release.outbox_rows` allows wait for who is away upstream"
WINDOWS = "more stands in windows than `release.contributions` allows"


class Intake:
    """Whether one gateway takes readings in.

    Attributes:
        waits: What readings wait for, in words; empty while they are taken in.
    """

    def __init__(self, durable: Durable) -> None:
        """Begin open."""
        self._durable = durable
        self.waits = ""

    def is_open(self) -> bool:
        """Return whether readings may be taken in now; while they may not, the windows that they belong to stay open.

        Raises: OSError: the disk fails.
        """
        waits = self._reason()
        if waits:
            self.hold_up(waits)
        return not waits

    def hold_up(self, waits: str) -> None:
        """Record that readings wait."""
        state = self._durable.state
        self.waits = waits
        pipeline.held_up(state, self._durable.clock.shown_ms())
        if waits == WINDOWS and not self._has_ended():
            state.drained = True  # only the end of a window makes room, so that what waits may come too late for one

    def resumes(self) -> bool:
        """Return whether readings have waited until now; the queue has to be found dry anew before windows end."""
        waited, self.waits = bool(self.waits), ""
        if waited:
            self._durable.state.drained = False
        return waited

    def _reason(self) -> str:
        bounds, state = self._durable.config.release, self._durable.state
        if self._durable.clock_problem():
            return CLOCK
        if not self._durable.store.disk_space.check():
            return DISK
        if sum(state.outbox.waiting.values()) > bounds.outbox_rows:
            return OUTBOX
        # before the queue is drained no window can end, and waiting would be for ever
        if (state.drained or self.waits == WINDOWS) and state.windows.contributions > bounds.contributions:
            return WINDOWS
        return ""

    def _has_ended(self) -> bool:
        """Return whether anything has ended that can leave once its recipient is back, and makes room then."""
        state = self._durable.state
        recipients = state.policies.recipients
        return bool(state.windows.ended()) or any(next_due(state, recipient) is not None for recipient in recipients)
