"""What a profile says of numbers, repeats and clocks, as the pipeline applies it; and that a crash changes none of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consent.core.profiles.profile import AbsentSequence, Authentication, Codec, Repeat, Scheme, SequenceField
from gateway.core import recovery
from gateway.core.changes import changes
from gateway.core.ingest.admission import MAX_AHEAD_MS, MAX_BEHIND_MS
from gateway.core.ingest.memory import DeviceMemory
from gateway.core.ingest.remembered import SharedRoom
from gateway.core.ingest.rules import AdmissionRules
from gateway.core.ingest.series import HeldReadings
from gateway.core.model import IGNORE, IMPLAUSIBLE, NO_VALUE, Observation, Reading
from gateway.core.state import State
from tests.support.gate import DAY_MS, HOUR_MS, MIDNIGHT_MS, MINUTE_MS, Gate, frame, only, reading
from tests.support.hubs import HUB, behind, hub_gate, message, readings_of, reasons, with_profiles
from tests.support.profiles import make_profile

T = MIDNIGHT_MS


def gate_with(**changed: dict[str, Any]) -> Gate:
    """Return a gate whose profiles differ from the town's."""
    return Gate(with_profiles(only("hourly"), **changed))


def numbers(**changed: Any) -> SequenceField:
    """Return where the numbered meters' number stands, and what else is said of it."""
    return replace(SequenceField("seq", "boot"), **changed)


# numbers


def test_absent_number_is_zero_where_the_profile_says_so() -> None:
    """As protobuf leaves zeros out: the first message has none, and a second such is its copy."""
    gate = gate_with(numbered={"sequence": numbers(absent=AbsentSequence.ZERO)})
    home = gate.home("hourly", profile="numbered")
    for seq in ({}, {"seq": 1}, {}, {"seq": 0}):
        gate.send(home, kwh=1, boot=1, **seq)
    assert (gate.count("frames.admitted"), reasons(gate, "frames.rejected")) == (2, {"replayed": 2})


def test_absent_number_may_mean_nothing_and_then_times_tell_repeats() -> None:
    """A number, where there is one, is held against the others; of what has none only its time is known."""
    gate = gate_with(numbered={"sequence": numbers(absent=AbsentSequence.NONE)})
    home = gate.home("hourly", profile="numbered")
    for t_ms, seq in ((T, {}), (T, {}), (T + 1, {"seq": 5}), (T + 2, {"seq": 5}), (T + 3, {})):
        gate.send(home, t_ms, kwh=1, boot=1, **seq)
    assert (gate.count("frames.admitted"), reasons(gate, "frames.rejected")) == (4, {"replayed": 1})
    assert (gate.count("pairs.contributed"), gate.count("pairs.duplicate")) == (3, 1)


def test_node_that_restarts_is_heard_again_and_a_copy_from_before_is_not() -> None:
    """Its counter is far below at a later time; a clock that nobody believes begins no run."""
    gate = gate_with(numbered={"sequence": numbers(restarts=True)})
    home = gate.home("hourly", profile="numbered")
    before = reading(home, T - HOUR_MS, kwh=1, boot=1, seq=900)
    gate.take(before, reading(home, T + 2 * DAY_MS, kwh=1, boot=1, seq=0))
    gate.take(reading(home, T, kwh=1, boot=1, seq=0), before, reading(home, T + 1, kwh=1, boot=1, seq=1))
    assert (gate.count("frames.admitted"), reasons(gate, "frames.rejected")) == (3, {"replayed": 2})


# repeats


def test_message_sooner_than_the_least_interval_is_a_duplicate() -> None:
    """It is measured from the last that was admitted, so a device that sends too often is thinned out and not silenced."""
    gate = gate_with(timeless={"repeat": Repeat(least_interval_ms=30_000)})
    home = gate.home("hourly", profile="timeless")
    for later_ms in (0, 10_000, 10_000, 10_000, 29_999, 1):
        gate.now_ms += later_ms
        gate.take(frame(home.topic, b'{"kwh":%d}' % gate.now_ms))
    assert (gate.count("frames.admitted"), reasons(gate, "frames.rejected")) == (3, {"duplicate": 3})
    assert readings_of(gate, home) == (3, {"duplicate": 3})


