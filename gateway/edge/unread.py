"""What the kernel knows of a connection whose socket is not being read: whether it has ended, and whether anything comes in.

Where reading is paused, the end of the connection and the broker's answers lie behind bytes that nobody reads, so
``gateway.edge.mqtt`` asks here instead. Linux tells; elsewhere nobody knows, which is an answer too.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import termios

_HUNG_UP = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
_BYTES_RECEIVED = struct.Struct("=Q"), 128  # `tcpi_bytes_received` in Linux's `struct tcp_info`
_ROOM_BYTES = 4096
"""With less than this unread there is room for an answer; with more, the socket may be full."""


def give_up_after(descriptor: int, seconds: float) -> None:
    """Set how long the kernel waits for the other side to confirm what was sent, before it ends the connection."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        with _opened(descriptor) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1000))


def hung_up(descriptor: int) -> bool:
    """Return whether the other side has closed or reset the connection, however much of it is unread."""
    poll = select.poll()
    poll.register(descriptor, _HUNG_UP)
    return bool(poll.poll(0))


class UnreadBytes:
    """Tells from time to time whether anything has come in since the last time."""

    def __init__(self) -> None:
        self._received: int | None = None

    def came(self, descriptor: int) -> bool | None:
        """Return whether bytes came; None where that cannot be told: another system, or so much unread that none can come."""
        before, self._received = self._received, _received_bytes(descriptor)
        if before is None or self._received is None:
            return None
        if self._received > before:
            return True
        return False if _unread_bytes(descriptor) < _ROOM_BYTES else None

    def forget(self) -> None:
        """Begin anew, after the socket has been read."""
        self._received = None


def _received_bytes(descriptor: int) -> int | None:
    """Return how many bytes the connection has ever received, read or not."""
    option, (field, offset) = getattr(socket, "TCP_INFO", None), _BYTES_RECEIVED
    if option is None:
        return None
    with _opened(descriptor) as connection:
        told = connection.getsockopt(socket.IPPROTO_TCP, option, offset + field.size)
    if len(told) < offset + field.size:
        return None
    received: int = field.unpack_from(told, offset)[0]
    return received


def _unread_bytes(descriptor: int) -> int:
    return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), "little")


def _opened(descriptor: int) -> socket.socket:
    """Return a socket of our own for the same connection; to be closed at once, since it keeps the connection open."""
    return socket.socket(fileno=os.dup(descriptor))
