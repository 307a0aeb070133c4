"""Hubs, which speak for many devices: Zigbee2MQTT, rtl_433 and wmbusmeters.

Source: the programs' own documentation of what they publish.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from firmware_sim.formats.message import Message, Moment, utc
from firmware_sim.wire import Value, json_bytes


def zigbee_climate(moment: Moment) -> Sequence[Message]:
    """Return the state of a thermometer and hygrometer. Topic: `zigbee2mqtt/<name>`."""
    values = moment.values
    return _zigbee(moment, {"temperature": values["temperature"], "humidity": values["humidity"], "voltage": 2900})


def zigbee_plug(moment: Moment) -> Sequence[Message]:
    """Return the state of a metering plug."""
    values = moment.values
    said = {"state": "ON", "power": values["power_w"], "energy": values["total_kwh"], "voltage": values["volts"]}
    return _zigbee(moment, said)


def zigbee_air(moment: Moment) -> Sequence[Message]:
    """Return the state of a monitor of indoor or street air."""
    values = moment.values
    names = ("pm25", "temperature", "humidity")
    return _zigbee(moment, {"voc": moment.between("voc", 1, 60), **{name: values[name] for name in names}})


def _zigbee(moment: Moment, said: Mapping[str, Value]) -> Sequence[Message]:
    """Return a state, now and then that the device is available, and that the bridge is when the run begins."""
    state: dict[str, Value] = {
        "battery": moment.between("battery", 60, 100),
        "linkquality": moment.between("link", 20, 255),
        **said,
    }
    state["last_seen"] = utc(moment.heard_ms)
    messages = [Message(moment.topic, json_bytes(state))]
    online = json_bytes({"state": "online"})
    if moment.every(24):
        messages.append(Message(f"{moment.topic}/availability", online, carries=False))
    if moment.sequence == 0:
        bridge = moment.topic.rpartition("/")[0]
        messages.insert(0, Message(f"{bridge}/bridge/state", online, carries=False))
    return messages


def rtl_433_event(moment: Moment) -> Sequence[Message]:
    """Return what a receiver of 433 MHz writes of one outdoor sensor, in its local time. Topic: `rtl_433/<host>/events`."""
    heard = datetime.fromtimestamp(moment.heard_ms // 1000, UTC).astimezone(ZoneInfo(moment.zone))
    said: Value = {
        "time": heard.strftime("%Y-%m-%d %H:%M:%S"),
        "protocol": 40,
        "model": "Acurite-Tower",
        "id": moment.decimal_id(5) & 0x3FFF if not moment.identity.isdecimal() else int(moment.identity),
        "channel": "A",
        "battery_ok": 1,
        "temperature_C": moment.values["temperature"],
        "humidity": moment.values["humidity"],
        "mic": "CHECKSUM",
        "mod": "ASK",
        "freq": 433.92,
        "rssi": -moment.between("rssi", 1, 200) / 10,
        "snr": moment.between("snr", 50, 250) / 10,
        "noise": -25.1,
    }
    messages = [Message(moment.topic, json_bytes(said))]
    if moment.every(20):  # somebody's tyre, which has no business here
        tyre: Value = {"time": heard.strftime("%Y-%m-%d %H:%M:%S"), "model": "Schrader", "type": "TPMS", "id": "45bb320f"}
        messages.append(Message(moment.topic, json_bytes(tyre), carries=False))
    return messages


def wmbus_water(moment: Moment) -> Sequence[Message]:
    """Return what wmbusmeters writes of a water meter's telegram. Topic: `wmbusmeters/<name or id>`."""
    total = moment.values["total_m3"]
    said: Value = {
        "_": "telegram",
        "media": "cold water",
        "meter": "multical21",
        "name": f"house {moment.decimal_id(2)}",
        "id": f"{moment.decimal_id(8):08d}",
        "status": "OK",
        "total_m3": total,
        "target_m3": total,
        "flow_temperature_c": moment.between("flow", 8, 19),
        "external_temperature_c": moment.between("outside", 10, 24),
        "current_status": "",
        "timestamp": utc(moment.heard_ms)[:-5] + "Z",
        "device": "rtlwmbus[00000001]",
        "rssi_dbm": moment.between("rssi", -100, -55),
    }
    return [Message(moment.topic, json_bytes(said))]
