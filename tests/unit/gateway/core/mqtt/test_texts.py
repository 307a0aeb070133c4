"""Texts that are not UTF-8: the codec panics on them, and a panic writes to standard error past everything in Python."""

from __future__ import annotations

import random
from typing import Any

import mqtt5
import pytest
from mqtt5 import PublishPacket, QoS, SubAckReasonCode

from gateway.core.mqtt.events import NO_TOPIC
from gateway.core.mqtt.session import ConnectionState
from gateway.core.mqtt.settings import SessionSettings
from gateway.core.mqtt.texts import MOST_TEXTS
from tests.unit.gateway.core.mqtt.playbook import Playbook, connected, message, puback

SMALL = SessionSettings(client_id="gw", filters=("s/#",), largest_packet_bytes=1000)


def ill_formed(packet: bytes) -> bytes:
    """Return a packet with the byte 0xff for each letter z."""
    assert b"z" in packet
    return packet.replace(b"z", b"\xff")


def publish(topic: str = "s/1", **properties: Any) -> bytes:
    """Encode a message of QoS 1."""
    return PublishPacket(topic, b"payload", qos=QoS.AT_LEAST_ONCE, packet_id=9, **properties).write()


MESSAGES = {
    "topic": publish("s/z"),
    "long topic": publish("s/" + "z" * 500),
    "content type": publish(content_type="z"),
    "response topic": publish(response_topic="z"),
    "user property's name": publish(user_properties=[("a", "b"), ("z", "b")]),
    "user property's value": publish(user_properties=[("a", "z")]),
    "topic of a duplicate": PublishPacket("z", b"", qos=QoS.AT_LEAST_ONCE, packet_id=9, duplicate=True).write(),
    "topic of a message too large": message("s/z", bytes(1_900_000), 9),
}

ANSWERS = {
    "reason of a disconnect": mqtt5.DisconnectPacket(reason_str="z").write(),
    "server reference of a disconnect": mqtt5.DisconnectPacket(server_reference="z").write(),
    "user property of a disconnect": mqtt5.DisconnectPacket(user_properties=[("z", "")]).write(),
    "reason of a puback": mqtt5.PubAckPacket(1, reason_str="z").write(),
    "user property of a puback": mqtt5.PubAckPacket(1, user_properties=[("", "z")]).write(),
    "reason of a pubrec": mqtt5.PubRecPacket(1, reason_str="z").write(),
    "reason of a pubrel": mqtt5.PubRelPacket(1, reason_str="z").write(),
    "reason of a pubcomp": mqtt5.PubCompPacket(1, reason_str="z").write(),
    "reason of a suback": mqtt5.SubAckPacket(1, [SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE], reason_str="z").write(),
    "reason of an unsuback": mqtt5.UnsubAckPacket(1, [mqtt5.UnsubAckReasonCode.SUCCESS], reason_str="z").write(),
    "method of an auth": mqtt5.AuthPacket(authentication_method="z").write(),
    "reason of an auth": mqtt5.AuthPacket(authentication_method="x", reason_str="z").write(),
}

CONNACKS = {
    "assigned client id": mqtt5.ConnAckPacket(assigned_client_id="z").write(),
    "method": mqtt5.ConnAckPacket(authentication_method="z").write(),
    "reason": mqtt5.ConnAckPacket(reason_str="z").write(),
    "response information": mqtt5.ConnAckPacket(response_info="z").write(),
    "server reference": mqtt5.ConnAckPacket(server_reference="z").write(),
    "user property": mqtt5.ConnAckPacket(user_properties=[("z", "")]).write(),
}


@pytest.mark.parametrize("packet", MESSAGES.values(), ids=MESSAGES.keys())
def test_message_with_a_text_that_is_not_utf8_comes_without_topic(packet: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """It can be counted and acknowledged, so the broker does not send it again for ever; the next one counts as ever."""
    book = connected()
    book.says(ill_formed(packet), message("s/1", b"next", 10))
    assert [(frame.topic, frame.packet_id) for frame in book.frames] == [(NO_TOPIC, 9), ("s/1", 10)]
    assert book.session.acknowledge([9, 10], 1) == puback(9) + puback(10)
    assert book.session.connected
    book.says(ill_formed(packet)[:3])
    book.says(ill_formed(packet)[3:])
    assert book.frames[-1].topic == NO_TOPIC
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("packet", ANSWERS.values(), ids=ANSWERS.keys())
def test_answer_with_a_text_that_is_not_utf8_ends_the_connection(packet: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """On a link that receives and on one that only sends; nothing brings it again."""
    sending = Playbook(SessionSettings(client_id="gw-up"))
    sending.connect_up()
    for book in (connected(SMALL), sending):
        book.says(ill_formed(packet))
        assert book.session.counters["malformed"] == 1
        assert int(book.last(mqtt5.DisconnectPacket).reason_code) == 0x81
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("packet", CONNACKS.values(), ids=CONNACKS.keys())
def test_connack_with_a_text_that_is_not_utf8_ends_the_attempt(packet: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """Without a DISCONNECT, which MQTT does not allow yet."""
    book = Playbook()
    book.open()
    book.says(ill_formed(packet))
    assert book.session.state is ConnectionState.CLOSED
    assert book.session.counters["malformed"] == 1
    assert capfd.readouterr() == ("", "")


def test_mutated_texts_never_reach_the_codec(capfd: pytest.CaptureFixture[str]) -> None:
    """Thousands of packets with every kind of text, broken at random: not one panic."""
    chance = random.Random(8)
    packets = [*MESSAGES.values(), *ANSWERS.values(), *CONNACKS.values()]
    for _ in range(20_000):
        data = bytearray(chance.choice(packets)[:300])
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        book = connected()
        book.says(bytes(data))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("count", [MOST_TEXTS // 2 - 1, MOST_TEXTS // 2 + 1, 10_000])
def test_packet_with_more_texts_than_anybody_needs_is_not_read(count: int) -> None:
    """A message with so many is counted and acknowledged, and what is no message ends the connection."""
    properties, fits = [("", "")] * count, count < MOST_TEXTS // 2
    book = connected()
    book.says(publish(user_properties=properties))
    assert [frame.topic for frame in book.frames] == ["s/1" if fits else NO_TOPIC]
    book.says(mqtt5.PubAckPacket(1, user_properties=properties).write())
    assert book.session.connected is fits
