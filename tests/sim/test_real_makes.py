"""The simulator's devices of real makes against the profiles for them: encoders and decoders, written apart, mean the same."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import CITY_FILE, PolicySet
from consent.policy_files import read_policy_files
from consent.shipped_profiles import shipped_names, shipped_text
from firmware_sim.formats.kinds import KINDS
from firmware_sim.messages import Reading as Frame
from gateway.core.codecs.registry import compile_decoder
from gateway.core.model import NO_VALUE, Decoder, HubPart, HubParts, Ignore, Reading, Reject
from tests.support.simulated import course, station

POLICIES = Path(__file__).resolve().parents[2] / "policies"
SAID = {  # observed property → the simulator's own name
    "totalConsumption": "total_kwh",
    "activePower": "power_w",
    "voltage": "volts",
    "waterVolume": "total_m3",
    "temperature": "temperature",
    "relativeHumidity": "humidity",
    "pm25": "pm25",
    "pm10": "pm10",
}
PROPERTIES = {"activePower": "W", "voltage": "V", "waterVolume": "m3", "relativeHumidity": "%"}
TIMELESS = {
    *("shelly-gen1-em", "shelly-plus-1pm", "zigbee2mqtt-climate", "zigbee2mqtt-plug", "zigbee2mqtt-air", "airrohr"),
    *("esphome-sensor", "milesight-em300-th-chirpstack-3"),
}
"""Kinds that do not say when, so that the time of arrival counts."""
END = {"rtl433-events": "events", "ultralight": "attrs"}
"""How the topics of those kinds end."""
CLIMATE = """
title = {{ en = "Climate", es = "Clima", pt = "Clima" }}
codec = "{codec}"
[fields.temperature]
path = "{temperature}"
unit = "Cel"
[fields.relativeHumidity]
path = "{humidity}"
unit = "%"
"""
OWN = {  # profiles of formats that no shipped profile shows
    "milesight-em300-th-chirpstack-3": CLIMATE.format(codec="chirpstack-3", temperature="temperature", humidity="humidity"),
    "senml-cbor": CLIMATE.format(codec="senml-cbor", temperature="temperature", humidity="humidity")
    + '[time]\npath = "t"\nformat = "unix-s"\n',
    "ultralight": CLIMATE.format(codec="ultralight", temperature="t", humidity="h"),
    "line-protocol": CLIMATE.format(codec="line-protocol", temperature="temperature", humidity="humidity"),
}

SIGNS = re.compile(r"^\[sign\..+\]\n(?:[a-z]+ = .*\n)+", re.MULTILINE)


@pytest.fixture(scope="module")
def policies() -> PolicySet:
    """The shipped city, with every profile that a simulated kind has, and what they measure."""
    files = {name: content for name, content in read_policy_files(POLICIES).items() if not name.startswith("devices/")}
    city = files[CITY_FILE].decode()
    before, _, after = city.partition("[use]")
    city = before + after[after.index("\n# ---") :] if after else city
    files[CITY_FILE] = SIGNS.sub("", city).encode()  # those of profiles that are not here
    for name, unit in PROPERTIES.items():
        title = f'title = {{ en = "{name}", es = "{name}", pt = "{name}" }}'
        files[CITY_FILE] += f'\n[property.{name}]\n{title}\nunit = "{unit}"\nladder = [0.001, 0.01, 0.1, 1]\n'.encode()
    for kind in KINDS:
        files[f"devices/{kind}.toml"] = OWN[kind].encode() if kind in OWN else shipped_text(kind)
    return parse_policies(files)


def parts(decode: Decoder, frame: Frame) -> list[HubPart] | Ignore | Reject:
    """Return what a frame holds of each device; one that is no hub's is the only part, without an id."""
    outcome = decode(frame.topic, frame.payload, frame.time_ms)
    if isinstance(outcome, Reading):
        return [HubPart("", outcome)]
    return outcome.parts if isinstance(outcome, HubParts) else outcome


