"""Phenomenon times: remembered only of kept readings, of devices that do not number them, within a bound, and over a crash."""

from __future__ import annotations

import pytest

from gateway.core import recovery
from gateway.core.changes import changes
from gateway.core.ingest.remembered import FORGOTTEN, MOST_TIMES, REPEATED, SHARED_TIMES
from gateway.core.state import State
from gateway.core.windows.accumulators import LATE
from tests.support.gate import DAY_MS, MINUTE_MS, Gate, only, reading
from tests.support.refolded import pairs_standing


@pytest.mark.parametrize(("profile", "remembers"), [("meter", True), ("numbered", False)])
def test_times_of_readings_are_remembered_where_no_number_tells_a_repeat(profile: str, remembers: bool) -> None:
    """A numbered reading leaves no time behind, before a crash or after it; memory would only grow by it."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly", profile=profile)
    gate.send(home, kwh=1, **({} if remembers else {"boot": 1, "seq": 1}))
    gate.commit()
    again = restarted(gate)
    for state in (gate.state, again):
        assert any(state.memories[home.id].seen.values()) is remembers
    assert pairs_standing(again) == pairs_standing(gate.state) == 1


def test_reading_that_was_not_kept_leaves_no_time(flooded: Gate) -> None:
    """Late, or of before the terms: a repeat of it would not count either."""
    home = flooded.home("raw")
    flooded.to(flooded.now_ms + 3 * DAY_MS)
    for minute in range(500):
        flooded.send(home, flooded.now_ms - 3 * DAY_MS - minute * MINUTE_MS, kwh=1)
    assert flooded.count("pairs.late") + flooded.count("pairs.withheld") == 500
    assert not flooded.state.memories[home.id].seen["consumption"]


def test_flood_of_kept_times_is_remembered_within_the_bound_and_never_counted_twice(flooded: Gate) -> None:
    """What falls out is counted; sent again, it is withheld; and the device's next reading counts as ever."""
    home, start_ms = flooded.home("raw"), flooded.now_ms
    flood = [reading(home, start_ms + n, kwh=1) for n in range(2 * MOST_TIMES)]
    flooded.take(*flood)
    assert len(flooded.state.memories[home.id].seen["consumption"]) == MOST_TIMES
    assert flooded.state.times_room.forgotten == MOST_TIMES
    flooded.take(*flood)
    assert flooded.count("pairs.recorded") == 2 * MOST_TIMES
    assert flooded.count("pairs.withheld.forgotten") == MOST_TIMES
    assert flooded.count("pairs.duplicate") == MOST_TIMES
    flooded.send(home, start_ms + 2 * MOST_TIMES, kwh=1)
    assert flooded.count("pairs.recorded") == 2 * MOST_TIMES + 1


@pytest.mark.parametrize("in_snapshot", [True, False], ids=["snapshot", "journal"])
def test_forgotten_times_stay_forgotten_over_a_crash(flooded: Gate, in_snapshot: bool) -> None:
    """Whether from the snapshot or from the journal: no time becomes new again."""
    home, start_ms = flooded.home("raw"), flooded.now_ms
    flooded.take(*(reading(home, start_ms + n, kwh=1) for n in range(MOST_TIMES + 100)))
    if in_snapshot:
        recovery.begin_segment(flooded.state)
        flooded.commit()
    times = restarted(flooded).memories[home.id].seen["consumption"]
    assert len(times) == MOST_TIMES
    assert {times.recall(start_ms + n) for n in range(100)} == {FORGOTTEN}
    assert {times.recall(start_ms + 100 + n) for n in range(MOST_TIMES)} == {REPEATED}


def test_what_a_former_device_left_is_dropped_with_the_times_that_are_no_longer_needed(flooded: Gate) -> None:
    """A revoked device's numbers and times would otherwise be kept for ever; their room is free again."""
    home = flooded.home("raw")
    flooded.take(*(reading(home, flooded.now_ms + n, kwh=1) for n in range(1000)))
    changes.revoke_device(flooded.state, home.place, flooded.now_ms)
    recovery.prune(flooded.state)
    assert home.id not in flooded.state.memories
    assert flooded.state.times_room.left == SHARED_TIMES


def test_times_of_a_property_that_nobody_asks_for_any_more_are_dropped(flooded: Gate) -> None:
    """The policies that asked for it are gone; once its day is over, so are its times."""
    home = flooded.home("raw")
    flooded.send(home, flooded.now_ms, kwh=1)
    flooded.apply(only("nights"))
    flooded.to(flooded.now_ms + 3 * DAY_MS)
    recovery.prune(flooded.state)
    assert "consumption" not in flooded.state.memories[home.id].seen


def test_old_times_are_dropped_of_some_at_a_time(flooded: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever leaves or joins between two pieces; in the end nobody's are left."""
    monkeypatch.setattr(recovery, "_PRUNED_AT_ONCE", 1)
    homes = flooded.homes(3, "raw")
    flooded.take(*(reading(home, flooded.now_ms, kwh=1) for home in homes))
    flooded.to(flooded.now_ms + 3 * DAY_MS)
    pieces = recovery.prune_pieces(flooded.state)
    next(pieces)
    assert flooded.state.times_remembered() == 2
    changes.revoke_device(flooded.state, homes[1].place, flooded.now_ms)
    joining = flooded.home("raw")
    assert len(list(pieces)) == 2
    flooded.send(joining, kwh=1)
    assert flooded.state.times_remembered() == 2, "of the one who joined, and of the device that the next time forgets"
    recovery.prune(flooded.state)
    assert flooded.state.times_remembered() == 1


@pytest.fixture
def flooded() -> Gate:
    """A gateway under a flow of single readings."""
    return Gate(only("raw"))


def restarted(gate: Gate) -> State:
    """Return the state that a start makes of what was committed."""
    again = State(gate.state.identity)
    assert gate.state.force is not None
    changes.put_in_force(again, gate.state.force)
    fold = recovery.restore(again, gate.snapshot)
    for batch in gate.batches:
        fold.batch(*batch)
    fold.end()
    return again


@pytest.mark.parametrize("flow", ["hourly", "raw"])
def test_time_that_is_dropped_could_not_be_taken_again(flow: str) -> None:
    """Whatever the watermark: whoever repeats a dropped time hears that it is late."""
    gate = Gate(only(flow))
    home = gate.home(flow)
    gate.to(gate.now_ms + 5 * DAY_MS)
    slot = gate.state.devices[home.topic].slots["consumption"]
    for minutes in range(0, 3 * 24 * 60, 7):
        gate.state.windows.advance(gate.now_ms + minutes * MINUTE_MS)
        watermark_ms = gate.state.windows.watermark_ms
        assert {target.take(watermark_ms - slot.keep_ms - 1, 1) for target in slot.targets} == {LATE}
