"""A session and the other end of its wire, in memory: what the broker says is written out, what the session says is read back."""

from __future__ import annotations

from typing import TypeVar

import mqtt5
from mqtt5 import ConnAckReasonCode, PubAckReasonCode, QoS, SubAckReasonCode

from gateway.core.mqtt.events import Frame, LinkEvent
from gateway.core.mqtt.session import MqttSession
from gateway.core.mqtt.settings import SessionSettings

PacketT = TypeVar("PacketT")
NONCE = b"n" * 16
MARK = "sluice/gw/mark"


def packets(data: bytes) -> list[mqtt5.Packet]:
    """Read what the session wrote."""
    view, found = memoryview(data), []
    while view:
        packet, size = mqtt5.read(view)
        found.append(packet)
        view = view[size:]
    return found


def message(
    topic: str, payload: bytes, packet_id: int = 0, *, duplicate: bool = False, qos: QoS | None = None, alias: int | None = None
) -> bytes:
    """Encode a PUBLISH from the broker, QoS 1 if it has a packet identifier."""
    level = qos if qos is not None else (QoS.AT_LEAST_ONCE if packet_id else QoS.AT_MOST_ONCE)
    return mqtt5.PublishPacket(
        topic, payload, qos=level, packet_id=packet_id or None, duplicate=duplicate, topic_alias=alias
    ).write()


def puback(packet_id: int, reason: PubAckReasonCode = PubAckReasonCode.SUCCESS) -> bytes:
    """Encode the broker's answer to one of our messages."""
    return mqtt5.PubAckPacket(packet_id, reason_code=reason).write()


class Playbook:
    """Drives one session and keeps everything that came out of it."""

    def __init__(self, settings: SessionSettings | None = None) -> None:
        self.session = MqttSession(settings or SessionSettings(client_id="gw", filters=("s/#",), marker_prefix="sluice"))
        self.now_s = 1000.0
        self.written: list[mqtt5.Packet] = []
        self.events: list[LinkEvent] = []
        self.frames: list[Frame] = []

    def note(self, data: bytes) -> None:
        """Read what was written, and take all that can be taken."""
        self.written += packets(data)
        self.take()

    def take(self, limit: int = 1000) -> None:
        """Take events and frames in their order."""
        inbox = self.session.inbox
        while inbox:
            while (event := inbox.take_event()) is not None:
                self.events.append(event)
            self.frames += inbox.take_frames(limit)

    def open(self, nonce: bytes = NONCE) -> None:
        """Begin a connection."""
        self.note(self.session.open(self.now_s, nonce))

    def says(self, *data: bytes) -> None:
        """Let the broker say something."""
        self.note(self.session.feed(b"".join(data), self.now_s))

    def passes(self, seconds: float) -> None:
        """Let time pass in one step."""
        self.now_s += seconds
        self.note(self.session.tick(self.now_s))

    def accepted(
        self,
        *,
        session_present: bool = False,
        receive_max: int = 65_535,
        max_packet_size: int | None = None,
        server_keep_alive: int | None = None,
        reason: ConnAckReasonCode = ConnAckReasonCode.SUCCESS,
        max_qos: QoS = QoS.EXACTLY_ONCE,
    ) -> None:
        """Let the broker answer the connection request."""
        self.says(
            mqtt5.ConnAckPacket(
                session_present=session_present,
                reason_code=reason,
                receive_max=receive_max,
                max_packet_size=max_packet_size,
                server_keep_alive=server_keep_alive,
                max_qos=max_qos,
            ).write()
        )

    def subscribed(self, *codes: SubAckReasonCode) -> None:
        """Let the broker answer the subscription, granting everything by default."""
        asked = self.last(mqtt5.SubscribePacket)
        granted = list(codes) or [SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE] * len(asked.topic_filters)
        self.says(mqtt5.SubAckPacket(asked.packet_id, granted).write())

    def connect(self, *, session_present: bool = False) -> None:
        """Open, be accepted and subscribed."""
        self.open()
        self.accepted(session_present=session_present)
        self.subscribed()

    def connect_up(self) -> None:
        """Open and be accepted, for a session that only publishes."""
        self.open()
        self.accepted()

    def all(self, kind: type[PacketT]) -> list[PacketT]:
        """Return the packets of a kind that the session has written."""
        return [packet for packet in self.written if isinstance(packet, kind)]

    def last(self, kind: type[PacketT]) -> PacketT:
        """Return the latest of them."""
        return self.all(kind)[-1]


def connected(settings: SessionSettings | None = None) -> Playbook:
    """Return a playbook whose connection is up, with the beginnings forgotten."""
    book = Playbook(settings)
    book.connect()
    book.events.clear()
    return book
