"""Readings without a time of their own that may have waited: a span in place of the moment at which they are taken."""

from __future__ import annotations

import json

import pytest

from gateway.core import pipeline
from gateway.core.mqtt.events import Frame
from gateway.core.plans import Device
from gateway.core.state import State
from gateway.recipient.records import Record
from tests.support.gate import DAY_MS, HOUR_MS, LATENESS_MS, MIDNIGHT_MS, MINUTE_MS, Gate, frame, only, town
from tests.support.killed_gate import KilledGate
from tests.support.replayed import replayed

T = MIDNIGHT_MS + HOUR_MS


def back_at(gate: Gate, now_ms: int) -> None:
    """Be away until ``now_ms``, and find the session that the broker has kept, with its queue."""
    gate.now_ms = now_ms
    pipeline.session_opened(gate.state, session_present=True, now_ms=now_ms)


def dry_at(gate: Gate, now_ms: int) -> None:
    """Have everything that the broker had at ``now_ms``."""
    gate.now_ms = now_ms
    gate.state.arrivals.still_dry(now_ms)
    gate.commit()


def undated(device: Device, *, retain: bool = False, **fields: float) -> Frame:
    """Return a frame of a device that sends no times."""
    return Frame(device.topic, json.dumps(fields).encode(), 0, duplicate=False, retain=retain, generation=1)


def open_hours(state: State) -> list[tuple[int, int]]:
    """Return the open windows and cells: (start, pairs)."""
    cells = [
        (table.start_ms + cell * table.shape.cell_ms, pairs)
        for table in state.windows.tables.values()
        for cell in range(table.shape.cells)
        if (pairs := table.pairs(cell, cell + 1))
    ]
    return sorted([*((window.start_ms, window.pairs()) for window in state.windows), *cells])


def withheld(gate: Gate) -> dict[str, int]:
    """Return how many pairs were withheld, by reason; the accounts must balance."""
    assert gate.state.ledger.imbalances() == []
    name = "pairs.withheld."
    return {account.removeprefix(name): n for account, n in gate.state.ledger.totals.items() if account.startswith(name) and n}


def gate_with(*flows: str, scopes: tuple[str, ...] | None = None) -> tuple[Gate, Device]:
    """Return a gateway that was dry at 1:10, with a household whose meter sends no times."""
    gate = Gate(only(*flows))
    home = gate.home(*(flows if scopes is None else scopes), profile="timeless")
    dry_at(gate, T + 10 * MINUTE_MS)
    return gate, home


def test_reading_that_waited_within_one_window_counts_there() -> None:
    """The span lies in one hour: whenever it came, it is the same figure."""
    gate, home = gate_with("hourly")
    back_at(gate, T + 59 * MINUTE_MS)
    gate.take(undated(home, kwh=1))
    assert open_hours(gate.state) == [(T, 1)]
    assert withheld(gate) == {}


def test_reading_that_waited_over_the_end_of_a_window_is_undated() -> None:
    """It may belong to either hour: it counts in none, and not in the hour of the restart."""
    gate, home = gate_with("hourly")
    back_at(gate, T + 70 * MINUTE_MS)
    gate.take(undated(home, kwh=1))
    assert open_hours(gate.state) == []
    assert withheld(gate) == {"undated": 1}


def test_each_flow_takes_it_at_its_own_level() -> None:
    """The same reading counts in the day and in no hour."""
    gate, home = gate_with("hourly", "daily")
    back_at(gate, T + 70 * MINUTE_MS)
    gate.take(undated(home, kwh=1))
    assert open_hours(gate.state) == [(MIDNIGHT_MS, 1)]
    assert withheld(gate) == {"undated": 1}


def test_once_the_queue_is_dry_readings_are_dated_as_they_come() -> None:
    """What comes behind the marker has not waited."""
    gate, home = gate_with("hourly")
    back_at(gate, T + 70 * MINUTE_MS)
    pipeline.queue_drained(gate.state, gate.now_ms)
    gate.take(undated(home, kwh=1))
    assert open_hours(gate.state) == [(T + HOUR_MS, 1)]
    assert withheld(gate) == {}


def test_session_that_was_lost_held_nothing() -> None:
    """The waiting ones are gone, and all that comes is new."""
    gate, home = gate_with("hourly")
    gate.now_ms = T + 70 * MINUTE_MS
    pipeline.session_opened(gate.state, session_present=False, now_ms=gate.now_ms)
    gate.take(undated(home, kwh=1))
    assert open_hours(gate.state) == [(T + HOUR_MS, 1)]


def test_connection_lost_before_the_queue_was_dry_waits_since_the_first_time() -> None:
    """A second reconnect does not shorten the span."""
    gate, home = gate_with("hourly")
    back_at(gate, T + 50 * MINUTE_MS)
    gate.state.arrivals.still_dry(gate.now_ms)  # a tick in between knows nothing of the kind
    back_at(gate, T + 70 * MINUTE_MS)
    gate.take(undated(home, kwh=1))
    assert withheld(gate) == {"undated": 1}


