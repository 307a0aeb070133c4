"""Receives one recipient's bundles from a broker and stores them in its inbox.

The session is persistent, so bundles wait at the broker while nobody listens. A bundle is acknowledged only once it is stored:
aiomqtt puts a message into its queue before it sends the PUBACK, so the queue stores it; if that fails, the connection ends and
the bundle stays unacknowledged.

Nothing that comes ends it: a bundle that cannot be used is the inbox's to report, and a connection that fails is made again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from gateway.recipient.broker import BrokerAddress, Subscription, client, misfit, reason
from gateway.recipient.inbox import Inbox
from gateway.recipient.opening import OpenedBundle

SILENCE_S: Final = 60.0
"""After how long without a bundle a listener is told so."""
_SETTLE_EVERY_S: Final = 1.0
_FIRST_DELAY_S: Final = 0.5
_LAST_DELAY_S: Final = 30.0
_INDEX_DIGITS: Final = 19


class Listening:
    """What is told of one listener's connection, each change in one line.

    Args:
        broker: To whom it is.
        subscription: For whose bundles.
        report: Takes each line.
        now_s: A clock that only goes forward.
    """

    def __init__(
        self, broker: BrokerAddress, subscription: Subscription, report: Callable[[str], None], now_s: Callable[[], float]
    ) -> None:
        self._broker = broker
        self._topic = subscription.topic
        self._report = report
        self._now_s = now_s
        self._told = ""
        self._connected = self._connected_before = False
        self._silent_since_s: float | None = None  # None while there is nothing to tell

    def begun(self) -> None:
        """Tell to what this listens."""
        how = "in clear" if self._broker.tls is None else "over tls"
        self._report(f"listening to broker `{self._broker}` {how}, on topic `{self._topic}`")

    def connected(self) -> None:
        """Tell that the broker has taken the subscription."""
        self._report(f"connected to broker `{self._broker}`{' again' if self._connected_before else ''}")
        self._connected = self._connected_before = True
        self._told = ""
        self._silent_since_s = self._now_s()

    def failed(self, why: str, delay_s: float) -> None:
        """Tell why there is no connection any more, or none yet; a reason that stays the same is told once."""
        what = "connection lost: " if self._connected else ""
        self._connected, self._silent_since_s = False, None
        if why != self._told:
            self._told = why
            self._report(f"broker `{self._broker}`: {what}{why}; trying again in {delay_s:g} s, and until it is there")

    def matched(self) -> None:
        """Record that a message came on the topic."""
        self._silent_since_s = None

    def check_silence(self) -> None:
        """Tell, once for each connection, that it stands and nothing has come."""
        if self._silent_since_s is not None and self._now_s() - self._silent_since_s >= SILENCE_S:
            self._silent_since_s = None
            self._report(
                f"connected to broker `{self._broker}` for {SILENCE_S:g} s, and nothing has come on topic `{self._topic}`: there "
                "was nothing to send, or the gateway or the recipient has another id, or this user may not read the topic"
            )


async def follow(
    broker: BrokerAddress,
    subscription: Subscription,
    inbox: Inbox,
    emit: Callable[[OpenedBundle], None],
    report: Callable[[str], None],
    stop: asyncio.Event,
    now_s: Callable[[], float] = time.monotonic,
) -> None:
    """Receive, store and deliver bundles until `stop` is set, reconnecting whenever the connection is lost.

    Args:
        broker: The city's broker.
        subscription: Whose bundles.
        inbox: Where they are stored and opened.
        emit: Takes each bundle, once.
        report: Takes one line for each change of the connection, and one when nothing comes.
        stop: Set to end.
        now_s: The clock by which silence is measured.
    """
    arrived = asyncio.Event()
    arrived.set()  # bundles may be waiting from an earlier run
    listening = Listening(broker, subscription, report, now_s)
    listening.begun()
    receiving = asyncio.create_task(_receive(broker, subscription, inbox, listening, arrived))
    stopping = asyncio.create_task(stop.wait())
    trouble = ""
    try:
        while not stop.is_set() and not receiving.done():
            waking = asyncio.create_task(arrived.wait())
            await asyncio.wait({waking, stopping, receiving}, timeout=_SETTLE_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            waking.cancel()
            arrived.clear()
            trouble = _settle(inbox, emit, report, trouble)
            listening.check_silence()
        if receiving.done():
            receiving.result()  # it ends only by an error of ours
    finally:
        receiving.cancel()
        stopping.cancel()
        await asyncio.gather(receiving, stopping, return_exceptions=True)


def _settle(inbox: Inbox, emit: Callable[[OpenedBundle], None], report: Callable[[str], None], before: str) -> str:
    """Deliver what can be delivered; return what the disk refused, reported where it is not what it refused before."""
    bundles = inbox.settle()
    while True:
        try:
            bundle = next(bundles, None)
        except OSError as error:
            trouble = f"`{error.filename}`: {reason(error)}; what could not be delivered is tried again"
            if trouble != before:
                report(trouble)
            return trouble
        if bundle is None:
            return ""
        emit(bundle)


async def introduce(broker: BrokerAddress, subscription: Subscription) -> None:
    """Open the recipient's session at the broker and subscribe, so that the broker keeps its bundles while nobody listens.

    Raises:
        aiomqtt.MqttError: If the broker cannot be reached or refuses.
    """
    async with client(broker, subscription) as connection:
        await _subscribe(connection, subscription.topic)


async def _receive(
    broker: BrokerAddress, subscription: Subscription, inbox: Inbox, listening: Listening, arrived: asyncio.Event
) -> None:
    delay_s = _FIRST_DELAY_S
    queue = _storing_queue(inbox, subscription.topic, listening)
    while True:
        connected = False
        try:
            async with client(broker, subscription, queue) as connection:
                connected = True
                await _subscribe(connection, subscription.topic)
                delay_s = _FIRST_DELAY_S
                listening.connected()
                async for _ in connection.messages:
                    arrived.set()
        except Exception as error:  # noqa: BLE001  # what a broker sends can make the client fail in more ways than it documents
            why = None if connected else await misfit(broker)
            listening.failed(why or reason(error), delay_s)
        await asyncio.sleep(delay_s)
        delay_s = min(2 * delay_s, _LAST_DELAY_S)


async def _subscribe(connection: aiomqtt.Client, topic: str) -> None:
    """Subscribe, at QoS 1.

    Raises:
        aiomqtt.MqttError: If the broker refuses.
    """
    for granted in await connection.subscribe(topic, qos=1):
        if isinstance(granted, ReasonCode) and granted.is_failure:
            raise aiomqtt.MqttError(f"refuses the subscription to topic `{topic}`: {granted}")


def _storing_queue(inbox: Inbox, topic: str, listening: Listening) -> type[asyncio.Queue[aiomqtt.Message]]:
    class StoringQueue(asyncio.Queue[aiomqtt.Message]):
        """A queue that stores each message on disk before it takes it."""

        def put_nowait(self, item: aiomqtt.Message) -> None:
            if item.topic.value != topic:
                return
            listening.matched()
            if inbox.store(bytes(item.payload), topic, _log_index(item)):
                super().put_nowait(item)

    return StoringQueue


def _log_index(message: aiomqtt.Message) -> int | None:
    """Return the log index in a message's user properties; None where it is absent or malformed."""
    properties = dict(getattr(message.properties, "UserProperty", ()))
    text = properties.get("log-index", "")
    return int(text) if len(text) <= _INDEX_DIGITS and text.isascii() and text.isdecimal() else None
