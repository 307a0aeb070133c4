"""The running gateway: a loop that takes events in, has the core decide, commits, and only then acts.

One task does all of it, one thing at a time: record acknowledgements from sinks, serve requests, take a batch, run a release
tick; so no two steps of the core ever interleave. Link, sinks, timers and the control socket only queue work for it
and wake it. ``gateway.service`` supplies the edges.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from typing import Any

from gateway.audit.log.payloads import SESSION_LOST
from gateway.beside import Beside
from gateway.core import pipeline
from gateway.core.ingest.gathering import Gathering
from gateway.core.mqtt.events import Connected, Disconnected, Drained, LinkEvent, Subscribed
from gateway.delivery import Delivery
from gateway.durable.state import A, Action, Durable
from gateway.edge.link import Connect
from gateway.edge.loggers import structlog
from gateway.edge.sinks.port import Sinks
from gateway.errors import DiskFullError, OperatorError, SluiceError, UnavailableError
from gateway.intake import CLOCK, Intake
from gateway.ticking import Ticking

INTAKE_RETRY_S = 1.0
IMPLAUSIBLE_RETRY_S = 1.0
COMMITTED_AT_ONCE = 200
"""So many rows and records of the journal are committed together, where pieces of long work make many."""
HOUR = "hour"
"""The name of the turns in which homes are counted, before an hour turns."""
SWITCH_S = 0.001
"""After so long another thread is let run: what computes aside would otherwise hold each step of the loop up several times."""

_log = structlog.get_logger()


@dataclass(slots=True)
class PendingRequest:
    """An action that waits for its turn, and the future of its answer."""

    action: Action[Any]
    answer: asyncio.Future[Any]
    tick: bool


class Gateway:
    """A gateway that takes readings in and releases bundles.

    Attributes:
        since_ms: Since when it runs, by its own clock; what is remembered of devices in memory alone is since then.
    """

    def __init__(self, durable: Durable, connect: Connect, sinks: Sinks) -> None:
        """Run on a state that has been started.

        Args:
            connect: Makes the link to the sensors' broker.
            sinks: Makes the sinks.
        """
        self.durable = durable
        self.config = durable.config
        self.turns = durable.turns
        self.turns.wake = self.wake
        self.since_ms = durable.clock.now_ms()
        self._requests: list[PendingRequest] = []
        self._unanswered: set[asyncio.Future[Any]] = set()
        self._wake = asyncio.Event()
        self._batch_timer: asyncio.TimerHandle | None = None
        self._batch_due = False
        self._tick_due = False
        self._stopping = False
        self._window_full = False
        self.intake = Intake(durable)
        self._beside = Beside()
        batches = self.config.batches
        self._gathering = Gathering(batches.commit_ms / 1000, min(batches.frames, self.config.broker.receive_maximum))
        self.link = connect(self._beside.guarded(self._link_event), self._beside.guarded(self._frames_arrived))
        self.link.unsubscribe(durable.state.subscriptions)
        self.delivery = Delivery(durable, sinks, self._wake.set)
        self.ticking = Ticking(durable, self.delivery, self.beside)

    # what queues work for the loop

    def _link_event(self, event: LinkEvent) -> None:
        state = self.durable.state
        if isinstance(event, Connected):
            if not event.session_present and state.windows.whole_since_ms:  # it had one before
                self.durable.note_gap(SESSION_LOST)
                _log.error("the broker has lost this gateway's session, and perhaps readings")
            pipeline.session_opened(state, event.session_present, self.durable.clock.now_ms())
            if not event.session_present:
                self._tick_now()  # possible loss of readings must become durable soon, whether or not frames come
            _log.info("broker connected", session_present=event.session_present)
            if self.link.terms.ids_bound is False:
                _log.warning("the broker lets every account choose its client id")
        elif isinstance(event, Drained):
            pipeline.queue_drained(state, self.durable.clock.now_ms())
            if pipeline.subscribed(state, self.link.subscriptions):  # the marker came back behind every change of them
                self._tick_now()
        elif isinstance(event, Subscribed) and event.refused:
            _log.error("the broker refuses a subscription", filters=len(event.refused))
        elif isinstance(event, Disconnected):
            state.drained = False
            if event.taken_over:
                _log.error("another client has taken this gateway's session over")
            _log.warning("broker away", reason=event.reason)

    def _frames_arrived(self) -> None:
        if not self.link.waiting or (self.intake.waits and self._batch_timer is not None):
            return  # nothing to take, or the next attempt is set
        wait = self._gathering.arrived(self.link.waiting, asyncio.get_running_loop().time())
        if wait.due_s:
            self._batch_in(wait.due_s)
            self.link.rest(wait.rest_s)
        else:
            self._batch_now()

    def _batch_in(self, seconds: float) -> None:
        if self._batch_timer is not None:
            self._batch_timer.cancel()
        self._batch_timer = asyncio.get_running_loop().call_later(seconds, self._beside.guarded(self._batch_now))

    def _batch_now(self) -> None:
        if self._batch_timer is not None:
            self._batch_timer.cancel()
            self._batch_timer = None
        self._batch_due = True
        self._wake.set()

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(self.config.release.tick_ms / 1000)
            self._tick_now()

    def _tick_now(self) -> None:
        self._tick_due = True
        self._wake.set()

    async def ask(self, action: Action[A], *, tick: bool = False) -> A:
        """Run an action between two steps of the loop; return its answer once its changes are durable.

        Args:
            action: What to do.
            tick: Run a release tick after it, before answering.
        Raises: UnavailableError: the gateway ends before it can answer; the action may or may not be committed.
        """
        request = PendingRequest(action, asyncio.get_running_loop().create_future(), tick)
        self._requests.append(request)
        self._unanswered.add(request.answer)
        self._wake.set()
        try:
            answer: A = await request.answer
            return answer
        finally:
            self._unanswered.discard(request.answer)

    def wake(self) -> None:
        """Have the loop turn once, whether or not anything is due."""
        self._wake.set()

    def progress(self) -> int:
        """Return a number that grows while the loop moves on: its turns, and the attempts of a commit that waits for space."""
        return self.durable.pulse.turns + self.durable.store.disk_space.attempts

    def beside(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run work beside the loop until it is done or ``run`` ends; its failure ends ``run`` with its error."""
        self._beside.add(work, name)

    async def result_of(self, work: Awaitable[A]) -> A:
        """Return the result of what a request does beside the loop; where the disk fails, ``run`` ends with that.

        Raises: SluiceError: it is refused, or fails.
        """
        return await self._beside.result_of(work)

    def stop(self) -> None:
        """End ``run`` after the step under way; one that waits for disk space is interrupted."""
        self._stopping = True
        self.durable.store.disk_space.cancel()
        self._wake.set()

    # the loop

    async def run(self) -> None:
        """Take readings in and release bundles until ``stop``; an edge that fails ends it with its error."""
        sys.setswitchinterval(SWITCH_S)
        self.durable.in_order = False
        self.ticking.run_begins()
        if self.turns.pending:
            self._wake.set()
        self.beside(self.durable.compare_rest(), "comparison")
        tasks = [
            asyncio.create_task(self._loop(), name="loop"),
            asyncio.create_task(self.durable.publisher.run(), name="publisher"),
            asyncio.create_task(self._tick_forever(), name="ticks"),
            asyncio.create_task(self._receive(), name="broker"),
            asyncio.create_task(self._await_witness(), name="witness"),
            asyncio.create_task(self._beside.watch(), name="beside"),
            *(asyncio.create_task(sink.run(), name=f"sink {name}") for name, sink in self.delivery.sinks.items()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._beside.end()
            for answer in self._unanswered:
                if not answer.done():
                    answer.set_exception(UnavailableError("the gateway is ending"))

    async def _receive(self) -> None:
        """Subscribe once the clock is plausible: what a wrong clock would do to windows and consents cannot be undone."""
        while problem := self.durable.clock_problem():
            if not self.intake.waits:
                _log.error("the clock is wrong: taking nothing in until it is right", problem=problem)
            self.intake.hold_up(CLOCK)
            await asyncio.sleep(IMPLAUSIBLE_RETRY_S)
        self.intake.resumes()
        await self.link.run()

    async def _await_witness(self) -> None:
        """Release nothing, old or new, before the log may be signed."""
        await self.durable.confirm()
        self.delivery.send_again()
        self._tick_now()
        await asyncio.get_running_loop().create_future()  # the end of a task is the end of the run

    async def _loop(self) -> None:
        while not self._stopping:
            await self._wake.wait()
            self._wake.clear()
            began_s = time.perf_counter()
            self.delivery.forget_acknowledged()
            await self._turn()
            if self._requests:
                await self._serve()
            if self._batch_due:
                await self._take_batch()
            if self._tick_due:
                await self._begin_tick()
            if await self.ticking.step():
                self._wake.set()
            if self.turns.pending:
                await self._take_turn()
            self.durable.pulse.turned(time.perf_counter() - began_s)
        if not self.durable.store.disk_space.low:
            if self.durable.has_news():
                self.ticking.checkpoint()
            await self.delivery.commit()
        await self.durable.publisher.drained()
        self.durable.in_order = True

    async def _turn(self) -> None:
        """Have the public's numbers shown once an hour has ended, before anything is decided in the next one.

        Where homes are counted and many, that takes some turns.
        """
        state = self.durable.state
        turned = state.public.turned
        self.turns.begin(HOUR, state.turning(self.durable.clock.now_ms()))
        if state.public.turned > turned and self.durable.store.disk_space.check():
            await self.delivery.commit()

    async def _take_turn(self) -> None:
        """Run one piece of the long work under way; readings and requests that have come meanwhile are served before the next.

        What the pieces have changed is committed before it grows large: a commit holds others up too.
        """
        state, is_pending = self.durable.state, self.turns.run_one()
        is_large = state.commit.stores_segment or state.commit.rows + state.journal.records >= COMMITTED_AT_ONCE
        if is_large and self.durable.store.disk_space.check():
            await self.delivery.commit()
        if is_pending:
            self._wake.set()
        else:
            self._tick_now()  # commits it, and releases what was withheld meanwhile
        await asyncio.sleep(0)

    async def _take_batch(self) -> None:
        """Run steps 2 to 10 of the path of a batch."""
        self._batch_due = False
        state = self.durable.state
        if not self.intake.is_open():
            self._batch_in(INTAKE_RETRY_S)  # frames that are not taken pause the socket: back-pressure, never loss
            return
        if self.intake.resumes():
            self.link.mark()
        frames = self.link.take_frames(self.config.batches.frames)
        if not frames:
            return
        self.durable.pulse.batch_frames.add(len(frames))
        self.link.rest(self._gathering.taken(self.link.waiting, asyncio.get_running_loop().time()))
        pipeline.take_frames(state, frames, self.durable.clock.now_ms())
        self._window_full = len(frames) >= self.config.broker.receive_maximum
        self._note_dry()
        await self.delivery.commit()
        self.link.acknowledge([frame.packet_id for frame in frames], frames[0].generation)
        rest_s = self._gathering.acknowledged(asyncio.get_running_loop().time())
        if self.link.waiting:
            self._frames_arrived()
        else:
            self.link.rest(rest_s)

    def _note_dry(self) -> None:
        """Record up to when everything that the broker had was taken: until we last heard of it, where nothing waits.

        After as many frames as it may send unacknowledged, more may wait in the broker.
        """
        if self.link.connected and not self.link.waiting and not self._window_full:
            clock = self.durable.clock
            self.durable.state.arrivals.still_dry(clock.now_ms() - int(1000 * self.link.silent_s * clock.rate))

    async def _serve(self) -> None:
        requests, self._requests = self._requests, []
        answers: list[tuple[PendingRequest, Any]] = []
        for request in requests:
            try:
                answer = request.action()
                answers.append((request, await answer if isinstance(answer, Awaitable) else answer))
            except DiskFullError:
                raise  # the process is ending, and what the action itself was to commit is not committed
            except (SluiceError, ValueError) as error:
                if not request.answer.done():
                    request.answer.set_exception(error if isinstance(error, SluiceError) else OperatorError(str(error)))
        if self.durable.state.commit.log:
            self.ticking.checkpoint()
        if self.durable.must_commit():
            await self.delivery.commit()
        if any(request.tick for request, _ in answers):
            self.turns.run_all()  # or the tick would withhold everything while a change of policies is on its way
            await self._begin_tick()
            while self.ticking.is_open:
                self.turns.run_all()
                await self.ticking.step()
        for request, answer in answers:
            if not request.answer.done():
                request.answer.set_result(answer)

    async def _begin_tick(self) -> None:
        self._tick_due = False
        await self._turn()  # a simulated clock may have been advanced just before
        self._note_dry()
        await self.ticking.begin()
