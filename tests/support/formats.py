"""Encoders of our own for the formats that devices write, and documents in the manner of the networks that carry them.

Tests of the decoders and the bench of formats make their messages here; nothing of the gateway is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import cbor2

SENML_LABELS = {"bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6} | {
    label: number for number, label in enumerate(("n", "u", "v", "vs", "vb", "s", "t", "ut", "vd"))
}

Document = dict[str, Any]


def as_json(message: Any) -> bytes:
    """Encode a message as JSON without blanks."""
    return json.dumps(message, separators=(",", ":")).encode()


def senml_cbor(records: Iterable[Mapping[str, Any]]) -> bytes:
    """Encode a pack with numbers for labels; labels that have none stay texts."""
    return cbor2.dumps([{SENML_LABELS.get(label, label): value for label, value in record.items()} for record in records])


def iso8601(time_ms: int) -> str:
    """Write a time as networks do, with nine digits of a second."""
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03}000000Z"


def ultralight(groups: Iterable[Mapping[str, object]]) -> bytes:
    """Encode groups of measures; one called `TimeInstant` becomes the time before its group."""
    written = []
    for group in groups:
        parts = [str(group["TimeInstant"])] if "TimeInstant" in group else []
        parts += [f"{name}|{value}" for name, value in group.items() if name != "TimeInstant"]
        written.append("|".join(parts))
    return "#".join(written).encode()


def line(name: str, tags: Mapping[str, str], fields: Mapping[str, object], timestamp: int | None = None) -> str:
    """Encode one line of line protocol, without its end."""
    key = "".join([_escaped(name, ", "), *(f",{_escaped(tag, ',= ')}={_escaped(value, ',= ')}" for tag, value in tags.items())])
    values = ",".join(f"{_escaped(field, ',= ')}={_field_value(value)}" for field, value in fields.items())
    return f"{key} {values}" + ("" if timestamp is None else f" {timestamp}")


def _escaped(text: str, signs: str) -> str:
    for sign in signs:
        text = text.replace(sign, f"\\{sign}")
    return text


def _field_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "f"
    if isinstance(value, int):
        return f"{value}i"
    if isinstance(value, float):
        return repr(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def chirpstack_4(eui: str, values: Document | None, time_ms: int, number: int, address: str = "00189440") -> Document:
    """Return an uplink event of ChirpStack 4; a number of 0 is left out, as Protocol Buffers leave zeros out."""
    document: Document = {
        "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
        "time": iso8601(time_ms),
        "deviceInfo": {"tenantName": "City", "applicationName": "Air", "deviceName": "Roof of Ana", "devEui": eui, "tags": {}},
        "devAddr": address,
        "adr": True,
        "dr": 5,
        "fPort": 2,
        "data": "AWcA5g==",
        "rxInfo": [
            {"gatewayId": f"gateway-{one}", "rssi": -97 - one, "snr": 7.5, "location": {"latitude": 41.1, "longitude": -8.6}}
            for one in range(3)
        ],
        "txInfo": {"frequency": 867100000, "modulation": {"lora": {"bandwidth": 125000, "spreadingFactor": 7}}},
    }
    if number:
        document["fCnt"] = number
    if values is not None:
        document["object"] = values
    return document


def chirpstack_3(eui: str, values: Document, number: int, *, as_text: bool = False) -> Document:
    """Return an uplink event of ChirpStack 3, in its own JSON, or with the object as text in that of Protocol Buffers."""
    decoded = {"objectJSON": json.dumps(values)} if as_text else {"object": values}
    return {
        "applicationID": "3",
        "deviceName": "Roof of Ana",
        "devEUI": eui,
        "rxInfo": [{"gatewayID": f"gateway-{one}", "rssi": -120, "loRaSNR": -6.2} for one in range(2)],
        "txInfo": {"frequency": 868100000, "dr": 5},
        "adr": True,
        "fCnt": number,
        "fPort": 3,
        "data": "UCcMBIuSCgA=",
        **decoded,
    }


def things_stack_3(device: str, values: Document | None, time_ms: int, number: int, session: str = "c2Vzc2lvbg==") -> Document:
    """Return an uplink message of The Things Stack; a number of 0 is left out."""
    uplink: Document = {"session_key_id": session, "f_port": 15, "frm_payload": "gkHe"}
    if number:
        uplink["f_cnt"] = number
    if values is not None:
        uplink["decoded_payload"] = values
    uplink["rx_metadata"] = [
        {"gateway_ids": {"gateway_id": f"roof-{one}"}, "rssi": -35 - one, "channel_rssi": -35, "snr": 5} for one in range(3)
    ]
    uplink["settings"] = {"data_rate": {"lora": {"bandwidth": 125000, "spreading_factor": 7}}, "frequency": "868300000"}
    uplink["received_at"] = iso8601(time_ms)
    return {
        "end_device_ids": {"device_id": device, "application_ids": {"application_id": "air"}, "dev_eui": "0004A30B001C0530"},
        "correlation_ids": ["gs:conn:1", "ns:uplink:2"],
        "received_at": iso8601(time_ms + 250),
        "uplink_message": uplink,
    }


def helium(eui: str, values: Document, time_ms: int, number: int) -> Document:
    """Return an uplink as the Helium Console passes it on, with what a decoder function made of it."""
    return {
        "type": "uplink",
        "app_eui": "6948A4B59F4666AD",
        "dev_eui": eui,
        "devaddr": "B5A44869",
        "fcnt": number,
        "port": 1,
        "payload": "SGVsbG8=",
        "hotspots": [{"id": f"11n-{one}", "name": "icy-fiery-hippo", "rssi": -54, "lat": 41.1, "long": -8.6} for one in range(3)],
        "name": "Bin of Ana",
        "reported_at": time_ms,
        "decoded": {"payload": values, "status": "success"},
    }


def together(lines: Sequence[str]) -> bytes:
    """Join lines of line protocol to one payload."""
    return "\n".join(lines).encode()
