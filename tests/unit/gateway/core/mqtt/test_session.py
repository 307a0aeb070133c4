"""The session's life, played against a broker written out by hand."""

from __future__ import annotations

from dataclasses import replace

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mqtt5 import ConnAckReasonCode, DisconnectReasonCode, PubAckReasonCode, QoS, SubAckReasonCode

from gateway.core.mqtt.events import Connected, Disconnected, Drained, Published, Subscribed
from gateway.core.mqtt.outbound import PacketTooLargeError
from gateway.core.mqtt.session import ConnectionState
from gateway.core.mqtt.settings import SessionSettings
from tests.unit.gateway.core.mqtt.playbook import MARK, NONCE, Playbook, connected, message, packets, puback

PUBLISHER = SessionSettings(client_id="gw-up", most_in_flight=3)


def test_open_first_connection_asks_for_a_lasting_session() -> None:
    """CONNECT keeps the session, announces Receive Maximum, and limits nothing else."""
    book = Playbook(SessionSettings(client_id="gw", filters=("s/#",), user="u", password=b"p", receive_max=500))
    book.open()
    asked = book.last(mqtt5.ConnectPacket)
    assert (asked.client_id, asked.clean_start, asked.session_expiry_interval) == ("gw", False, 0xFFFF_FFFF)
    assert (asked.keep_alive, asked.receive_max, asked.topic_alias_max, asked.max_packet_size) == (60, 500, 0, None)
    assert (asked.username, asked.password) == ("u", b"p")


def test_clean_start_asked_for_happens_once() -> None:
    """Only the first accepted connection throws the old session away."""
    book = Playbook(SessionSettings(client_id="gw", filters=("s/#",), clean_start=True))
    for _ in range(2):
        book.open()
        assert book.last(mqtt5.ConnectPacket).clean_start
        book.session.lost("cut")
    book.open()
    book.accepted()
    book.session.lost("cut")
    book.open()
    assert not book.last(mqtt5.ConnectPacket).clean_start


def test_session_that_only_publishes_starts_clean_each_time_and_leaves_nothing() -> None:
    """What somebody planted in it under its client id is gone, whoever holds the id in between."""
    book = Playbook(PUBLISHER)
    for _ in range(3):
        book.connect_up()
        asked = book.last(mqtt5.ConnectPacket)
        assert (asked.clean_start, asked.session_expiry_interval) == (True, 0)
        book.session.lost("cut")
    book.open()
    book.accepted(session_present=True)
    assert book.session.counters["protocol_error"] == 1


def test_settings_password_stays_out_of_the_text_form() -> None:
    """Printing the settings shows no password."""
    assert "hush" not in repr(SessionSettings(client_id="gw", user="u", password=b"hush"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": ""},
        {"keep_alive_s": 0},
        {"filters": ("a#",)},
        {"filters": ("#",), "marker_prefix": "sluice"},
        {"marker_prefix": "+"},
    ],
)
def test_settings_impossible_are_refused(wrong: dict[str, object]) -> None:
    """What cannot work is refused before anything is sent."""
    with pytest.raises(ValueError, match=r"filter|topic|session"):
        SessionSettings(**{"client_id": "gw", **wrong})  # type: ignore[arg-type]


def test_connection_accepted_subscribes_then_marks() -> None:
    """CONNACK brings SUBSCRIBE at QoS 1 without retained messages; SUBACK brings the marker; its return means dry."""
    book = Playbook(SessionSettings(client_id="gw", filters=("s/#",), shared_group="g", marker_prefix="sluice"))
    book.open()
    book.accepted(session_present=True)
    assert book.events == [Connected(1, session_present=True, session_expiry_s=0xFFFF_FFFF)]
    filters = book.last(mqtt5.SubscribePacket).topic_filters
    assert [topic.pattern for topic in filters] == ["$share/g/s/#", MARK]
    assert all(topic.max_qos == QoS.AT_LEAST_ONCE for topic in filters)
    assert all(topic.retain_handling == mqtt5.RetainHandling.SEND_NEVER for topic in filters)
    book.subscribed()
    marker = book.last(mqtt5.PublishPacket)
    assert (marker.topic, marker.payload, marker.qos) == (MARK, NONCE, QoS.AT_LEAST_ONCE)
    book.says(puback(marker.packet_id or 0), message(MARK, NONCE, 7))
    assert book.events[1:] == [Subscribed(1, (("s/#", 1),)), Drained(1)]
    assert book.last(mqtt5.PubAckPacket).packet_id == 7
    assert book.frames == []


