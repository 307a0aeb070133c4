"""Copies of a message that several subscriptions match: one counts, whichever way the broker sends them."""

from __future__ import annotations

import itertools
import tracemalloc

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mqtt5 import QoS, SubAckReasonCode

from gateway.core.mqtt.copies import Copies
from gateway.core.mqtt.events import Subscribed
from gateway.core.mqtt.settings import SessionSettings
from gateway.core.mqtt.topics import covering, topic_matches
from tests.unit.gateway.core.mqtt.playbook import MARK, Playbook

FILTERS = ("a/+/c", "a/b/+", "+/b/c", "x/#")
TOPICS = ["/".join(levels) for levels in itertools.product("abcx", repeat=3)]


def filters_of(copies: Copies, topic: str) -> list[int]:
    """Return the identifiers of the subscriptions that match a topic."""
    return [number for pattern, number in copies.identifiers.items() if topic_matches(pattern, topic)]


@given(st.sampled_from(TOPICS), st.permutations(FILTERS))
def test_one_copy_counts_whatever_the_broker_sends(topic: str, filters: list[str]) -> None:
    """One copy with all identifiers counts, of one copy for each just one does, and the order of the filters changes nothing."""
    copies = Copies(filters)
    matching = filters_of(copies, topic)
    assert not copies.is_copy(topic, matching)
    counting = [number for number in matching if not copies.is_copy(topic, [number])]
    assert len(counting) == (1 if matching else 0)
    assert counting == [number for number in matching if not Copies(FILTERS).is_copy(topic, [number])]


def test_message_that_bears_no_identifier_of_ours_counts() -> None:
    """One that waited since before the filters overlapped, or that a former subscription brings, is not lost."""
    copies = Copies(FILTERS)
    assert not copies.is_copy("a/b/c", [])
    assert not copies.is_copy("a/b/c", [7])


def test_filter_that_the_broker_refused_is_not_chosen() -> None:
    """Nothing would come by it; and of two that bring something, the one with the surer delivery is chosen."""
    copies = Copies(("a/+/c", "a/b/+"))
    first, second = (copies.identifiers[pattern] for pattern in ("a/+/c", "a/b/+"))
    assert (copies.is_copy("a/b/c", [first]), copies.is_copy("a/b/c", [second])) == (False, True)
    copies.granted({"a/+/c": 0x87, "a/b/+": 1})
    assert not copies.is_copy("a/b/c", [second])
    copies.granted({"a/+/c": 0, "a/b/+": 1})
    assert (copies.is_copy("a/b/c", [first]), copies.is_copy("a/b/c", [second])) == (True, False)


def overlapping(*filters: str, group: str | None = None) -> Playbook:
    """Return a session with these filters that has sent its CONNECT."""
    book = Playbook(SessionSettings(client_id="gw", filters=filters, shared_group=group, marker_prefix="sluice"))
    book.open()
    return book


def answer(book: Playbook, *, refused: str = "") -> None:
    """Let the broker answer every SUBSCRIBE."""
    for packet in book.all(mqtt5.SubscribePacket):
        codes = [
            SubAckReasonCode.NOT_AUTHORIZED if topic.pattern == refused else SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE
            for topic in packet.topic_filters
        ]
        book.says(mqtt5.SubAckPacket(packet.packet_id, codes).write())


def publish(topic: str, packet_id: int, identifiers: list[int]) -> bytes:
    """Encode a PUBLISH with subscription identifiers."""
    return mqtt5.PublishPacket(topic, b"1", qos=QoS.AT_LEAST_ONCE, packet_id=packet_id, subscription_ids=identifiers).write()


