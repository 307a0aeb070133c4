"""The load generator against a scripted broker: what counts as acknowledged, and what happens when things go wrong."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim import mqtt_packets as packets
from firmware_sim.load import Load, load_topic, meter_messages
from tests.support.waiting import HANG_S

START_MS = 1_774_047_600_000
Answer = Callable[[list[int]], bytes]
MESSAGES = [(f"t/{number}", b"payload %d" % number) for number in range(200)]


class ScriptedBroker:
    """Accepts connections, collects PUBLISHes, and answers each batch that it reads as told."""

    def __init__(self, answer: Answer, connack: bytes, close_after: int | None) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.most_unanswered = 0
        self._answer = answer
        self._connack = connack
        self._close_after = close_after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        data = b""
        try:
            while more := connection.recv(1 << 16):
                data += more
                ids = []
                while data and (packet := packets.next_packet(data, 0)):
                    whole, data = data[: packet[2]], data[packet[2] :]
                    said, _ = mqtt5.read(memoryview(whole))
                    if isinstance(said, mqtt5.ConnectPacket):
                        assert said.clean_start
                        connection.sendall(self._connack)
                    elif isinstance(said, mqtt5.PublishPacket):
                        assert said.qos == mqtt5.QoS.AT_LEAST_ONCE
                        assert said.packet_id is not None
                        self.received.append((said.topic, said.payload))
                        ids.append(said.packet_id)
                if self._close_after is not None and len(self.received) >= self._close_after:
                    self._close_after = None
                    return
                self.most_unanswered = max(self.most_unanswered, len(ids))
                connection.sendall(self._answer(ids))
        except OSError:
            return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(HANG_S)


def answer(ids: list[int], reason: mqtt5.PubAckReasonCode = mqtt5.PubAckReasonCode.SUCCESS) -> bytes:
    """Acknowledge all in order."""
    return b"".join(mqtt5.PubAckPacket(number, reason_code=reason).write() for number in ids)


@contextmanager
def scripted_broker(
    how: Answer = answer, connack: bytes = mqtt5.ConnAckPacket().write(), close_after: int | None = None
) -> Iterator[ScriptedBroker]:
    """Run a scripted broker for the length of the context."""
    broker = ScriptedBroker(how, connack, close_after)
    try:
        yield broker
    finally:
        broker.close()


def test_load_is_published_in_order_and_acknowledged() -> None:
    """Every message arrives once, in the order given."""
    with scripted_broker() as broker:
        result = Load("127.0.0.1", broker.port, MESSAGES).run(5)
    assert broker.received == MESSAGES
    assert (result.acknowledged, result.missing, result.reconnects) == (200, (), 0)
    assert (result.unheard, result.refused) == (0, 0)


def test_load_with_acknowledgements_out_of_order_is_counted_right() -> None:
    """A broker that answers backwards is odd, but its answers count."""
    with scripted_broker(lambda ids: answer(ids[::-1])) as broker:
        result = Load("127.0.0.1", broker.port, MESSAGES).run(5)
    assert (result.acknowledged, result.missing) == (200, ())


def test_load_without_subscribers_is_acknowledged_and_unheard() -> None:
    """Nobody listening is a success that says so."""
    with scripted_broker(lambda ids: answer(ids, mqtt5.PubAckReasonCode.NO_MATCHING_SUBSCRIBERS)) as broker:
        result = Load("127.0.0.1", broker.port, MESSAGES).run(5)
    assert (result.acknowledged, result.unheard, result.missing) == (200, 200, ())


def test_load_that_is_refused_is_missing() -> None:
    """A failure code is no acknowledgement: the message is listed by its position."""

    def refuse_seventh(ids: list[int]) -> bytes:
        reason = mqtt5.PubAckReasonCode
        return b"".join(answer([number], reason.QUOTA_EXCEEDED if number == 7 else reason.SUCCESS) for number in ids)

    with scripted_broker(refuse_seventh) as broker:
        result = Load("127.0.0.1", broker.port, MESSAGES).run(5)
    assert (result.acknowledged, result.refused, result.missing) == (199, 1, (6,))


def test_load_after_a_lost_connection_sends_again_what_lacks_an_answer() -> None:
    """The first connection ends without an answer to its last batch; the second brings the rest, the same bytes."""
    with scripted_broker(close_after=120) as broker:
        result = Load("127.0.0.1", broker.port, MESSAGES, in_flight=50).run(5)
    assert (result.acknowledged, result.missing, result.reconnects) == (200, (), 1)
    assert set(broker.received) == set(MESSAGES)
    assert 200 < len(broker.received) <= 250


def test_load_never_exceeds_the_broker_s_receive_maximum() -> None:
    """The window is the smaller of ours and the broker's."""
    connack = mqtt5.ConnAckPacket(receive_max=9, reason_str="ok", user_properties=[("a", "b")], topic_alias_max=3).write()
    with scripted_broker(connack=connack) as broker:
        result = Load("127.0.0.1", broker.port, MESSAGES).run(5)
    assert result.acknowledged == 200
    assert broker.most_unanswered <= 9


