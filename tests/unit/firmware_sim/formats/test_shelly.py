"""Shelly: topics with texts, and the status of a switch."""

from __future__ import annotations

import json

from tests.support.simulated import START_MS, course, station


def test_gen1_meter_sends_a_topic_for_each_value_as_text() -> None:
    """The register is in watt-hours, power in watts, and both stand alone in their messages."""
    (truth, readings), *_ = course(station("shelly-gen1-em"), 1)
    said = {reading.topic: reading.payload.decode() for reading in readings}
    base = "t/shelly-gen1-em/emeter/0"
    assert float(said[f"{base}/total"]) == round(truth.measured["total_kwh"] * 1000, 1)
    assert float(said[f"{base}/power"]) == truth.measured["power_w"]
    assert [reading.topic for reading in readings if reading.carries] == [f"{base}/power", f"{base}/total", f"{base}/voltage"]


def test_plus_1pm_sends_its_status_and_events_between() -> None:
    """The energy is in watt-hours; what is no status carries no reading."""
    (truth, readings), *rest = course(station("shelly-plus-1pm", restart_s=3600), 40, START_MS + 3_600_000)
    (status,) = [json.loads(reading.payload) for reading in readings if reading.carries]
    assert status["aenergy"]["total"] == round(truth.measured["total_kwh"] * 1000, 3)
    assert status["apower"] == truth.measured["power_w"]
    assert status["temperature"]["tF"] == round(status["temperature"]["tC"] * 1.8 + 32, 1)
    others = [reading for _, frames in [(truth, readings), *rest] for reading in frames if not reading.carries]
    assert {reading.topic for reading in others} == {"t/shelly-plus-1pm/online", "t/shelly-plus-1pm/events/rpc"}
    event = next(json.loads(reading.payload) for reading in others if reading.topic.endswith("rpc"))
    assert event["method"] == "NotifyEvent"
