"""A fleet with faults: frames in order of when they are due, and a truth for every measurement."""

from __future__ import annotations

from itertools import islice

from firmware_sim.formats.kinds import KINDS
from firmware_sim.misbehaviour.faults_by_name import FAULTS
from firmware_sim.scenario import parse_scenario
from firmware_sim.stations import Fleet
from tests.support.simulated import START_MS, station

EVERY_FAULT: dict[str, dict[str, float]] = {name: {} for name in FAULTS if name != "epoch_until_ntp"}
STREET = {
    "seed": "s",
    "timezone": "Europe/Madrid",
    "devices": [
        {"topic": f"street/{kind}", "kind": kind, "identity": "4711", "public": True, "faults": EVERY_FAULT} for kind in KINDS
    ],
}


def test_frames_of_a_faulty_fleet_come_in_order_of_when_they_are_due() -> None:
    """Bursts, copies and late frames have their places among the others."""
    times = [reading.time_ms for reading in islice(Fleet(parse_scenario(STREET)).readings(START_MS), 2000)]
    assert times == sorted(times)


def test_truths_of_a_fleet_account_for_every_frame_that_carries_a_reading() -> None:
    """Each frame is in one truth, at the time that it says; what is in no frame was lost, or is still to come."""
    frames = [*islice(Fleet(parse_scenario(STREET)).readings(START_MS), 2000)]
    truths = [truth for frame in frames for truth in frame.truths]
    told = {(truth.topic, at_ms) for truth in truths for at_ms in truth.sent_ms}
    for frame in frames:
        if frame.carries:
            assert (f"street/{frame.kind}", frame.time_ms) in told
    assert any(not truth.sent_ms for truth in truths)
    assert len({(truth.topic, truth.measured_ms) for truth in truths}) == len(truths)


def test_fleet_with_faults_sends_the_same_bytes_again() -> None:
    """The seed decides everything, the faults included."""
    one, two = (
        [
            (reading.topic, reading.payload, reading.time_ms)
            for reading in islice(Fleet(parse_scenario(STREET)).readings(START_MS), 1000)
        ]
        for _ in range(2)
    )
    assert one == two


def test_kind_of_our_own_has_faults_too() -> None:
    """A meter with a key that repeats itself sends the very same bytes."""
    sensor = station("secure-meter", key="11" * 32, faults={"duplicates": {"share": 1, "most_copies": 1}})
    truth, readings = sensor.send(sensor.device.next_ms(START_MS))
    assert readings[0].payload == readings[1].payload == sensor.device.reading(truth.measured_ms).payload
