"""Faults of the sensor: as often as told, and no other value than they say."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from firmware_sim.devices import DAY_MS
from tests.support.simulated import START_MS, course, station, within_bounds

NUMBER = 2000


def faulty(kind: str, **faults: Any) -> list[Any]:
    """Return the truths of many measurements of a device with faults."""
    return [truth for truth, _ in course(station(kind, faults=faults), NUMBER)]


def test_sentinel_stands_in_place_of_a_share_of_values() -> None:
    """Of the value that is named, and of no other."""
    truths = faulty("tasmota-sensor", sentinel={"of": "temperature", "value": 85, "share": 0.02})
    befallen = [truth for truth in truths if truth.faults]
    assert within_bounds(len(befallen), NUMBER, 0.02)
    assert all(truth.said == {**truth.measured, "temperature": 85} for truth in befallen)
    assert all(truth.said == truth.measured for truth in truths if not truth.faults)


def test_not_a_number_takes_all_values_where_none_is_named() -> None:
    """But registers, which are integers in every meter."""
    truths = faulty("shelly-gen1-em", not_a_number={"share": 0.05})
    befallen = [truth for truth in truths if truth.faults]
    assert within_bounds(len(befallen), NUMBER, 0.05)
    assert all(math.isnan(truth.said["power_w"]) for truth in befallen)
    assert all(truth.said["total_kwh"] == truth.measured["total_kwh"] for truth in truths)


def test_spike_is_many_times_the_value() -> None:
    """A share of values, each ten times what it was."""
    truths = faulty("wmbusmeters-water", spikes={"of": "total_m3", "share": 0.03, "factor": 10})
    befallen = [truth for truth in truths if truth.faults == ("spikes",)]
    assert within_bounds(len(befallen), NUMBER, 0.03)
    assert all(math.isclose(truth.said["total_m3"], 10 * truth.measured["total_m3"]) for truth in befallen)


def test_stuck_sensor_shows_what_it_showed_before() -> None:
    """Within an episode all values are one, and it is one that was measured."""
    truths = faulty("tasmota-sensor", stuck={"of": "temperature", "per_day": 1, "least_s": 7200, "most_s": 7200})
    shown = [truth.said["temperature"] for truth in truths]
    stuck = [at for at, truth in enumerate(truths) if truth.faults]
    assert within_bounds(len(stuck), NUMBER, 2 / 24, 12)
    before = [at for at in stuck if at - 1 not in stuck and at > 1]
    measured = {truth.measured["temperature"] for truth in truths}
    assert before
    assert all(shown[at] == truths[at - 1].measured["temperature"] or shown[at] in measured for at in before)


def test_drift_grows_from_day_to_day_until_the_sensor_is_calibrated() -> None:
    """A tenth of a per cent a day, from nothing, for as long as it lasts."""
    sensor = station("tasmota-sensor", faults={"drift": {"of": "temperature", "by_day": 0.001, "calibrated_days": 10}})
    for day in range(12):
        t_ms = sensor.device.next_ms(START_MS // (10 * DAY_MS) * 10 * DAY_MS + day * DAY_MS)
        truth, _ = sensor.send(t_ms)
        expected = truth.measured["temperature"] * (1 + 0.001 * (day % 10))
        assert math.isclose(float(truth.said["temperature"]), expected, rel_tol=2e-5, abs_tol=0.001)  # type: ignore[arg-type]


def test_register_rolls_over_at_its_bits() -> None:
    """Sixteen bits of watt-hours are 65.536 kWh, after which it begins at zero; the truth has the whole."""
    truths = faulty("tasmota-energy", rollover={"bits": 16, "step": 0.001})
    said = [truth.said["total_kwh"] for truth in truths]
    assert max(said) < 65.536
    assert all(math.isclose(truth.said["total_kwh"], truth.measured["total_kwh"] % 65.536, abs_tol=1e-6) for truth in truths)
    falls = sum(later < earlier for earlier, later in pairwise(said))
    used = truths[-1].measured["total_kwh"] - truths[0].measured["total_kwh"]
    assert falls in (math.floor(used / 65.536), math.ceil(used / 65.536))


def test_flipped_bit_is_one_bit_in_one_telegram() -> None:
    """What was sent differs from what was measured by a power of two of the register's steps."""
    truths = faulty("wmbusmeters-water", bit_flips={"share": 0.01, "bits": 24, "step": 0.001})
    befallen = [truth for truth in truths if truth.faults]
    assert within_bounds(len(befallen), NUMBER, 0.01)
    for truth in befallen:
        steps = abs(round(truth.said["total_m3"] / 0.001) - round(truth.measured["total_m3"] / 0.001))
        assert steps.bit_count() == 1
        assert steps < 1 << 24