def test_equal_payload_within_the_time_is_a_duplicate() -> None:
    """Another payload is none, nor the same one later."""
    gate = gate_with(timeless={"repeat": Repeat(equal_within_ms=MINUTE_MS)})
    home = gate.home("hourly", profile="timeless")
    for later_ms, kwh in ((0, 1), (1_000, 1), (1_000, 2), (1_000, 1), (MINUTE_MS, 1)):
        gate.now_ms += later_ms
        gate.take(frame(home.topic, b'{"kwh":%d}' % kwh))
    assert (gate.count("frames.admitted"), reasons(gate, "frames.rejected")) == (4, {"duplicate": 1})


def test_what_waited_in_the_broker_came_at_no_known_interval() -> None:
    """A queue of an hour comes at once: it is not thinned out by its arrival; copies in it are still equal."""
    gate = gate_with(timeless={"repeat": Repeat(least_interval_ms=30_000, equal_within_ms=30_000)})
    home = gate.home("hourly", profile="timeless")
    gate.state.arrivals.held_up(gate.now_ms)
    gate.take(*(frame(home.topic, b'{"kwh":%d}' % kwh) for kwh in (1, 1, 2, 3)))
    assert (gate.count("frames.admitted"), reasons(gate, "frames.rejected")) == (3, {"duplicate": 1})


def test_clock_that_was_set_back_makes_nothing_a_duplicate() -> None:
    """Or the device would be silent until the clock has caught up."""
    gate = gate_with(timeless={"repeat": Repeat(least_interval_ms=30_000)})
    home = gate.home("hourly", profile="timeless")
    gate.take(frame(home.topic, b'{"kwh":1}'))
    gate.now_ms -= HOUR_MS
    gate.take(frame(home.topic, b'{"kwh":1}'))
    assert gate.count("frames.admitted") == 2


# clocks, values, what is no reading


def test_a_profile_says_how_far_its_clocks_may_be_off() -> None:
    """Narrower than for any device; others are as they were."""
    profile = only("hourly").profiles["meter"]
    assert profile.time is not None
    gate = gate_with(meter={"time": replace(profile.time, most_ahead_ms=10 * MINUTE_MS, most_behind_ms=HOUR_MS)})
    home, other = gate.home("hourly"), gate.home("hourly", profile="numbered")
    for t_ms in (T + 10 * MINUTE_MS, T + 10 * MINUTE_MS + 1, T - HOUR_MS, T - HOUR_MS - 1):
        gate.send(home, t_ms, kwh=1)
        gate.send(other, t_ms, kwh=1, boot=1, seq=t_ms)
    assert reasons(gate, "observations.refused") == {"clock_ahead": 1, "clock_behind": 1}
    assert readings_of(gate, home) == (4, {"clock_ahead": 1, "clock_behind": 1})
    rules = AdmissionRules.of(make_profile(Codec.JSON, {"consumption": "kwh"}))
    assert (rules.most_ahead_ms, rules.most_behind_ms) == (MAX_AHEAD_MS, MAX_BEHIND_MS)


def test_refused_values_of_a_reading_are_decoded_and_refused() -> None:
    """They cost their fields alone: the message is admitted, and the others count."""
    gate = gate_with()
    home = gate.home("hourly")
    plan = gate.state.devices[home.topic]
    read = Reading(None, None, True, [Observation("consumption", T, 1.0)], (NO_VALUE, IMPLAUSIBLE, NO_VALUE))
    plan.decode = lambda topic, payload, received_ms: read
    gate.take(frame(home.topic, b"{}"))
    assert (gate.count("observations.decoded"), gate.count("observations.asked")) == (4, 1)
    assert reasons(gate, "observations.refused") == {"no_value": 2, "implausible": 1}
    assert readings_of(gate, home) == (1, {"no_value": 2, "implausible": 1})


