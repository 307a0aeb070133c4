"""The watch over one gateway: whether its loop turns, whether it can do its work, and what the service manager hears of it.

A beat wakes the loop and looks whether it has moved on since the beat before. Only then does the service manager hear that the
gateway is alive, so that a loop that hangs is ended and started again, however well timers and sockets beside it still run. A
commit that waits for disk space moves on with each attempt: starting again would not help it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from gateway.app import Gateway
from gateway.watching.health import REASONS, not_ready
from gateway.watching.notify import ALIVE, READY, STOPPING, Notifier
from gateway.watching.survey import Survey

BEAT_S: Final = 5.0
STUCK_S: Final = 60.0
"""How long the loop may stand still and still counts as alive; where the service manager has a watchdog, its time counts."""


class Watch:
    """Watches a gateway from before it is there until it ends.

    Attributes:
        app: The gateway; None while what is stored is still being read.
        survey: What a look at everything has found last.
        started_s: When the watch began, as Unix time.
        beat_s: How long it waits between two beats.
    """

    def __init__(self, notifier: Notifier, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Begin with a gateway that is starting.

        Args:
            notifier: Tells the service manager.
            clock_s: The monotonic clock.
        """
        self.app: Gateway | None = None
        self.survey = Survey(clock_s)
        self.started_s = time.time()
        self._notifier = notifier
        self._clock_s = clock_s
        self._stuck_s = notifier.watchdog_s or STUCK_S
        self.beat_s = min(BEAT_S, self._stuck_s / 4)
        self._progress = -1
        self._moved_s = clock_s()
        self._told = ""
        self._ending = False

    def begin(self, app: Gateway) -> None:
        """Watch a gateway that can be asked from now on."""
        self.app = app
        self._moved_s = self._clock_s()
        app.beside(self.run(), "watch")
        app.beside(self.survey.run(app), "survey")
        self._notifier.tell(READY, self._status())

    def stopping(self) -> None:
        """Tell that it is ending; from now on the service manager's time for that counts, and no beat."""
        self._ending = True
        self._notifier.tell(STOPPING, self._status())

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self.beat()
            await asyncio.sleep(self.beat_s)

    def beat(self) -> None:
        """Tell the service manager how the gateway is, that it is alive where it has moved on, and wake it for the next beat."""
        if self.app is None or self._ending:
            return
        if self._has_moved():
            self._notifier.tell(ALIVE)
        if (status := self._status()) != self._told:
            self._told = status
            self._notifier.tell(status)
        self.app.wake()

    def still_s(self) -> float:
        """Return for how long the loop has not been seen to move on."""
        return self._clock_s() - self._moved_s

    def is_alive(self) -> bool:
        """Return whether the loop has moved on of late; while what is stored is read, whoever answers at all is alive."""
        return self.app is None or self._ending or self.still_s() <= self._stuck_s

    def not_ready(self) -> list[str]:
        """Return the names of the reasons for which the gateway does not do all of its work; see ``health.REASONS``."""
        if self.app is None:
            return ["starting"]
        if self._ending:
            return ["ending"]
        stuck = [] if self.is_alive() else ["stuck"]
        return [*stuck, *not_ready(self.app)]

    def _has_moved(self) -> bool:
        assert self.app is not None
        before, self._progress = self._progress, self.app.progress()
        if self._progress == before:
            return False
        self._moved_s = self._clock_s()
        return True

    def _status(self) -> str:
        return "STATUS=" + ("; ".join(REASONS[name] for name in self.not_ready()) or "ready")
