"""A gateway whose city's broker is hostile: whatever comes from there has a bound, and the link goes on when it is over."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import mqtt5
import pytest

from tests.support.hostile_broker import Act, HostileBroker, peak_bytes
from tests.support.live import LiveGateway

CITY = "sluice-gw-test-city"
MORE_BYTES = 12 << 20
"""How much more memory than at rest the gateway may ever take."""
STORM = 5_000
EACH = 1 << 20


def send_endlessly(client: socket.socket, begin: bytes) -> None:
    """Send the beginning of a packet, and 64 MiB of it."""
    client.sendall(begin)
    for _ in range(64):
        client.sendall(bytes(EACH))


def endless_welcome(client: socket.socket) -> None:
    """Accept the connection with a quarter of a gigabyte of properties."""
    send_endlessly(client, b"\x20\xff\xff\xff\x7f\x00\x00\xff\xff\xff\x7e")


def talkative_welcome(client: socket.socket) -> None:
    """Accept it with as many properties as a packet may hold, none of which says anything; then fall silent, and go."""
    client.sendall(mqtt5.ConnAckPacket(user_properties=[("", "")] * 13_000).write())


def welcome_too_large_in_one_piece(client: socket.socket) -> None:
    """Accept it with ten times as many."""
    client.sendall(mqtt5.ConnAckPacket(user_properties=[("", "")] * 130_000).write())


def endless_answer(client: socket.socket) -> None:
    """Acknowledge something with a reason as long as the largest packet there is."""
    send_endlessly(client, b"\x40\xff\xff\xff\x7f\x00\x01\x00\xff\xff\xff\x7e")


def empty_answers(client: socket.socket) -> None:
    """Acknowledge what was never sent, under every identifier, and answer pings that nobody sent."""
    said = b"".join(mqtt5.PubAckPacket(number % 65_535 + 1).write() + b"\xd0\x00" for number in range(STORM))
    for _ in range(5):
        client.sendall(said)


def long_answers(client: socket.socket) -> None:
    """The same, each with a reason in many words and properties."""
    said = mqtt5.PubAckPacket(7, reason_str="x" * 30_000, user_properties=[("", "")] * 6_000).write()
    for _ in range(1000):
        client.sendall(said)


def messages(client: socket.socket) -> None:
    """Send messages to a link that has subscribed to nothing."""
    said = mqtt5.PublishPacket("sluice/gw-test/city-environment", bytes(60_000), qos=mqtt5.QoS.AT_MOST_ONCE).write()
    for _ in range(1000):
        client.sendall(said)


def message_in_bad_letters(client: socket.socket) -> None:
    """Send one whose topic is no text."""
    client.sendall(b"\x30\x05\x00\x02\xff\xff\x00")


def unasked_grants(client: socket.socket) -> None:
    """Grant subscriptions that nobody asked for."""
    client.sendall(mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE] * 60_000).write() * 50)


ACTS = [
    Act(endless_welcome, accepts=False),
    Act(talkative_welcome, accepts=False),
    Act(welcome_too_large_in_one_piece, accepts=False),
    Act(endless_answer),
    Act(empty_answers),
    Act(long_answers),
    Act(messages),
    Act(message_in_bad_letters),
    Act(unasked_grants),
]


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveGateway]:
    """A gateway with an honest broker for its sensors, and this one for the city."""
    broker, city = HostileBroker({}), HostileBroker({CITY: ACTS})
    gateway = LiveGateway(tmp_path, broker.port, upstream_port=city.port)
    gateway.config.write_text(gateway.config.read_text().replace("reconnect_s = 2", "reconnect_s = 1"))
    try:
        yield gateway
    finally:
        gateway.end()
        for one in (broker, city):
            one.close()


def test_hostile_broker_upstream_takes_no_memory(live: LiveGateway) -> None:
    """Endless packets, storms of answers, thousands of properties, messages: each ends or passes, and the link stands after."""
    live.start()
    rest_bytes = peak_bytes(live)
    shown = live.wait_until(lambda shown: shown["sinks"]["city"]["counters"].get("connections", 0) == len(ACTS) - 2)
    counters = shown["sinks"]["city"]["counters"]
    assert counters["oversized"] == 3
    assert counters["unknown_puback"] == 5 * STORM
    assert counters["malformed"] == 2
    assert counters["protocol_error"] == 3
    assert shown["sinks"]["city"]["connected"]
    more_bytes = peak_bytes(live) - rest_bytes
    print(f"{more_bytes >> 10} KiB more than at rest")
    assert more_bytes < MORE_BYTES, f"{more_bytes >> 20} MiB more than at rest"
    assert "panicked" not in live.log()
    assert "Traceback" not in live.log()
    assert live.stop() == 0
