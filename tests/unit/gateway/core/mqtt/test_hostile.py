"""Brokers that break the protocol: the connection ends with the right reason and a count, and nothing else happens."""

from __future__ import annotations

import itertools

import mqtt5
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mqtt5 import DisconnectReasonCode, PublishPacket, QoS, SubAckReasonCode

from gateway.core.mqtt.events import Disconnected, Frame
from gateway.core.mqtt.inbound import PAYLOAD_CUT
from gateway.core.mqtt.session import ConnectionState
from gateway.core.mqtt.settings import SessionSettings
from tests.unit.gateway.core.mqtt.mutated_streams import run
from tests.unit.gateway.core.mqtt.playbook import MARK, NONCE, Playbook, connected, message, puback

SMALL = SessionSettings(client_id="gw", filters=("s/#",), largest_packet_bytes=200)

FAULTS = {
    "reserved type": (b"\x00\x00", "malformed", 0x81),
    "endless length": (b"\x30\xff\xff\xff\xff\x01", "malformed", 0x81),
    "reserved flags": (b"\xd1\x00", "malformed", 0x81),
    "qos 3": (b"\x36\x06\x00\x01a\x00\x01\x00", "malformed", 0x81),
    "topic longer than the packet": (b"\x30\x05\x00\x64abc" + bytes(200), "malformed", 0x81),
    "unknown property": (b"\x30\x07\x00\x01a\x02\x99\x00", "malformed", 0x81),
    "properties longer than the packet": (b"\x30\x05\x00\x01a\x20\x01", "malformed", 0x81),
    "property longer than all": (b"\x30\x08\x00\x01a\x02\x02\x00\x00", "malformed", 0x81),
    "text longer than all properties": (b"\x30\x08\x00\x01a\x03\x03\x00\x05", "malformed", 0x81),
    "answer of 64 KiB": (mqtt5.PubAckPacket(1, reason_str="x" * 65_530).write(), "oversized", 0x95),
    "property twice": (b"\x30\x08\x00\x01a\x04\x01\x00\x01\x00", "malformed", 0x81),
    "qos 2": (message("s/1", b"x", 5, qos=QoS.EXACTLY_ONCE), "protocol_error", 0x9B),
    "duplicate of qos 0": (b"\x38\x04\x00\x01a\x00", "protocol_error", 0x82),
    "packet identifier 0": (b"\x32\x06\x00\x01a\x00\x00\x00", "protocol_error", 0x82),
    "topic alias": (message("s/1", b"x", 1, alias=1), "protocol_error", 0x94),
    "pubrel": (mqtt5.PubRelPacket(1).write(), "protocol_error", 0x82),
    "pubrec": (mqtt5.PubRecPacket(1).write(), "protocol_error", 0x82),
    "second connack": (mqtt5.ConnAckPacket().write(), "protocol_error", 0x82),
    "connect": (mqtt5.ConnectPacket("x").write(), "protocol_error", 0x82),
    "pingreq": (mqtt5.PingReqPacket().write(), "protocol_error", 0x82),
    "unasked suback": (
        mqtt5.SubAckPacket(77, [SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE]).write(),
        "protocol_error",
        0x82,
    ),
    "auth": (mqtt5.AuthPacket(authentication_method="x").write(), "protocol_error", 0x82),
    "large packet of no use": (b"\x90\xff\xff\xff\x7f" + bytes(10), "oversized", 0x95),
}


@pytest.mark.parametrize(("data", "counter", "code"), FAULTS.values(), ids=FAULTS.keys())
def test_feed_faulty_packet_ends_the_connection(data: bytes, counter: str, code: int) -> None:
    """The good frame before it counts, the bad packet ends it all, and the answer says why."""
    book = connected()
    book.says(message("s/1", b"good", 1), data, message("s/1", b"never", 2))
    assert [frame.payload for frame in book.frames] == [b"good"]
    assert book.session.state is ConnectionState.CLOSED
    assert int(book.last(mqtt5.DisconnectPacket).reason_code) == code
    assert book.session.counters[counter] == 1
    (event,) = book.events
    assert isinstance(event, Disconnected)
    assert event.code == code
    assert "\n" not in event.reason