def test_marker_behind_frames_is_acknowledged_in_its_turn() -> None:
    """The marker's PUBACK waits for the frames before it, and comes before those after it."""
    book = connected()
    book.says(
        message("s/1", b"a", 1),
        message(MARK, b"old", 2),
        message("s/1", b"b", 3),
        message(MARK, NONCE, 4),
        message("s/2", b"c", 5),
    )
    assert [frame.payload for frame in book.frames] == [b"a", b"b", b"c"]
    assert book.events == [Drained(1)]
    assert book.all(mqtt5.PubAckPacket) == []
    book.note(book.session.acknowledge([1], 1))
    assert [packet.packet_id for packet in book.all(mqtt5.PubAckPacket)] == [1, 2]
    book.note(book.session.acknowledge([3, 5], 1))
    assert [packet.packet_id for packet in book.all(mqtt5.PubAckPacket)] == [1, 2, 3, 4, 5]
    assert book.session.unacknowledged == 0


def test_marker_of_an_earlier_connection_is_not_dry() -> None:
    """A persistent session may deliver the last connection's marker: it is acknowledged and says nothing."""
    book = Playbook()
    book.connect()
    book.session.lost("cut")
    book.open(nonce=b"m" * 16)
    book.accepted(session_present=True)
    book.subscribed()
    book.says(message(MARK, NONCE, 1, duplicate=True))
    assert Drained(2) not in book.events
    book.says(message(MARK, b"m" * 16, 2))
    assert book.events[-1] == Drained(2)


def test_dry_event_waits_for_the_frames_before_it() -> None:
    """Frames that came before the marker are taken before the event, those after it later."""
    book = connected()
    book.session.feed(message("s/1", b"a", 1) + message(MARK, NONCE, 2) + message("s/1", b"b", 3), book.now_s)
    inbox = book.session.inbox
    assert inbox.take_event() is None
    assert [frame.payload for frame in inbox.take_frames(10)] == [b"a"]
    assert inbox.take_frames(10) == []
    assert inbox.take_event() == Drained(1)
    assert [frame.payload for frame in inbox.take_frames(10)] == [b"b"]


def test_mark_asks_anew_and_an_earlier_marker_no_longer_counts() -> None:
    """After intake was held up, only the marker that was sent since shows that nothing waits."""
    book = connected()
    again = b"m" * 16
    book.note(book.session.mark(again))
    assert [packet.payload for packet in book.all(mqtt5.PublishPacket)] == [NONCE, again]
    book.says(message(MARK, NONCE, 1))
    assert book.events == []
    book.says(message(MARK, again, 2))
    assert book.events == [Drained(1)]


@pytest.mark.parametrize(
    ("rounds_s", "sent"), [([0.9], 1), ([1.1, 0.2], 2), ([60.0, 7.0, 1.0], 3), ([60.0, 30.1], 2), ([8.0, 4.0, 2.1], 3)]
)
def test_marker_that_was_long_on_its_way_is_sent_again_until_that_helps_no_more(rounds_s: list[float], sent: int) -> None:
    """What came behind a slow marker may have waited as long, and must not be late for a window that has ended meanwhile."""
    book = connected()
    for number, took_s in enumerate(rounds_s, 1):
        assert book.events == []
        book.now_s += took_s
        book.says(message(MARK, NONCE, number))
    assert book.events == [Drained(1)]
    assert [packet.payload for packet in book.all(mqtt5.PublishPacket)] == [NONCE] * sent


