"""A relay between the gateway and a broker that reads along: which messages passed, and which of them were acknowledged.

It is the witness of the soak. A message whose PUBACK passed here was taken over by whoever sent that PUBACK, whatever dies later;
one that a broker had taken from a sensor and whose PUBACK by the gateway never passed is the broker's loss.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from firmware_sim.mqtt_packets import next_packet
from tests.support.waiting import HANG_S

PUBLISH, PUBACK = 3, 4
SENSORS = "t/"
"""How the topics begin that sensors publish to."""


class Publish(NamedTuple):
    """A PUBLISH at QoS 1.

    Attributes:
        properties: As they came, with their length.
    """

    topic: str
    packet_id: int
    properties: bytes
    payload: bytes

    def user_property(self, name: str) -> str:
        """Return the value of a user property."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.unpack(self.properties)  # type: ignore[no-untyped-call]
        found: list[tuple[str, str]] = vars(properties)["UserProperty"]
        return dict(found)[name]


def parse_publish(head: int, body: bytes) -> Publish | None:
    """Return a PUBLISH from its first byte and its body; None if nobody acknowledges it."""
    if not head & 0x06:
        return None
    after_topic = 2 + int.from_bytes(body[:2], "big")
    at = after_topic + 2
    length, shift, end = 0, 0, at
    while True:
        byte = body[end]
        length |= (byte & 0x7F) << shift
        shift, end = shift + 7, end + 1
        if not byte & 0x80:
            break
    end += length
    packet_id = int.from_bytes(body[after_topic:at], "big")
    return Publish(body[2:after_topic].decode(), packet_id, body[at:end], body[end:])


class Reader:
    """What passes through one connection, read in both directions.

    Args:
        passed: Called with each PUBLISH that passes.
        taken: Called with each PUBLISH whose PUBACK passes, and how long that took in seconds.
    """

    def __init__(self, passed: Callable[[Publish], None], taken: Callable[[Publish, float], None]) -> None:
        self._passed = passed
        self._taken = taken
        self._tails = [b"", b""]
        self._unanswered: list[dict[int, tuple[Publish, float]]] = [{}, {}]

    @property
    def unanswered(self) -> int:
        """How many messages wait for their PUBACK."""
        return sum(map(len, self._unanswered))

    def read(self, direction: int, data: bytes, now_s: float) -> None:
        """Read bytes that go in a direction, 0 or 1; an answer goes in the other one than what it answers."""
        data, at = self._tails[direction] + data, 0
        while at < len(data) and (packet := next_packet(data, at)) is not None:
            head, body, at = packet
            if head >> 4 == PUBLISH:
                publish = parse_publish(head, body)
                if publish is not None:
                    self._passed(publish)
                    self._unanswered[direction][publish.packet_id] = publish, now_s
            elif head >> 4 == PUBACK:
                found = self._unanswered[1 - direction].pop(int.from_bytes(body[:2], "big"), None)
                if found is not None:
                    self._taken(found[0], now_s - found[1])
        self._tails[direction] = data[at:]


class Tap:
    """Listens on a free port and passes bytes on to a broker, and back.

    Attributes:
        port: Where it listens.
        passed: How often each message has passed, by topic and payload.
        taken: How often its PUBACK has.
        longest_s: The longest that a PUBACK was waited for, since somebody last set this to 0.
        bundles: By log index, recipient and content of the bundle that passed.
        others: Log indices under which something else passed than before.
        taken_bundles: Log indices of the bundles whose PUBACK has passed.
    """

    def __init__(self, broker_port: int, *, bundles: bool = False) -> None:
        """Name the broker.

        Args:
            bundles: Whether to write down bundles, instead of what sensors sent.
        """
        self.port = 0
        self.passed: Counter[tuple[str, bytes]] = Counter()
        self.taken: Counter[tuple[str, bytes]] = Counter()
        self.longest_s = 0.0
        self.bundles: dict[int, tuple[str, bytes]] = {}
        self.others: set[int] = set()
        self.taken_bundles: set[int] = set()
        self._latest: Reader | None = None
        self._of_bundles = bundles
        self._broker_port = broker_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tap", daemon=True)
        self._server: asyncio.Server
        self._relays: set[asyncio.Task[None]] = set()

    @property
    def unanswered(self) -> int:
        """How many messages wait for their PUBACK in the latest connection."""
        return 0 if self._latest is None else self._latest.unanswered

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(HANG_S)

    def stop(self) -> None:
        """Cut every connection and stop listening."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(HANG_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(HANG_S)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for relay in list(self._relays):
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._relays.add(task)
        self._latest = Reader(self._note_passed, self._note_taken)
        read = self._latest.read
        try:
            back, there = await asyncio.open_connection("127.0.0.1", self._broker_port)
            try:
                halves = [
                    asyncio.ensure_future(_pass_on(reader, there, lambda data, now_s: read(0, data, now_s))),
                    asyncio.ensure_future(_pass_on(back, writer, lambda data, now_s: read(1, data, now_s))),
                ]
                try:
                    await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for half in halves:
                        half.cancel()
                    await asyncio.gather(*halves, return_exceptions=True)
            finally:
                there.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass  # no broker, as the gateway finds out; or the end
        finally:
            writer.transport.abort()
            self._relays.discard(task)

    def _note_passed(self, publish: Publish) -> None:
        if self._of_bundles:
            index, bundle = int(publish.user_property("log-index")), (publish.topic.rpartition("/")[2], publish.payload)
            if self.bundles.setdefault(index, bundle) != bundle:
                self.others.add(index)
        elif publish.topic.startswith(SENSORS):  # the gateway's own marker passes too
            self.passed[publish.topic, publish.payload] += 1

    def _note_taken(self, publish: Publish, waited_s: float) -> None:
        self.longest_s = max(self.longest_s, waited_s)
        if self._of_bundles:
            self.taken_bundles.add(int(publish.user_property("log-index")))
        elif publish.topic.startswith(SENSORS):
            self.taken[publish.topic, publish.payload] += 1


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter, note: Callable[[bytes, float], None]) -> None:
    """Pass bytes on until either side ends; what is noted has been received, and is on its way."""
    with contextlib.suppress(OSError):
        while data := await source.read(1 << 16):
            note(data, time.monotonic())
            target.write(data)
            await target.drain()


@contextmanager
def tapped(broker_port: int, *, bundles: bool = False) -> Iterator[Tap]:
    """Run a tap for the length of the context."""
    tap = Tap(broker_port, bundles=bundles)
    tap.start()
    try:
        yield tap
    finally:
        tap.stop()
