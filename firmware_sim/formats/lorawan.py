"""LoRaWAN nodes as their network servers pass them on: ChirpStack v4 and v3, and The Things Stack v3.

One uplink is heard by one gateway or by several, most of which do not know the time. The first frame of a run has no counter,
since these servers leave out what is zero. Between uplinks come the join at the beginning of a run, and the battery's status.

Source: the servers' descriptions of their events; shares as measured on 9,418 uplinks of one node in a city.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from firmware_sim.devices import uniform
from firmware_sim.formats.message import Message, Moment, utc
from firmware_sim.wire import Value, json_bytes

HEARD_BY_ONE, HEARD_BY_TWO = 0.8576, 0.9998
"""Shares of frames that one gateway heard, and that at most two did; the rest was heard by three."""
WITHOUT_TIME = 0.77
"""Share of receptions for which the gateway knew no time."""
STATUS_EVERY = 25
_GATEWAYS = 5


def eui(identity: str) -> str:
    """Return a serial number as a device's EUI of 16 hex digits; one of that form already is taken as it is."""
    return identity if len(identity) == 16 else f"{identity[:6]}fffe{identity[6:]}"[:16].ljust(16, "0")


def milesight(moment: Moment) -> dict[str, Value]:
    """Return what the maker's codec makes of the bytes of an EM300: temperature, humidity, battery."""
    return {
        "battery": moment.between("battery", 80, 99),
        "humidity": moment.values["humidity"],
        "temperature": moment.values["temperature"],
    }


def dragino(moment: Moment) -> dict[str, Value]:
    """Return what the maker's codec makes of the bytes of an LHT65."""
    return {
        "BatV": moment.between("volts", 2950, 3100) / 1000,
        "Bat_status": 3,
        "Ext_sensor": "No external sensor",
        "Hum_SHT": moment.values["humidity"],
        "TempC_SHT": moment.values["temperature"],
    }


def chirpstack_4(moment: Moment) -> Sequence[Message]:
    """Return the events of ChirpStack v4. Topic: `application/<uuid>/device/<EUI>`, below which it publishes."""
    common: dict[str, Value] = {
        "deduplicationId": _uuid(moment.hex("deduplication", 32)),
        "time": utc(moment.heard_ms, "+00:00", 9),
        "deviceInfo": {
            "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242",
            "tenantName": "Ribera",
            "applicationName": "air",
            "deviceProfileName": "EM300-TH",
            "deviceName": f"EM300 at number {moment.decimal_id(2)}",
            "devEui": eui(moment.identity),
            "tags": {"street": "Garden Row"},
        },
    }
    up: dict[str, Value] = {**common, "devAddr": moment.hex("address", 8, of_run=True), "adr": True, "dr": 5}
    if moment.sequence:
        up["fCnt"] = moment.sequence
    up |= {"fPort": 85, "confirmed": False, "data": _bytes(moment), "object": milesight(moment)}
    up["rxInfo"] = [_reception_4(moment, at) for at in _gateways(moment)]
    lora: dict[str, Value] = {"bandwidth": 125000, "spreadingFactor": 7, "codeRate": "CR_4_5"}
    up["txInfo"] = {"frequency": 868_100_000, "modulation": {"lora": lora}}
    events: list[Message] = []
    if moment.sequence == 0:
        join = {**common, "devAddr": up["devAddr"]}
        events.append(Message(f"{moment.topic}/event/join", json_bytes(join), carries=False))
    events.append(Message(f"{moment.topic}/event/up", json_bytes(up)))
    if moment.every(STATUS_EVERY):
        status: dict[str, Value] = {**common, "margin": 10, "batteryLevel": 88.3}
        events.append(Message(f"{moment.topic}/event/status", json_bytes(status), carries=False))
    return events


def chirpstack_3(moment: Moment) -> Sequence[Message]:
    """Return the events of ChirpStack v3. Topic: `application/<number>/device/<EUI>`, below which it publishes."""
    common: dict[str, Value] = {
        "applicationID": "7",
        "applicationName": "air",
        "deviceName": f"EM300 at number {moment.decimal_id(2)}",
        "devEUI": eui(moment.identity),
    }
    up: dict[str, Value] = {
        **common,
        "rxInfo": [_reception_3(moment, at) for at in _gateways(moment)],
        "txInfo": {"frequency": 868_100_000, "dr": 5},
        "adr": True,
        "fCnt": moment.sequence,
        "fPort": 85,
        "data": _bytes(moment),
        "object": milesight(moment),
        "devAddr": moment.hex("address", 8, of_run=True),
    }
    events: list[Message] = []
    if moment.sequence == 0:
        join: dict[str, Value] = {**common, "devAddr": moment.hex("address", 8, of_run=True)}
        events.append(Message(f"{moment.topic}/event/join", json_bytes(join), carries=False))
    events.append(Message(f"{moment.topic}/event/up", json_bytes(up)))
    if moment.every(STATUS_EVERY):
        status: dict[str, Value] = {**common, "margin": 10, "externalPowerSource": False, "batteryLevelUnavailable": True}
        events.append(Message(f"{moment.topic}/event/status", json_bytes(status), carries=False))
    return events