def test_mark_before_the_first_marker_or_without_a_connection_sends_nothing() -> None:
    """The first marker is still to come, and will do."""
    book = Playbook()
    assert book.session.mark(b"m" * 16) == b""
    book.open()
    book.accepted()
    assert book.session.mark(b"m" * 16) == b""
    book.subscribed()
    assert [packet.payload for packet in book.all(mqtt5.PublishPacket)] == [NONCE]


def test_mark_where_the_broker_refuses_markers_waits_for_silence() -> None:
    """It is not sent again: Mosquitto would end the connection."""
    book = Playbook()
    book.open()
    book.accepted()
    book.subscribed(SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE, SubAckReasonCode.NOT_AUTHORIZED)
    book.passes(2)
    assert book.events[-1] == Drained(1)
    assert book.session.mark(b"m" * 16) == b""
    book.passes(2)
    assert book.events[-2:] == [Drained(1), Drained(1)]


def test_silence_is_counted_from_the_last_bytes() -> None:
    """What the broker had by then has arrived."""
    book = connected()
    book.passes(3)
    assert book.now_s - book.session.heard_s == 3
    book.says(message("s/1", b"a", 1))
    assert book.session.heard_s == book.now_s


def test_marker_subscription_refused_two_quiet_seconds_are_dry() -> None:
    """Without a marker, 2 s without a message count, but not while a frame is unacknowledged."""
    book = Playbook()
    book.open()
    book.accepted()
    book.subscribed(SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE, SubAckReasonCode.NOT_AUTHORIZED)
    book.says(message("s/1", b"a", 1))
    book.passes(2.5)
    assert Drained(1) not in book.events
    book.note(book.session.acknowledge([1], 1))
    book.passes(0.1)
    assert book.events.count(Drained(1)) == 1
    book.passes(5)
    assert book.events.count(Drained(1)) == 1


def test_marker_publication_refused_sixty_busy_seconds_are_dry() -> None:
    """Without a marker, a queue that never falls silent counts as dry after a minute."""
    book = connected()
    book.says(puback(book.last(mqtt5.PublishPacket).packet_id or 0, PubAckReasonCode.NOT_AUTHORIZED))
    for second in range(61):
        assert (Drained(1) in book.events) is (second > 59)
        book.says(message("s/1", b"a", second + 1))
        book.passes(1)
    assert Drained(1) in book.events


@pytest.mark.parametrize("disconnected", [True, False])
def test_marker_forbidden_once_is_never_sent_again(disconnected: bool) -> None:
    """Some brokers hang up on a forbidden message: the next connection lives without the marker."""
    book = connected()
    if disconnected:
        book.says(mqtt5.DisconnectPacket(reason_code=DisconnectReasonCode.NOT_AUTHORIZED).write())
    else:
        book.says(puback(book.last(mqtt5.PublishPacket).packet_id or 0, PubAckReasonCode.NOT_AUTHORIZED))
        book.session.lost("cut")
    book.written.clear()
    book.connect(session_present=True)
    assert book.all(mqtt5.PublishPacket) == []
    book.passes(2)
    assert book.events[-1] == Drained(2)


def test_marker_swallowed_by_the_broker_ten_quiet_seconds_are_dry() -> None:
    """An access list that lets us write but not read the marker must not keep the windows open for ever."""
    book = connected()
    book.says(puback(book.last(mqtt5.PublishPacket).packet_id or 0))
    book.passes(9)
    assert Drained(1) not in book.events
    book.passes(1)
    assert Drained(1) in book.events


