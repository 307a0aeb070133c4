"""Faults of the firmware: numbers that begin again, and clocks that are wrong by what they say."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from firmware_sim.misbehaviour.truth import Truth
from tests.support.simulated import course, station, within_bounds

HOUR_MS = 3_600_000
NUMBER = 2000  # of ten minutes each: two weeks


def told(kind: str = "tasmota-sensor", number: int = NUMBER, **faults: Any) -> list[Truth]:
    """Return the truths of many measurements of a device with faults."""
    return [truth for truth, _ in course(station(kind, faults=faults), number)]


def test_restart_begins_the_numbers_and_says_so() -> None:
    """Each run counts from zero, one by one, under a greater boot id."""
    truths = told(restarts={"per_day": 1})
    begun = 0
    for before, after in pairwise(truths):
        if after.boot == before.boot:
            assert after.sequence == before.sequence + 1
        else:
            assert (after.boot > before.boot, after.sequence) == (True, 0)
            assert after.faults == ("restarts",)
            begun += 1
    assert within_bounds(begun, NUMBER, 1 / 144)


def test_restart_of_an_abp_node_is_not_told() -> None:
    """The number falls to zero, and nothing else says why."""
    truths = told(restarts={"per_day": 1, "told": False})
    assert len({truth.boot for truth in truths}) == 1
    assert sum(after.sequence < before.sequence for before, after in pairwise(truths)) > 5


def test_restart_may_cost_the_register() -> None:
    """What is sent is what was counted since; the truth has the meter's whole count."""
    truths = told("tasmota-energy", restarts={"per_day": 2, "registers": True})
    assert all(truth.faults == ("restarts",) for truth in truths)
    falls = 0
    for before, after in pairwise(truths):
        used = after.measured["total_kwh"] - before.measured["total_kwh"]
        now, then = after.said["total_kwh"], before.said["total_kwh"]
        assert isinstance(now, float)
        assert isinstance(then, float)
        if after.sequence == 0:
            assert now == 0
            falls += 1
        else:
            assert abs(now - then - used) < 1e-6
    assert falls > 10


def test_clock_stands_in_1970_until_a_time_server_answers() -> None:
    """Only the first messages of a run, and the time since the start is what they say."""
    truths = told("airrohr", 3000, restarts={"per_day": 4}, epoch_until_ntp={"least_s": 300, "most_s": 300})
    early = [truth for truth in truths if "epoch_until_ntp" in truth.faults]
    assert {truth.sequence for truth in early} <= {0, 1, 2}
    assert all(0 <= truth.said_ms < 300_000 for truth in early)
    assert all(truth.said_ms == truth.measured_ms for truth in truths if truth not in early)
    starts = len({truth.boot for truth in truths}) - 1
    assert starts * 1.5 < len(early) < starts * 2.5


def test_local_time_is_said_to_be_utc() -> None:
    """Two hours ahead in Madrid's summer."""
    truths = told(number=10, local_time_as_utc={})
    assert {truth.said_ms - truth.measured_ms for truth in truths} == {2 * HOUR_MS}
    assert {truth.faults for truth in truths} == {("local_time_as_utc",)}


def test_clock_drifts_by_parts_per_million_until_it_is_set() -> None:
    """Forty of them are three and a half seconds a day; after ten days it is set anew."""
    truths = told(number=3000, clock_drift={"ppm": 40, "set_days": 10})
    off = [truth.said_ms - truth.measured_ms for truth in truths]
    assert min(off) < 100
    assert 34_000 < max(off) <= 34_560
    assert all(abs(later - earlier - 24) <= 1 for earlier, later in pairwise(off) if later > earlier)
