"""A look at everything once a minute: how many devices are silent, and how long what waits to leave has waited.

It goes in short pieces, so that the loop never waits for it; what is told to Prometheus is of the last one that is complete.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from gateway.app import Gateway
from gateway.core.ingest.heard import Heard

SURVEY_S: Final = 60.0
PIECE: Final = 500
"""How many devices are looked at before others get their turn."""


class Ages:
    """How old numbered things are, of which only the numbers are kept: at each look it is written down which number is next."""

    def __init__(self) -> None:
        """Begin with no looks."""
        self._looks: deque[tuple[int, float]] = deque()

    def look(self, next_number: int, now_s: float) -> None:
        """Write down that everything with this number or a later one is made after now."""
        if not self._looks or next_number > self._looks[-1][0]:
            self._looks.append((next_number, now_s))
        else:
            self._looks[-1] = (next_number, now_s)

    def age_s(self, oldest: int | None, now_s: float) -> float:
        """Return for how long, at most, the thing with a number has been there; since the first look where it is older."""
        if oldest is None:
            return 0.0
        made_after_s = next((at_s for number, at_s in reversed(self._looks) if number <= oldest), self._looks[0][1])
        return now_s - made_after_s

    def forget_before(self, oldest: int | None) -> None:
        """Drop the looks that no age of this number or a later one needs."""
        while len(self._looks) > 1 and (oldest is None or self._looks[1][0] <= oldest):
            self._looks.popleft()


class Survey:
    """What the last complete look found.

    Attributes:
        devices: How many are registered.
        silent: Of how many no reading has come for longer than their profile expects.
        times_remembered: How many times of readings are remembered, of all devices.
        outbox_age_s: By recipient, how long its oldest row has waited, at most.
        bundle_age_s: How long the oldest bundle under way has waited, at most.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing found; ``clock_s`` is the monotonic clock."""
        self._clock_s = clock_s
        self._rows, self._bundles = Ages(), Ages()
        self.devices = self.silent = self.times_remembered = 0
        self.outbox_age_s: dict[str, float] = {}
        self.bundle_age_s = 0.0

    async def run(self, app: Gateway) -> None:
        """Look once a minute until cancelled."""
        while True:
            await self.take(app)
            await asyncio.sleep(SURVEY_S)

    async def take(self, app: Gateway) -> None:
        """Look at everything once."""
        await self._look_at_devices(app)
        await self._look_at_outbox(app)

    async def _look_at_devices(self, app: Gateway) -> None:
        state, now_ms = app.durable.state, app.durable.clock.now_ms()
        profiles = {} if state.force is None else state.policies.profiles
        silent = remembered = 0
        devices = list(state.registry.devices.values())
        for number, device in enumerate(devices):
            if number % PIECE == 0:
                await asyncio.sleep(0)
            memory = state.memories.get(device.id)
            profile = profiles.get(device.profile)
            if profile is not None and profile.expect_every_ms is not None:
                heard = Heard() if memory is None else memory.heard
                silent += heard.is_silent(max(app.since_ms, device.added_ms), profile.expect_every_ms, now_ms)
            if memory is not None:
                remembered += sum(len(times) for times in memory.seen.values())
        self.devices, self.silent, self.times_remembered = len(devices), silent, remembered

    async def _look_at_outbox(self, app: Gateway) -> None:
        state, reader, now_s = app.durable.state, app.durable.store.reader, self._clock_s()
        self._rows.look(state.outbox.next_number, now_s)
        self._bundles.look(state.log.size, now_s)
        bundle = state.inflight.oldest()
        self.bundle_age_s = self._bundles.age_s(bundle, now_s)
        self._bundles.forget_before(bundle)
        oldest = {name: await reader.oldest_outbox_row(name) for name, rows in state.outbox.waiting.items() if rows}
        self.outbox_age_s = {name: self._rows.age_s(oldest.get(name), now_s) for name in state.outbox.waiting}
        self._rows.forget_before(min((number for number in oldest.values() if number is not None), default=None))