def test_frame_carries_what_the_broker_sent() -> None:
    """Topic, payload, identifier, flags and connection come through as they are."""
    book = connected()
    book.says(message("s/é", b"\xff", 9, duplicate=True), message("s/0", b""))
    first, second = book.frames
    assert (first.topic, first.payload, first.packet_id, first.duplicate, first.generation) == ("s/é", b"\xff", 9, True, 1)
    assert (second.topic, second.payload, second.packet_id, second.duplicate, second.retain) == ("s/0", b"", 0, False, False)


def test_frames_with_the_connack_in_one_read_are_delivered() -> None:
    """A broker that empties its queue right behind the CONNACK is understood."""
    book = Playbook()
    book.open()
    book.says(mqtt5.ConnAckPacket(session_present=True).write() + message("s/1", b"a", 1))
    assert [frame.payload for frame in book.frames] == [b"a"]


@given(st.lists(st.integers(1, 12), min_size=1, max_size=8), st.booleans())
def test_acknowledge_in_batches_keeps_the_order_of_arrival(sizes: list[int], markers: bool) -> None:
    """However the owner batches, the PUBACKs leave in the order in which the messages came."""
    book = connected()
    sent: list[int] = []
    for size in sizes:
        for _ in range(size):
            sent.append(len(sent) + 1)
            book.says(message("s/1", b"x", sent[-1]))
        if markers:
            sent.append(len(sent) + 1)
            book.says(message(MARK, b"stale", sent[-1]))
    waiting = [frame.packet_id for frame in book.frames]
    for size in sizes:
        book.note(book.session.acknowledge(waiting[:size], 1))
        del waiting[:size]
    assert [packet.packet_id for packet in book.all(mqtt5.PubAckPacket)] == sent


def test_acknowledge_out_of_order_is_our_own_fault() -> None:
    """The session does not let the owner lose count, and stays as it was."""
    book = connected()
    book.says(message("s/1", b"a", 1), message("s/1", b"b", 2))
    for wrong in ([2], [1, 1], [1, 2, 3]):
        with pytest.raises(ValueError, match="order"):
            book.session.acknowledge(wrong, 1)
    assert book.session.acknowledge([0, 1, 0, 2], 1) == puback(1) + puback(2)


def test_acknowledge_for_a_dead_connection_is_dropped() -> None:
    """What came over an earlier connection will be sent again: its PUBACKs would be lies."""
    book = connected()
    book.says(message("s/1", b"a", 1))
    book.session.lost("cut")
    assert book.session.acknowledge([1], 1) == b""
    book.connect(session_present=True)
    assert book.session.acknowledge([1], 1) == b""
    book.says(message("s/1", b"a", 1, duplicate=True))
    assert book.session.acknowledge([1], 2) == puback(1)


def test_paused_at_the_bound_resumes_below_half() -> None:
    """Unacknowledged frames stop the reading, and so do frames that nobody takes."""
    book = connected(SessionSettings(client_id="gw", filters=("s/#",), unacknowledged_bound=4))
    paused = []
    for packet_id in range(1, 5):
        book.says(message("s/1", b"a", packet_id))
        paused.append(book.session.paused)
    for packet_id in range(1, 5):
        book.session.acknowledge([packet_id], 1)
        paused.append(book.session.paused)
    assert paused == [False, False, False, True, True, False, False, False]
    book.session.feed(message("s/1", b"a") * 4, book.now_s)
    paused = [book.session.paused]
    book.take()
    assert [*paused, book.session.paused] == [True, False]


def test_paused_at_the_bytes_that_wait_resumes_below_half() -> None:
    """A few large frames stop the reading as many small ones do; what was never kept does not."""
    book = Playbook(SessionSettings(client_id="gw", filters=("s/#",), held_bytes_bound=1000, largest_packet_bytes=500))
    book.connect()
    inbox, paused = book.session.inbox, []
    for size in (400, 100, 400, 100):
        book.session.feed(message("s/1", bytes(size)), book.now_s)
        paused.append(book.session.paused)
    for count in (1, 2):
        inbox.take_frames(count)
        paused.append(book.session.paused)
    assert paused == [False, False, False, True, True, False]
    book.take()
    book.session.feed(message("s/1", bytes(100_000))[:-1], book.now_s)
    assert not book.session.paused