def things_stack_3(moment: Moment) -> Sequence[Message]:
    """Return the messages of The Things Stack v3. Topic: `v3/<application>@<tenant>/devices/<id>`, below which it publishes."""
    ids: dict[str, Value] = {
        "device_id": f"eui-{eui(moment.identity)}",
        "application_ids": {"application_id": "air"},
        "dev_eui": eui(moment.identity).upper(),
        "join_eui": "A000000000000102",
        "dev_addr": moment.hex("address", 8, of_run=True).upper(),
    }
    session = base64.b64encode(bytes.fromhex(moment.hex("session", 32, of_run=True))).decode()
    uplink: dict[str, Value] = {"session_key_id": session, "f_port": 2}
    if moment.sequence:
        uplink["f_cnt"] = moment.sequence
    lora: dict[str, Value] = {"bandwidth": 125000, "spreading_factor": 7, "coding_rate": "4/5"}
    uplink |= {
        "frm_payload": _bytes(moment),
        "decoded_payload": dragino(moment),
        "rx_metadata": [_reception_things(moment, at) for at in _gateways(moment)],
        "settings": {"data_rate": {"lora": lora}, "frequency": "868100000"},
        "received_at": utc(moment.heard_ms, digits=9),
        "consumed_airtime": "0.061696s",
        "locations": {"user": {"latitude": 39.47, "longitude": -6.37, "source": "SOURCE_REGISTRY"}},
        "version_ids": {"brand_id": "dragino", "model_id": "lht65"},
        "network_ids": {"net_id": "000013", "tenant_id": "ribera"},
    }
    common: dict[str, Value] = {
        "end_device_ids": ids,
        "correlation_ids": [f"gs:uplink:{moment.hex('correlation', 26).upper()}"],
        "received_at": utc(moment.heard_ms + 3, digits=9),
    }
    messages = [Message(f"{moment.topic}/up", json_bytes({**common, "uplink_message": uplink}))]
    if moment.sequence == 0:
        accept: dict[str, Value] = {"session_key_id": session, "received_at": utc(moment.heard_ms, digits=9)}
        messages.insert(0, Message(f"{moment.topic}/join", json_bytes({**common, "join_accept": accept}), carries=False))
    return messages


def _gateways(moment: Moment) -> list[int]:
    """Return which gateways heard a frame: one, two or three of those about, other ones for another copy."""
    part = uniform(moment.identity, f"receptions/{moment.copy}", moment.boot << 32 | moment.sequence)
    many = 1 if part < HEARD_BY_ONE else 2 if part < HEARD_BY_TWO else 3
    return [(moment.between("gateway", 0, _GATEWAYS - 1) + at + moment.copy) % _GATEWAYS for at in range(many)]


def _clock(moment: Moment, gateway: int) -> Mapping[str, Value]:
    """Return the gateway's own time, if it knows it."""
    part = uniform(moment.identity, f"time/{moment.copy}/{gateway}", moment.boot << 32 | moment.sequence)
    return {} if part < WITHOUT_TIME else {"time": utc(moment.heard_ms - 40)}


def _signal(moment: Moment, gateway: int) -> tuple[int, float]:
    return moment.between(f"rssi {gateway}", -121, -70), moment.between(f"snr {gateway}", -80, 95) / 10


def _reception_4(moment: Moment, gateway: int) -> Value:
    rssi, snr = _signal(moment, gateway)
    known: dict[str, Value] = {"gatewayId": f"0016c001f153a1{gateway:02x}", "uplinkId": moment.between("uplink", 1, 1 << 31)}
    place: dict[str, Value] = {"latitude": 39.47 + gateway / 100, "longitude": -6.37}
    metadata: dict[str, Value] = {"region_name": "eu868"}
    return {**known, **_clock(moment, gateway), "rssi": rssi, "snr": snr, "location": place, "metadata": metadata}


def _reception_3(moment: Moment, gateway: int) -> Value:
    rssi, snr = _signal(moment, gateway)
    place: dict[str, Value] = {"latitude": 39.47 + gateway / 100, "longitude": -6.37, "altitude": 439}
    return {
        "gatewayID": f"0016c001f153a1{gateway:02x}",
        **_clock(moment, gateway),
        "rssi": rssi,
        "loRaSNR": snr,
        "location": place,
    }


def _reception_things(moment: Moment, gateway: int) -> Value:
    rssi, snr = _signal(moment, gateway)
    ids: dict[str, Value] = {"gateway_id": f"roof-{gateway}", "eui": f"0016C001F153A1{gateway:02X}"}
    return {"gateway_ids": ids, **_clock(moment, gateway), "rssi": rssi, "channel_rssi": rssi, "snr": snr}


def _bytes(moment: Moment) -> str:
    """Return bytes that nobody decodes, in base64."""
    return base64.b64encode(bytes.fromhex(moment.hex("bytes", 20))).decode()


def _uuid(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
