"""Every kind of device says what it measured, or what its faults made of it: no more, no less, wherever its format puts it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import cbor2
import pytest

from firmware_sim.devices import MODELS
from firmware_sim.formats.kinds import KINDS
from firmware_sim.messages import Reading
from tests.support.simulated import course, station

Read = Callable[[list[Reading]], Mapping[str, float]]


def _json(*places: tuple[str, str, float]) -> Read:
    """Return a reader of one JSON message: the value's name, its dotted place, and its factor."""

    def read(readings: list[Reading]) -> Mapping[str, float]:
        message: Any = json.loads(readings[0].payload)
        found = {}
        for name, place, factor in places:
            at = message
            for step in place.split("."):
                at = at[step]
            found[name] = (math.fsum(at) if isinstance(at, list) else at) * factor
        return found

    return read


def _topics(*places: tuple[str, str, float]) -> Read:
    def read(readings: list[Reading]) -> Mapping[str, float]:
        said = {reading.topic: float(reading.payload) for reading in readings}
        return {name: next(said[topic] for topic in said if topic.endswith(end)) * factor for name, end, factor in places}

    return read


def _airrohr(readings: list[Reading]) -> Mapping[str, float]:
    listed = {item["value_type"]: float(item["value"]) for item in json.loads(readings[0].payload)["sensordatavalues"]}
    return {"pm10": listed["SDS_P1"], "pm25": listed["SDS_P2"], "temperature": listed["BME280_temperature"]}


def _ultralight(readings: list[Reading]) -> Mapping[str, float]:
    parts = readings[0].payload.decode().split("|")
    return {"temperature": float(parts[2]), "humidity": float(parts[4])}


def _line(readings: list[Reading]) -> Mapping[str, float]:
    fields = readings[0].payload.decode().rpartition("mac=")[2].split(" ")[1]
    return {pair.partition("=")[0]: float(pair.partition("=")[2]) for pair in fields.split(",")}


def _senml(readings: list[Reading]) -> Mapping[str, float]:
    return {record[0]: record[2] for record in cbor2.loads(readings[0].payload)}


CLIMATE = (("temperature", "temperature", 1), ("humidity", "humidity", 1))
READ: Mapping[str, Read] = {
    "shelly-gen1-em": _topics(("total_kwh", "/total", 0.001), ("power_w", "/power", 1)),
    "shelly-plus-1pm": _json(("total_kwh", "aenergy.total", 0.001), ("power_w", "apower", 1), ("volts", "voltage", 1)),
    "tasmota-energy": _json(("total_kwh", "ENERGY.Total", 1), ("power_w", "ENERGY.Power", 1)),
    "tasmota-energy-3p": _json(("total_kwh", "ENERGY.Total", 1)),
    "tasmota-sensor": _json(("temperature", "BME280.Temperature", 1), ("humidity", "BME280.Humidity", 1)),
    "milesight-em300-th-chirpstack-4": _json(*((name, f"object.{name}", 1) for name, _, _ in CLIMATE)),
    "milesight-em300-th-chirpstack-3": _json(*((name, f"object.{name}", 1) for name, _, _ in CLIMATE)),
    "dragino-lht65-things-stack-3": _json(
        ("temperature", "uplink_message.decoded_payload.TempC_SHT", 1),
        ("humidity", "uplink_message.decoded_payload.Hum_SHT", 1),
    ),
    "zigbee2mqtt-climate": _json(*CLIMATE),
    "zigbee2mqtt-plug": _json(("total_kwh", "energy", 1), ("power_w", "power", 1)),
    "zigbee2mqtt-air": _json(("pm25", "pm25", 1), *CLIMATE),
    "rtl433-events": _json(("temperature", "temperature_C", 1), ("humidity", "humidity", 1)),
    "wmbusmeters-water": _json(("total_m3", "total_m3", 1)),
    "airrohr": _airrohr,
    "esphome-sensor": _topics(("temperature", "temperature/state", 1), ("humidity", "humidity/state", 1)),
    "senml-cbor": _senml,
    "ultralight": _ultralight,
    "line-protocol": _line,
}
FAULTS = {
    "drift": {},
    "spikes": {"share": 0.1},
    "stuck": {"per_day": 4},
    "rollover": {"bits": 20, "step": 0.001},
    "bit_flips": {"share": 0.1, "bits": 20, "step": 0.001},
    "sentinel": {"share": 0.1, "value": 6553.5},
}


def test_kinds_of_real_makes_and_of_our_own_have_different_names() -> None:
    """One word in a scenario means one device."""
    assert not KINDS.keys() & MODELS.keys()


@pytest.mark.parametrize("faults", [{}, FAULTS], ids=["well", "faulty"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_sent_is_what_the_truth_says(kind: str, faults: dict[str, Any]) -> None:
    """Over a hundred measurements every value is found again, and differs from what was measured only where a fault is named."""
    befallen = 0
    for truth, readings in course(station(kind, faults=faults), 100):
        found = READ[kind]([reading for reading in readings if reading.carries])
        for name, value in found.items():
            said = truth.said[name]
            assert isinstance(said, int | float)
            assert math.isclose(value, said, rel_tol=1e-9, abs_tol=0.0051), (name, truth)
        befallen += bool(truth.faults)
        if not truth.faults:
            assert truth.said == truth.measured
    assert (befallen > 0) == bool(faults)