def test_every_kind_has_a_profile() -> None:
    """Of the program's, or of this test's where it ships none."""
    assert {kind for kind in KINDS if kind not in OWN} <= set(shipped_names())


@pytest.mark.parametrize("kind", KINDS)
def test_profile_reads_what_the_device_measured_and_when(policies: PolicySet, kind: str) -> None:
    """Of a day's messages every value is read, in the property's unit; what carries no reading gives none."""
    decode = compile_decoder(policies.profiles[kind])
    seen = set()
    for truth, frames in course(station(kind, topic=f"t/{kind}/{END.get(kind, 'x')}", restart_s=86_400), 160):
        for frame in frames:
            found = parts(decode, frame)
            if not frame.carries:
                assert not isinstance(found, list), frame.topic
                continue
            assert isinstance(found, list), (found, frame.payload)
            (reading,) = [part.outcome for part in found]
            assert isinstance(reading, Reading), (reading, frame.payload)
            assert not reading.refused
            assert reading.has_time == (kind not in TIMELESS)
            for item in reading.observations:
                said = truth.measured[SAID[item.observed_property]]
                assert math.isclose(item.result, said, rel_tol=1e-9, abs_tol=0.0051), (item, truth)
                assert item.phenomenon_time_ms == truth.measured_ms
                seen.add(item.observed_property)
    assert seen == policies.profiles[kind].fields.keys() & {*SAID} & _sent(kind)


def _sent(kind: str) -> set[str]:
    """Return the properties that the kind's messages hold."""
    names = KINDS[kind].model(seed="").reading(0)
    without = {"wmbusmeters-water": set(), "tasmota-energy-3p": {"volts"}, "zigbee2mqtt-plug": {"volts"}}.get(kind, set())
    return {shown for shown, name in SAID.items() if name in names and name not in without}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith(("milesight", "dragino"))])
def test_numbers_of_lorawan_frames_tell_copies_and_runs(policies: PolicySet, kind: str) -> None:
    """A copy has the same run and number as its first; the first frame of a run is number zero, of a run of its own."""
    decode = compile_decoder(policies.profiles[kind])
    sensor = station(kind, restart_s=86_400, faults={"duplicates": {"share": 0.3}})
    runs: dict[int, set[object]] = {}
    for truth, frames in course(sensor, 300):
        told = {
            (part.outcome.boot, part.outcome.sequence)
            for frame in frames
            if frame.carries and isinstance(found := parts(decode, frame), list)
            for part in found
            if isinstance(part.outcome, Reading)
        }
        ((boot, sequence),) = told
        assert sequence == truth.sequence
        runs.setdefault(truth.boot, set()).add(boot)
    assert all(len(boots) == 1 for boots in runs.values())
    assert len(set.union(*runs.values())) == len(runs) == 4


@pytest.mark.parametrize(("fault", "value"), [("sentinel", 85), ("sentinel", -127.0), ("not_a_number", None)])
def test_value_that_is_none_costs_that_value_alone(policies: PolicySet, fault: str, value: float | None) -> None:
    """The humidity beside a broken thermometer is read; the sentinel is said to be no value, and bare `nan` is nothing at all."""
    settings = {"of": "temperature", "share": 0.3} | ({} if value is None else {"value": value})
    decode = compile_decoder(policies.profiles["tasmota-sensor"])
    befallen = 0
    for truth, frames in course(station("tasmota-sensor", faults={fault: settings}), 100):
        (frame,) = [frame for frame in frames if frame.carries]
        reading = decode(frame.topic, frame.payload, frame.time_ms)
        assert isinstance(reading, Reading)
        names = {item.observed_property for item in reading.observations}
        assert names == ({"relativeHumidity"} if truth.faults else {"temperature", "relativeHumidity"})
        assert reading.refused == ((NO_VALUE,) if truth.faults and value is not None else ())
        befallen += bool(truth.faults)
    assert befallen > 10
