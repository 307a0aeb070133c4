"""One connection of the load generator: its encoded messages, and how many are written and acknowledged.

PUBACKs usually come in the order of the PUBLISHes, so thousands at a time are compared with the expected bytes, and parsed
one by one only where that fails.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from array import array
from collections.abc import Sequence
from itertools import accumulate

from firmware_sim import mqtt_packets as packets

KEEP_ALIVE_S = 60
_PING_S = 20.0
_CONNECT_S = 5.0
_BACK_OFF_S = 0.2
_PIECE_BYTES = 1 << 18
_MAX_PACKET_ID = 65_535


class Stream:
    """A connection to the broker that is opened again whenever its socket is lost."""

    def __init__(self, messages: Sequence[tuple[str, bytes]], in_flight: int, connect: bytes) -> None:
        ids = [at % _MAX_PACKET_ID + 1 for at in range(len(messages))]
        encoded = [packets.publish_packet(topic, payload, at) for (topic, payload), at in zip(messages, ids, strict=True)]
        self._bytes = memoryview(b"".join(encoded))
        self._ends = array("Q", accumulate(map(len, encoded), initial=0))
        self._expected = b"".join(map(packets.puback_packet, ids))
        self._connect = connect
        self._in_flight = self._window = in_flight
        self._count = len(messages)
        self._written = 0  # bytes
        self._sent = 0  # messages that are written in full
        self._settled = 0  # messages answered without a gap from the first on
        self._early: set[int] = set()  # positions answered before their turn
        self._tail = b""
        self._last_write = 0.0
        self.socket: socket.socket | None = None
        self.retry_at = 0.0
        self.unheard = 0
        self.refused: set[int] = set()
        self.reconnects = 0

    @property
    def done(self) -> bool:
        """Whether every message has been answered."""
        return self._settled == self._count

    @property
    def acknowledged(self) -> int:
        """How many messages the broker has acknowledged."""
        return self._settled + len(self._early) - len(self.refused)

    def missing(self) -> list[int]:
        """Return the positions of messages without acknowledgement."""
        return sorted(self.refused.union(at for at in range(self._settled, self._count) if at not in self._early))

    def connect(self, address: tuple[str, int], selector: selectors.BaseSelector) -> None:
        """Open a connection and start with the first unanswered message."""
        try:
            connection = socket.create_connection(address, timeout=_CONNECT_S)
        except OSError:
            self._lose(None)
            return
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(self._connect)
            connack = _await_connack(connection)
        except (OSError, packets.PacketError):
            self._lose(connection)
            return
        connection.setblocking(False)
        self._window = min(self._in_flight, connack.receive_maximum)
        self._sent = self._settled
        self._written = self._ends[self._sent]
        self._tail = b""
        self._last_write = time.monotonic()
        self.socket = connection
        selector.register(connection, selectors.EVENT_READ, self)

    def send(self, allowed: int, now: float, selector: selectors.BaseSelector) -> None:
        """Write as much as window, rate and socket allow."""
        assert self.socket is not None
        limit = min(self._count, allowed)
        target = min(limit, self._settled + self._window)
        if target < limit and target - self._sent < self._window // 4:
            target = self._sent  # writing few at a time costs more than writing many
        end = self._ends[target]
        try:
            while self._written < end:
                self._written += self.socket.send(self._bytes[self._written : min(end, self._written + _PIECE_BYTES)])
                self._last_write = now
            self._sent = max(self._sent, target)
            if now - self._last_write > _PING_S and self._written == self._ends[self._sent]:
                self.socket.send(packets.PINGREQ)
                self._last_write = now
        except BlockingIOError:
            return
        except OSError:
            self._disconnect(selector)

    def receive(self, selector: selectors.BaseSelector) -> None:
        """Read PUBACKs."""
        assert self.socket is not None
        try:
            data = self.socket.recv(1 << 16)
            if not data:
                raise ConnectionResetError
            self._take_in(self._tail + data)
        except BlockingIOError:
            return
        except (OSError, packets.PacketError):
            self._disconnect(selector)

    def _take_in(self, data: bytes) -> None:
        whole = len(data) & ~3
        at = 4 * self._settled
        if not self._early and data[:whole] == self._expected[at : at + whole]:
            self._settled += whole // 4
            self._tail = data[whole:]
            return
        start = 0
        while (packet := packets.next_packet(data, start)) is not None:
            kind, body, start = packet
            if kind == packets.PUBACK:
                self._answer(body)
            elif kind & 0xF0 == 0xE0:
                raise packets.PacketError("the broker ends the connection")
        self._tail = data[start:]

    def _answer(self, body: bytes) -> None:
        """Count one PUBACK, whichever message it answers."""
        distance = (int.from_bytes(body[:2], "big") - 1 - self._settled) % _MAX_PACKET_ID
        position = self._settled + distance
        if position >= self._count or position in self._early:
            return
        reason = body[2] if len(body) > 2 else 0
        self.unheard += reason == packets.NO_MATCHING_SUBSCRIBERS
        if reason >= packets.FAILURE:
            self.refused.add(position)
        self._early.add(position)
        while self._settled in self._early:
            self._early.remove(self._settled)
            self._settled += 1

    def _disconnect(self, selector: selectors.BaseSelector) -> None:
        assert self.socket is not None
        selector.unregister(self.socket)
        self._lose(self.socket)

    def _lose(self, connection: socket.socket | None) -> None:
        if connection is not None:
            connection.close()
        self.socket = None
        self.retry_at = time.monotonic() + _BACK_OFF_S
        self.reconnects += 1

    def close(self, selector: selectors.BaseSelector) -> None:
        """Send a DISCONNECT and close the connection."""
        if self.socket is None:
            return
        selector.unregister(self.socket)
        with contextlib.suppress(OSError):
            self.socket.send(packets.DISCONNECT)
        self.socket.close()
        self.socket = None


def _await_connack(connection: socket.socket) -> packets.Connack:
    data = b""
    while (packet := packets.next_packet(data, 0) if data else None) is None:
        more = connection.recv(1024)
        if not more:
            raise ConnectionResetError
        data += more
    kind, body, _ = packet
    if kind != packets.CONNACK:
        raise packets.PacketError("no connack")
    connack = packets.parse_connack(body)
    if connack.reason:
        raise packets.PacketError("connection refused")
    return connack