def test_ignored_message_is_neither_admitted_nor_refused() -> None:
    """The device was heard all the same."""
    gate = gate_with()
    home = gate.home("hourly")
    gate.state.devices[home.topic].decode = lambda topic, payload, received_ms: IGNORE
    gate.take(frame(home.topic, b"{}"))
    assert (gate.count("frames.ignored"), gate.count("frames.admitted"), gate.count("frames.rejected")) == (1, 0, 0)
    heard = gate.state.memory_of(home.id).heard
    assert (heard.last_ms, heard.readings, heard.rejected) == (T, 0, {})


# crash


@pytest.mark.parametrize("ends", ["journal", "snapshot"])
def test_what_tells_repeats_survives_a_crash(ends: str) -> None:
    """Numbers, runs and arrivals of devices behind a hub are folded again as they were; what was heard begins anew."""
    gate = hub_gate(
        meter={"repeat": Repeat(30_000, 60_000)},
        numbered={"sequence": numbers(restarts=True)},
        sealed={"authentication": Authentication(Scheme.NONE), "sequence": numbers(), "repeat": Repeat(equal_within_ms=9)},
    )
    devices = [behind(gate, name, name, topic="hub/+") for name in ("meter", "numbered", "sealed")]
    for n, seq in enumerate((700, 1, 2)):
        parts = ({"id": device.hub_id, "t": T + n, "kwh": 1, "boot": 1, "seq": seq} for device in devices)
        gate.take(frame(HUB, message(*parts), n + 1))
        gate.now_ms += MINUTE_MS
    if ends == "snapshot":
        recovery.begin_segment(gate.state)
        gate.commit()
    again = State(gate.state.identity)
    assert gate.state.force is not None
    changes.put_in_force(again, gate.state.force)
    for device in devices:
        again.registry.know_device(device)
    fold = recovery.restore(again, gate.snapshot)
    for batch in gate.batches:
        fold.batch(*batch)
    fold.end()
    remembered = {device.id: gate.state.memory_of(device.id).state() for device in devices}
    assert {device.id: again.memory_of(device.id).state() for device in devices} == remembered
    assert [len(state) for state in remembered.values()] == [6, 4, 6]
    assert all(again.memory_of(device.id).heard.readings == 0 for device in devices)


def test_nothing_of_what_was_heard_is_stored_or_logged() -> None:
    """It is for the crew's screen: journal, snapshot, ledger and log are the same whoever sent what."""
    gates = [gate_with(), gate_with()]
    for at, gate in enumerate(gates):
        homes = gate.homes(2, "hourly")
        gate.commit()
        pipeline_rejects = [frame(homes[at].topic, b"{")] * 3
        gate.take(*pipeline_rejects)
        recovery.begin_segment(gate.state)
        gate.state.log.checkpoint(gate.state.ledger, gate.now_ms)
    one, other = (gate.state.take_commit() for gate in gates)
    assert (one.snapshot, one.ledger, one.journal) == (other.snapshot, other.ledger, other.journal)
    assert [row.content for row in one.log] == [row.content for row in other.log]


def test_property_that_comes_to_be_read_otherwise_begins_anew_and_leaves_nothing_in_its_place() -> None:
    """What a register shows is not added up; and the place may become another household's."""
    held = HeldReadings()
    memory = DeviceMemory(SharedRoom(), held)
    amounts = memory.preview("consumption", is_counter=False)
    assert memory.preview("consumption", is_counter=False) is amounts
    held.add((amounts.place, T, 7), T)
    register = memory.preview("consumption", is_counter=True)
    assert memory.previews == (register,)
    assert not [*amounts.held(0, T), *register.held(0, T)]
