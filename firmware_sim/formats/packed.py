"""Small formats: SenML in CBOR, UltraLight 2.0, line protocol, one value as text, and the list of names and texts of airrohr.

Source: RFC 8428, section 6; the manual of the FIWARE IoT agent for UltraLight; InfluxDB's line protocol; the firmware of
Sensor.Community.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence

from firmware_sim.formats.message import Encode, Message, Moment, as_text, utc
from firmware_sim.wire import Value, cbor_bytes, cbor_head, json_bytes

_BASE_NAME, _BASE_TIME, _NAME, _UNIT, _VALUE, _TEXT = -2, -3, 0, 1, 2, 3
_UNITS = {"temperature": "Cel", "humidity": "%RH", "pm25": "ug/m3", "pm10": "ug/m3"}
_SHORT = {"temperature": "t", "humidity": "h", "pm25": "p2", "pm10": "p1"}
_AIRROHR = {"pm10": "SDS_P1", "pm25": "SDS_P2", "temperature": "BME280_temperature", "humidity": "BME280_humidity"}


def senml_cbor(moment: Moment) -> Sequence[Message]:
    """Return a SenML pack in CBOR, with integer labels."""
    records: list[Value] = []
    for name, value in moment.values.items():
        record: dict[int, Value] = {_NAME: name, _UNIT: _UNITS[name]} if name in _UNITS else {_NAME: name}
        record[_TEXT if isinstance(value, str) else _VALUE] = value
        base: dict[int, Value] = {_BASE_NAME: f"urn:dev:mac:{moment.identity}:", _BASE_TIME: moment.said_ms // 1000}
        records.append(record if records else {**base, **record})
    return [Message(moment.topic, cbor_head(4, len(records)) + b"".join(map(cbor_bytes, records)))]


def ultralight(moment: Moment) -> Sequence[Message]:
    """Return two-letter names and values between bars, after the time. Topic: `/ul/<key>/<device>/attrs`."""
    pairs = "|".join(f"{_SHORT.get(name, name)}|{as_text(value, 2)}" for name, value in moment.values.items())
    return [Message(moment.topic, f"{utc(moment.said_ms)}|{pairs}".encode())]


def line_protocol(moment: Moment) -> Sequence[Message]:
    """Return one line: measurement, tags, fields, and the time in nanoseconds."""
    fields = ",".join(f"{name}={_line_value(value)}" for name, value in moment.values.items())
    line = f"air,host=street\\ box,mac={moment.identity} {fields} {moment.said_ms * 1_000_000}\n"
    return [Message(moment.topic, line.encode())]


def _line_value(value: Value) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value}i" if isinstance(value, int) else str(value)


def esphome(moment: Moment) -> Sequence[Message]:
    """Return a message for each value, the number alone. Topic: `<name>`, below which it publishes."""
    base = f"{moment.topic}/sensor/"
    messages = [Message(f"{base}{name}/state", as_text(value, 2).encode()) for name, value in moment.values.items()]
    if moment.every(30):
        messages.insert(0, Message(f"{moment.topic}/status", b"online", carries=False))
    return messages


def airrohr(moment: Moment) -> Sequence[Message]:
    """Return a list of names and values, every value as text; the signal and the counts of samples stand among them."""
    said = [(_AIRROHR[name], as_text(value, 2)) for name, value in moment.values.items()]
    said += [("samples", "4941743"), ("min_micro", "27"), ("max_micro", "20095"), ("interval", "145000")]
    said += [("signal", f"{moment.between('rssi', -90, -50)}")]
    pairs: list[Value] = [{"value_type": name, "value": text} for name, text in said]
    chip = f"{moment.decimal_id(8)}"
    message: Value = {"esp8266id": chip, "software_version": "NRZ-2024-135", "sensordatavalues": pairs}
    return [Message(moment.topic, json_bytes(message))]


def compressed(encode: Encode) -> Encode:
    """Return a format whose messages come gzipped."""

    def encode_compressed(moment: Moment) -> Sequence[Message]:
        return [message._replace(payload=gzip.compress(message.payload, mtime=0)) for message in encode(moment)]

    return encode_compressed