def test_paused_by_markers_that_may_not_be_acknowledged_yet() -> None:
    """A broker that repeats our marker behind one unacknowledged frame is left unread at the bound too."""
    book = connected(SessionSettings(client_id="gw", filters=("s/#",), marker_prefix="sluice", unacknowledged_bound=50))
    book.says(message("s/1", b"a", 1))
    for packet_id in range(2, 51):
        assert not book.session.paused
        book.says(message(MARK, b"old", packet_id))
    assert book.session.paused
    assert book.session.acknowledge([1], 1) == b"".join(puback(packet_id) for packet_id in range(1, 51))
    assert not book.session.paused


def test_paused_without_a_connection_is_about_what_waits_alone() -> None:
    """What a dead connection left unacknowledged will not be acknowledged: it must not keep the next from beginning."""
    book = connected(SessionSettings(client_id="gw", filters=("s/#",), unacknowledged_bound=4))
    book.session.feed(b"".join(message("s/1", b"a", packet_id) for packet_id in range(1, 5)), book.now_s)
    book.session.lost("cut")
    assert book.session.paused
    book.take()
    assert not book.session.paused


def test_try_publish_takes_the_brokers_quota_into_account() -> None:
    """Receive Maximum of the broker and our own bound both hold; a PUBACK makes room."""
    book = Playbook(PUBLISHER)
    assert book.session.try_publish("t", b"") is None
    book.open()
    assert book.session.try_publish("t", b"") is None
    book.accepted(receive_max=2)
    tokens = [book.session.try_publish("t", bytes([n]), user_properties=[("k", "v")]) for n in range(3)]
    assert tokens[2] is None
    first, second = (token for token in tokens if token is not None)
    sent = packets(first[1])[0]
    assert isinstance(sent, mqtt5.PublishPacket)
    assert (sent.topic, sent.payload, sent.qos, sent.user_properties, sent.duplicate) == (
        "t",
        b"\0",
        QoS.AT_LEAST_ONCE,
        [("k", "v")],
        False,
    )
    book.says(puback(sent.packet_id or 0))
    assert book.events[-1] == Published(first[0], 0)
    assert book.session.try_publish("t", b"") is not None
    assert book.session.in_flight == 2
    assert second[0] != first[0]


def test_puback_with_a_failure_is_reported() -> None:
    """The broker's refusal of a message is the owner's to act on."""
    book = Playbook(PUBLISHER)
    book.connect_up()
    token, raw = book.session.try_publish("t", b"x") or (0, b"")
    sent = packets(raw)[0]
    assert isinstance(sent, mqtt5.PublishPacket)
    book.says(puback(sent.packet_id or 0, PubAckReasonCode.NOT_AUTHORIZED), puback(999))
    answer = book.events[-1]
    assert answer == Published(token, 0x87)
    assert not answer.accepted
    assert (book.session.counters["publish_refused"], book.session.counters["unknown_puback"]) == (1, 1)


@pytest.mark.parametrize("session_present", [True, False])
def test_reconnect_repeats_what_is_unacknowledged_in_order(session_present: bool) -> None:
    """With the session, repetitions bear DUP; without it they are fresh; the quota holds and new messages wait behind."""
    book = Playbook(replace(PUBLISHER, filters=("s/#",)) if session_present else PUBLISHER)
    book.connect_up()
    tokens = [(book.session.try_publish("t", bytes([n])) or (0, b""))[0] for n in range(3)]
    book.session.lost("cut")
    book.written.clear()
    book.open()
    book.accepted(session_present=session_present, receive_max=2)
    assert [(packet.payload, packet.duplicate) for packet in book.all(mqtt5.PublishPacket)] == [
        (b"\0", session_present),
        (b"\1", session_present),
    ]
    assert book.session.try_publish("t", b"new") is None
    for _ in range(3):
        book.says(puback(book.all(mqtt5.PublishPacket)[len(tokens) - book.session.in_flight].packet_id or 0))
    assert [packet.payload for packet in book.all(mqtt5.PublishPacket)] == [b"\0", b"\1", b"\2"]
    assert [event for event in book.events if isinstance(event, Published)] == [Published(token, 0) for token in tokens]
    assert book.session.try_publish("t", b"new") is not None


