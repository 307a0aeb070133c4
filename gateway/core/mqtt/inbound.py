"""The receiving half of an MQTT session: bytes from the socket to frames in the inbox, and the acknowledgements back.

This is the hottest loop of the gateway next to the pipeline's, so a PUBLISH costs one call into the codec, one record and
nothing else. Parsing the header by hand in Python was measured and is no faster (0.40 against 0.40 µs a frame).

Deliberately unchecked: wildcards and null characters in topic names, since an unknown topic is rejected anyway.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import mqtt5
from mqtt5 import DisconnectReasonCode, PublishPacket

from gateway.core.mqtt.copies import Copies
from gateway.core.mqtt.events import Frame, InboundQueue

PAYLOAD_CUT = bytes(65_537)
"""Replaces a payload that was too large to be read: itself larger than any that the pipeline admits."""

_PUBACK = 0x40020000
_PUBLISH_QOS_0_1 = frozenset({0x30, 0x31, 0x32, 0x33, 0x3A, 0x3B})
_DUP, _QOS_1, _RETAIN = 0x08, 0x02, 0x01
_TYPE, _PUBLISH = 0xF0, 0x30


class BrokerFaultError(Exception):
    """The broker violated the protocol; the connection has to end.

    Attributes:
        kind: The counter that it is counted under: ``malformed``, ``protocol_error`` or ``oversized``.
        code: The reason code of the DISCONNECT that answers it.
    """

    def __init__(self, kind: str, code: DisconnectReasonCode, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code


def protocol_error(message: str, code: DisconnectReasonCode = DisconnectReasonCode.PROTOCOL_ERROR) -> BrokerFaultError:
    """Return the fault for a well-formed packet that is not allowed here."""
    return BrokerFaultError("protocol_error", code, message)


class Inbound:
    """Turns one connection's bytes into frames, and records which of them are unacknowledged, in order of arrival.

    The gateway's own marker (``timing.DrainMarker``) is removed from the stream and acknowledged here, in its turn.
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
        # Packet identifiers, oldest first; a marker's is negative, so that one list keeps the order of both.
        self._unacknowledged: list[int] = []
        self._own = 0

    @property
    def unacknowledged(self) -> int:
        """How many QoS 1 frames the owner has yet to acknowledge."""
        return len(self._unacknowledged) - self._own

    @property
    def remembered(self) -> int:
        """How many messages await their acknowledgement, our own markers among them."""
        return len(self._unacknowledged)

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
        view, position, end = memoryview(data), 0, len(data)
        largest, generation, marker = self._largest_packet_bytes, self._generation, self._marker_topic
        unacknowledged, frames, copies = self._unacknowledged, self._inbox.frames, self._copies
        while position < end:
            try:
                packet, size = mqtt5.read(view[position:])
            except IndexError:
                self._keep(data, position)
                break
            except ValueError as error:
                raise _malformed(str(error)) from error
            except BaseException as error:
                # The codec panics, outside of Exception, on text that is not UTF-8.
                if type(error).__name__ != "PanicException":
                    raise
                raise _malformed("invalid text") from None
            if type(packet) is PublishPacket:
                first, packet_id = data[position], packet.packet_id or 0
                if not self._accepts_frames or first not in _PUBLISH_QOS_0_1 or packet.topic_alias is not None:
                    raise self._unwanted(first, alias=packet.topic_alias is not None)
                if not packet_id and first & _QOS_1:
                    raise _identifier_0()
                if size > largest:
                    self._take_cut(packet.topic, packet_id, first)
                elif packet.topic == marker:
                    self._take_marker(packet_id)
                    control(packet)
                else:
                    if packet_id:
                        unacknowledged.append(packet_id)
                    copy = copies is not None and copies.is_copy(packet.topic, packet.subscription_ids)
                    frames.append(
                        Frame(packet.topic, packet.payload, packet_id, first & _DUP != 0, first & _RETAIN != 0, generation, copy)
                    )
            else:
                control(packet)
            position += size

    def acknowledge(self, packet_ids: Sequence[int]) -> bytes:
        """Return the PUBACKs for the oldest unacknowledged frames.

        Args:
            packet_ids: Identifiers of frames in order of arrival; zeros (QoS 0) are skipped.

        Raises:
            ValueError: They are not the oldest ones, in order: the caller's record is wrong.
        """
        wanted = [packet_id for packet_id in packet_ids if packet_id]
        done = self._oldest_with_markers(len(wanted)) if self._own else self._unacknowledged[: len(wanted)]
        frames = [packet_id for packet_id in done if packet_id > 0] if self._own else done
        if frames != wanted:
            raise ValueError("frames acknowledged out of order")
        del self._unacknowledged[: len(done)]
        self._own -= len(done) - len(frames)
        return _pubacks(done) + self.acknowledge_markers()

    def acknowledge_markers(self) -> bytes:
        """Return the PUBACKs of markers before which no frame is left unacknowledged."""
        if not self._own:
            return b""
        waiting, count = self._unacknowledged, 0
        while count < len(waiting) and waiting[count] < 0:
            count += 1
        done = waiting[:count]
        del waiting[:count]
        self._own -= count
        return _pubacks(done)

    def _oldest_with_markers(self, wanted: int) -> list[int]:
        """Return the shortest prefix of the unacknowledged that holds as many frames as wanted, and the markers among them."""
        frames = 0
        for count, packet_id in enumerate(self._unacknowledged):
            if frames == wanted:
                return self._unacknowledged[:count]
            frames += packet_id > 0
        return self._unacknowledged[:]

    def _take_marker(self, packet_id: int) -> None:
        if packet_id:
            self._unacknowledged.append(-packet_id)
            self._own += 1

    def _take_cut(self, topic: str, packet_id: int, first: int) -> None:
        frame = Frame(topic, PAYLOAD_CUT, packet_id, first & _DUP != 0, first & _RETAIN != 0, self._generation)
        if packet_id:
            self._unacknowledged.append(packet_id)
        self._inbox.frames.append(frame)

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

    def _keep(self, data: bytes, position: int) -> None:
        """Keep the beginning of an incomplete packet; of one that is too large, keep only its header.

        Raises:
            BrokerFaultError: It is a message, and none is accepted; or it is too large, and no message.
        """
        if data[position] & _TYPE == _PUBLISH and not self._accepts_frames:
            raise self._unwanted(data[position])
        head = _fixed_header(data, position)
        if head is None:
            self._wait_for(data, position, len(data) + 1)
            return
        body, length = head
        if body + length - position <= self._largest_packet_bytes:
            self._wait_for(data, position, body + length)
        elif data[position] in _PUBLISH_QOS_0_1:
            self._begin_skip(data, position, body, length)
        else:
            raise BrokerFaultError("oversized", DisconnectReasonCode.PACKET_TOO_LARGE, f"a packet of {length} bytes")

    def _wait_for(self, data: bytes, position: int, end: int) -> None:
        """Resume the packet at ``position`` once the bytes before ``end`` have arrived."""
        self._partial = bytearray(data[position:])
        self._needed_bytes = end - position

    def _begin_skip(self, data: bytes, position: int, body: int, length: int) -> None:
        """Skip a PUBLISH that is too large. Closing the connection would only make the broker send it again, for ever."""
        first = data[position]
        name_end = body + 2 + int.from_bytes(data[body : body + 2], "big")
        header_end = name_end + (2 if first & _QOS_1 else 0)
        if len(data) < header_end:
            self._wait_for(data, position, max(header_end, len(data) + 1))
            return
        try:
            topic = data[body + 2 : name_end].decode()
        except UnicodeDecodeError:
            raise _malformed("invalid text") from None
        packet_id = int.from_bytes(data[name_end:header_end], "big")
        if first & _QOS_1 and not packet_id:
            raise _identifier_0()
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


def _pubacks(packet_ids: list[int]) -> bytes:
    """Encode PUBACKs of reason 0 in one go, four bytes each."""
    return struct.pack(f">{len(packet_ids)}I", *[_PUBACK | abs(packet_id) for packet_id in packet_ids])


def _fixed_header(data: bytes, position: int) -> tuple[int, int] | None:
    """Return where the body of a packet begins and its length, or None while the header itself is incomplete."""
    length = 0
    for index, byte in enumerate(data[position + 1 : position + 5]):
        length |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return position + 2 + index, length
    return None


def _identifier_0() -> BrokerFaultError:
    return protocol_error("a message with packet identifier 0")


def _malformed(message: str) -> BrokerFaultError:
    return BrokerFaultError("malformed", DisconnectReasonCode.MALFORMED_PACKET, message)
