"""Shelly energy meters and plugs: the first generation sends a topic for each value, the second its status as JSON.

Source: the maker's descriptions of MQTT for Shelly EM (Gen1) and of `Switch.GetStatus` and `NotifyStatus` (Gen2).
"""

from __future__ import annotations

from collections.abc import Sequence

from firmware_sim.formats.message import Message, Moment, as_text, scaled
from firmware_sim.wire import Value, json_bytes


def gen1_meter(moment: Moment) -> Sequence[Message]:
    """Return one message for each value, as text: power in W, the register in Wh; first of all that it is online.

    Topic: `shellies/shellyem-<serial>`, below which it publishes.
    """
    values, base = moment.values, f"{moment.topic}/emeter/0"
    said = {
        "power": as_text(values["power_w"], 2),
        "total": as_text(scaled(values["total_kwh"], 1000, 1), 1),
        "total_returned": "0.0",
        "voltage": as_text(values["volts"], 2),
        "pf": "0.98",
    }
    messages = [
        Message(f"{base}/{name}", text.encode(), carries=name in ("power", "total", "voltage")) for name, text in said.items()
    ]
    if moment.every(60):
        about: Value = {"id": f"shellyem-{moment.identity.upper()}", "model": "SHEM", "mac": moment.identity.upper()}
        messages.insert(0, Message(f"{moment.topic}/online", b"true", carries=False))
        messages.append(Message(f"{moment.topic}/announce", json_bytes(about), carries=False))
    return messages


def plus_1pm(moment: Moment) -> Sequence[Message]:
    """Return the switch's status, and now and then an event and that it is online.

    Topic: `shellyplus1pm-<serial>`, below which it publishes.
    """
    said_s = moment.said_ms // 1000
    energy: Value = {
        "total": scaled(moment.values["total_kwh"], 1000, 3),
        "by_minute": [moment.between(f"minute {back}", 0, 3000) / 10 for back in range(3)],
        "minute_ts": said_s - said_s % 60,
    }
    celsius = 35 + moment.between("warmth", 0, 150) / 10
    status: dict[str, Value] = {
        "id": 0,
        "source": "init",
        "output": True,
        "apower": moment.values["power_w"],
        "voltage": moment.values["volts"],
        "current": moment.between("current", 5, 900) / 1000,
        "aenergy": energy,
        "temperature": {"tC": celsius, "tF": round(celsius * 1.8 + 32, 1)},
    }
    messages = [Message(f"{moment.topic}/status/switch:0", json_bytes(status))]
    if moment.every(30):
        name = f"shellyplus1pm-{moment.identity}"
        event: dict[str, Value] = {"component": "switch:0", "id": 0, "event": "toggle", "ts": moment.said_ms / 1000}
        params: dict[str, Value] = {"ts": moment.said_ms / 1000, "events": [event]}
        notice: dict[str, Value] = {
            "src": name,
            "dst": f"{name}/events",
            "method": "NotifyEvent",
            "params": params,
        }
        messages.insert(0, Message(f"{moment.topic}/online", b"true", carries=False))
        messages.append(Message(f"{moment.topic}/events/rpc", json_bytes(notice), carries=False))
    return messages
