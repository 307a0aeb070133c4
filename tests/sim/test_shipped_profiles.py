"""The simulator's devices against the shipped profiles: two encoders and decoders, written apart, mean the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from consent.core.policies.policy import PolicySet
from firmware_sim.devices import MODELS
from firmware_sim.faults import FAULTS, REPLAY_INTERVALS, Fate, hostile_frames
from firmware_sim.messages import Device
from firmware_sim.scenario import parse_scenario
from firmware_sim.stations import Fleet
from gateway.core.codecs.registry import compile_decoder
from gateway.core.ingest.mac0 import Mac0Key
from gateway.core.model import Decoded, Reading, Reject
from tests.support.policy_folder import load_policies

POLICIES = Path(__file__).resolve().parents[2] / "policies"
NOON_MS = 1_774_008_000_000
DAY_MS = 86_400_000
MAX_PAYLOAD_BYTES = 64 * 1024  # the gateway refuses longer ones before it looks at them
MEASURED = {  # observed property → the simulator's own name
    "consumption": "kwh",
    "totalConsumption": "total_kwh",
    "peopleCount": "count",
}


@pytest.fixture(scope="module")
def policies() -> PolicySet:
    """The shipped city."""
    return load_policies(POLICIES)


def device(kind: str, number: int = 1) -> Device:
    """Return one device of a kind."""
    entry = {"topic": f"t/{kind}/{number}", "kind": kind, "extra": {"owner": "Ana"}}
    if kind == "secure-meter":
        entry["key"] = f"{number:02x}" * 32
    return Fleet(parse_scenario({"seed": "s", "devices": [entry]})).devices[0]


def decode(policies: PolicySet, sensor: Device, payload: bytes) -> tuple[Decoded, int | None]:
    """Take a frame through the envelope and the profile, as the gateway does; the number is the envelope's sequence."""
    sequence = None
    if sensor.key is not None:
        opened = Mac0Key(sensor.key).verify(payload)
        if isinstance(opened, Reject):
            return opened, None
        payload, sequence = opened
    return compile_decoder(policies.profiles[sensor.kind])(sensor.topic, payload, NOON_MS), sequence


@pytest.mark.parametrize("kind", MODELS)
def test_shipped_profile_reads_what_the_device_measured_and_nothing_else(policies: PolicySet, kind: str) -> None:
    """Values, time, counter and boot id come out as they went in; of the rest nothing does."""
    sensor = device(kind)
    t_ms = sensor.next_ms(NOON_MS)
    values, (boot, sequence) = sensor.values(t_ms), sensor.boot_and_sequence(t_ms)
    reading, envelope_sequence = decode(policies, sensor, sensor.reading(t_ms).payload)
    assert isinstance(reading, Reading)
    assert reading.has_time
    profile = policies.profiles[kind]
    observed = {item.observed_property: item.result for item in reading.observations}
    assert observed == {name: values[MEASURED.get(name, name)] for name in profile.fields}
    assert {item.phenomenon_time_ms for item in reading.observations} == {t_ms}
    if profile.sequence is not None:
        assert reading.boot == boot
        assert (reading.sequence if sensor.key is None else envelope_sequence) == sequence


def test_refused_fault_is_refused_by_codec_size_or_clock(policies: PolicySet) -> None:
    """None of the frames that should be refused decodes to a reading of a believable time, and all say why."""
    sensors = {sensor.topic: sensor for sensor in [*map(device, MODELS), device("secure-meter", 2)]}
    seen = set()
    for frame in hostile_frames([*sensors.values()], NOON_MS, 4000, "seed"):
        if frame.topic not in sensors:
            assert frame.fault == "unknown_device"
            continue
        outcome, _ = decode(policies, sensors[frame.topic], frame.payload)
        if frame.fate is Fate.REPEATS:
            assert isinstance(outcome, Reading)
            since_ms = NOON_MS - outcome.observations[0].phenomenon_time_ms
            assert since_ms <= (REPLAY_INTERVALS + 1) * sensors[frame.topic].model.interval_s * 1000
        elif isinstance(outcome, Reading) and len(frame.payload) <= MAX_PAYLOAD_BYTES:
            ahead_ms = outcome.observations[0].phenomenon_time_ms - NOON_MS
            assert ahead_ms > DAY_MS or ahead_ms < -3 * 365 * DAY_MS, frame.fault
        seen.add(frame.fault)
    assert seen == {*FAULTS, "wrong_topic"}
