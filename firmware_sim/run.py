"""Publishes a fleet's readings over MQTT 5 at QoS 1 and counts what the broker acknowledged.

The edge of the simulator. Readings are sent in order of time, many in flight at once. When the connection is lost,
unacknowledged readings are kept and, once it is back, sent again first, byte for byte; meanwhile the sensors go on measuring,
and the backlog follows as fast as the broker takes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from aiomqtt import Client, MqttError, ProtocolVersion

from firmware_sim.clock import Clock
from firmware_sim.messages import Reading
from firmware_sim.misbehaviour.truth import Truth
from firmware_sim.stations import Fleet

_log = logging.getLogger(__name__)

_CLOCK_LOOK_S = 0.01
_ACKNOWLEDGEMENT_S = 20.0
_CONNECT_S = 5.0
_BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)


@dataclass(slots=True)
class Counters:
    """Counts of the fleet's readings so far; they may be read at any time.

    Attributes:
        published: Distinct frames that the broker acknowledged, be they readings or states.
        published_public: Those readings of them that come from public devices, copies not counted.
        unacknowledged: Readings sent, or about to be, and not yet acknowledged; at the end, those that never were.
        republished: How often a reading was sent again after a connection was lost.
        refused: Acknowledgements with a failure code, which do not count as acknowledgements.
        reconnects: Connections that were lost or failed.
        connected: Whether there is a connection now.
        samples: The latest acknowledged reading of each kind of device.
    """

    published: int = 0
    published_public: int = 0
    unacknowledged: int = 0
    republished: int = 0
    refused: int = 0
    reconnects: int = 0
    connected: bool = False
    samples: dict[str, Reading] = field(default_factory=dict)

    def acknowledge(self, reading: Reading) -> None:
        """Count one reading that the broker has acknowledged."""
        self.published += 1
        self.unacknowledged -= 1
        if reading.carries:
            self.published_public += reading.public and not reading.copy
            self.samples[reading.kind] = reading


async def run_fleet(
    fleet: Fleet,
    broker_host: str,
    broker_port: int,
    clock: Clock,
    stop_event: asyncio.Event,
    counters: Counters,
    *,
    from_ms: int | None = None,
    until_ms: int | None = None,
    in_flight: int = 256,
    drain_s: float = 10.0,
    username: str | None = None,
    password: str | None = None,
    record: Callable[[Truth], None] | None = None,
) -> None:
    """Publish the readings of a fleet as they fall due, until stopped, and then wait until all are acknowledged.

    Cancellation stops it in the same way: it drains first, and then raises ``CancelledError``.

    Args:
        fleet: The devices.
        broker_host: The broker's host.
        broker_port: The broker's port.
        clock: The devices' clock.
        stop_event: Once set, no further reading is sent.
        counters: Kept up to date throughout.
        from_ms: Time of the first readings; by default the clock's present time.
        until_ms: Time at which the readings end; by default they do not end.
        in_flight: The most publishes that may await acknowledgement at once.
        drain_s: Longest wait, after stopping, for the last acknowledgements; readings without one stay in
            ``counters.unacknowledged``.
        username: For the broker.
        password: For the broker.
        record: Told what happened to each measurement, by the time that the next frame is sent.
    """
    readings = fleet.readings(clock.now_ms() if from_ms is None else from_ms)
    publisher = _Publisher(readings, clock, stop_event, counters, until_ms, in_flight, record)
    login = {"hostname": broker_host, "port": broker_port, "username": username, "password": password}
    task = asyncio.create_task(publisher.run(login))
    stopping = asyncio.create_task(stop_event.wait())
    try:
        await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop_event.set()
        stopping.cancel()
        await _drain(task, drain_s)
    if not task.cancelled():
        task.result()


async def _drain(task: asyncio.Task[None], drain_s: float) -> None:
    """Wait some time for a task that ends by itself, and cancel it if that is not enough."""
    try:
        await asyncio.wait((task,), timeout=drain_s)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait((task,))


class _StrictClient(Client):
    """An MQTT client that ignores acknowledgements with a failure code, so that the publish times out."""

    counters: Counters

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: Any, properties: Any) -> None:
        if reason_code.is_failure:
            self.counters.refused += 1
            return
        super()._on_publish(client, userdata, mid, reason_code, properties)


class _Publisher:
    """The readings of one fleet: those not sent yet, those to be sent again, and those in flight."""

    def __init__(
        self,
        readings: Iterator[Reading],
        clock: Clock,
        stop: asyncio.Event,
        counters: Counters,
        until_ms: int | None,
        window: int,
        record: Callable[[Truth], None] | None,
    ) -> None:
        self._readings = readings
        self._clock = clock
        self._stop = stop
        self._counters = counters
        self._until_ms = until_ms
        self._window = window
        self._record = record
        self._next: Reading | None = next(readings, None)
        self._again: deque[Reading] = deque()
        self._in_flight: dict[int, Reading] = {}
        self._serial = count()

    async def run(self, login: dict[str, Any]) -> None:
        """Publish over one connection after another until there is nothing more to publish."""
        failures = 0
        while self._again or not self._exhausted():
            started = time.monotonic()
            try:
                await self._run_connection(login)
            except* MqttError as lost:
                _log.debug("connection to the broker lost: %s", lost.exceptions[0])
                self._counters.reconnects += 1
                self._keep_in_flight()
                failures = 0 if time.monotonic() - started > _BACK_OFF_S[-1] else failures + 1
                await asyncio.sleep(_BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)])

    async def _run_connection(self, login: dict[str, Any]) -> None:
        client = _StrictClient(
            **login,
            protocol=ProtocolVersion.V5,
            max_inflight_messages=0,  # no limit besides our own window
            timeout=_CONNECT_S,
            logger=_log,
        )
        client.counters = self._counters
        client.pending_calls_threshold = 1 << 16
        async with client:
            self._counters.connected = True
            try:
                await self._run_session(client)
            finally:
                self._counters.connected = False

    async def _run_session(self, client: Client) -> None:
        """Send until everything is sent and acknowledged; raise a group of errors if the connection or a publish fails."""
        window = asyncio.Semaphore(self._window)
        sending: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_watch(client))
            while True:
                await window.acquire()
                if not await self._is_due():
                    break
                task = group.create_task(self._publish(client, self._take()))
                sending.add(task)
                task.add_done_callback(sending.discard)
                task.add_done_callback(lambda _: window.release())
            if sending:
                await asyncio.wait(sending)
            watch.cancel()

    async def _is_due(self) -> bool:
        """Wait until there is a reading to send; return False if there will be none."""
        while not self._again:
            if self._exhausted():
                return False
            assert self._next is not None
            if self._next.time_ms <= self._clock.now_ms():
                return True
            await asyncio.sleep(_CLOCK_LOOK_S)
        return True

    def _take(self) -> int:
        """Put the next reading in flight and return its serial number; it stays in flight if the connection is lost."""
        serial = next(self._serial)
        if self._again:
            self._in_flight[serial] = self._again.popleft()
            self._counters.republished += 1
        else:
            assert self._next is not None
            if self._record is not None:
                for truth in self._next.truths:
                    self._record(truth)
            self._in_flight[serial], self._next = self._next, next(self._readings, None)
            self._counters.unacknowledged += 1
        return serial

    def _exhausted(self) -> bool:
        over = self._next is None or (self._until_ms is not None and self._next.time_ms >= self._until_ms)
        return over or self._stop.is_set()

    async def _publish(self, client: Client, serial: int) -> None:
        reading = self._in_flight[serial]
        await client.publish(reading.topic, reading.payload, qos=1, timeout=_ACKNOWLEDGEMENT_S)
        del self._in_flight[serial]
        self._counters.acknowledge(reading)

    def _keep_in_flight(self) -> None:
        """Queue the readings that a lost connection left unacknowledged before all others, in their order."""
        self._again.extendleft(reversed(self._in_flight.values()))
        self._in_flight.clear()


async def _watch(client: Client) -> None:
    """Raise as soon as the connection is lost, which a publish by itself would notice only by timing out."""
    async for _ in client.messages:
        pass
