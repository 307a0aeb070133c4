"""The truth as it is written down."""

from __future__ import annotations

import json
import math

from tests.support.simulated import course, station


def test_line_holds_measured_and_sent_side_by_side() -> None:
    """Whoever reads the file knows what was measured, what was said, when it went out, and what befell it."""
    sensor = station(
        "tasmota-sensor", faults={"sentinel": {"of": "humidity", "value": "n/a", "share": 1}, "duplicates": {"share": 1}}
    )
    ((truth, readings),) = course(sensor, 1)
    line = json.loads(truth.line())
    assert line["measured"] == truth.measured
    assert line["said"] == {**truth.measured, "humidity": "n/a"}
    assert line["faults"] == ["sentinel", "duplicates"]
    assert line["sent_ms"] == [reading.time_ms for reading in readings if reading.carries]
    assert line["topic"] == "t/tasmota-sensor"
    assert truth.line().count("\n") == 1


def test_line_is_json_even_where_the_device_said_nan() -> None:
    """JSON has no such number: null stands there, and the fault's name beside it."""
    sensor = station("tasmota-sensor", faults={"not_a_number": {"share": 1}})
    ((truth, _),) = course(sensor, 1)
    assert math.isnan(float(truth.said["humidity"]))  # type: ignore[arg-type]
    assert json.loads(truth.line(), parse_constant=lambda _: 1 / 0)["said"] == {"temperature": None, "humidity": None}