def test_reconnect_never_repeats_an_old_marker() -> None:
    """Each connection writes its own marker and no other."""
    book = connected()
    book.session.lost("cut")
    book.written.clear()
    book.open(nonce=b"m" * 16)
    book.accepted(session_present=True)
    book.subscribed()
    assert [packet.payload for packet in book.all(mqtt5.PublishPacket)] == [b"m" * 16]


def test_try_publish_above_the_brokers_packet_size_is_refused() -> None:
    """What the broker cannot take fails at once; what it could take before and no longer can is reported."""
    book = Playbook(PUBLISHER)
    book.connect_up()
    token = (book.session.try_publish("t", bytes(200)) or (0, b""))[0]
    book.session.lost("cut")
    book.open()
    book.accepted(max_packet_size=100)
    assert book.events[-1] == Published(token, 0x95)
    with pytest.raises(PacketTooLargeError, match="`100`"):
        book.session.try_publish("t", bytes(200))
    assert book.session.in_flight == 0


def test_packet_identifiers_rotate_past_those_in_use() -> None:
    """An identifier is used again only once its message is acknowledged."""
    book = Playbook(PUBLISHER)
    book.connect_up()
    _, held = book.session.try_publish("t", b"held") or (0, b"")
    held_id = packets(held)[0].packet_id  # type: ignore[union-attr]
    seen = set()
    for _ in range(65_600):
        _, raw = book.session.try_publish("t", b"") or (0, b"")
        packet_id = int.from_bytes(raw[5:7], "big")
        seen.add(packet_id)
        book.session.feed(puback(packet_id), book.now_s)
    assert held_id not in seen
    assert seen == set(range(1, 65_536)) - {held_id}


def test_keep_alive_pings_and_notices_silence() -> None:
    """Half the interval brings a ping; half an interval more without a byte ends the connection."""
    book = connected()
    book.passes(30)
    assert len(book.all(mqtt5.PingReqPacket)) == 1
    book.says(mqtt5.PingRespPacket().write())
    for _ in range(10):
        book.passes(3)
    assert len(book.all(mqtt5.PingReqPacket)) == 2
    book.passes(30)
    assert book.session.state is ConnectionState.CLOSED
    assert book.last(mqtt5.DisconnectPacket).reason_code == DisconnectReasonCode.KEEP_ALIVE_TIMEOUT
    assert book.events[-1] == Disconnected(1, "the broker stopped answering")


def test_keep_alive_shortened_by_the_broker_is_kept() -> None:
    """The broker's interval replaces ours."""
    book = Playbook()
    book.open()
    book.accepted(server_keep_alive=10)
    book.passes(5)
    assert len(book.all(mqtt5.PingReqPacket)) == 1


def test_keep_alive_while_paused_pings_and_accuses_nobody() -> None:
    """The answers may lie unread in the socket: pings go on, and the broker has time again after reading resumes."""
    book = connected(SessionSettings(client_id="gw", filters=("s/#",), unacknowledged_bound=2))
    book.says(message("s/1", b"a", 1), message("s/1", b"a", 2))
    for _ in range(10):
        book.passes(30)
    assert len(book.all(mqtt5.PingReqPacket)) == 10
    book.session.acknowledge([1, 2], 1)
    book.passes(30)
    assert book.session.connected
    book.passes(30)
    assert not book.session.connected


