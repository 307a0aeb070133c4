"""The privacy surface of printed messages: what in each of them, and in its topic, is personal or a quasi-identifier, and why.

For a format that is JSON every place is judged, one way or the other, so that a place that nobody has judged is found. A format
that no decoder reads is personal as a whole. ``surface`` gives what to look for, and ``marked`` the same message with a mark at
each personal place, for values that are too short or too common to be searched for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tests.field_cases.cases import RECEIVED_AT, time_ms
from tests.field_cases.payloads import Payload
from tests.privacy.canaries import DIGITS, STEM

DEVICE = "which device it is, for as long as it lives"
NAMED = "a name that people give, often a person's or a street's"
PLACE = "where the device is, or who hears it from where"
RADIO = "how well which antenna hears it: with several, its place"
SECRET = "a key, a token, or what is made of one"
FREE = "anything at all: whoever set it up wrote it"
CONTENT = "the reading itself, before anybody has said what may leave of it"
HABIT = "when exactly somebody did something, to the millisecond, or in what order"


@dataclass(frozen=True, slots=True)
class Judged:
    """The judgement on a format.

    Attributes:
        personal: JSON pointers, `*` for any element of a list and a last `**` for everything below, with what they tell.
        harmless: The same of what tells nothing about anybody: settings of the radio, what kind of message it is.
        levels: Levels of the topic that are personal, from 0.
    """

    personal: Mapping[str, str] = field(default_factory=dict)
    harmless: tuple[str, ...] = ()
    levels: tuple[int, ...] = ()


CHIRPSTACK: Final = Judged(
    personal={
        "/deduplicationId": DEVICE,
        "/context/deduplication_id": DEVICE,
        "/deviceInfo/tenantId": NAMED,
        "/deviceInfo/tenantName": NAMED,
        "/deviceInfo/applicationId": NAMED,
        "/deviceInfo/applicationName": NAMED,
        "/deviceInfo/deviceProfileId": NAMED,
        "/deviceInfo/deviceProfileName": NAMED,
        "/deviceInfo/deviceName": NAMED,
        "/deviceInfo/devEui": DEVICE,
        "/deviceInfo/tags/**": FREE,
        "/devAddr": DEVICE,
        "/data": CONTENT,
        "/object/**": CONTENT,
        "/time": HABIT,
        "/rxInfo/*/gatewayId": PLACE,
        "/rxInfo/*/uplinkId": DEVICE,
        "/rxInfo/*/rssi": RADIO,
        "/rxInfo/*/snr": RADIO,
        "/rxInfo/*/context": SECRET,
        "/rxInfo/*/metadata/**": PLACE,
        "/gatewayId": PLACE,
        "/txInfo/context": SECRET,
        "/downlinkId": DEVICE,
        "/queueItemId": DEVICE,
        "/location/**": PLACE,
        "/batteryLevel": DEVICE,
        "/margin": RADIO,
    },
    harmless=(
        "/dr",
        "/fPort",
        "/fCntDown",
        "/acknowledged",
        "/level",
        "/code",
        "/description",
        "/integrationName",
        "/eventType",
        "/txInfo/frequency",
        "/txInfo/power",
        "/txInfo/modulation/**",
        "/txInfo/timing/**",
    ),
    levels=(1, 3),
)

THINGS_STACK: Final = Judged(
    personal={
        "/end_device_ids/**": DEVICE,
        "/correlation_ids/*": DEVICE,
        "/received_at": HABIT,
        "/join_accept/session_key_id": SECRET,
        "/join_accept/received_at": HABIT,
        "/join_accept/attributes/**": FREE,
        "/uplink_message/session_key_id": SECRET,
        "/uplink_message/f_cnt": HABIT,
        "/uplink_message/frm_payload": CONTENT,
        "/uplink_message/decoded_payload/**": CONTENT,
        "/uplink_message/rx_metadata/*/gateway_ids/**": PLACE,
        "/uplink_message/rx_metadata/*/time": HABIT,
        "/uplink_message/rx_metadata/*/timestamp": HABIT,
        "/uplink_message/rx_metadata/*/rssi": RADIO,
        "/uplink_message/rx_metadata/*/channel_rssi": RADIO,
        "/uplink_message/rx_metadata/*/snr": RADIO,
        "/uplink_message/rx_metadata/*/uplink_token": SECRET,
        "/uplink_message/settings/timestamp": HABIT,
        "/uplink_message/settings/time": HABIT,
        "/uplink_message/locations/**": PLACE,
        "/uplink_message/network_ids/**": PLACE,
        "/uplink_message/attributes/**": FREE,
        "/uplink_message/received_at": HABIT,
        "/downlink_ack/session_key_id": SECRET,
        "/downlink_ack/f_cnt": HABIT,
        "/downlink_ack/frm_payload": CONTENT,
        "/downlink_ack/correlation_ids/*": DEVICE,
        "/downlink_failed/downlink/frm_payload": CONTENT,
        "/downlink_failed/downlink/correlation_ids/*": DEVICE,
        "/downlink_failed/error/correlation_id": DEVICE,
        "/downlinks/*/frm_payload": CONTENT,
        "/downlinks/*/decoded_payload/**": CONTENT,
        "/downlinks/*/correlation_ids/*": DEVICE,
    },
    harmless=(
        "/uplink_message/f_port",
        "/uplink_message/rx_metadata/*/channel_index",
        "/uplink_message/settings/data_rate/**",
        "/uplink_message/settings/coding_rate",
        "/uplink_message/settings/frequency",
        "/uplink_message/settings/gateway_channel_index",
        "/uplink_message/settings/device_channel_index",
        "/uplink_message/consumed_airtime",
        "/uplink_message/version_ids/**",
        "/downlink_ack/f_port",
        "/downlink_ack/confirmed",
        "/downlink_ack/priority",
        "/downlink_failed/downlink/f_port",
        "/downlink_failed/downlink/confirmed",
        "/downlink_failed/downlink/priority",
        "/downlink_failed/error/namespace",
        "/downlink_failed/error/name",
        "/downlink_failed/error/message_format",
        "/downlink_failed/error/code",
        "/downlinks/*/f_port",
        "/downlinks/*/priority",
        "/downlinks/*/confirmed",
    ),
    levels=(1, 3),
)

SENML: Final = Judged(
    personal={
        "/*/bn": DEVICE,
        "/*/n": DEVICE,
        "/*/v": CONTENT,
        "/*/vs": FREE,
        "/*/vb": CONTENT,
        "/*/vd": FREE,
        "/*/l": FREE,
        "/*/t": HABIT,
        "/*/bt": HABIT,
    },
    harmless=("/*/u", "/*/bu", "/*/bver"),
)

GBFS: Final = Judged(
    personal={
        "/last_updated": HABIT,
        "/data/vehicles/*/vehicle_id": DEVICE,
        "/data/vehicles/*/last_reported": HABIT,
        "/data/vehicles/*/lat": PLACE,
        "/data/vehicles/*/lon": PLACE,
        "/data/vehicles/*/rental_uris/**": DEVICE,
        "/data/vehicles/*/station_id": PLACE,
        "/data/vehicles/*/home_station_id": PLACE,
        "/data/vehicles/*/vehicle_equipment/*": FREE,
        "/data/vehicles/*/pricing_plan_id": FREE,
        "/data/vehicles/*/current_range_meters": CONTENT,
        "/data/vehicles/*/current_fuel_percent": CONTENT,
        "/data/vehicles/*/available_until": HABIT,
    },
    harmless=(
        "/ttl",
        "/version",
        "/data/vehicles/*/is_reserved",
        "/data/vehicles/*/is_disabled",
        "/data/vehicles/*/vehicle_type_id",
    ),
)

JUDGED: Final[Mapping[str, Judged]] = {
    "chirpstack4-json": CHIRPSTACK,
    "tts3-json": THINGS_STACK,
    "senml-json": SENML,
    "gbfs-vehicle_status": GBFS,
    # read by nothing, or not as JSON: personal as a whole, with these levels of the topic
    "senml-cbor": Judged(),
    "chirpstack4-protobuf": Judged(levels=(1, 3)),
    "sparkplug-b": Judged(levels=(1, 3, 4)),
    "homie5": Judged(levels=(2,)),
    "dsmr-p1": Judged(),
    "cayenne-lpp": Judged(),
    "paxcounter-plain": Judged(),
}
"""By format; a topic of the data set that is a bridge's own says nothing."""

