"""Receives one recipient's bundles from a broker and stores them in its inbox.

The session is persistent, so bundles wait at the broker while nobody listens. A bundle is acknowledged only once it is stored:
aiomqtt puts a message into its queue before it sends the PUBACK, so the queue stores it; if that fails, the connection ends and
the bundle stays unacknowledged.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.recipient.inbox import Inbox
from gateway.recipient.opening import OpenedBundle
from gateway.recipient.wire import bundle_topic

SESSION_EXPIRY_S: Final = 30 * 24 * 3600
_SETTLE_EVERY_S: Final = 1.0
_FIRST_DELAY_S: Final = 0.5
_LAST_DELAY_S: Final = 30.0
_INDEX_DIGITS: Final = 19


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """The broker to connect to. ``ca_file`` turns TLS on."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """Whose bundles to receive, and the MQTT client id, which no two listeners may share."""

    gateway: str
    recipient: str
    client_id: str | None = None

    @property
    def topic(self) -> str:
        """The topic to subscribe to."""
        return bundle_topic(self.gateway, self.recipient)


async def follow(
    broker: BrokerAddress,
    subscription: Subscription,
    inbox: Inbox,
    emit: Callable[[OpenedBundle], None],
    report: Callable[[str], None],
    stop: asyncio.Event,
) -> None:
    """Receive, store and deliver bundles until `stop` is set, reconnecting whenever the connection is lost.

    Args:
        broker: The city's broker.
        subscription: Whose bundles.
        inbox: Where they are stored and opened.
        emit: Takes each bundle, once.
        report: Takes one line when the connection is lost.
        stop: Set to end.
    """
    arrived = asyncio.Event()
    arrived.set()  # bundles may be waiting from an earlier run
    receiving = asyncio.create_task(_receive(broker, subscription, inbox, report, arrived))
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set() and not receiving.done():
            waking = asyncio.create_task(arrived.wait())
            await asyncio.wait({waking, stopping, receiving}, timeout=_SETTLE_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            waking.cancel()
            arrived.clear()
            for bundle in inbox.settle():
                emit(bundle)
        if receiving.done():
            receiving.result()  # it ends only by an error other than the network's
    finally:
        receiving.cancel()
        stopping.cancel()
        await asyncio.gather(receiving, stopping, return_exceptions=True)


async def introduce(broker: BrokerAddress, subscription: Subscription) -> None:
    """Open the recipient's session at the broker and subscribe, so that the broker keeps its bundles while nobody listens.

    Raises:
        aiomqtt.MqttError: If the broker cannot be reached or refuses.
    """
    async with _client(broker, subscription, asyncio.Queue) as client:
        await client.subscribe(subscription.topic, qos=1)


async def _receive(
    broker: BrokerAddress, subscription: Subscription, inbox: Inbox, report: Callable[[str], None], arrived: asyncio.Event
) -> None:
    delay_s = _FIRST_DELAY_S
    while True:
        try:
            async with _client(broker, subscription, _storing_queue(inbox, subscription.topic)) as client:
                await client.subscribe(subscription.topic, qos=1)
                delay_s = _FIRST_DELAY_S
                async for _ in client.messages:
                    arrived.set()
        except (aiomqtt.MqttError, OSError) as error:
            report(f"broker `{broker.host}:{broker.port}`: {_reason(error)}; trying again in {delay_s:g} s")
        await asyncio.sleep(delay_s)
        delay_s = min(2 * delay_s, _LAST_DELAY_S)


def _client(broker: BrokerAddress, subscription: Subscription, queue: type[asyncio.Queue[aiomqtt.Message]]) -> aiomqtt.Client:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    properties.SessionExpiryInterval = SESSION_EXPIRY_S
    return aiomqtt.Client(
        broker.host,
        broker.port,
        identifier=subscription.client_id or f"sluice-recipient-{subscription.gateway}-{subscription.recipient}",
        username=broker.username,
        password=broker.password,
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=False,
        properties=properties,
        queue_type=queue,
        tls_context=None if broker.ca_file is None else ssl.create_default_context(cafile=broker.ca_file),
    )


def _storing_queue(inbox: Inbox, topic: str) -> type[asyncio.Queue[aiomqtt.Message]]:
    class StoringQueue(asyncio.Queue[aiomqtt.Message]):
        """A queue that stores each message on disk before it takes it."""

        def put_nowait(self, item: aiomqtt.Message) -> None:
            if item.topic.value == topic and inbox.store(bytes(item.payload), topic, _log_index(item)):
                super().put_nowait(item)

    return StoringQueue


def _log_index(message: aiomqtt.Message) -> int | None:
    """Return the log index in a message's user properties; None where it is absent or malformed."""
    properties = dict(getattr(message.properties, "UserProperty", ()))
    text = properties.get("log-index", "")
    return int(text) if len(text) <= _INDEX_DIGITS and text.isascii() and text.isdecimal() else None


def _reason(error: BaseException) -> str:
    cause = error.__cause__ if isinstance(error, aiomqtt.MqttError) and error.__cause__ is not None else error
    return " ".join(str(cause).split()).lower() or type(cause).__name__.lower()
