"""A load generator: publishes prepared messages at QoS 1 as fast as a broker takes them, or at a steady rate.

It runs beside the program being measured, so it must use little CPU time itself: every packet is encoded before the clock
starts, packets are written in large pieces, and PUBACKs are read many at a time. When a connection breaks, unacknowledged
messages are sent again, byte for byte. ``load_stream`` is one of its connections.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Sequence
from dataclasses import dataclass

from firmware_sim.devices import SmartMeter
from firmware_sim.load_stream import KEEP_ALIVE_S, Stream
from firmware_sim.messages import Device, default_identity
from firmware_sim.mqtt_packets import connect_packet

_PACE_S = 0.004
_GATHER_S = 0.001
_WAIT_S = 0.25
_MAX_IN_FLIGHT = 30_000


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The result of a run.

    Attributes:
        messages: How many messages there were to publish.
        acknowledged: How many of them the broker acknowledged.
        unheard: How many of those had no subscriber, as the broker says.
        refused: How many the broker answered with a failure code.
        missing: Positions, in the given order, of those not acknowledged.
        seconds: From the first byte of the first PUBLISH to the last PUBACK.
        cpu_s: CPU time of this thread meanwhile, without the encoding.
        reconnects: How many connections were lost or failed.
    """

    messages: int
    acknowledged: int
    unheard: int
    refused: int
    missing: tuple[int, ...]
    seconds: float
    cpu_s: float
    reconnects: int

    @property
    def rate_per_s(self) -> float:
        """Acknowledged messages per second."""
        return self.acknowledged / self.seconds if self.seconds else 0.0


class Load:
    """A run over one or more connections, among which the messages are dealt out in turn.

    ``run`` may be called in its own thread, while other threads read ``acknowledged`` or call ``stop``.

    Args:
        host: The broker's host.
        port: The broker's port.
        messages: Topic and payload of each message. With several connections, a device's readings stay in order only
            if its messages are a multiple of their number apart.
        connections: The number of connections.
        in_flight: The most unacknowledged messages of a connection; a lower receive maximum of the broker prevails.
        rate: Messages per second over all connections; None is as fast as possible.
        client_id: Prefix of the client ids.
        username: For the broker.
        password: For the broker.
    """

    def __init__(
        self,
        host: str,
        port: int,
        messages: Sequence[tuple[str, bytes]],
        *,
        connections: int = 1,
        in_flight: int = 1000,
        rate: float | None = None,
        client_id: str = "sluice-load",
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        self._messages = len(messages)
        self._address = (host, port)
        self._rate = None if rate is None else rate / connections
        self._stopped = False
        self._streams = [
            Stream(
                messages[first::connections],
                min(in_flight, _MAX_IN_FLIGHT),
                connect_packet(f"{client_id}-{first}", KEEP_ALIVE_S, username, password),
            )
            for first in range(connections)
        ]

    @property
    def acknowledged(self) -> int:
        """How many messages the broker has acknowledged so far."""
        return sum(stream.acknowledged for stream in self._streams)

    def stop(self) -> None:
        """End the run soon, without waiting for further acknowledgements."""
        self._stopped = True

    def run(self, timeout_s: float | None = None) -> LoadResult:
        """Publish all messages and wait for their acknowledgements, at most ``timeout_s``."""
        with selectors.DefaultSelector() as selector:
            started, cpu = time.monotonic(), time.thread_time()
            deadline = float("inf") if timeout_s is None else started + timeout_s
            while not self._stopped and time.monotonic() < deadline and any(not stream.done for stream in self._streams):
                self._turn(selector, started)
            seconds, cpu_s = time.monotonic() - started, time.thread_time() - cpu
            for stream in self._streams:
                stream.close(selector)
        return self._result(seconds, cpu_s)

    def _turn(self, selector: selectors.BaseSelector, started: float) -> None:
        """Connect lost connections, send what may be sent, and read what has arrived."""
        now = time.monotonic()
        allowed = self._messages if self._rate is None else int((now - started) * self._rate) + 1
        for stream in self._streams:
            if stream.socket is None and not stream.done and now >= stream.retry_at:
                stream.connect(self._address, selector)
            if stream.socket is not None:
                stream.send(allowed, now, selector)
        if self._rate is not None or not selector.get_map():
            time.sleep(_PACE_S)
        elif selector.select(_WAIT_S):
            time.sleep(_GATHER_S)  # reading many PUBACKs at a time costs less than reading each alone
        if selector.get_map():
            for key, _ in selector.select(0):
                key.data.receive(selector)

    def _result(self, seconds: float, cpu_s: float) -> LoadResult:
        streams = self._streams
        step = len(streams)
        return LoadResult(
            messages=self._messages,
            acknowledged=self.acknowledged,
            unheard=sum(stream.unheard for stream in streams),
            refused=sum(len(stream.refused) for stream in streams),
            missing=tuple(sorted(first + step * at for first, stream in enumerate(streams) for at in stream.missing())),
            seconds=seconds,
            cpu_s=cpu_s,
            reconnects=sum(stream.reconnects for stream in streams),
        )


def load_topic(number: int) -> str:
    """Return the topic of the load generator's ``number``-th meter, counted from 0."""
    return f"load/meter/{number:05d}"


def meter_messages(
    count: int, devices: int, start_ms: int, spacing_ms: int = 1000, seed: str = "load"
) -> list[tuple[str, bytes]]:
    """Return the readings of many electricity meters, in rounds: the first of each device, the second of each, and so on.

    Args:
        count: How many readings in all.
        devices: How many meters; their topics are those of ``load_topic``.
        start_ms: Time of the first round.
        spacing_ms: From one round to the next, in whole seconds, since messages hold no finer time.
        seed: Another seed gives other readings.
    """
    meters = []
    for number in range(min(devices, count)):
        topic = load_topic(number)
        meters.append(Device(topic, "meter", SmartMeter(seed=f"{seed}/{topic}"), 0, default_identity(topic)))
    messages = []
    for at in range(count):
        turn, number = divmod(at, len(meters))
        meter, t_ms = meters[number], start_ms + turn * spacing_ms
        fields = meter.fields(t_ms, meter.values(t_ms), 1, turn + 1)
        messages.append((meter.topic, meter.encode(fields, turn + 1)))
    return messages
