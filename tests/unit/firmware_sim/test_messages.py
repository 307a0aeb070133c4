"""Frames of simulated devices: every kind in its form, with more in it than anyone asked for."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import cbor2
import pytest

from firmware_sim.devices import HOUR_MS
from firmware_sim.messages import Device, default_identity
from firmware_sim.scenario import parse_scenario
from firmware_sim.stations import Fleet

NOON_MS = 1_774_008_000_000
KEY = "11" * 32
EXTRA = {"owner": "Ana"}


def device(kind: str, **more: Any) -> Device:
    """Return one device of a kind."""
    entry = {"topic": f"t/{kind}", "kind": kind, "extra": EXTRA, **more}
    if kind == "secure-meter":
        entry["key"] = KEY
    return Fleet(parse_scenario({"seed": "s", "devices": [entry]})).devices[0]


@pytest.mark.parametrize("kind", ["meter", "footfall"])
def test_json_device_sends_time_counter_values_and_more(kind: str) -> None:
    """A JSON map holds what was measured, when, in which order, and what nobody asked for."""
    sensor = device(kind)
    t_ms = sensor.next_ms(NOON_MS)
    reading = sensor.reading(t_ms)
    message = json.loads(reading.payload)
    assert message["t"] * 1000 == reading.time_ms == t_ms
    assert message["seq"] == reading.sequence
    assert message["id"] == default_identity(sensor.topic)
    assert message.items() >= {**sensor.values(t_ms), "boot": 1, "fw": "2.4.1", **EXTRA}.items()
    assert reading.text == reading.payload.decode()


def test_noise_device_sends_cbor() -> None:
    """An independent decoder reads the sound level."""
    sensor = device("noise")
    reading = sensor.reading(sensor.next_ms(NOON_MS))
    message = cbor2.loads(reading.payload)
    assert message.items() >= {"t": reading.time_ms // 1000, **sensor.values(reading.time_ms), **EXTRA}.items()
    assert reading.text.startswith(f"CBOR, {len(reading.payload)} bytes: {{")


def test_air_station_sends_senml() -> None:
    """Each value is a record with its unit, after a base that names station and time."""
    sensor = device("air-quality")
    reading = sensor.reading(sensor.next_ms(NOON_MS))
    records = json.loads(reading.payload)
    assert records[0]["bn"] == f"urn:dev:mac:{sensor.identity}:"
    assert records[0]["bt"] * 1000 == reading.time_ms
    values = sensor.values(reading.time_ms)
    assert {record["n"]: record["v"] for record in records if record["n"] in values} == values
    assert {record["u"] for record in records if record["n"] == "pm25"} == {"ug/m3"}


def test_air_station_of_the_larger_kind_sends_a_table_in_a_table() -> None:
    """The pollutants stand together under ``air``, the temperature beside them."""
    sensor = device("air-station")
    reading = sensor.reading(sensor.next_ms(NOON_MS))
    message = cbor2.loads(reading.payload)
    values = sensor.values(reading.time_ms)
    assert message["air"] == {name: values[name] for name in ("pm25", "pm10", "no2")}
    assert message["temperature"] == values["temperature"]


def test_secure_meter_sends_its_counter_as_partial_iv_only() -> None:
    """Inside the code's envelope lies the JSON message without its counter."""
    sensor = device("secure-meter")
    reading = sensor.reading(sensor.next_ms(NOON_MS))
    protected, _, payload, _ = cbor2.loads(reading.payload).value
    assert int.from_bytes(cbor2.loads(protected)[6], "big") == reading.sequence
    assert "seq" not in json.loads(payload)
    assert json.loads(payload)["boot"] == 1


@pytest.mark.parametrize("start_ms", [NOON_MS, NOON_MS + 1, NOON_MS + 1_799_999])
def test_next_reading_time_is_the_first_of_the_grid(start_ms: int) -> None:
    """Readings lie one interval apart, at the device's own offset, never before the moment asked for."""
    sensor = device("meter")
    t_ms = sensor.next_ms(start_ms)
    assert start_ms <= t_ms < start_ms + 1_800_000
    assert t_ms % 1_800_000 == sensor.offset_s * 1000
    assert sensor.next_ms(t_ms) == t_ms
    assert sensor.next_ms(t_ms + 1) == t_ms + 1_800_000


def test_counter_rises_by_one_and_falls_only_with_a_new_boot() -> None:
    """A device that loses power once a day begins to count again, under a new boot id."""
    sensor = device("meter", restart_s=24 * 3600)
    first = sensor.next_ms(NOON_MS)
    marks = [sensor.boot_and_sequence(first + half * HOUR_MS // 2) for half in range(48)]
    assert marks == sorted(set(marks))
    assert [after[1] - before[1] for before, after in pairwise(marks)].count(1) == 46
    assert marks[-1][0] == marks[0][0] + 1
