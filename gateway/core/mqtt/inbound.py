"""The receiving half of an MQTT session: bytes from the socket to frames in the inbox, and the acknowledgements back.

This is the hottest loop of the gateway next to the pipeline's. A PUBLISH without properties, which is what sensors send, is read
right in it, at no more than a call into the codec would cost. Every other packet is walked through first (``texts``).

A message with a text that is not UTF-8, or with hundreds of texts, becomes a frame of no topic, to be counted and acknowledged.
Ending the connection, as the standard has it, would only make the broker send it again, for ever; and a broker that lets such a
text through checks none, so whoever may publish could keep the gateway away for good. Any other such packet ends the connection.

Deliberately unchecked: wildcards and null characters in topic names, since an unknown topic is rejected anyway.
"""

from __future__ import annotations

from collections.abc import Callable

import mqtt5
from mqtt5 import DisconnectReasonCode, PublishPacket

from gateway.core.mqtt.copies import Copies
from gateway.core.mqtt.events import NO_TOPIC, Frame, InboundQueue
from gateway.core.mqtt.faults import BrokerFaultError, identifier_0, malformed, oversized, protocol_error
from gateway.core.mqtt.texts import LayoutError, are_texts_fit, comes_from_servers
from gateway.core.mqtt.unacknowledged import Unacknowledged

PAYLOAD_CUT = bytes(65_537)
"""Replaces a payload that was too large to be read: itself larger than any that the pipeline admits."""

LARGEST_CONTROL_BYTES = 1 << 16
"""No packet but a message is larger."""

_PUBLISH_QOS_0_1 = frozenset({0x30, 0x31, 0x32, 0x33, 0x3A, 0x3B})
_DUP, _QOS_1, _RETAIN = 0x08, 0x02, 0x01
_TYPE, _PUBLISH = 0xF0, 0x30
_SHORTEST_BYTES = 6  # of a message with a topic
_LONGEST_HEAD_BYTES = 5


