"""The subscriptions of one connection: packets as asked, and answers as granted."""

from __future__ import annotations

from itertools import count

import mqtt5
import pytest
from mqtt5 import SubAckReasonCode

from gateway.core.mqtt.faults import BrokerFaultError
from gateway.core.mqtt.subscribing import Subscribing


def packets(data: bytes) -> list[mqtt5.Packet]:
    """Return the packets that bytes hold."""
    found: list[mqtt5.Packet] = []
    while data:
        packet, size = mqtt5.read(memoryview(data))
        found.append(packet)
        data = data[size:]
    return found


def subscribing() -> Subscribing:
    """Return the subscriptions of a connection whose packets are numbered from 1."""
    return Subscribing(count(1).__next__)


def test_filter_with_an_identifier_has_a_packet_of_its_own() -> None:
    """An identifier holds for a whole packet; the filters without one share the last."""
    asked = packets(subscribing().subscribe(["a/+", "b", "c"], {"a/+": 7}))
    told = [
        (one.subscription_id, [each.pattern for each in one.topic_filters])
        for one in asked
        if isinstance(one, mqtt5.SubscribePacket)
    ]
    assert told == [(7, ["a/+"]), (None, ["b", "c"])]


def test_answers_are_awaited_until_each_packet_has_its_own() -> None:
    """They may come in any order."""
    under_way = subscribing()
    under_way.subscribe(["a/+", "b"], {"a/+": 7})
    awaited = []
    for packet_id, code in ((2, SubAckReasonCode.NOT_AUTHORIZED), (1, SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE)):
        under_way.answered(mqtt5.SubAckPacket(packet_id, [code]))
        awaited.append(under_way.awaits_answer)
    assert awaited == [True, False]
    assert under_way.granted == {"a/+": 1, "b": 0x87}


@pytest.mark.parametrize(("packet_id", "codes"), [(9, 1), (1, 2)])
def test_answer_to_nothing_that_was_asked_is_a_fault(packet_id: int, codes: int) -> None:
    """An unknown packet, or more answers than filters."""
    under_way = subscribing()
    under_way.subscribe(["a"], {})
    with pytest.raises(BrokerFaultError, match="did not ask for"):
        under_way.answered(mqtt5.SubAckPacket(packet_id, [SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE] * codes))


def test_nothing_is_unsubscribed_where_nothing_is_stale() -> None:
    """No packet, and no answer to wait for."""
    under_way = subscribing()
    assert (under_way.unsubscribe([]), under_way.unsubscribing) == (b"", 0)
    (ending,) = packets(under_way.unsubscribe(["a"]))
    assert isinstance(ending, mqtt5.UnsubscribePacket)
    assert (ending.patterns, under_way.unsubscribing) == (["a"], 1)
