"""The publishing half of an MQTT session: what was written and not yet acknowledged by the broker, and what to repeat.

A message is held here from the moment its bytes are written to a socket until its PUBACK, over as many connections as that
takes. The broker's own limits (Receive Maximum, Maximum Packet Size) are learned at each CONNACK.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from mqtt5 import PublishPacket, QoS

_DUP = 0x08
_LAST_PACKET_ID = 65_535


class PacketTooLargeError(ValueError):
    """The message exceeds the broker's limit; no later attempt on this connection can succeed."""


@dataclass(frozen=True, slots=True)
class _Message:
    token: int
    raw: bytes


class Outbound:
    """Our own QoS 1 messages, in order of publication.

    Args:
        most_in_flight: How many may wait for their PUBACK, even if the broker allows more.
    """

    def __init__(self, most_in_flight: int) -> None:
        self._most_in_flight = most_in_flight
        self._messages: dict[int, _Message] = {}
        self._unsent: deque[int] = deque()
        self._quota = 0
        self._largest_bytes: int | None = None
        self._duplicate = False
        self._last_packet_id = 0
        self._last_token = 0

    @property
    def in_flight(self) -> int:
        """How many messages await the broker's answer, including those still to be repeated."""
        return len(self._messages)

    def next_packet_id(self) -> int:
        """Return an identifier that none of our messages has, 1…65,535 in rotation."""
        while True:
            self._last_packet_id = self._last_packet_id % _LAST_PACKET_ID + 1
            if self._last_packet_id not in self._messages:
                return self._last_packet_id

    def restart(self, receive_max: int, largest_bytes: int | None, session_present: bool) -> tuple[bytes, list[int]]:
        """Begin a connection: repeat what is unacknowledged, in order, as far as the broker's quota allows.

        Returns:
            The bytes to write, and the tokens of messages that are too large for this broker.
        """
        self._quota = min(receive_max, self._most_in_flight)
        self._largest_bytes = largest_bytes
        self._duplicate = session_present
        hopeless = [key for key, message in self._messages.items() if self._exceeds(message.raw)]
        tokens = [self._messages.pop(key).token for key in hopeless]
        self._unsent = deque(self._messages)
        return self._repeat(), tokens

    def publish(
        self, topic: str, payload: bytes, user_properties: Sequence[tuple[str, str]], retain: bool
    ) -> tuple[int, bytes] | None:
        """Encode a new message and count it as written.

        Returns:
            The token of its answer, and the bytes to write now; None while the quota is used up.

        Raises:
            PacketTooLargeError: The broker accepts no packet of this size.
        """
        if self._unsent or len(self._messages) >= self._quota:
            return None
        packet_id = self.next_packet_id()
        raw = PublishPacket(
            topic,
            payload,
            qos=QoS.AT_LEAST_ONCE,
            retain=retain,
            packet_id=packet_id,
            user_properties=list(user_properties),
        ).write()
        if self._exceeds(raw):
            raise PacketTooLargeError(f"a message of {len(raw)} bytes exceeds the broker's `{self._largest_bytes}`")
        self._last_token += 1
        self._messages[packet_id] = _Message(self._last_token, raw)
        return self._last_token, raw

    def acknowledged(self, packet_id: int) -> tuple[int | None, bytes]:
        """Record a PUBACK.

        Returns:
            The token of the message, None if there is none or it has not been sent on this connection; and the bytes of
            the repetitions that now fit in the quota.
        """
        if packet_id not in self._messages or packet_id in self._unsent:
            return None, b""
        token = self._messages.pop(packet_id).token
        return token, self._repeat()

    def forget(self, token: int) -> None:
        """Drop a message that need not be repeated on another connection."""
        self._messages = {key: message for key, message in self._messages.items() if message.token != token}

    def _repeat(self) -> bytes:
        out = []
        while self._unsent and len(self._messages) - len(self._unsent) < self._quota:
            raw = self._messages[self._unsent.popleft()].raw
            out.append(bytes([raw[0] | _DUP]) + raw[1:] if self._duplicate else raw)
        return b"".join(out)

    def _exceeds(self, raw: bytes) -> bool:
        return self._largest_bytes is not None and len(raw) > self._largest_bytes