def test_load_at_a_rate_takes_its_time() -> None:
    """Two hundred messages at a thousand a second take a fifth of a second."""
    with scripted_broker() as broker:
        result = Load("127.0.0.1", broker.port, MESSAGES, rate=1000).run(5)
    assert result.acknowledged == 200
    assert 0.19 < result.seconds < 1


def test_load_that_stays_unanswered_ends_at_its_time_limit() -> None:
    """What was never acknowledged is listed."""
    with scripted_broker(lambda _: b"") as broker:
        load = Load("127.0.0.1", broker.port, MESSAGES[:5])
        result = load.run(0.2)
    assert (result.acknowledged, result.missing) == (0, (0, 1, 2, 3, 4))


def test_load_of_more_messages_than_packet_ids_uses_them_again() -> None:
    """Identifiers wrap around after 65,535."""
    many = [("t", b"%d" % number) for number in range(70_000)]
    with scripted_broker() as broker:
        result = Load("127.0.0.1", broker.port, many, in_flight=5000).run(20)
    assert (result.acknowledged, result.missing) == (70_000, ())
    assert broker.received == many


def test_meter_messages_are_distinct_by_device_and_time() -> None:
    """Each round has each device once, with the next second and the next number."""
    messages = meter_messages(250, 100, START_MS)
    said = [(topic, json.loads(payload)) for topic, payload in messages]
    assert len({(topic, message["t"]) for topic, message in said}) == 250
    assert {topic for topic, _ in said[:100]} == {load_topic(number) for number in range(100)}
    assert [message["seq"] for topic, message in said if topic == load_topic(7)] == [1, 2, 3]
    assert messages == meter_messages(250, 100, START_MS)


@given(st.text(min_size=1, max_size=200), st.binary(max_size=20_000), st.integers(1, 65_535))
def test_publish_packet_is_read_back_the_same(topic: str, payload: bytes, packet_id: int) -> None:
    """An independent codec reads topic, payload, identifier and quality of service."""
    if any(character in topic for character in "\0+#"):
        topic = "t"
    encoded = packets.publish_packet(topic, payload, packet_id)
    said, size = mqtt5.read(memoryview(encoded))
    assert isinstance(said, mqtt5.PublishPacket)
    assert size == len(encoded)
    assert (said.topic, said.payload, said.packet_id, said.qos) == (topic, payload, packet_id, mqtt5.QoS.AT_LEAST_ONCE)


def test_connect_packet_carries_name_and_password() -> None:
    """An independent codec reads them back."""
    said, _ = mqtt5.read(memoryview(packets.connect_packet("me", 60, "user", "secret")))
    assert isinstance(said, mqtt5.ConnectPacket)
    assert (said.client_id, said.keep_alive, said.username, said.password) == ("me", 60, "user", b"secret")


@pytest.mark.parametrize("body", [b"", b"\x00\x00", b"\x00\x00\x80", b"\x00\x00\x05\x12\x00\x09a"])
def test_connack_of_unexpected_form_is_an_error(body: bytes) -> None:
    """Bytes that are cut short are not taken for an answer."""
    with pytest.raises(packets.PacketError):
        packets.parse_connack(body)


def test_packet_length_over_four_bytes_is_an_error() -> None:
    """A length that never ends would be waited for for ever."""
    with pytest.raises(packets.PacketError):
        packets.next_packet(b"\x40\xff\xff\xff\xff\x01", 0)
