"""The few MQTT 5 packets that the load generator writes and reads, without a client library.

Source: OASIS MQTT Version 5.0, sections 1.5, 2.2, 3.1 to 3.4, 3.12 and 3.14.
"""

from __future__ import annotations

from dataclasses import dataclass

PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"
CONNACK = 0x20
PUBACK = 0x40
NO_MATCHING_SUBSCRIBERS = 0x10
FAILURE = 0x80

_CLEAN_START = 0x02
_HAS_PASSWORD = 0x40
_HAS_USERNAME = 0x80
_RECEIVE_MAXIMUM = 0x21
_RECEIVE_MAXIMUM_DEFAULT = 65_535
# The length in bytes of each fixed-length property of a CONNACK; the others begin with a two-byte length.
_FIXED_PROPERTIES = {0x11: 4, 0x13: 2, 0x21: 2, 0x22: 2, 0x24: 1, 0x25: 1, 0x27: 4, 0x28: 1, 0x29: 1, 0x2A: 1}
_USER_PROPERTY = 0x26


class PacketError(ValueError):
    """Bytes from the broker that are not the expected packet."""


@dataclass(frozen=True, slots=True)
class Connack:
    """The broker's answer to a CONNECT."""

    reason: int
    receive_maximum: int


def connect_packet(client_id: str, keep_alive_s: int, username: str | None = None, password: str | None = None) -> bytes:
    """Return a CONNECT with clean start."""
    flags = _CLEAN_START | (_HAS_USERNAME if username is not None else 0) | (_HAS_PASSWORD if password is not None else 0)
    body = _text("MQTT") + bytes((5, flags)) + keep_alive_s.to_bytes(2, "big") + b"\x00" + _text(client_id)
    for secret in (username, password):
        if secret is not None:
            body += _text(secret)
    return b"\x10" + variable_length(len(body)) + body


def publish_packet(topic: str, payload: bytes, packet_id: int) -> bytes:
    """Return a PUBLISH at QoS 1 without properties."""
    head = _text(topic)
    length = variable_length(len(head) + 3 + len(payload))
    return b"".join((b"\x32", length, head, packet_id.to_bytes(2, "big"), b"\x00", payload))


def puback_packet(packet_id: int) -> bytes:
    """Return the shortest PUBACK, which means success."""
    return b"\x40\x02" + packet_id.to_bytes(2, "big")


def variable_length(length: int) -> bytes:
    """Return a length as a variable byte integer."""
    encoded = bytearray()
    while True:
        length, digit = divmod(length, 128)
        encoded.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(encoded)


def next_packet(data: bytes, start: int) -> tuple[int, bytes, int] | None:
    """Return type byte, body and end of the packet that begins at ``start``, or None if it is not complete yet.

    Raises:
        PacketError: If the length is longer than four bytes.
    """
    length, shift, at = 0, 0, start + 1
    while at < len(data):
        length |= (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            end = at + length
            return (data[start], data[at:end], end) if end <= len(data) else None
        shift += 7
        if shift > 21:
            raise PacketError("packet length over four bytes")
    return None


def parse_connack(body: bytes) -> Connack:
    """Return a CONNACK's reason and receive maximum.

    Raises:
        PacketError: If it is cut short.
    """
    if len(body) < 3 or body[2] & 0x80:
        raise PacketError("connack of unexpected form")
    receive_maximum = _RECEIVE_MAXIMUM_DEFAULT
    at = 3
    while at < len(body):
        identifier, at = body[at], at + 1
        if identifier == _RECEIVE_MAXIMUM:
            receive_maximum = int.from_bytes(body[at : at + 2], "big")
        at += _FIXED_PROPERTIES[identifier] if identifier in _FIXED_PROPERTIES else _text_length(body, at)
        if identifier == _USER_PROPERTY:
            at += _text_length(body, at)
    if at > len(body):
        raise PacketError("connack cut short")
    return Connack(body[1], receive_maximum)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def _text_length(body: bytes, at: int) -> int:
    return 2 + int.from_bytes(body[at : at + 2], "big")
