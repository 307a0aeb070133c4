"""The texts in a packet from the broker: found and checked before the codec sees them, since it panics on what is not UTF-8.

A panic of the codec prints a message of its own, which nothing in Python prevents. So a packet is walked through first: where its
properties are, and which of them hold text. What is not laid out as MQTT has it goes no further than this either.

Source: MQTT 5, sections 1.5.4 (texts), 2.2.2 (properties) and 3 (the packets that a server sends).
"""

from __future__ import annotations

from collections.abc import Iterator

CONNACK, PUBLISH, SUBACK, UNSUBACK, PINGRESP, DISCONNECT, AUTH = 0x20, 0x30, 0x90, 0xB0, 0xD0, 0xE0, 0xF0
PUBACK, PUBREC, PUBREL, PUBCOMP = 0x40, 0x50, 0x60, 0x70
_FROM_CLIENTS = frozenset({0x10, 0x80, 0xA0, 0xC0})

_TEXTS = {**dict.fromkeys((0x03, 0x08, 0x12, 0x15, 0x1A, 0x1C, 0x1F), 1), 0x26: 2}
"""Property → how many texts it holds."""
_FIXED_BYTES = {
    **dict.fromkeys((0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A), 1),
    **dict.fromkeys((0x13, 0x21, 0x22, 0x23), 2),
    **dict.fromkeys((0x02, 0x11, 0x18, 0x27), 4),
}
"""Property → the bytes of its number."""
_BINARY = frozenset({0x09, 0x16})
_VARIABLE = 0x0B


MOST_TEXTS = 256
"""Of the smallest properties a packet holds thousands, each of which costs many times its bytes to read."""


class LayoutError(ValueError):
    """The bytes are not laid out as a packet from a server is."""


def comes_from_servers(first: int) -> bool:
    """Return whether a packet's first byte is not that of a kind which only clients send."""
    return first & 0xF0 not in _FROM_CLIENTS


def are_texts_fit(data: bytes, first: int, body: int, end: int) -> bool:
    """Return whether every text of a packet is UTF-8, and there are no more of them than anybody needs.

    Args:
        data: Bytes that hold the whole packet.
        first: The packet's first byte.
        body: Where the packet continues behind its length.
        end: Where it ends.
    Raises: LayoutError: it is no packet.
    """
    try:
        for count, text in enumerate(_texts(data, first, body, end)):
            text.decode()
            if count == MOST_TEXTS:
                return False
    except UnicodeDecodeError:
        return False
    return True


def _texts(data: bytes, first: int, body: int, end: int) -> Iterator[bytes]:
    """Yield the texts of a packet in their order."""
    kind, length = first & 0xF0, end - body
    if kind == PUBLISH:
        topic, at = _counted(data, body, end)
        yield topic
        yield from _in_properties(data, at + (2 if first & 0x06 else 0), end)
    elif kind in (PUBACK, PUBREC, PUBREL, PUBCOMP):
        if length > 3:
            yield from _in_properties(data, body + 3, end)
    elif kind in (DISCONNECT, AUTH):
        if length > 1:
            yield from _in_properties(data, body + 1, end)
    elif kind in (CONNACK, SUBACK, UNSUBACK):
        yield from _in_properties(data, body + 2, end)


def _in_properties(data: bytes, at: int, end: int) -> Iterator[bytes]:
    length, at = _variable(data, at, end)
    if length > end - at:
        raise LayoutError("properties longer than the packet")
    end = at + length
    while at < end:
        name, at = data[at], at + 1
        if name in _TEXTS:
            for _ in range(_TEXTS[name]):
                text, at = _counted(data, at, end)
                yield text
        elif name in _FIXED_BYTES:
            at += _FIXED_BYTES[name]
        elif name in _BINARY:
            _, at = _counted(data, at, end)
        elif name == _VARIABLE:
            _, at = _variable(data, at, end)
        else:
            raise LayoutError("an unknown property")
    if at > end:
        raise LayoutError("a property longer than all of them")


def _counted(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    """Return what stands behind a length of two bytes, and where it ends."""
    start = at + 2
    stop = start + int.from_bytes(data[at:start], "big")
    if start > end or stop > end:
        raise LayoutError("a text longer than the packet")
    return data[start:stop], stop


def _variable(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return a number of one to four bytes, and where it ends."""
    number = 0
    for index, byte in enumerate(data[at : min(at + 4, end)]):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number, at + index + 1
    raise LayoutError("a length without an end")
