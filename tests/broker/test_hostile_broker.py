"""A gateway beside a hostile broker on its own machine: it stays up, small and honest, and goes on with the next good reading."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import mqtt5
import pytest

from gateway.commands.gateway import status_text
from tests.support.hostile_broker import HostileBroker, peak_bytes
from tests.support.live import LiveGateway

MOST_BYTES = 133 << 20
STORM = 10_000
ILL_FORMED = 5


def reading(seq: int, packet_id: int, *, duplicate: bool = False, topic: str = "t/gate") -> bytes:
    """Encode a reading."""
    payload = json.dumps({"t": 1_777_640_300, "boot": 1, "seq": seq, "count": 3}).encode()
    return mqtt5.PublishPacket(topic, payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=packet_id, duplicate=duplicate).write()


def recycled_ids(client: socket.socket) -> None:
    """Send a storm of messages under one packet identifier, without waiting for an answer."""
    client.sendall(reading(1, 1, topic="t/nobody") * STORM)


def duplicates(client: socket.socket) -> None:
    """Send one reading over and over, as redelivered."""
    client.sendall(reading(2, 2) + reading(2, 2, duplicate=True) * STORM)


def large_readings(client: socket.socket) -> None:
    """Send as many bytes as are allowed in each, far more than the gateway may hold."""
    large = mqtt5.PublishPacket("t/gate", bytes(65_000), qos=mqtt5.QoS.AT_MOST_ONCE).write()
    for _ in range(2_000):
        client.sendall(large)


def endless_message(client: socket.socket) -> None:
    """Announce the largest message there is, send a good part of it, and go."""
    client.sendall(b"\x32\xff\xff\xff\x7f\x00\x06t/gate\x00\x05\x00")
    for _ in range(64):
        client.sendall(bytes(1 << 20))


def endless_answer(client: socket.socket) -> None:
    """Announce an answer as large."""
    client.sendall(b"\x90\xff\xff\xff\x7f")
    for _ in range(64):
        client.sendall(bytes(1 << 20))


def idle_talk(client: socket.socket) -> None:
    """Answer what nobody asked, for long."""
    client.sendall((b"\xd0\x00" + mqtt5.PubAckPacket(999).write()) * STORM)


def ill_formed_topics(client: socket.socket) -> None:
    """Send what no device has for a topic, and no text is; and a good topic beside a property that is no text."""
    for packet_id in range(1, ILL_FORMED):
        client.sendall(reading(9, packet_id, topic="t/zzzz").replace(b"t/zzzz", b"t/\xff\xc0\xed\xa0"))
    told = mqtt5.PublishPacket("t/gate", b"", qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=ILL_FORMED, content_type="zz").write()
    client.sendall(told.replace(b"zz", b"z\xff"))


def ill_formed_answer(client: socket.socket) -> None:
    """Send a good-bye with a reason that is no text."""
    client.sendall(mqtt5.DisconnectPacket(reason_str="zz").write().replace(b"zz", b"z\xff"))


def storms(client: socket.socket) -> None:
    """Send all that a connection survives."""
    for storm in (recycled_ids, duplicates, large_readings, idle_talk, ill_formed_topics):
        storm(client)


def good_reading_and_taken_over(client: socket.socket) -> None:
    """Send an honest reading, and say that somebody else has the session now."""
    client.sendall(reading(3, 1) + mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER).write())


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[LiveGateway, HostileBroker]]:
    """A gateway at such a broker, which is the city's too."""
    broker = HostileBroker(
        {"sluice-gw-test": [storms, ill_formed_answer, endless_message, endless_answer, good_reading_and_taken_over]}
    )
    gateway = LiveGateway(tmp_path, broker.port, extra='\n[clock]\nsimulated = true\nstart = "2026-05-01T13:00:00Z"\nrate = 0\n')
    config = gateway.config.read_text().replace("reconnect_s = 2", "reconnect_s = 1")
    gateway.config.write_text(config)
    gateway.add_devices([{"profile": "footfall", "zone": "north-quay", "topic": "t/gate", "owner": "city", "subject": "none"}])
    try:
        yield gateway, broker
    finally:
        gateway.end()
        broker.close()


def test_hostile_broker_is_withstood(live: tuple[LiveGateway, HostileBroker]) -> None:
    """Recycled identifiers, floods of duplicates, a quarter of a gigabyte announced, storms: counted, within bounds, over."""
    gateway, _ = live
    gateway.start()
    shown = gateway.wait_until(
        lambda shown: shown["broker"]["counters"].get("taken_over") == 1 and shown["ledger"].get("frames.admitted") == 2
    )
    counters, ledger = shown["broker"]["counters"], shown["ledger"]
    assert (counters["oversized"], counters["unknown_puback"], counters["malformed"]) == (1, STORM, 1)
    assert ledger["frames.rejected.unknown_device"] == STORM
    assert ledger["frames.rejected.malformed"] == 2_000 + ILL_FORMED
    assert shown["imbalances"] == []
    assert peak_bytes(gateway) < MOST_BYTES
    assert "panicked" not in gateway.log()
    assert "Traceback" not in gateway.log()
    assert "another client has taken this gateway's session over" in gateway.log()
    assert ", taken over once, " in status_text(gateway.status())
    assert gateway.stop() == 0
    assert gateway.verify().exit_status == 0