def test_nothing_known_of_the_queue_withholds_until_it_is_dry() -> None:
    """A state of a version that did not record it, or a clock that was set back: no span can be given."""
    gate, home = gate_with("hourly", "raw")
    gate.state.arrivals.resume(0)
    back_at(gate, T + 20 * MINUTE_MS)
    gate.take(undated(home, kwh=1))
    gate.state.arrivals.resume(gate.now_ms + 1)
    gate.take(undated(home, kwh=1))
    assert withheld(gate) == {"undated": 4}


def test_reading_with_a_time_of_its_own_keeps_it() -> None:
    """It says itself when it was."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly")
    dry_at(gate, T)
    back_at(gate, T + 3 * HOUR_MS)
    gate.take(frame(home.topic, b'{"t":%d,"kwh":1}' % (T + 5 * MINUTE_MS)))
    assert open_hours(gate.state) == [(T, 1)]


def test_late_reading_with_a_relative_time_is_late() -> None:
    """Its whole span lies in a day that has ended."""
    gate = senml_gate("hourly")
    home = gate.home("hourly", profile="relative")
    gate.now_ms = MIDNIGHT_MS + DAY_MS + HOUR_MS
    gate.state.windows.advance(gate.now_ms - LATENESS_MS)
    dry_at(gate, gate.now_ms)
    back_at(gate, gate.now_ms + MINUTE_MS)
    gate.take(frame(home.topic, b'[{"n":"kwh","v":1,"t":-7200}]'))
    assert gate.count("pairs.late") == 1
    assert withheld(gate) == {}


def senml_gate(*flows: str) -> Gate:
    """Return a gateway with a device profile of SenML, whose times may be relative to the arrival."""
    profile = 'title = { en = "Pack" }\ncodec = "senml"\n[fields.consumption]\npath = "kwh"\nunit = "kW.h"\n'
    head, *tables = town().files["city.toml"].decode().split("\n[flow.")
    text = "\n[flow.".join([head, *(table for table in tables if table.partition("]")[0] in flows)])
    changes = [] if not flows else [("city.toml", text)]
    return Gate(town(files={"devices/relative.toml": profile, **dict(changes)}))


def test_relative_times_of_a_pack_move_with_the_arrival_and_absolute_ones_stay() -> None:
    """Of one message that waited over an hour's end, what bears its time counts, and what was `a minute ago` does not."""
    gate = senml_gate("hourly")
    home = gate.home("hourly", profile="relative")
    dry_at(gate, T + 10 * MINUTE_MS)
    back_at(gate, T + 65 * MINUTE_MS)
    absolute_s = (T + 30 * MINUTE_MS) // 1000
    gate.take(frame(home.topic, b'[{"n":"kwh","v":1,"t":%d},{"n":"kwh","v":2,"t":-60}]' % absolute_s))
    assert open_hours(gate.state) == [(T, 1)]
    assert withheld(gate) == {"undated": 1}


@pytest.mark.parametrize("drained", [True, False])
def test_message_that_the_broker_had_retained_is_of_no_known_age(drained: bool) -> None:
    """Whenever it comes, it may be years old: without a time of its own nothing can be said of it."""
    gate, home = gate_with("hourly", "raw")
    back_at(gate, T + 20 * MINUTE_MS)
    if drained:
        pipeline.queue_drained(gate.state, gate.now_ms)
    gate.take(undated(home, retain=True, kwh=1))
    assert open_hours(gate.state) == []
    assert withheld(gate) == {"undated": 2}


# consents, which hold at a time


def test_span_that_reaches_back_to_before_the_terms_is_undated() -> None:
    """Nobody knows whether it came before or after the household permitted it."""
    gate = Gate(only("raw"))
    home = gate.home(profile="timeless")
    dry_at(gate, T)
    gate.now_ms = T + 5 * MINUTE_MS
    gate.grant(home, "raw")
    back_at(gate, T + 10 * MINUTE_MS)
    gate.take(undated(home, kwh=1))
    assert withheld(gate) == {"undated": 1}


def test_counter_that_waited_over_the_beginning_of_the_terms_gives_no_baseline() -> None:
    """A baseline may not be from before the consent."""
    gate = Gate(only("register"))
    home = gate.home(profile="timeless")
    dry_at(gate, T)
    gate.now_ms = T + 5 * MINUTE_MS
    gate.grant(home, "register")
    back_at(gate, T + 10 * MINUTE_MS)
    gate.take(undated(home, total=1))
    assert list(gate.state.windows.baselines(home.contributor)) == []
    assert withheld(gate) == {"undated": 1}


def test_span_over_the_end_of_a_consent_is_undated_and_behind_it_expired() -> None:
    """The end of a consent is a time like its beginning."""
    gate = Gate(only("raw"))
    home = gate.home(profile="timeless")
    gate.grant(home, "raw", expiry_ms=T + 5 * MINUTE_MS)
    dry_at(gate, T)
    back_at(gate, T + 10 * MINUTE_MS)
    gate.take(undated(home, kwh=1))
    gate.state.arrivals.resume(T + 6 * MINUTE_MS)
    gate.take(undated(home, kwh=1))
    assert withheld(gate) == {"undated": 1, "expired": 1}