@pytest.mark.parametrize(
    "data",
    [
        message("s/1", b"x"),
        message("s/1", b"x", 5),
        message("s/1", b"x", 5, qos=QoS.EXACTLY_ONCE),
        b"\x30",
        b"\x32\x80",
        message("s/1", bytes(1_000_000))[:100],
        message("s/1", bytes(5_000_000))[:100],
    ],
    ids=["qos 0", "qos 1", "qos 2", "one byte", "half a length", "a part of a megabyte", "a part of five"],
)
def test_message_to_a_session_that_subscribes_to_nothing_ends_the_connection(data: bytes) -> None:
    """Its first byte is enough: nothing of it is kept, and no frame waits for an owner that takes none."""
    book = Playbook(SessionSettings(client_id="gw-up"))
    book.connect_up()
    book.events.clear()
    book.says(puback(9), data)
    assert book.events == [Disconnected(1, "the broker sent a message, though we subscribe to nothing", 0x82)]
    assert int(book.last(mqtt5.DisconnectPacket).reason_code) == 0x82
    assert book.session.counters["protocol_error"] == 1
    assert (book.frames, book.session.unacknowledged, book.session.paused) == ([], 0, False)


@pytest.mark.parametrize("data", [message("s/1", b"x", 1), mqtt5.PingRespPacket().write(), puback(1), b"\x00\x00"])
def test_feed_before_connack_only_connack_is_allowed(data: bytes) -> None:
    """Whatever else comes first ends the attempt, without a DISCONNECT that MQTT does not allow yet."""
    book = Playbook()
    book.open()
    book.says(data)
    assert book.session.state is ConnectionState.CLOSED
    assert book.all(mqtt5.DisconnectPacket) == []
    assert book.frames == []


def test_connack_session_present_after_clean_start_is_a_fault() -> None:
    """A broker cannot have kept what we asked it to throw away."""
    book = Playbook(SessionSettings(client_id="gw", clean_start=True))
    book.open()
    book.accepted(session_present=True)
    assert book.session.counters["protocol_error"] == 1


def test_connack_without_qos_1_is_no_broker_for_us() -> None:
    """A broker that offers QoS 0 only cannot promise anything."""
    book = Playbook()
    book.open()
    book.accepted(max_qos=QoS.AT_MOST_ONCE)
    assert book.session.state is ConnectionState.CLOSED
    assert isinstance(book.events[-1], Disconnected)
    assert book.events[-1].code == 0x9B


def conversation() -> bytes:
    """Return what a broker says in one ordinary connection, with one message too large to be read."""
    return b"".join(
        [
            mqtt5.ConnAckPacket(session_present=True, reason_str="welcome", user_properties=[("a", "b")]).write(),
            mqtt5.SubAckPacket(1, [SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE] * 2).write(),
            message("s/1", b"one", 1),
            PublishPacket(
                "s/2", b"two", qos=QoS.AT_LEAST_ONCE, packet_id=2, user_properties=[("k", "v")], message_expiry_interval=5
            ).write(),
            puback(2),
            message("s/3", bytes(5000), 3, duplicate=True),
            message("s/3", bytes(4000)),
            mqtt5.PingRespPacket().write(),
            message(MARK, NONCE, 4),
            message("s/4", bytes(150), 5),
        ]
    )


TALKER = SessionSettings(client_id="gw", filters=("s/#",), marker_prefix="sluice", largest_packet_bytes=200)
EXPECTED = [("s/1", b"one", 1), ("s/2", b"two", 2), ("s/3", PAYLOAD_CUT, 3), ("s/3", PAYLOAD_CUT, 0), ("s/4", bytes(150), 5)]


def heard(book: Playbook) -> list[tuple[str, bytes, int]]:
    """Return what the frames say."""
    return [(frame.topic, frame.payload, frame.packet_id) for frame in book.frames]


@given(st.lists(st.integers(1, 9500), max_size=30))
def test_feed_in_any_pieces_gives_the_same_frames(cuts: list[int]) -> None:
    """It makes no difference where the network cuts the stream."""
    data, book = conversation(), Playbook(TALKER)
    book.open()
    borders = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    for start, stop in itertools.pairwise(borders):
        book.says(data[start:stop])
    assert heard(book) == EXPECTED
    assert len(book.events) == 3
    assert book.session.connected


def test_feed_byte_by_byte_gives_the_same_frames() -> None:
    """Nor does the slowest of networks."""
    book = Playbook(TALKER)
    book.open()
    for byte in conversation():
        book.says(bytes([byte]))
    assert heard(book) == EXPECTED


