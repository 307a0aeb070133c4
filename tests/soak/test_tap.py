"""The witness of the soak reads packets as they come: in pieces, in both directions, answered or not."""

from __future__ import annotations

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from firmware_sim.mqtt_packets import puback_packet, publish_packet, variable_length
from tests.soak.tap import Publish, Reader

THERE, BACK = 0, 1


class Noted:
    """What a reader told."""

    def __init__(self) -> None:
        self.passed: list[Publish] = []
        self.taken: list[tuple[bytes, float]] = []
        self.reader = Reader(self.passed.append, lambda publish, waited_s: self.taken.append((publish.payload, waited_s)))


@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_messages_are_told_with_their_answers_however_they_are_cut(piece: int) -> None:
    """An answer goes the other way, and is of the message with its number."""
    noted = Noted()
    data = b"".join(publish_packet("t/1", b"%d" % number, number) for number in (1, 2, 300))
    for at in range(0, len(data), piece):
        noted.reader.read(BACK, data[at : at + piece], 10.0)
    assert [publish.payload for publish in noted.passed] == [b"1", b"2", b"300"]
    noted.reader.read(THERE, puback_packet(300) + puback_packet(1), 12.5)
    assert noted.taken == [(b"300", 2.5), (b"1", 2.5)]
    assert noted.reader.unanswered == 1


def test_answer_in_the_same_direction_answers_nothing() -> None:
    """Both ends number their own messages: the gateway's 1 is not the broker's."""
    noted = Noted()
    noted.reader.read(BACK, publish_packet("t/1", b"from the broker", 1), 0.0)
    noted.reader.read(THERE, publish_packet("sluice/x", b"from the gateway", 1), 0.0)
    noted.reader.read(BACK, puback_packet(1), 1.0)
    assert noted.taken == [(b"from the gateway", 1.0)]


def test_message_that_nobody_acknowledges_is_left_out() -> None:
    """At QoS 0 nothing is promised."""
    noted = Noted()
    body = b"\x00\x03t/1\x00payload"
    noted.reader.read(BACK, b"\x30" + variable_length(len(body)) + body, 0.0)
    assert noted.passed == []


def test_user_properties_are_read() -> None:
    """A bundle says its log index there."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.UserProperty = [("log-origin", "x"), ("log-index", "17")]
    body = b"\x00\x01s\x00\x07" + properties.pack() + b"sealed"  # type: ignore[no-untyped-call]
    noted = Noted()
    noted.reader.read(THERE, b"\x32" + variable_length(len(body)) + body, 0.0)
    (publish,) = noted.passed
    assert (publish.topic, publish.packet_id, publish.payload) == ("s", 7, b"sealed")
    assert publish.user_property("log-index") == "17"