_LEAST_CHARACTERS = 8
"""What is shorter stands in many places by chance; the marked message has a mark there."""
_COMMON = frozenset({"ChirpStack", "temperature", "humidity"})
"""Names of a product and of properties, which the program's own texts hold."""
_PIECE_BYTES = 12
_LEAST_TIME_S = 2**28
"""From here on a number is a time, as in SenML."""


def places(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Go through the leaves of a message: JSON pointer with `*` for positions, and value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, f"{pointer}/{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from places(inner, f"{pointer}/*")
    else:
        yield pointer, value


def is_at(pointer: str, pattern: str) -> bool:
    """Return whether a place is one that a judgement names."""
    if pattern.endswith("/**"):
        return pointer.startswith(pattern[:-2])
    return pointer == pattern


def is_personal(judged: Judged, pointer: str) -> bool:
    """Return whether a place is personal."""
    return any(is_at(pointer, pattern) for pattern in judged.personal)


def parsed(data: bytes) -> Any:
    """Return a message as it was meant: one of the printed ones lacks a comma. None where it is no JSON."""
    try:
        return json.loads(re.sub(rb'}(\s*)"', rb'},\1"', data))
    except ValueError:
        return None


def surface(payload: Payload) -> Iterator[bytes]:
    """Go through what is personal in a message and its topic, as far as it is long enough to be searched for."""
    judged = JUDGED[payload.format]
    levels = payload.topic.split("/")
    texts = [levels[n] for n in judged.levels if n < len(levels)]
    if not judged.personal:
        yield from pieces(payload.data)
    else:
        texts += [str(value) for pointer, value in places(parsed(payload.data)) if is_personal(judged, pointer)]
    yield from (text.encode() for text in texts if len(text) >= _LEAST_CHARACTERS and text not in _COMMON)


def pieces(data: bytes) -> Iterator[bytes]:
    """Cut bytes in pieces that are long enough to be searched for, without those that are padding."""
    for begin in range(0, len(data) - _PIECE_BYTES + 1, _PIECE_BYTES):
        piece = data[begin : begin + _PIECE_BYTES]
        if len(set(piece)) > _PIECE_BYTES // 3:
            yield piece


def marked(payload: Payload, number: int) -> Payload:
    """Return a message with a mark at each personal place: text for text, number for number, and its times as of now.

    What the gateway needs to take it for a reading at all is left: its number, a record's name, and the value itself.
    """
    judged = JUDGED[payload.format]
    levels = payload.topic.split("/")
    topic = "/".join(f"{STEM}{number}" if n in judged.levels else level for n, level in enumerate(levels))
    whole = parsed(payload.data) if judged.personal else None
    if whole is None:
        return replace(payload, topic=topic)

    def mark(pointer: str, value: Any) -> Any:
        why = next((why for pattern, why in judged.personal.items() if is_at(pointer, pattern)), None)
        if why == HABIT:
            return _now(value)
        if why in (None, CONTENT) or isinstance(value, bool) or value is None or pointer.endswith("/n"):
            return value
        if isinstance(value, str):  # what names go on after it stays, or nothing would be called by the profile's
            return f"{STEM}-{number}{value[-1] if value.endswith((':', '/')) else ''}"
        return float(f"41.{DIGITS}{number % 100:02}")

    return replace(payload, topic=topic, data=json.dumps(_mapped(whole, mark)).encode())


def _now(value: Any) -> Any:
    """Return a time as of now, in the way that it was written; a number that is none, or tells how long ago, as it is."""
    if isinstance(value, str):
        return RECEIVED_AT
    return time_ms(RECEIVED_AT) // 1000 if value > _LEAST_TIME_S else value


def _mapped(value: Any, change: Callable[[str, Any], Any], pointer: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _mapped(inner, change, f"{pointer}/{key}") for key, inner in value.items()}
    if isinstance(value, list):
        return [_mapped(inner, change, f"{pointer}/*") for inner in value]
    return change(pointer, value)