def test_feed_every_truncation_waits_for_the_rest() -> None:
    """A packet cut anywhere is neither an error nor a frame until its end is there."""
    whole = PublishPacket("s/1", b"x" * 150, qos=QoS.AT_LEAST_ONCE, packet_id=7, user_properties=[("k", "v")]).write()
    for packet in (whole, message("s/1", bytes(1000), 7)):
        for length in range(len(packet)):
            book = connected(SMALL)
            book.says(packet[:length])
            assert book.session.connected
            assert book.frames == []
            book.says(packet[length:])
            assert [(frame.topic, frame.packet_id) for frame in book.frames] == [("s/1", 7)]


def test_feed_message_of_256_mib_passes_unread() -> None:
    """The largest message MQTT knows costs no memory, arrives cut, and can be acknowledged: it never comes again."""
    book = connected()
    book.says(b"\x32\xff\xff\xff\x7f\x00\x03s/1\x00\x05\x00")
    left = 268_435_455 - 8
    while left > 0:
        step = min(left, 1 << 22)
        book.session.feed(bytes(step), book.now_s)
        left -= step
    book.says(message("s/1", b"next", 6))
    assert [(frame.payload == PAYLOAD_CUT, frame.packet_id) for frame in book.frames] == [(True, 5), (False, 6)]
    assert book.session.acknowledge([5, 6], 1) == puback(5) + puback(6)


@pytest.mark.parametrize(
    ("data", "counter"),
    [
        (b"\x32\xff\x03\xff\xff" + bytes(70_000), "malformed"),
        (b"\x32\xff\xff\x03\x00\x02ab\x00\x00\x00", "protocol_error"),
        (b"\x34\xff\xff\x03\x00\x02ab\x00\x01\x00", "oversized"),
    ],
)
def test_feed_large_message_with_a_fault_ends_the_connection(data: bytes, counter: str) -> None:
    """A message that is not read is still checked as far as it is."""
    book = connected(SMALL)
    book.says(data)
    assert book.session.state is ConnectionState.CLOSED
    assert book.session.counters[counter] == 1


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_feed_any_bytes_never_raises(data: bytes) -> None:
    """Whatever a broker sends, before or after the CONNACK, the session survives it."""
    for book in (Playbook(), connected()):
        if book.session.state is ConnectionState.CLOSED:
            book.open()
        book.says(data)
        for frame in book.frames:
            assert isinstance(frame, Frame)
        assert book.session.connected or book.session.state in {ConnectionState.CLOSED, ConnectionState.CONNECTING}


@given(st.integers(0, 9300), st.integers(0, 255))
@settings(max_examples=300)
def test_feed_one_byte_changed_never_raises(position: int, byte: int) -> None:
    """Nor does a broker that is almost right get through to anything but frames, events and counters."""
    data = bytearray(conversation())
    data[position % len(data)] = byte
    book = Playbook(TALKER)
    book.open()
    book.says(bytes(data))
    if book.session.state is ConnectionState.CLOSED:
        assert isinstance(book.events[-1], Disconnected)
        assert book.session.feed(message("s/1", b"", 1), book.now_s) == b""


def test_disconnect_codes_are_those_of_the_standard() -> None:
    """The numbers in this file are MQTT 5's."""
    assert int(DisconnectReasonCode.MALFORMED_PACKET) == 0x81
    assert int(DisconnectReasonCode.TOPIC_ALIAS_INVALID) == 0x94
    assert int(DisconnectReasonCode.PACKET_TOO_LARGE) == 0x95


def test_mutated_streams_are_withstood() -> None:
    """Thousands of broken conversations: each ends as the protocol has it, and nothing else happens."""
    met = run(1_500, "in the tests")
    assert {"malformed", "protocol_error", "oversized", "taken_over"} <= met.keys()
    assert met["connections"] > 500


class PanicException(BaseException):
    """Stands for the codec's panic on something that nobody has thought of."""


def test_panic_of_the_codec_is_a_malformed_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end the process otherwise, since it is no Exception."""

    def panic(_: object) -> None:
        raise PanicException

    book = connected()
    with monkeypatch.context() as replaced:
        replaced.setattr("gateway.core.mqtt.inbound.mqtt5.read", panic)
        book.session.feed(puback(1), book.now_s)
    assert book.session.counters["malformed"] == 1
