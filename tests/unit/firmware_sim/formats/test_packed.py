"""Small formats, read by other people's decoders or by their grammars."""

from __future__ import annotations

import gzip
import json
import re

import cbor2
import pytest

from firmware_sim.formats.kinds import KINDS
from tests.support.simulated import IDENTITY, course, station


def test_senml_in_cbor_has_integer_labels() -> None:
    """RFC 8428, table 4: -2 base name, -3 base time, 0 name, 1 unit, 2 value."""
    (truth, readings), *_ = course(station("senml-cbor"), 1)
    pack = cbor2.loads(readings[0].payload)
    assert pack[0][-2] == f"urn:dev:mac:{IDENTITY}:"
    assert pack[0][-3] * 1000 == truth.measured_ms
    assert {record[0]: (record[1], record[2]) for record in pack} == {
        "temperature": ("Cel", truth.measured["temperature"]),
        "humidity": ("%RH", truth.measured["humidity"]),
    }


def test_senml_in_cbor_has_words_as_text() -> None:
    """Label 3 is a string value."""
    broken = station("senml-cbor", faults={"sentinel": {"value": "none", "share": 1}})
    ((_, readings),) = course(broken, 1)
    assert [record.get(3) for record in cbor2.loads(readings[0].payload)] == ["none", "none"]


def test_ultralight_has_time_and_short_names() -> None:
    """Bars between, and the time first."""
    (truth, readings), *_ = course(station("ultralight"), 1)
    time, *pairs = readings[0].payload.decode().split("|")
    assert re.fullmatch(r"2026-05-0\dT\d\d:\d\d:\d\d\.000Z", time)
    assert dict(zip(pairs[::2], map(float, pairs[1::2]), strict=True)) == {
        "t": truth.measured["temperature"],
        "h": truth.measured["humidity"],
    }


def test_line_protocol_has_tags_fields_and_nanoseconds() -> None:
    """A space in a tag is escaped; words stand in quotes."""
    sensor = station("line-protocol", faults={"sentinel": {"of": "humidity", "value": 'no "rh"', "share": 1}})
    ((truth, readings),) = course(sensor, 1)
    line = readings[0].payload.decode()
    assert line.startswith(f"air,host=street\\ box,mac={IDENTITY} temperature={truth.measured['temperature']},")
    assert line.endswith(f'humidity="no \\"rh\\"" {truth.measured_ms}000000\n')


def test_one_value_stands_alone() -> None:
    """The topic says what it is."""
    (truth, readings), *_ = course(station("esphome-sensor"), 1)
    said = {reading.topic: reading.payload for reading in readings if reading.carries}
    assert float(said["t/esphome-sensor/sensor/temperature/state"]) == truth.measured["temperature"]


def test_airrohr_has_a_list_of_texts() -> None:
    """Every value is text, and stands beside its name."""
    (truth, readings), *_ = course(station("airrohr"), 1)
    said = {item["value_type"]: item["value"] for item in json.loads(readings[0].payload)["sensordatavalues"]}
    assert said["SDS_P1"] == f"{truth.measured['pm10']:.2f}"
    assert said["SDS_P2"] == f"{truth.measured['pm25']:.2f}"
    assert all(isinstance(value, str) for value in said.values())


@pytest.mark.parametrize("kind", KINDS)
def test_compressed_message_is_the_same_message(kind: str) -> None:
    """Any format may come gzipped, and comes the same each time."""
    plain, packed = (list(course(station(kind, gzip=gzipped), 3)) for gzipped in (False, True))
    for (_, one), (_, other) in zip(plain, packed, strict=True):
        assert [gzip.decompress(reading.payload) for reading in other] == [reading.payload for reading in one]