def test_covered_filter_is_not_subscribed_to_and_a_former_subscription_to_it_ends() -> None:
    """The wide one brings all; what an earlier version subscribed to in this session is taken out of it."""
    book = overlapping("field/BLE/+", "field/#", "field/#")
    book.accepted(session_present=True)
    asked = book.all(mqtt5.SubscribePacket)
    assert [[topic.pattern for topic in packet.topic_filters] for packet in asked] == [["field/#", MARK]]
    assert asked[0].subscription_id is None
    ended = book.last(mqtt5.UnsubscribePacket)
    assert ended.patterns == ["field/BLE/+"]
    book.subscribed()
    book.says(mqtt5.UnsubAckPacket(ended.packet_id, [mqtt5.UnsubAckReasonCode.SUCCESS]).write())
    assert book.session.connected
    assert book.events[-1] == Subscribed(1, (("field/#", 1),))


def test_new_session_has_nothing_to_unsubscribe_from() -> None:
    """Where the broker had no session, there is no former subscription."""
    book = overlapping("field/BLE/+", "field/#")
    book.accepted()
    assert book.all(mqtt5.UnsubscribePacket) == []


@pytest.mark.parametrize("group", [None, "g"])
def test_overlapping_filters_have_identifiers_and_mark_the_copies(group: str | None) -> None:
    """Each has its own SUBSCRIBE, the others one together; the marker goes out once all are answered."""
    share = "" if group is None else f"$share/{group}/"
    book = overlapping("a/b/+", "a/+/c", "s/#", group=group)
    book.accepted()
    asked = {packet.topic_filters[0].pattern: packet for packet in book.all(mqtt5.SubscribePacket)}
    first, second, rest = asked[f"{share}a/+/c"], asked[f"{share}a/b/+"], asked[f"{share}s/#"]
    assert first.subscription_id
    assert second.subscription_id
    assert first.subscription_id != second.subscription_id
    assert ([topic.pattern for topic in rest.topic_filters], rest.subscription_id) == ([f"{share}s/#", MARK], None)
    answer(book)
    assert book.events[-1] == Subscribed(1, (("a/b/+", 1), ("a/+/c", 1), ("s/#", 1)))
    assert book.last(mqtt5.PublishPacket).topic == MARK
    book.says(
        publish("a/b/c", 1, [second.subscription_id]),
        publish("a/b/c", 2, [first.subscription_id]),
        publish("a/b/c", 3, [second.subscription_id, first.subscription_id]),
        publish("a/b/d", 4, [second.subscription_id]),
        publish("s/1", 5, []),
    )
    assert [frame.packet_id for frame in book.frames if frame.copy] == [1]
    book.note(book.session.acknowledge([1, 2, 3, 4, 5], 1))
    assert [packet.packet_id for packet in book.all(mqtt5.PubAckPacket)] == [1, 2, 3, 4, 5]


def test_refused_filter_leaves_the_others_copy_to_count() -> None:
    """What is not granted brings nothing, so the other's copy is the only one."""
    book = overlapping("a/b/+", "a/+/c")
    book.accepted()
    second = next(p for p in book.all(mqtt5.SubscribePacket) if p.topic_filters[0].pattern == "a/b/+").subscription_id
    assert second
    answer(book, refused="a/+/c")
    book.says(publish("a/b/c", 1, [second]))
    assert [frame.copy for frame in book.frames] == [False]


def test_broker_without_identifiers_is_not_sent_any() -> None:
    """It would end the connection; its copies cannot be told apart."""
    book = overlapping("a/b/+", "a/+/c")
    book.says(mqtt5.ConnAckPacket(subscription_id_available=False).write())
    asked = book.all(mqtt5.SubscribePacket)
    assert [(packet.subscription_id, len(packet.topic_filters)) for packet in asked] == [(None, 3)]


def test_filters_that_do_not_overlap_have_no_identifiers() -> None:
    """The usual case costs nothing."""
    assert Copies(covering(("homes/#", "streets/#", "streets/+/x"))).identifiers == {}


def test_long_topics_are_judged_and_not_remembered() -> None:
    """Whoever may publish under many names, each of 64 KiB, would fill the memory with them."""
    copies = Copies(("s/+/a/#", "s/1/#"))
    tracemalloc.start()
    for number in range(500):
        assert not copies.is_copy(f"s/1/a/{number}/" + "x" * 60_000, [copies.identifiers[copies._filters[0]]])
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held_bytes < 1 << 20
