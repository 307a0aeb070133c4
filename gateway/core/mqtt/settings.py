"""What an MQTT session asks of its broker, checked before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.core.mqtt.topics import check_filter, check_topic, covering, refuse_overlap

_NEVER_EXPIRES_S = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """What a session asks of the broker.

    Attributes:
        client_id: Names the session at the broker; two gateways with the same id disconnect each other.
        filters: What to receive, at QoS 1; one that another covers is left out. Where there are neither filters nor a marker, the
            session only publishes: it starts clean at every connection and leaves nothing at the broker, so that nobody can plant
            a subscription in it.
        shared_group: Receive as one of several gateways that divide the messages among them.
        marker_prefix: The marker topic is ``<prefix>/<client id>/mark``; None for a session that need not detect an empty queue.
        clean_start: Discard what the broker holds, at the first connection only.
        session_expiry_s: How long the broker keeps the session while we are away; the default is for ever.
        keep_alive_s: The longest silence, unless the broker sets another value.
        receive_max: How many unacknowledged messages the broker may send.
        unacknowledged_bound: Stop reading at this many unacknowledged or untaken frames; 0 means twice ``receive_max``.
        held_bytes_bound: Stop reading when untaken frames hold so many bytes.
        most_in_flight: How many of our own messages may await their answer.
        largest_packet_bytes: Larger messages are skipped and delivered with ``PAYLOAD_CUT`` in place of their payload.
        connect_timeout_s: How long the broker may take to accept the connection.
    """

    client_id: str
    filters: tuple[str, ...] = ()
    shared_group: str | None = None
    marker_prefix: str | None = None
    user: str | None = None
    password: bytes | None = field(default=None, repr=False)
    clean_start: bool = False
    session_expiry_s: int = _NEVER_EXPIRES_S
    keep_alive_s: int = 60
    receive_max: int = 1000
    unacknowledged_bound: int = 0
    held_bytes_bound: int = 8 << 20
    most_in_flight: int = 20
    largest_packet_bytes: int = 1 << 20
    connect_timeout_s: float = 10.0

    def __post_init__(self) -> None:
        if not self.client_id or not self.keep_alive_s:
            raise ValueError("a persistent session needs a client id and a keep-alive above 0")
        for pattern in self.filters:
            check_filter(self._share + pattern)
        if self.marker_topic is not None:
            refuse_overlap(self.filters, [check_topic(self.marker_topic)])

    @property
    def subscribes(self) -> bool:
        """Whether the broker has anything to send us."""
        return bool(self.subscriptions)

    @property
    def marker_topic(self) -> str | None:
        """The topic on which the session publishes to itself."""
        return None if self.marker_prefix is None else f"{self.marker_prefix}/{self.client_id}/mark"

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The filters as sent in SUBSCRIBE, the marker last and never shared."""
        return self.wanted + (() if self.marker_topic is None else (self.marker_topic,))

    @property
    def wanted(self) -> tuple[str, ...]:
        """The fewest filters that match what is to be received, shared if they are."""
        return tuple(self._share + pattern for pattern in covering(self.filters))

    @property
    def covered(self) -> tuple[str, ...]:
        """The filters that bring nothing more, and may be subscribed to since an earlier configuration or version."""
        kept = covering(self.filters)
        return tuple(self._share + pattern for pattern in dict.fromkeys(self.filters) if pattern not in kept)

    @property
    def _share(self) -> str:
        return "" if self.shared_group is None else f"$share/{self.shared_group}/"
