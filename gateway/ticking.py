"""A release tick in steps of the loop: consents expire, windows end, bundles are formed one after another, and all is committed.

Step 11 of the path of a batch. ``gateway.app`` begins a tick and runs its steps between requests and batches;
``gateway.delivery`` forms what leaves, and sends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final

from gateway.audit.log.payloads import CLOCK_SET
from gateway.core import recovery
from gateway.core.changes import changes, credentials, notices, subjects
from gateway.core.release.bundle import advance_watermark
from gateway.delivery import Delivery
from gateway.durable.state import EXPIRY, SEGMENT, Durable
from gateway.edge import system_clock
from gateway.edge.loggers import structlog
from gateway.turns import lasting

PRUNE_EVERY_MS: Final = 3_600_000
ACCOUNT_PERIODS: Final = 6
"""For so many times the least time between two checkpoints an account waits that is all they would cover: each writes files."""
RELEASE_S: Final = 0.02
"""For so long bundles are formed before the loop looks at requests and batches again; the one under way is finished."""

_log = structlog.get_logger()


class Ticking:
    """The release ticks of one gateway, one at a time.

    Attributes:
        is_open: Whether one has begun and not ended.
    """

    def __init__(self, durable: Durable, delivery: Delivery, beside: Callable[[Coroutine[Any, Any, None], str], None]) -> None:
        """Begin with none.

        Args:
            durable: The state that is released from.
            delivery: Forms and sends bundles.
            beside: Runs work beside the loop, under a name.
        """
        self.is_open = False
        self._durable = durable
        self._delivery = delivery
        self._beside = beside
        self._clock_watch = system_clock.ClockWatch()
        self._was_right = True
        self._pruned_ms = 0
        self._openings_wait = False
        self._head_at_s = float("-inf")
        self._began_s = 0.0

    def run_begins(self) -> None:
        """Record that the gateway begins to run: a checkpoint was signed just before."""
        self._began_s = asyncio.get_running_loop().time()

    async def begin(self) -> None:
        """Expire consents, end windows, and have bundles formed for everybody."""
        durable = self._durable
        if not durable.clock.simulated and self._clock_watch.was_set(durable.clock.shown_ms(), system_clock.since_boot_ms()):
            durable.note_gap(CLOCK_SET)
        if not durable.store.disk_space.check():
            await self._withhold()
            return
        problem = durable.clock_problem()
        if problem is None and durable.confirmed and not durable.state.journal.is_beginning:
            await self._release(durable.clock.now_ms())
        elif problem and self._was_right:
            _log.error("the clock is wrong: releasing nothing until it is right", problem=problem)
        self._was_right = problem is None
        self.is_open = True

    async def step(self) -> bool:
        """Form bundles for a while, commit and send them; once none is due, end the tick.

        Returns: Whether more are due; requests and batches come before them.
        """
        if self._delivery.is_due and not self._durable.state.journal.is_beginning:
            await self._form_bundles()
        if self._delivery.is_due:
            return True
        if self.is_open:
            await self._end()
        return False

    def checkpoint(self, *, heartbeat: bool = False) -> None:
        """Make a checkpoint with the next commit, once the log may be signed."""
        self._durable.checkpoint(heartbeat=heartbeat)
        self._head_at_s = asyncio.get_running_loop().time()

    async def _withhold(self) -> None:
        """Release nothing and take nothing in while the disk is full; what is already in the log must still become durable."""
        if self._durable.state.commit.log:
            await self._delivery.commit()
        else:
            self._delivery.send()

    async def _release(self, now_ms: int) -> None:
        durable, state = self._durable, self._durable.state
        durable.turns.begin(EXPIRY, lasting(changes.expiring(state, durable.clock.now_ms)))
        durable.turns.begin("notices", notices.telling(state, durable.clock.now_ms))
        advance_watermark(state, now_ms, durable.clock.lateness_ms(durable.config.windows.lateness_s))
        if state.windows.watermark_ms - self._pruned_ms >= PRUNE_EVERY_MS:
            self._pruned_ms = state.windows.watermark_ms
            durable.turns.add("prune", self._prune(now_ms))
            self._openings_wait = True
        if self._openings_wait:
            self._openings_wait = await durable.drop_old_openings(now_ms)
        await self._delivery.discard_orphans()
        self._delivery.begin_all()

    def _prune(self, now_ms: int) -> Iterator[None]:
        """Forget in pieces what nobody needs any more."""
        state = self._durable.state
        yield from recovery.prune_pieces(state)
        yield from subjects.forgetting_old_codes(state, now_ms)
        yield from credentials.forgetting_ended_sessions(state, system_clock.real_ms())

    async def _form_bundles(self) -> None:
        """Form bundles one after another, for some milliseconds."""
        durable, now_ms = self._durable, self._durable.clock.now_ms()
        if not durable.confirmed or durable.clock_problem() is not None or not durable.store.disk_space.check():
            self._delivery.postpone()
            return
        loop = asyncio.get_running_loop()
        until_s = loop.time() + RELEASE_S
        while self._delivery.is_due and loop.time() < until_s:
            await self._delivery.form_next(now_ms)
        if self._delivery.is_due or not self.is_open:
            await self._delivery.commit_news()

    async def _end(self) -> None:
        """Sign a checkpoint if one is due, begin a journal segment if one is, and commit."""
        self.is_open = False
        durable, now_s = self._durable, asyncio.get_running_loop().time()
        durable.rotation.end_handover()
        if durable.rotation.begins_to_reseal():
            self._beside(durable.rotation.reseal(), "sealing anew")
        heartbeat = now_s - max(self._head_at_s, self._began_s) >= durable.config.audit.heartbeat_s
        least_s = (1 if durable.has_entries() else ACCOUNT_PERIODS) * durable.config.release.checkpoint_ms / 1000
        if heartbeat or (now_s - self._head_at_s >= least_s and durable.has_news()):
            self.checkpoint(heartbeat=heartbeat)
        if recovery.segment_is_due(durable.state, patient=self._delivery.publishes) and SEGMENT not in durable.turns.names:
            self._beside(durable.begin_segment(), "journal segment")
        await self._delivery.commit_news()