def test_keep_alive_while_paused_hears_what_lies_unread() -> None:
    """Where the kernel tells that something came, the broker lives; where it tells that nothing did, it does not."""
    book = connected(SessionSettings(client_id="gw", filters=("s/#",), unacknowledged_bound=2))
    book.says(message("s/1", b"a", 1), message("s/1", b"a", 2))
    connected_then = []
    for came in [True] * 20 + [False] * 5:
        book.now_s += 15
        book.note(book.session.tick(book.now_s, came=came))
        connected_then.append(book.session.connected)
    assert connected_then[:20] == [True] * 20
    assert connected_then[-1] is False
    assert book.events[-1] == Disconnected(1, "the broker stopped answering")


def test_keep_alive_after_our_own_standstill_accuses_nobody() -> None:
    """A process that stood still for minutes has not listened either."""
    book = connected()
    book.passes(30)
    book.passes(300)
    assert book.session.connected


def test_connack_refusal_is_one_clear_line() -> None:
    """The reason of the broker comes through in words."""
    book = Playbook()
    book.open()
    book.accepted(reason=ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD)
    assert book.events == [Disconnected(1, "the broker refused the connection: bad user name or password (0x86)", 0x86)]
    assert book.session.counters["refused"] == 1


def test_connack_missing_ends_the_attempt() -> None:
    """A listener that never answers is left after ten seconds."""
    book = Playbook()
    book.open()
    book.passes(9)
    assert book.events == []
    book.passes(1)
    assert book.session.state is ConnectionState.CLOSED
    assert book.events == [Disconnected(1, "the broker did not answer the connection request")]


def test_subscriptions_all_refused_end_the_connection() -> None:
    """A gateway that can receive nothing says so instead of waiting for ever."""
    book = Playbook(SessionSettings(client_id="gw", filters=("a", "b")))
    book.open()
    book.accepted()
    book.subscribed(SubAckReasonCode.NOT_AUTHORIZED, SubAckReasonCode.QUOTA_EXCEEDED)
    assert isinstance(book.events[-1], Disconnected)
    assert "not authorized (0x87)" in book.events[-1].reason
    assert book.session.return_late


def test_subscriptions_partly_refused_are_named() -> None:
    """The rest goes on, and the event names what does not."""
    book = Playbook(SessionSettings(client_id="gw", filters=("a", "b")))
    book.open()
    book.accepted()
    book.subscribed(SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE, SubAckReasonCode.NOT_AUTHORIZED)
    answer = book.events[-1]
    assert isinstance(answer, Subscribed)
    assert answer.refused == ("b",)
    assert book.session.connected


@pytest.mark.parametrize(
    ("code", "late"), [(DisconnectReasonCode.SERVER_SHUTTING_DOWN, False), (DisconnectReasonCode.SESSION_TAKEN_OVER, True)]
)
def test_disconnect_by_the_broker_is_reported(code: DisconnectReasonCode, late: bool) -> None:
    """A taken-over session returns late, so that two gateways with one name do not fight at full speed."""
    book = connected()
    book.says(mqtt5.DisconnectPacket(reason_code=code).write() + message("s/1", b"after", 1))
    assert book.session.state is ConnectionState.CLOSED
    assert book.events == [
        Disconnected(1, f"the broker ended the connection: {code.name.lower().replace('_', ' ')} (0x{int(code):02x})", int(code))
    ]
    assert book.session.return_late is late
    assert book.frames == []


def test_close_says_goodbye_once() -> None:
    """An orderly end is DISCONNECT 0; the session stays at the broker."""
    book = connected()
    book.note(book.session.close())
    goodbye = book.last(mqtt5.DisconnectPacket)
    assert (goodbye.reason_code, goodbye.session_expiry_interval) == (DisconnectReasonCode.NORMAL_DISCONNECTION, None)
    assert book.session.close() == b""
    book.session.lost("later")
    assert book.events == [Disconnected(1, "closed by us", 0)]