# single readings


def single(gate: Gate, recipient: str = "office") -> Record:
    """Return the one record that leaves."""
    pipeline.queue_drained(gate.state, gate.now_ms)
    (record,) = gate.records(recipient)
    return record


def test_single_reading_leaves_with_the_whole_span() -> None:
    """At the level `exact`, from the last dry moment to its taking; and an auditor finds nothing wrong with it."""
    gate, home = gate_with("raw")
    back_at(gate, T + 70 * MINUTE_MS)
    gate.take(undated(home, kwh=1))
    assert single(gate).phenomenon_time == (T + 10 * MINUTE_MS, T + 70 * MINUTE_MS)
    found = replayed(gate)
    assert [one.problem for one in found.findings] == []


def test_single_reading_states_both_ends_at_the_permitted_level() -> None:
    """By quarters of an hour: from the beginning of the first to the end of the last; one quarter where it lies in one."""
    gate = Gate(town())
    device = gate.device(None, "timeless")
    dry_at(gate, T + 10 * MINUTE_MS)
    back_at(gate, T + 40 * MINUTE_MS)
    gate.take(undated(device, db=61))
    assert single(gate, "public").phenomenon_time == (T, T + 45 * MINUTE_MS)
    dry_at(gate, T + 46 * MINUTE_MS)
    back_at(gate, T + 50 * MINUTE_MS)
    gate.take(undated(device, db=61))
    assert single(gate, "public").phenomenon_time == (T + 45 * MINUTE_MS, T + 60 * MINUTE_MS)
    assert [one.problem for one in replayed(gate).findings] == []


def test_single_reading_is_taken_however_long_the_gateway_was_away() -> None:
    """No day has ended for it meanwhile, since none ends before the queue is dry."""
    gate, home = gate_with("raw")
    gate.to(gate.now_ms)
    back_at(gate, T + 4 * DAY_MS)
    gate.take(undated(home, kwh=1))
    assert single(gate).phenomenon_time == (T + 10 * MINUTE_MS, T + 4 * DAY_MS)


# crashes


def test_crash_leaves_the_same_windows_and_the_last_dry_moment() -> None:
    """The journal folds to what was there, and knows since when readings may wait."""
    gate = KilledGate(only("hourly", "daily", "register"))
    home = gate.home("hourly", "daily", "register", profile="timeless")
    gate.commit()
    gate.state.arrivals.still_dry(T + MINUTE_MS)
    gate.now_ms = T + 10 * MINUTE_MS
    pipeline.session_opened(gate.state, session_present=True, now_ms=gate.now_ms)
    gate.take(undated(home, kwh=1, total=5), undated(home, kwh=2, total=6))
    gate.now_ms = T + 80 * MINUTE_MS
    gate.take(undated(home, kwh=4, total=7))
    before = gate.standing()
    assert gate.count("pairs.withheld.undated") == 2
    gate.crash()
    assert gate.standing() == before
    assert gate.state.arrivals.dry_ms == T + MINUTE_MS
    gate.crash()  # and from the snapshot alone
    assert (gate.standing(), gate.state.arrivals.dry_ms) == (before, T + MINUTE_MS)


def test_dry_moment_is_committed_with_what_is_committed_anyway() -> None:
    """At most once a second, and never for its own sake."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly", profile="timeless")
    dry_at(gate, T)
    for step_ms, journaled in ((10, False), (1_000, True)):
        gate.now_ms += step_ms
        gate.state.arrivals.still_dry(gate.now_ms)
        assert not gate.state.journal.has_records
        assert bool(gate.commit().journal) is journaled
    gate.take(undated(home, kwh=1))
    assert open_hours(gate.state) == [(T, 1)]


def test_what_waited_while_the_clock_was_behind_gets_no_span_from_the_clock_that_was_ahead() -> None:
    """Intake stands still until the clock has reached the log again; what came meanwhile did not come in its last second."""
    gate, home = gate_with("hourly")
    gate.state.arrivals.drained(T + 10 * MINUTE_MS)
    gate.state.arrivals.held_up(T - 50 * MINUTE_MS)
    gate.now_ms = T + 10 * MINUTE_MS + 1
    gate.take(undated(home, kwh=1))
    assert (withheld(gate), open_hours(gate.state)) == ({"undated": 1}, [])


def test_what_waited_while_intake_stood_still_gets_a_span_from_the_last_dry_moment() -> None:
    """A full disk sets no clock back."""
    gate, home = gate_with("hourly")
    gate.state.arrivals.drained(T + 10 * MINUTE_MS)
    gate.state.arrivals.held_up(T + 11 * MINUTE_MS)
    gate.now_ms = T + 20 * MINUTE_MS
    gate.take(undated(home, kwh=1))
    assert (withheld(gate), len(open_hours(gate.state))) == ({}, 1)
