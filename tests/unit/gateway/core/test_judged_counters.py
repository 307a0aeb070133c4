"""Registers that are judged, in a gateway: twelve homes, of which three each send one wrong telegram, and what leaves of them."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.core.policies.policy import PolicySet
from gateway.core import recovery
from gateway.core.changes import changes
from gateway.core.ingest.counters import CounterRule, Register
from gateway.core.ingest.minimise import floor_steps
from gateway.core.model import Observation
from gateway.core.plans import Device
from gateway.core.state import State
from tests.support.gate import DAY_MS, FILES, HOUR_MS, LATENESS_MS, MIDNIGHT_MS, MINUTE_MS, Gate, reading, result_of, town
from tests.support.refolded import refolded, standing
from tests.support.replayed import replayed

FIRST_MS = MIDNIGHT_MS + 7 * MINUTE_MS
PER_HALF_HOUR = 0.25


@cache
def policies(counter: str, profile: str = "meter", *replaced: tuple[str, str]) -> PolicySet:
    """Return the town, in which registers of a profile count so."""
    path = f"devices/{profile}.toml"
    file = FILES[path].replace('path = "total"', f'path = "total"\ncounter = {counter}' if counter else 'path = "total"')
    assert not counter or "counter" in file
    return town(*replaced, files={path: file})


def gate_of(homes: int, counter: str, profile: str = "meter", *replaced: tuple[str, str]) -> tuple[Gate, list[Device]]:
    """Return a gateway with some homes whose registers it may read each hour."""
    gate = Gate(policies(counter, profile, *replaced))
    return gate, [gate.home("register", profile=profile) for _ in range(homes)]


def hours(gate: Gate, homes: list[Device], wrong: dict[tuple[int, int], float], rounds: int = 14) -> list[float]:
    """Let homes tell their registers each half hour; return the hours' figures, once the day has ended.

    Args:
        wrong: By round and home what it told in place of its register.
    """
    for n in range(rounds):
        at_ms = FIRST_MS + n * 30 * MINUTE_MS
        gate.to(at_ms)
        totals = [wrong.get((n, home), 1_000 * home + PER_HALF_HOUR * n) for home in range(len(homes))]
        frames = [reading(home, at_ms, total=total) for home, total in zip(homes, totals, strict=True)]
        gate.take(*frames)
    return by_hour(gate)


def by_hour(gate: Gate) -> list[float]:
    """Let the day end; return its figures in order of time."""
    gate.to(MIDNIGHT_MS + DAY_MS + LATENESS_MS)
    return result_of(sorted(gate.records(), key=lambda record: record.phenomenon_time), "register")


WRONG = {(7, 0): 0.0, (9, 1): 1_802.53, (11, 2): 1_475.71}
"""Nothing, far too much, far too little: each in the second half of an hour."""


def test_wrong_telegrams_move_what_their_homes_used_to_the_next_reading_and_change_no_figure_otherwise() -> None:
    """In the hour that one would have ended its home is half an hour short, and in the next half an hour ahead."""
    gate, homes = gate_of(12, "{ most_per_h = 25 }")
    used, moved = 12 * 2 * PER_HALF_HOUR, PER_HALF_HOUR
    expected = [used / 2, used, used, used - moved, used + moved - moved, used + moved - moved, used + moved]
    assert hours(gate, homes, WRONG) == expected
    assert gate.count("observations.refused.implausible") == 3
    assert replayed(gate).exit_status == 0, "an auditor reaches every decision without registers"


DAILY = (
    'identity = "aggregate", time = "1h", space = "district", group = 2, retention = 365 }\nnoise = "none"\n\n[flow.nights]',
    'identity = "per-epoch", time = "day", space = "district", retention = 365 }\n\n[flow.nights]',
)


def test_day_of_one_home_is_left_out_only_if_a_wrong_telegram_ends_it_or_the_day_before() -> None:
    """Its total under a pseudonym is right, or is not there."""
    gate, homes = gate_of(3, "{ most_per_h = 25 }", "meter", DAILY)
    found: list[list[float]] = []
    wrong = {(7, 0): 0.0, (11, 1): 9_999.0, (12, 2): 9_999.0, (13, 2): 5.0}
    for n in range(24):
        at_ms = MIDNIGHT_MS + n * 6 * HOUR_MS + HOUR_MS
        gate.to(at_ms)
        gate.take(
            *(reading(home, at_ms, total=wrong.get((n, at), 10.0 * n)) for at, home in enumerate(homes) if at == 0 or n != 10)
        )
        gate.to(at_ms + HOUR_MS)
        if figures := result_of(gate.records(), "register"):
            found.append(sorted(figures))
        assert gate.state.ledger.imbalances() == []
    assert found == [[40.0, 40.0], [40.0], [40.0, 40.0], [40.0, 40.0, 40.0]]
    assert replayed(gate).exit_status == 0


def test_wrong_telegram_within_an_hour_costs_nobody_anything() -> None:
    """The hour ends with a reading that is right."""
    gate, homes = gate_of(12, "{ most_per_h = 25 }")
    assert hours(gate, homes, {(6, 0): 0.0, (8, 1): 1_802.53}) == [3.0, *[6.0] * 6]


def test_profile_that_does_not_say_how_a_register_counts_is_read_as_before() -> None:
    """A fall begins anew; a jump is one home's day that outweighs all others, so that nothing of the day leaves."""
    gate, homes = gate_of(12, "")
    assert hours(gate, homes, WRONG) == []
    assert gate.count("observations.refused") == 0
    assert gate.count("pairs.suppressed.p") > 0


