"""Tasmota firmware: telemetry in JSON with the local time and no zone, for energy meters of one and three phases and for climate.

Source: the firmware's documentation of MQTT; its messages `SENSOR`, `STATE` and `LWT`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from firmware_sim.formats.message import Message, Moment, scaled
from firmware_sim.wire import Value, json_bytes

_PHASES = (0.5, 0.3, 0.2)  # how a house's load lies on its three phases


def energy(moment: Moment) -> Sequence[Message]:
    """Return an energy meter's `SENSOR`. Topic: `tele/<name>`, below which it publishes."""
    power = moment.values["power_w"]
    return _telemetry(moment, {"ENERGY": _energy(moment, moment.values["total_kwh"], power, scaled(power, 1.04, 1))})


def energy_of_three_phases(moment: Moment) -> Sequence[Message]:
    """Return the `SENSOR` of a meter with a list of three in every place; their registers' sum is the meter's."""
    total = moment.values["total_kwh"]
    registers: Value = total
    if isinstance(total, int | float) and not isinstance(total, bool) and total == total and abs(total) < float("inf"):
        first, second = (round(total * part, 3) for part in _PHASES[:2])
        registers = [first, second, round(total - first - second, 3)]
    powers = [scaled(moment.values["power_w"], part, 0) for part in _PHASES]
    return _telemetry(moment, {"ENERGY": _energy(moment, registers, powers, powers)})


def climate(moment: Moment) -> Sequence[Message]:
    """Return the `SENSOR` of a BME280."""
    values = moment.values
    sensor: Value = {
        "Temperature": values["temperature"],
        "Humidity": values["humidity"],
        "DewPoint": moment.between("dew", 20, 90) / 10,
        "Pressure": moment.between("pressure", 9800, 10300) / 10,
    }
    return _telemetry(moment, {"BME280": sensor, "PressureUnit": "hPa", "TempUnit": "C"})


def _energy(moment: Moment, total: Value, power: Value, apparent: Value) -> Value:
    return {
        "TotalStartTime": "2024-01-08T17:22:05",
        "Total": total,
        "Yesterday": moment.between("yesterday", 2000, 9000) / 1000,
        "Today": moment.between("today", 0, 9000) / 1000,
        "Period": moment.between("period", 0, 40),
        "Power": power,
        "ApparentPower": apparent,
        "Factor": 0.96,
        "Voltage": moment.values["volts"],
        "Current": moment.between("current", 5, 9000) / 1000,
    }


def _telemetry(moment: Moment, sensors: Mapping[str, Value]) -> Sequence[Message]:
    """Return `SENSOR`, with `STATE` now and then, and the last will's opposite at the beginning of a run."""
    said: dict[str, Value] = {"Time": moment.local(), **sensors}
    messages = [Message(f"{moment.topic}/SENSOR", json_bytes(said))]
    if moment.every(12):
        wifi: dict[str, Value] = {"SSId": "casa-ana", "BSSId": "02:00:5E:10:00:01", "RSSI": moment.between("rssi", 40, 90)}
        state: dict[str, Value] = {"Time": moment.local(), "Uptime": "0T01:00:08", "Vcc": 3.4, "POWER": "ON", "Wifi": wifi}
        messages.insert(0, Message(f"{moment.topic}/STATE", json_bytes(state), carries=False))
    if moment.sequence == 0:
        messages.insert(0, Message(f"{moment.topic}/LWT", b"Online", carries=False))
    return messages
