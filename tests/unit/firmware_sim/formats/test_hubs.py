"""Hubs: many devices on one topic, or under one, and what hubs say of themselves."""

from __future__ import annotations

import json

from firmware_sim.scenario import parse_scenario
from firmware_sim.stations import Fleet
from tests.support.simulated import START_MS, course, station


def test_zigbee_devices_speak_by_name_below_one_topic() -> None:
    """The bridge and whether a device is available come between, and carry nothing."""
    frames = [reading for _, readings in course(station("zigbee2mqtt-climate", restart_s=86_400), 60) for reading in readings]
    assert {reading.topic for reading in frames if not reading.carries} == {
        "t/bridge/state",
        "t/zigbee2mqtt-climate/availability",
    }
    assert {"temperature", "humidity", "battery", "linkquality"} <= json.loads(frames[-1].payload).keys()


def test_devices_of_a_radio_share_a_topic_and_differ_by_id() -> None:
    """Three sensors on one topic, each with values of its own; somebody's tyre among them."""
    entry = {"topic": "rtl_433/roof/events", "kind": "rtl433-events", "identity": "4{n}", "count": 3}
    fleet = Fleet(parse_scenario({"seed": "s", "timezone": "Europe/Madrid", "devices": [entry]}))
    frames = []
    for reading in fleet.readings(START_MS):
        if reading.time_ms >= START_MS + 14_400_000:
            break
        frames.append(reading)
    events = [json.loads(reading.payload) for reading in frames]
    assert {event["id"] for event, reading in zip(events, frames, strict=True) if reading.carries} == {41, 42, 43}
    assert {event["model"] for event, reading in zip(events, frames, strict=True) if not reading.carries} == {"Schrader"}
    assert len({event["temperature_C"] for event in events if "temperature_C" in event}) > 3
    assert events[0]["time"].startswith("2026-05-04 01:")


def test_water_meter_says_its_register_and_number() -> None:
    """Cubic metres, the time by the receiver's clock, and the eight digits on the meter's front."""
    (truth, readings), *_ = course(station("wmbusmeters-water", identity="76348799"), 1)
    telegram = json.loads(readings[0].payload)
    assert telegram["id"] == "76348799"
    assert telegram["total_m3"] == truth.measured["total_m3"]
    assert telegram["timestamp"].endswith("Z")
