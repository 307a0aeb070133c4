"""Where a device has no topic to itself: which plan a topic is of, quickly, whatever topics are made up."""

from __future__ import annotations

from dataclasses import replace

from consent.core.decide import Owner
from gateway.core.changes import changes
from gateway.core.hubs.filters import LONGEST_REMEMBERED, REMEMBERED_TOPICS
from gateway.core.plans import Device
from tests.support.gate import MIDNIGHT_MS, Gate, frame, only
from tests.support.hubs import behind, hub_gate, readings_of, reasons

T = MIDNIGHT_MS


def by_filter(gate: Gate, pattern: str) -> Device:
    """Register a device that publishes to all topics of a filter."""
    device = Device(gate.random_bytes(16), pattern, "meter", "mill", None, 0, gate.now_ms, Owner.CITY)
    changes.add_device(gate.state, device, gate.now_ms)
    return device


def test_device_registered_by_a_filter_is_heard_on_all_of_its_topics() -> None:
    """It is one device: what it sends on one topic is a repeat of what it sent on another."""
    gate = Gate(only("hourly"))
    plug = by_filter(gate, "shellies/plug-1/#")
    gate.take(*(frame(f"shellies/plug-1/{end}", b'{"t":%d,"kwh":1}' % (T + n)) for n, end in enumerate(("relay/0", "relay/1"))))
    gate.take(frame("shellies/plug-2/relay/0", b'{"t":1,"kwh":1}'))
    assert (readings_of(gate, plug)[0], reasons(gate, "frames.rejected")) == (2, {"unknown_device": 1})
    assert gate.count("readings.carried") == 0


def test_topic_of_its_own_goes_before_a_filter_and_a_nearer_filter_before_a_wider() -> None:
    """Whatever the order of registration."""
    gate = Gate(only("hourly"))
    wide, near = by_filter(gate, "s/#"), by_filter(gate, "s/+/x")
    own = by_filter(gate, "s/1/x")
    gate.take(*(frame(topic, b'{"t":%d,"kwh":1}' % T) for topic in ("s/1/x", "s/2/x", "s/3/y", "s")))
    assert [readings_of(gate, device)[0] for device in (own, near, wide)] == [1, 1, 2]


def test_replaced_and_removed_plans_are_found_no_more() -> None:
    """Though the answer for their topics was remembered."""
    gate = hub_gate()
    one = behind(gate, "a", topic="hub/+")
    two = behind(gate, "b", topic="hub/+")
    filters = gate.state.filters
    found = filters.find("hub/1")
    assert isinstance(found, tuple)
    (hub,) = found
    assert hub.members.keys() == {"a", "b"}
    filters.drop(replace(one, id=b"x" * 16))  # another that had its place
    filters.drop(one)
    assert filters.find("hub/1") == (hub,)
    filters.drop(two)
    assert filters.find("hub/1") is None
    gate = Gate(only("hourly"))
    plug = by_filter(gate, "s/#")
    assert gate.state.filters.find("s/1") is not None
    changes.revoke_device(gate.state, plug.place, T)
    assert gate.state.filters.find("s/1") is None


def test_hubs_of_all_filters_that_match_are_asked() -> None:
    """A device is known by one filter and an id; another filter's devices do not hide it."""
    gate = hub_gate()
    one, two = behind(gate, "a", topic="hub/#"), behind(gate, "b", topic="hub/+")
    found = gate.state.filters.find("hub/1")
    assert isinstance(found, tuple)
    assert [list(hub.members) for hub in found] == [["b"], ["a"]]
    gate.take(frame("hub/1", b'[{"id":"a","t":%d,"kwh":1},{"id":"b","t":%d,"kwh":1}]' % (T, T)))
    assert readings_of(gate, one) == readings_of(gate, two) == (1, {})


def test_a_hundred_thousand_made_up_topics_leave_no_more_than_is_allowed() -> None:
    """Known hubs are still found; a topic longer than any sensor's is never kept, nor one that nobody registered."""
    gate = hub_gate()
    behind(gate, "a", topic="hub/+")
    filters = gate.state.filters
    for n in range(100_000):
        assert filters.find(f"hub/{n}") is not None
    assert filters.remembered() <= REMEMBERED_TOPICS
    before = filters.remembered()
    for n in range(1_000):
        assert filters.find(f"other/{n}") is None
        assert filters.find(f"hub/{'x' * LONGEST_REMEMBERED}{n}") is not None
    assert filters.remembered() == before


def test_ten_thousand_filters_cost_a_topic_no_more_than_its_levels() -> None:
    """The steps are counted, not the time: no filter is looked at that does not share the topic's first levels."""
    gate = Gate(only("hourly"))
    filters = gate.state.filters
    plug = by_filter(gate, "plugs/0/#")
    plan = gate.state.plan_of(plug)
    assert plan is not None
    for n in range(1, 10_000):
        plan.device = replace(plug, topic=f"plugs/{n}/#")
        filters.put(plan)
    assert filters.find("plugs/77/relay") is plan
    assert len(filters._tree._root.children["plugs"].children) == 10_000


def test_topic_that_names_a_device_which_is_gone_is_remembered_no_more() -> None:
    """Hubs put the devices' names into their topics; the others behind the hub are found as before."""
    gate = hub_gate(meter={"hub": ("$topic[1]",), "each": None})
    gone, stays = behind(gate, "anas-bedroom", topic="hub/+"), behind(gate, "door", topic="hub/+")
    gate.take(*(frame(f"hub/{name}", b'{"t":%d,"kwh":1}' % T) for name in ("anas-bedroom", "door")))
    assert gate.state.filters.remembered() == 2
    changes.revoke_device(gate.state, gone.place, gate.now_ms)
    assert gate.state.filters.remembered() == 0
    gate.take(frame("hub/door", b'{"t":%d,"kwh":2}' % (T + 1)))
    assert readings_of(gate, stays)[0] == 2
