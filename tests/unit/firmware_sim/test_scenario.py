"""Scenarios: what is accepted, what is refused with one clear line, and the order of a fleet's readings."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.clock import SimulatedClock, WallClock
from firmware_sim.scenario import ScenarioError, load_scenario, parse_scenario
from firmware_sim.stations import Fleet

START_MS = 1_774_047_600_000
CITY: dict[str, Any] = {
    "seed": "a small city",
    "clock": {"start": "2026-03-20T23:00:00Z", "at": 1000.0, "rate": 10_800},
    "devices": [
        {"topic": "home/{n}", "kind": "meter", "count": 40},
        {"topic": "air/{n}", "kind": "air-quality", "count": 6},
        {"topic": "noise/{n}", "kind": "noise", "count": 6},
        {"topic": "gate/{n}", "kind": "footfall", "count": 8, "public": True},
    ],
}


def test_fleet_of_a_scenario_reads_in_order_of_time_with_distinct_times_per_device() -> None:
    """A day of readings comes in order, complete, and no device says the same moment twice."""
    day = [*islice(Fleet(parse_scenario(CITY)).readings(START_MS), 40 * 48 + 6 * 144 + 14 * 288)]
    times = [reading.time_ms for reading in day]
    assert times == sorted(times)
    assert times[0] >= START_MS
    assert times[-1] < START_MS + 24 * 3_600_000
    assert len({(reading.topic, reading.time_ms) for reading in day}) == len(day)
    assert sum(reading.public for reading in day) == 8 * 288


def test_fleet_of_the_same_scenario_sends_the_same_bytes() -> None:
    """Two fleets agree, and one that starts later joins the other's course."""
    one, two = (Fleet(parse_scenario(CITY)) for _ in range(2))
    early = [(reading.topic, reading.payload) for reading in islice(one.readings(START_MS), 3000)]
    late = [(reading.topic, reading.payload) for reading in islice(two.readings(START_MS + 3_600_000), 1000)]
    assert early[early.index(late[0]) :][:1000] == late


def test_fleet_of_another_seed_sends_other_bytes() -> None:
    """The seed decides."""
    one, two = (Fleet(parse_scenario({**CITY, "seed": seed})) for seed in ("a", "b"))
    assert [r.payload for r in islice(one.readings(START_MS), 50)] != [r.payload for r in islice(two.readings(START_MS), 50)]


def test_clock_of_a_scenario_is_start_plus_rate_times_time_since(monkeypatch: pytest.MonkeyPatch) -> None:
    """One real second is three hours at 10,800."""
    clock = parse_scenario(CITY).clock()
    assert clock == SimulatedClock(START_MS, 1000.0, 10_800.0)
    monkeypatch.setattr("time.time", lambda: 1001.5)
    assert clock.now_ms() == START_MS + 16_200_000


def test_clock_without_description_is_the_machine_s() -> None:
    """A fleet without a simulated clock lives in real time."""
    assert isinstance(parse_scenario({"devices": CITY["devices"]}).clock(), WallClock)


def broken(**changes: Any) -> dict[str, Any]:
    """Return a scenario of one device with something changed."""
    return {"devices": [{"topic": "a", "kind": "noise", **changes}]}


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ([], "must be a table"),
        ({"devices": []}, "`devices`"),
        ({"devices": ["x"]}, "`devices[0]`"),
        ({**CITY, "spped": 1}, "`spped`"),
        ({**CITY, "clock": {"start": "soon"}}, "`clock.start`"),
        ({**CITY, "clock": {"start": 0, "rate": -1}}, "`clock.rate`"),
        (broken(kind="toaster"), "`devices[0].kind`"),
        (broken(topic="a/#"), "`devices[0].topic`"),
        (broken(color="red"), "`devices[0].color`"),
        (broken(public="yes"), "`devices[0].public`"),
        (broken(restart_s=-1), "`devices[0].restart_s`"),
        (broken(key=11 * "ab"), "`devices[0].key`"),
        (broken(kind="secure-meter"), "`devices[0].key`"),
        (broken(kind="secure-meter", key="zz"), "`devices[0].key`"),
        (broken(count=2), "`devices[0].count`"),
        (broken(settings={"interval_s": 0.5}), "`devices[0].settings.interval_s`"),
        (broken(settings={"quiet_db": "low"}), "`devices[0].settings.quiet_db`"),
        (broken(settings={"loudness": 1}), "`devices[0].settings.loudness`"),
        ({"devices": [{"topic": "a", "kind": "noise"}] * 2}, "two devices have one topic"),
        ({**CITY, "timezone": "Europe/Nowhere"}, "`timezone`"),
        ({**CITY, "timezone": 3}, "`timezone`"),
        (broken(kind=["noise"]), "`devices[0].kind`"),
        (broken(gzip="yes"), "`devices[0].gzip`"),
        (broken(faults=[]), "`devices[0].faults`"),
        (broken(faults={"lost": {}}), "`devices[0].faults.lost`"),
        (broken(faults={"loss": {"lost_in_bad": 2}}), "`devices[0].faults.loss.lost_in_bad`"),
        (broken(kind="shelly-gen1-em", extra={"owner": "Ana"}), "`devices[0].extra`"),
        (broken(kind="shelly-gen1-em", settings={"quiet_db": 1}), "`devices[0].settings.quiet_db`"),
        (broken(kind="rtl433-events"), "`devices[0].identity`"),
        ({"devices": [{"topic": "a", "kind": "rtl433-events", "identity": "4"}] * 2}, "two devices have one topic and one"),
    ],
)
def test_scenario_with_a_mistake_is_refused_in_one_line_that_names_it(document: object, key: str) -> None:
    """The message names the file and the key."""
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(document, "city.json")
    assert str(caught.value).startswith("`city.json`: ")
    assert key in str(caught.value)
    assert "\n" not in str(caught.value)


def test_scenario_file_is_read(tmp_path: Path) -> None:
    """A JSON file gives the same scenario as its dictionary."""
    path = tmp_path / "city.json"
    path.write_text(json.dumps(CITY))
    assert load_scenario(path) == parse_scenario(CITY)


def test_scenario_file_may_be_toml(tmp_path: Path) -> None:
    """People write it more easily; it means the same."""
    path = tmp_path / "city.toml"
    path.write_text(
        """
        timezone = "Europe/Madrid"
        clock = { start = 2026-03-20T23:00:00Z, at = 1000.0, rate = 10_800 }

        [[devices]]
        topic = "shellies/{n}"
        kind = "shelly-gen1-em"
        count = 2
        [devices.faults]
        loss = {}
        sentinel = { of = "power_w", value = "nan", share = 0.05 }
        """
    )
    scenario = load_scenario(path)
    assert [spec.topic for spec in scenario.devices] == ["shellies/1", "shellies/2"]
    assert [fault.name for fault in scenario.devices[0].faults] == ["sentinel", "loss"]
    assert scenario.clock() == SimulatedClock(START_MS, 1000.0, 10_800.0)
    assert scenario.zone == "Europe/Madrid"


@pytest.mark.parametrize("content", [None, b"{", b"\xff"])
@pytest.mark.parametrize("name", ["city.json", "city.toml"])
def test_scenario_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, name: str) -> None:
    """Absent files and files that hold no JSON, or no TOML, are named."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ScenarioError, match=name):
        load_scenario(path)