def test_register_of_16_bits_leaves_as_one_that_never_begins_again() -> None:
    """In the town as in the arithmetic."""
    gate, homes = gate_of(3, "{ most_per_h = 25, bits = 16 }")
    for n in range(8):
        at_ms = FIRST_MS + n * 30 * MINUTE_MS
        gate.to(at_ms)
        gate.take(*(reading(home, at_ms, total=(2**16 - 1 + PER_HALF_HOUR * n + at) % 2**16) for at, home in enumerate(homes)))
    assert by_hour(gate) == [0.75, 1.5, 1.5, 1.5], "of three homes, whose first readings are baselines"
    assert gate.count("observations.refused") == 0


CHANGES = st.sampled_from([0.0, 0.25, 0.25, 0.25, 5.0, 90.0, -700.0])
EVENTS = st.lists(st.tuples(st.integers(0, 2), CHANGES, st.integers(-40, 60), st.booleans()), max_size=24)


@pytest.mark.parametrize("profile", ["meter", "numbered", "timeless"])
@settings(max_examples=60)
@given(events=EVENTS)
def test_crash_at_any_moment_changes_nothing_of_what_is_remembered_of_registers(
    profile: str, events: list[tuple[int, float, int, bool]]
) -> None:
    """Suspects, registers that begin anew, late readings, readings that may have waited: what was committed makes the same."""
    gate, homes = gate_of(3, "{ most_per_h = 25, bits = 24 }", profile)
    totals = [0.0, 100.0, 2**24 - 2.0]
    for number, (home, change, minutes, waited) in enumerate(events):
        gate.to(gate.now_ms + 20 * MINUTE_MS)
        if number == 9:
            recovery.begin_segment(gate.state)
        if waited:
            gate.state.arrivals.held_up(gate.now_ms)
        totals[home] += change
        shown = totals[home] % 2**24 if number % 5 else 0.0
        extra: dict[str, Any] = {"seq": number, "boot": 1} if profile == "numbered" else {}
        gate.take(reading(homes[home], gate.now_ms + minutes * MINUTE_MS, total=shown, **extra))
        gate.state.arrivals.drained(gate.now_ms)
    assert standing(refolded(gate)) == standing(gate.state)
    assert gate.state.ledger.imbalances() == []


def test_snapshot_of_a_version_that_judged_no_registers_is_read() -> None:
    """It ends before them."""
    gate, homes = gate_of(3, "{ most_per_h = 25 }")
    gate.send(homes[0], total=5.0)
    stored = msgspec.msgpack.decode(recovery.snapshot(gate.state), strict=False)
    del stored[0][4:]
    earlier = State(gate.state.identity)
    assert gate.state.force is not None
    changes.put_in_force(earlier, gate.state.force)
    recovery.restore(earlier, msgspec.msgpack.encode(stored))
    assert remembered(earlier) == 0
    assert standing(earlier)[:4] == standing(gate.state)[:4]


def remembered(state: State) -> int:
    """Return of how many registers anything is remembered."""
    return len(state.windows.counters)


def test_register_is_forgotten_with_the_consent_that_it_was_read_by() -> None:
    """And a suspect with it; what comes later is not judged by it."""
    gate, homes = gate_of(3, "{ most_per_h = 25 }")
    hours(gate, homes, {(3, 0): 9_999.0}, rounds=4)
    assert remembered(gate.state) == 3
    gate.withdraw(homes[0], "register")
    gate.commit()
    assert remembered(gate.state) == remembered(refolded(gate)) == 2
    gate.send(homes[0], total=5.0)
    assert remembered(gate.state) == 2, "without consent nothing is remembered of it"


def test_register_is_forgotten_with_a_household_that_is_erased() -> None:
    """Nothing is left of it in what a restart reads."""
    gate, homes = gate_of(3, "{ most_per_h = 25 }")
    hours(gate, homes, {}, rounds=4)
    gate.erase(homes[0])
    assert remembered(gate.state) == remembered(refolded(gate)) == 2


def test_register_of_a_device_whose_flow_wants_no_differences_is_not_judged() -> None:
    """Nor is anything remembered of it."""
    gate, homes = gate_of(3, "{ most_per_h = 25 }", "meter", ('totalConsumption = "delta"', 'totalConsumption = "mean"'))
    for total in (5.0, 900.0, 0.0):
        gate.send(homes[0], total=total)
    assert remembered(gate.state) == 0
    assert gate.count("observations.refused") == 0


@given(st.floats(-1e9, 1e9) | st.decimals(0, 10**6, places=3).map(float), st.sampled_from([0.001, 0.1, 1.0]))
def test_register_that_begins_is_floored_as_any_other_reading(value: float, step: float) -> None:
    """Judged or not, a reading is the same number of steps; a millionth of one is nothing."""
    register = Register({}, (b"", b"", ""), CounterRule(-1, -1, ""))
    shown = register.read(Observation("total", 0, value), step, may_have_waited=False)
    assert shown == register.total == floor_steps(value, step)
