"""Tasmota: local time without a zone, lists of phases, and telemetry between."""

from __future__ import annotations

import json
import math
from datetime import datetime
from zoneinfo import ZoneInfo

from tests.support.simulated import course, station


def test_energy_says_local_time_and_the_register() -> None:
    """Read in Madrid's zone the time is when it measured."""
    for truth, readings in course(station("tasmota-energy"), 50):
        (sensor,) = [json.loads(reading.payload) for reading in readings if reading.carries]
        assert sensor["ENERGY"]["Total"] == truth.measured["total_kwh"]
        at = datetime.fromisoformat(sensor["Time"])
        assert at.tzinfo is None
        assert at.replace(tzinfo=ZoneInfo("Europe/Madrid")).timestamp() * 1000 == truth.measured_ms


def test_three_phases_add_up_to_the_register() -> None:
    """The house's consumption is the sum of three registers, and of no fewer."""
    for truth, readings in course(station("tasmota-energy-3p"), 50):
        (sensor,) = [json.loads(reading.payload) for reading in readings if reading.carries]
        assert len(sensor["ENERGY"]["Total"]) == 3
        assert math.isclose(sum(sensor["ENERGY"]["Total"]), truth.measured["total_kwh"], abs_tol=1e-6)


def test_three_phases_with_a_sentinel_send_it_in_place_of_the_list() -> None:
    """A word cannot be split."""
    broken = station("tasmota-energy-3p", faults={"sentinel": {"of": "total_kwh", "value": "nan", "share": 1}})
    ((_, readings),) = course(broken, 1)
    assert json.loads(readings[-1].payload)["ENERGY"]["Total"] == "nan"


def test_state_and_last_will_carry_no_reading() -> None:
    """At the beginning of a run it says that it is online; now and then, how it is."""
    frames = [reading for _, readings in course(station("tasmota-sensor", restart_s=7200), 40) for reading in readings]
    assert {reading.topic.rpartition("/")[2] for reading in frames if not reading.carries} == {"STATE", "LWT"}
    assert all(reading.topic.endswith("/SENSOR") for reading in frames if reading.carries)
