"""An MQTT 5 client session without sockets or clocks: bytes and times go in, bytes and events come out.

It outlives its connections: ``open`` begins one, ``feed``, ``tick``, ``acknowledge`` and ``try_publish`` drive it, ``close`` or
``lost`` ends it, and the next ``open`` continues the session. Frames and events wait in the ``inbox``.

    CLOSED ──open──► CONNECTING ──CONNACK──► CONNECTED ──DISCONNECT, fault, silence, close, lost──► CLOSED

After every CONNACK it subscribes (again), and after the SUBACK it publishes a marker to itself, whose return shows that the
inbound queue was drained. The session never requests QoS 2 or topic aliases, so a broker that sends either is at fault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

import mqtt5
from mqtt5 import DisconnectReasonCode, QoS, SubAckReasonCode

from gateway.core.mqtt.copies import Copies
from gateway.core.mqtt.events import TAKEN_OVER, Connected, Disconnected, Drained, InboundQueue, Published, Subscribed
from gateway.core.mqtt.faults import BrokerFaultError, protocol_error
from gateway.core.mqtt.inbound import Inbound
from gateway.core.mqtt.outbound import Outbound
from gateway.core.mqtt.settings import SessionSettings
from gateway.core.mqtt.subscribing import Subscribing
from gateway.core.mqtt.timing import DrainMarker, KeepAlive, KeepAliveAction
from gateway.core.mqtt.topics import check_topic, without_share

_UNASKED_KEEP_ALIVE_S = 60
# The codec's enumerations are integers only in its type stubs: they do not hash, order or test as false. Hence int().
_NOT_AUTHORIZED = int(DisconnectReasonCode.NOT_AUTHORIZED)
_RETURNING_SOON_HARMS = frozenset({TAKEN_OVER, int(DisconnectReasonCode.ADMINISTRATIVE_ACTION)})


class ConnectionState(Enum):
    """The state of the present connection."""

    CLOSED = auto()
    CONNECTING = auto()
    CONNECTED = auto()


@dataclass(slots=True)
class _Connection:
    """What belongs to one connection and ends with it."""

    opened_s: float
    inbound: Inbound
    keep_alive: KeepAlive
    marker: DrainMarker
    subscribing: Subscribing
    paused: bool = False


class MqttSession:
    """One client session over any number of connections."""

    def __init__(self, settings: SessionSettings) -> None:
        self.settings = settings
        self.state = ConnectionState.CLOSED
        self.generation = 0
        self.inbox = InboundQueue()
        self.counters: Counter[str] = Counter()
        self.return_late = False  # the last connection ended in a way that forbids reconnecting soon
        self._bound = settings.unacknowledged_bound or 2 * settings.receive_max
        self._clean_start = settings.clean_start
        self._marker_forbidden = False
        self._outbound = Outbound(settings.most_in_flight)
        self._now_s = 0.0
        self._out: list[bytes] = []
        self.stale_filters: tuple[str, ...] = ()  # of an earlier configuration; the broker's session may hold them
        copies = Copies(settings.wanted)
        self._copies = copies if copies.identifiers else None
        self._here = self._begin(0.0, b"")

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the present connection."""
        return self.state is ConnectionState.CONNECTED

    @property
    def paused(self) -> bool:
        """Whether reading should stop until frames are taken and acknowledged; it resumes at half of each bound.

        While there is no connection, whether a new one should wait: every connection brings again what is unacknowledged.
        """
        here, inbox = self._here, self.inbox
        remembered = 0 if self.state is ConnectionState.CLOSED else len(here.inbound.unacknowledged)
        used = max(max(remembered, len(inbox.frames)) / self._bound, inbox.held_bytes / self.settings.held_bytes_bound)
        here.paused = used > 1 / 2 if here.paused else used >= 1
        return here.paused

    @property
    def _starts_clean(self) -> bool:
        return self._clean_start or not self.settings.subscribes

    @property
    def unacknowledged(self) -> int:
        """How many frames of this connection the owner has yet to acknowledge."""
        return self._here.inbound.unacknowledged.frames

    @property
    def heard_s(self) -> float:
        """When bytes came from the broker last; when the connection was opened, where none have come."""
        return self._here.keep_alive.heard_s

    @property
    def in_flight(self) -> int:
        """How many of our own messages await the broker's answer."""
        return self._outbound.in_flight

    def open(self, now_s: float, nonce: bytes) -> bytes:
        """Begin a connection and return the CONNECT.

        Args:
            now_s: The time.
            nonce: At least 16 random bytes, the marker's payload, so that an older marker is not taken for this one's.
        """
        settings = self.settings
        self.generation += 1
        self.state = ConnectionState.CONNECTING
        self.return_late = False
        self._now_s = now_s
        self._out.clear()
        self._here = self._begin(now_s, nonce)
        return mqtt5.ConnectPacket(
            settings.client_id,
            username=settings.user,
            password=settings.password,
            clean_start=self._starts_clean,
            keep_alive=settings.keep_alive_s,
            session_expiry_interval=settings.session_expiry_s if settings.subscribes else 0,
            receive_max=settings.receive_max,
        ).write()

    def _begin(self, now_s: float, nonce: bytes) -> _Connection:
        settings = self.settings
        inbound = Inbound(
            self.inbox,
            self.generation,
            subscribes=settings.subscribes,
            marker_topic=settings.marker_topic,
            largest_packet_bytes=settings.largest_packet_bytes,
            copies=self._copies,
        )
        keep_alive = KeepAlive(now_s, settings.keep_alive_s)
        return _Connection(now_s, inbound, keep_alive, DrainMarker(nonce), Subscribing(self._outbound.next_packet_id))

    def feed(self, data: bytes, now_s: float) -> bytes:
        """Read bytes from the socket; return what to write. If the state is CLOSED afterwards, write it and close the socket."""
        if self.state is ConnectionState.CLOSED:
            return b""
        here, arrived = self._here, self.inbox.arrived
        self._now_s = now_s
        here.keep_alive.heard(now_s)
        try:
            here.inbound.feed(data, self._control)
        except BrokerFaultError as fault:
            self._fail(fault)
        self.inbox.count_read(len(data))
        if self.inbox.arrived > arrived:
            here.marker.heard(now_s)
        if self.state is ConnectionState.CONNECTED:
            self._out.append(here.inbound.unacknowledged.acknowledge_markers())
        return self._take_out() if self._out else b""

    def tick(self, now_s: float, came: bool | None = None) -> bytes:
        """Check the timers, about every half second; return what to write. May end the connection, like ``feed``.

        Args:
            now_s: The time.
            came: Whether something has come in that was not read; None where nobody can tell.
        """
        self._now_s = now_s
        if came:
            self._here.keep_alive.heard(now_s)
        if self.state is ConnectionState.CONNECTING and now_s - self._here.opened_s >= self.settings.connect_timeout_s:
            self.counters["connect_timeouts"] += 1
            self._end("the broker did not answer the connection request")
        if self.state is not ConnectionState.CONNECTED:
            return b""
        if self._here.marker.found_drained(now_s, self.unacknowledged):
            self.inbox.note(Drained(self.generation))
        if self._here.marker.due:
            self._send_marker()
        self._beat(now_s, deaf=came is None and self.paused)
        return self._take_out()

    def mark(self, nonce: bytes) -> bytes:
        """Send a new marker in place of the last one; return what to write, which is nothing while there is nothing to mark.

        Args:
            nonce: As for ``open``.
        """
        here = self._here
        if not self.connected or self.settings.marker_topic is None or here.subscribing.awaits_answer:
            return b""  # not yet subscribed: the first marker is still to come
        refused = here.marker.refused
        here.marker = DrainMarker(nonce)
        if refused:
            here.marker.refuse(self._now_s)
        else:
            self._send_marker()
        return self._take_out()

    def acknowledge(self, packet_ids: Sequence[int], generation: int) -> bytes:
        """Return the PUBACKs for the oldest unacknowledged frames, which must be these, in order of arrival.

        Those of an earlier connection are dropped: the broker sends their frames again.

        Raises:
            ValueError: They are not the oldest ones, in order.
        """
        if generation != self.generation or self.state is not ConnectionState.CONNECTED:
            return b""
        return self._here.inbound.unacknowledged.acknowledge(packet_ids)

    def try_publish(
        self, topic: str, payload: bytes, *, user_properties: Sequence[tuple[str, str]] = (), retain: bool = False
    ) -> tuple[int, bytes] | None:
        """Publish at QoS 1 if that can be done now.

        Returns:
            A token and the bytes, which the caller must write at once; or None, and nothing has happened: not connected,
            or as many messages in flight as allowed. ``Published`` with the token follows, maybe on a later connection.

        Raises:
            PacketTooLargeError: The broker takes no packet of this size.
            ValueError: The topic is no topic name.
        """
        if self.state is not ConnectionState.CONNECTED:
            return None
        return self._outbound.publish(check_topic(topic), payload, user_properties, retain)

    def close(self) -> bytes:
        """Disconnect cleanly; the broker keeps the session. Return the DISCONNECT to write, if any."""
        if self.state is ConnectionState.CLOSED:
            return b""
        self._end("closed by us", 0)
        return mqtt5.DisconnectPacket().write()

    def lost(self, reason: str) -> None:
        """Record that the socket is closed, or could not be opened. Does nothing once the connection has ended in another way."""
        if self.state is not ConnectionState.CLOSED:
            self.counters["lost"] += 1
            self._end(reason)

    def unreachable(self, reason: str) -> None:
        """Record that an attempt failed before there was a socket."""
        self.counters["unreachable"] += 1
        self.inbox.note(Disconnected(self.generation, reason))

    def _take_out(self) -> bytes:
        out = b"".join(self._out)
        self._out.clear()
        return out

    def _beat(self, now_s: float, *, deaf: bool) -> None:
        match self._here.keep_alive.beat(now_s, deaf=deaf):
            case KeepAliveAction.PING:
                self._out.append(mqtt5.PingReqPacket().write())
            case KeepAliveAction.DEAD:
                self.counters["ping_timeouts"] += 1
                self._out.append(mqtt5.DisconnectPacket(reason_code=DisconnectReasonCode.KEEP_ALIVE_TIMEOUT).write())
                self._end("the broker stopped answering")
            case KeepAliveAction.WAIT:
                pass

    def _control(self, packet: mqtt5.Packet) -> None:
        """Act on any packet but a frame. The pairs of state and packet that are missing here are protocol errors."""
        match self.state, packet:
            case ConnectionState.CONNECTING, mqtt5.ConnAckPacket():
                self._connection_answered(packet)
            case ConnectionState.CONNECTED, mqtt5.SubAckPacket():
                self._subscription_answered(packet)
            case ConnectionState.CONNECTED, mqtt5.UnsubAckPacket() if packet.packet_id == self._here.subscribing.unsubscribing:
                self._here.subscribing.unsubscribing = 0
            case ConnectionState.CONNECTED, mqtt5.PubAckPacket():
                self._publication_answered(packet)
            case ConnectionState.CONNECTED, mqtt5.PublishPacket():
                if self._here.marker.returned(packet.payload, self._now_s):
                    self.inbox.note(Drained(self.generation))
                elif self._here.marker.due:
                    self._send_marker()
            case ConnectionState.CONNECTED, mqtt5.PingRespPacket():
                pass
            case ConnectionState.CONNECTED, mqtt5.DisconnectPacket():
                self._sent_away(packet)
            case ConnectionState.CLOSED, _:
                pass
            case _:
                raise protocol_error(f"a packet that has no place here: {type(packet).__name__.removesuffix('Packet').lower()}")

    def _connection_answered(self, packet: mqtt5.ConnAckPacket) -> None:
        if int(packet.reason_code):
            self.counters["refused"] += 1
            self._end(f"the broker refused the connection: {words(packet.reason_code)}", int(packet.reason_code))
            return
        if packet.session_present and self._starts_clean:
            raise protocol_error("a session present, though we asked for a new one")
        if packet.max_qos == QoS.AT_MOST_ONCE:
            raise protocol_error("no QoS 1 at this broker", DisconnectReasonCode.QOS_NOT_SUPPORTED)
        self.state = ConnectionState.CONNECTED
        kept_before = self.counters["connections"] and self.settings.subscribes
        self.counters["sessions_lost"] += bool(kept_before and not packet.session_present)
        self.counters["connections"] += 1
        self._clean_start = False
        self._here.inbound.accept_frames(True)
        self._here.keep_alive = KeepAlive(self._now_s, self._agreed_keep_alive_s(packet))
        expiry_s = packet.session_expiry_interval
        expiry_s = self.settings.session_expiry_s if expiry_s is None else expiry_s
        self.inbox.note(Connected(self.generation, packet.session_present, expiry_s))
        self._subscribe(with_identifiers=packet.subscription_id_available)
        if packet.session_present:
            self._unsubscribe()
        repeated, hopeless = self._outbound.restart(packet.receive_max, packet.max_packet_size, packet.session_present)
        self._out.append(repeated)
        for token in hopeless:
            self.inbox.note(Published(token, int(DisconnectReasonCode.PACKET_TOO_LARGE)))

    def _agreed_keep_alive_s(self, packet: mqtt5.ConnAckPacket) -> float:
        """Return the interval: a broker may shorten it; one that wants none still gets pings, to find out whether it is alive."""
        asked = packet.server_keep_alive
        return self.settings.keep_alive_s if asked is None else asked or _UNASKED_KEEP_ALIVE_S

    def _subscribe(self, *, with_identifiers: bool) -> None:
        """Subscribe to everything."""
        identifiers = self._copies.identifiers if self._copies is not None and with_identifiers else {}
        self._out.append(self._here.subscribing.subscribe(self.settings.subscriptions, identifiers))

    def _unsubscribe(self) -> None:
        """End subscriptions that the session may hold and that are not wanted: they would bring messages a second time."""
        held = dict.fromkeys(self.stale_filters + self.settings.covered)
        unwanted = [pattern for pattern in held if pattern not in self.settings.subscriptions]
        self._out.append(self._here.subscribing.unsubscribe(unwanted))

    def _subscription_answered(self, packet: mqtt5.SubAckPacket) -> None:
        here, wanted = self._here, self.settings.wanted
        here.subscribing.answered(packet)
        if here.subscribing.awaits_answer:
            return
        granted = here.subscribing.granted
        answer = Subscribed(self.generation, tuple((without_share(pattern), granted[pattern]) for pattern in wanted))
        if self._copies is not None:
            self._copies.granted(granted)
        self.inbox.note(answer)
        self.counters["filters_refused"] += len(answer.refused)
        if wanted and len(answer.refused) == len(wanted):
            code = granted[wanted[0]]
            self._out.append(mqtt5.DisconnectPacket().write())
            self.return_late = True
            self._end(f"the broker refused every subscription: {words(SubAckReasonCode(code))}", code)
        elif self.settings.marker_topic is None:
            return
        elif granted[self.settings.marker_topic] >= 0x80 or self._marker_forbidden:
            here.marker.refuse(self._now_s)
        else:
            self._send_marker()

    def _send_marker(self) -> None:
        """Write the marker, or try again at the next tick if repeated messages use up the quota."""
        marker, topic = self._here.marker, self.settings.marker_topic
        assert topic is not None
        sent = self._outbound.publish(topic, marker.nonce, (), retain=False)
        marker.due = sent is None
        if sent is not None:
            token, raw = sent
            marker.sent(token, self._now_s)
            self._out.append(raw)

    def _publication_answered(self, packet: mqtt5.PubAckPacket) -> None:
        token, repeated = self._outbound.acknowledged(packet.packet_id)
        self._out.append(repeated)
        reason = int(packet.reason_code)
        if token is None:
            self.counters["unknown_puback"] += 1
        elif token != self._here.marker.token:
            self.counters["publish_refused"] += reason >= 0x80
            self.inbox.note(Published(token, reason))
        elif reason:
            # No subscriber (0x10) means that we may not read it: it will not come back either. From 0x80 up we may not
            # write it, and Mosquitto 2.0 then disconnects as well: so never again, or we would be disconnected each time.
            self._here.marker.refuse(self._now_s)
            self._marker_forbidden |= reason >= 0x80

    def _sent_away(self, packet: mqtt5.DisconnectPacket) -> None:
        code = int(packet.reason_code)
        self.counters["taken_over"] += code == TAKEN_OVER
        self.return_late = code in _RETURNING_SOON_HARMS
        self._marker_forbidden |= code == _NOT_AUTHORIZED and self._here.marker.token is not None
        self._end(f"the broker ended the connection: {words(packet.reason_code)}", code)

    def _fail(self, fault: BrokerFaultError) -> None:
        """Send the broker the reason code of its fault, where the protocol allows that, and end the connection."""
        if self.state is ConnectionState.CLOSED:
            return
        self.counters[fault.kind] += 1
        if self.state is ConnectionState.CONNECTED:
            self._out.append(mqtt5.DisconnectPacket(reason_code=fault.code).write())
        self._end(f"the broker sent {fault}", int(fault.code))

    def _end(self, reason: str, code: int | None = None) -> None:
        self.state = ConnectionState.CLOSED
        self._here.inbound.accept_frames(False)
        if self._here.marker.token is not None:
            self._outbound.forget(self._here.marker.token)
        self.inbox.note(Disconnected(self.generation, reason, code))


def words(code: mqtt5.ConnAckReasonCode | mqtt5.SubAckReasonCode | DisconnectReasonCode) -> str:
    """Return a reason code in words, with its number."""
    return f"{code.name.lower().replace('_', ' ')} (0x{int(code):02x})"