class Inbound:
    """Turns one connection's bytes into frames, and records which of them are unacknowledged, in order of arrival.

    The gateway's own marker (``timing.DrainMarker``) is removed from the stream.

    Attributes:
        unacknowledged: The messages that await their acknowledgement.
    """

    def __init__(
        self,
        inbox: InboundQueue,
        generation: int,
        *,
        subscribes: bool,
        marker_topic: str | None,
        largest_packet_bytes: int,
        copies: Copies | None = None,
    ) -> None:
        self._accepts_frames = False
        self._subscribes = subscribes
        self._inbox = inbox
        self._generation = generation
        self._marker_topic = marker_topic
        self._largest_packet_bytes = largest_packet_bytes
        self._copies = copies  # None where no two filters overlap
        self._partial = bytearray()
        self._needed_bytes = 0
        self._skip: tuple[int, Frame] | None = None
        self.unacknowledged = Unacknowledged()

    def accept_frames(self, accept: bool) -> None:
        """Accept messages from now on, or no longer. A session without subscriptions accepts none at any time."""
        self._accepts_frames = accept and self._subscribes

    def feed(self, data: bytes, control: Callable[[mqtt5.Packet], None]) -> None:
        """Read all complete packets; frames go to the inbox, markers and all other packets to ``control``.

        Raises:
            BrokerFaultError: The bytes are not MQTT, or not what the state of the connection allows.
        """
        if self._skip is not None:
            data = self._skip_over(data)
        if self._partial:
            self._partial += data
            if len(self._partial) < self._needed_bytes:
                return
            data, self._partial = bytes(self._partial), bytearray()
        position, end = 0, len(data)
        largest, generation, marker = self._largest_packet_bytes, self._generation, self._marker_topic
        unacknowledged, frames = self.unacknowledged.packet_ids, self._inbox.frames
        while position < end:
            first = data[position]
            if first in _PUBLISH_QOS_0_1 and self._accepts_frames and end - position >= _SHORTEST_BYTES:
                length, body = data[position + 1], position + 2
                if length > 0x7F:
                    length, body = length & 0x7F | data[body] << 7, body + 1
                stop, name_end = body + length, body + 2 + (data[body] << 8 | data[body + 1])
                properties = name_end + (first & _QOS_1)
                # complete, with a length of at most two bytes (one of more comes out longer), no properties, and not too large
                if stop <= end and length < 0x4000 and properties < stop and not data[properties] and stop - position <= largest:
                    packet_id = data[name_end] << 8 | data[name_end + 1] if first & _QOS_1 else 0
                    try:
                        topic = data[body + 2 : name_end].decode()
                    except UnicodeDecodeError:
                        topic = ""
                    if topic and topic != marker and (packet_id or not first & _QOS_1):
                        if packet_id:
                            unacknowledged.append(packet_id)
                        payload = data[properties + 1 : stop]
                        frames.append(Frame(topic, payload, packet_id, first & _DUP != 0, first & _RETAIN != 0, generation))
                        position = stop
                        continue
            size = self._read(data, position, control)
            if not size:
                break
            position += size

    def _read(self, data: bytes, position: int, control: Callable[[mqtt5.Packet], None]) -> int:
        """Read any packet; return its length, or 0 where it is incomplete and has been kept.

        Raises: BrokerFaultError: It is no MQTT, or not allowed here.
        """
        first, head = data[position], _fixed_header(data, position)
        is_message = first & _TYPE == _PUBLISH
        if head is None or head[0] + head[1] > len(data) or (is_message and not self._accepts_frames):
            self._keep(data, position, head)
            return 0
        body, length = head
        stop, size = body + length, body + length - position
        if not is_message and size > LARGEST_CONTROL_BYTES:
            raise oversized(length)
        if not comes_from_servers(first):
            raise protocol_error("a packet that only clients send")
        try:
            if not are_texts_fit(data, first, body, stop):
                if not is_message:
                    raise malformed("invalid text, or too much of it")
                self._take_without_topic(data, first, body, stop)
                return size
            packet, _ = mqtt5.read(memoryview(data)[position:stop])
        except (LayoutError, ValueError, IndexError) as error:
            raise malformed(str(error)) from error
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # the codec's own, outside of Exception
                raise
            raise malformed("what the codec cannot read") from None
        if type(packet) is PublishPacket:
            self._take_message(packet, first, size, control)
        else:
            control(packet)
        return size

    def _take_message(self, packet: PublishPacket, first: int, size: int, control: Callable[[mqtt5.Packet], None]) -> None:
        packet_id = packet.packet_id or 0
        if first not in _PUBLISH_QOS_0_1 or packet.topic_alias is not None:
            raise self._unwanted(first, alias=packet.topic_alias is not None)
        if not packet_id and first & _QOS_1:
            raise identifier_0()
        if size > self._largest_packet_bytes:
            self._take_cut(packet.topic, packet_id, first)
        elif packet.topic == self._marker_topic:
            if packet_id:
                self.unacknowledged.add_marker(packet_id)
            control(packet)
        else:
            copy = self._copies is not None and self._copies.is_copy(packet.topic, packet.subscription_ids)
            self._take_frame(packet.topic, packet.payload, packet_id, first, copy=copy)

    def _take_without_topic(self, data: bytes, first: int, body: int, stop: int) -> None:
        """Take a message with a text that is not UTF-8: no topic, and all that stands in it as its payload."""
        if first not in _PUBLISH_QOS_0_1:
            raise self._unwanted(first)
        name_end = body + 2 + int.from_bytes(data[body : body + 2], "big")
        packet_id = int.from_bytes(data[name_end : name_end + 2], "big") if first & _QOS_1 else 0
        if first & _QOS_1 and not packet_id:
            raise identifier_0()
        if stop - body > self._largest_packet_bytes:
            self._take_cut(NO_TOPIC, packet_id, first)
        else:
            self._take_frame(NO_TOPIC, data[body:stop], packet_id, first)

    def _take_frame(self, topic: str, payload: bytes, packet_id: int, first: int, *, copy: bool = False) -> None:
        if packet_id:
            self.unacknowledged.packet_ids.append(packet_id)
        retain = first & _RETAIN != 0
        self._inbox.frames.append(Frame(topic, payload, packet_id, first & _DUP != 0, retain, self._generation, copy))

    def _take_cut(self, topic: str, packet_id: int, first: int) -> None:
        self._take_frame(topic, PAYLOAD_CUT, packet_id, first)

    def _unwanted(self, first: int, *, alias: bool = False) -> BrokerFaultError:
        """Return the fault of a PUBLISH that is not accepted."""
        if not self._subscribes:
            return protocol_error("a message, though we subscribe to nothing")
        if not self._accepts_frames:
            return protocol_error("a message before the connection was accepted")
        if alias:
            return protocol_error("a topic alias, though we allow none", DisconnectReasonCode.TOPIC_ALIAS_INVALID)
        if first & 0x04:
            return protocol_error("a message of QoS 2, though we asked for 1", DisconnectReasonCode.QOS_NOT_SUPPORTED)
        return protocol_error("a duplicate of QoS 0")

    def _keep(self, data: bytes, position: int, head: tuple[int, int] | None) -> None:
        """Keep the beginning of an incomplete packet; of one that is too large, keep only its header.

        Raises:
            BrokerFaultError: It is a message, and none is accepted; or it is too large, and no message.
        """
        first = data[position]
        is_message = first & _TYPE == _PUBLISH
        if is_message and not self._accepts_frames:
            raise self._unwanted(first)
        if head is None:
            if len(data) - position >= _LONGEST_HEAD_BYTES:
                raise malformed("a length without an end")
            self._wait_for(data, position, len(data) + 1)
            return
        body, length = head
        if body + length - position <= (self._largest_packet_bytes if is_message else LARGEST_CONTROL_BYTES):
            self._wait_for(data, position, body + length)
        elif first in _PUBLISH_QOS_0_1:
            self._begin_skip(data, position, body, length)
        else:
            raise oversized(length)

    def _wait_for(self, data: bytes, position: int, end: int) -> None:
        """Resume the packet at ``position`` once the bytes before ``end`` have arrived."""
        self._partial = bytearray(data[position:])
        self._needed_bytes = end - position

    def _begin_skip(self, data: bytes, position: int, body: int, length: int) -> None:
        """Skip a PUBLISH that is too large. Closing the connection would only make the broker send it again, for ever."""
        first = data[position]
        name_end = body + 2 + int.from_bytes(data[body : body + 2], "big")
        header_end = name_end + (2 if first & _QOS_1 else 0)
        if header_end > body + length:
            raise malformed("a topic longer than the packet")
        if len(data) < header_end:
            self._wait_for(data, position, max(header_end, len(data) + 1))
            return
        try:
            topic = data[body + 2 : name_end].decode()
        except UnicodeDecodeError:
            topic = NO_TOPIC
        packet_id = int.from_bytes(data[name_end:header_end], "big")
        if first & _QOS_1 and not packet_id:
            raise identifier_0()
        frame = Frame(topic, PAYLOAD_CUT, packet_id, first & _DUP != 0, first & _RETAIN != 0, self._generation)
        self._skip = (body + length - len(data), frame)

    def _skip_over(self, data: bytes) -> bytes:
        """Return what follows the packet being skipped; deliver its cut frame once it has passed."""
        assert self._skip is not None
        left, frame = self._skip
        if len(data) < left:
            self._skip = (left - len(data), frame)
            return b""
        self._skip = None
        self._take_cut(frame.topic, frame.packet_id, frame.duplicate * _DUP | frame.retain * _RETAIN)
        return data[left:]


def _fixed_header(data: bytes, position: int) -> tuple[int, int] | None:
    """Return where the body of a packet begins and its length, or None while the header itself is incomplete."""
    length = 0
    for index, byte in enumerate(data[position + 1 : position + 5]):
        length |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return position + 2 + index, length
    return None
