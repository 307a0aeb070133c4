"""Hostile frames are what their names say."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from collections import Counter
from io import BytesIO
from random import Random
from typing import Any

import cbor2
import pytest

from firmware_sim.devices import DAY_MS
from firmware_sim.faults import DEEP, FAULTS, OVERSIZE_BYTES, REPLAY_INTERVALS, Fate, hostile_frame, hostile_frames
from firmware_sim.messages import Device
from firmware_sim.scenario import parse_scenario
from firmware_sim.stations import Fleet

NOON_MS = 1_774_008_000_000
KEYS = ("11" * 32, "22" * 32)
DEVICES = Fleet(
    parse_scenario(
        {
            "seed": "s",
            "devices": [
                {"topic": "t/meter", "kind": "meter"},
                {"topic": "t/gate", "kind": "footfall"},
                {"topic": "t/noise", "kind": "noise"},
                {"topic": "t/air", "kind": "air-quality"},
                {"topic": "t/station", "kind": "air-station"},
                {"topic": "t/secure/1", "kind": "secure-meter", "key": KEYS[0]},
                {"topic": "t/secure/2", "kind": "secure-meter", "key": KEYS[1]},
            ],
        }
    )
).devices
EACH_DEVICE = pytest.mark.parametrize("device", DEVICES[:6], ids=lambda device: device.kind)
SEEDS = range(20)


def frames(fault: str, device: Device) -> list[bytes]:
    """Return twenty payloads with one fault."""
    return [hostile_frame(fault, device, device.next_ms(NOON_MS), Random(seed)).payload for seed in SEEDS]


def whole_cbor(payload: bytes) -> Any:
    """Read one CBOR item that fills the payload."""
    stream = BytesIO(payload)
    item = cbor2.CBORDecoder(stream, allow_indefinite=False).decode()
    if stream.tell() != len(payload):
        raise ValueError("bytes follow the item")
    return item


def opened(device: Device, payload: bytes) -> bytes:
    """Return what stands inside the envelope of a device that signs, after checking its code."""
    if device.key is None:
        return payload
    protected, _, content, tag = whole_cbor(payload).value
    assert tag == hmac.new(device.key, cbor2.dumps(["MAC0", protected, b"", content]), hashlib.sha256).digest()
    return bytes(content)


def parsed(device: Device, payload: bytes) -> Any:
    """Read a payload with an independent decoder; raises if it isn't well formed."""
    content = opened(device, payload)
    return whole_cbor(content) if device.codec == "cbor" else json.loads(content)


def measured(device: Device, message: Any) -> list[Any]:
    """Return what stands in the place of measured values."""
    names = device.values(NOON_MS)
    if device.codec == "senml":
        return [record[label] for record in message if record["n"] in names for label in ("v", "vs", "vb") if label in record]
    said = {**message, **message.get("air", {})}
    return [said[name] for name in names if name in said]


def said_time_ms(device: Device, message: Any) -> int:
    """Return the time that a message claims."""
    return int(1000 * (message[0]["bt"] if device.codec == "senml" else message["t"]))


@EACH_DEVICE
@pytest.mark.parametrize("fault", ["truncated", "trailing_bytes", "empty", "garbage", "jpeg", "bad_utf8", "nested_deep"])
def test_malformed_frame_cannot_be_parsed(fault: str, device: Device) -> None:
    """None of these is a well-formed message of the device's form, for a decoder with ordinary limits."""
    for payload in frames(fault, device):
        with pytest.raises((ValueError, RecursionError, cbor2.CBORError)):
            parsed(device, payload)


@EACH_DEVICE
def test_nested_frame_is_ten_thousand_deep(device: Device) -> None:
    """As many openings as promised."""
    content = opened(device, frames("nested_deep", device)[0])
    assert content.count(b"\x81" if device.codec == "cbor" else b"[") == DEEP


@EACH_DEVICE
@pytest.mark.parametrize(("fault", "test"), [("nan", math.isnan), ("infinity", math.isinf)])
def test_number_that_is_none_stands_for_every_value(fault: str, test: Any, device: Device) -> None:
    """CBOR holds it; JSON has bare words that are not JSON."""
    payload = frames(fault, device)[0]
    if device.codec == "cbor":
        assert all(test(value) for value in measured(device, parsed(device, payload)))
    else:
        assert b":nan" in opened(device, payload) or b":inf" in opened(device, payload)
        with pytest.raises(ValueError, match="Expecting value"):
            parsed(device, payload)


@EACH_DEVICE
@pytest.mark.parametrize("fault", ["wrong_type", "sentinel", "missing_field"])
def test_frame_without_numbers_is_well_formed_otherwise(fault: str, device: Device) -> None:
    """The message parses, and holds no number where one belongs."""
    for payload in frames(fault, device):
        values = measured(device, parsed(device, payload))
        assert not [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        assert bool(values) == (fault != "missing_field")


@EACH_DEVICE
def test_bare_number_is_no_table(device: Device) -> None:
    """The message is the number seven."""
    assert parsed(device, frames("not_a_table", device)[0]) == 7


@EACH_DEVICE
def test_oversized_frame_is_well_formed_and_over_100_kib(device: Device) -> None:
    """Its size alone is wrong."""
    payload = frames("oversized", device)[0]
    assert len(payload) > OVERSIZE_BYTES
    assert measured(device, parsed(device, payload)) == [*device.values(device.next_ms(NOON_MS)).values()]


@EACH_DEVICE
@pytest.mark.parametrize(
    ("fault", "least_ms", "most_ms"),
    [
        ("future_clock", DAY_MS, math.inf),
        ("past_clock", -math.inf, -3 * 366 * DAY_MS),
        ("no_clock", -math.inf, -40 * 365 * DAY_MS),
    ],
)
def test_clock_is_off_by_more_than_is_tolerated(fault: str, least_ms: float, most_ms: float, device: Device) -> None:
    """The message is fine but for its time, which even a receiver of SenML takes as absolute."""
    for payload in frames(fault, device):
        said = said_time_ms(device, parsed(device, payload))
        assert least_ms < said - NOON_MS < most_ms
        assert device.codec != "senml" or said >= 2**28 * 1000


@EACH_DEVICE
def test_repeated_frame_is_one_that_was_sent(device: Device) -> None:
    """Duplicates repeat this reading, replays one of the few before it, byte for byte."""
    t_ms = device.next_ms(NOON_MS)
    sent = [device.reading(t_ms - back * device.model.interval_s * 1000).payload for back in range(REPLAY_INTERVALS + 1)]
    assert set(frames("duplicate", device)) == {sent[0]}
    assert len(set(frames("replay", device))) > 3
    assert set(frames("replay", device)) <= set(sent[1:])


def test_bad_mac_differs_in_one_bit_of_the_code() -> None:
    """Everything but the code is as it should be."""
    device = DEVICES[5]
    good = device.reading(device.next_ms(NOON_MS)).payload
    for payload in frames("bad_mac", device):
        assert payload[:-32] == good[:-32]
        changed = int.from_bytes(payload[-32:], "big") ^ int.from_bytes(good[-32:], "big")
        assert changed.bit_count() == 1


def test_unsigned_frame_of_a_signing_device_is_plain_json() -> None:
    """The reading itself, without its envelope."""
    device = DEVICES[5]
    assert "kwh" in json.loads(frames("unsigned", device)[0])


def test_hostile_frames_show_every_fault_and_are_the_same_for_a_seed() -> None:
    """A mix covers all names evenly; what repeats says so."""
    mixed = [*hostile_frames(DEVICES, NOON_MS, 2400, "seed")]
    assert mixed == [*hostile_frames(DEVICES, NOON_MS, 2400, "seed")]
    named = Counter(frame.fault for frame in mixed)
    assert set(named) == {*FAULTS, "unknown_device", "wrong_topic"}
    assert min(named.values()) == 2400 // len(named)
    assert {frame.fault for frame in mixed if frame.fate is Fate.REPEATS} == {"duplicate", "replay"}


def test_unknown_device_has_a_topic_of_its_own_and_wrong_topic_another_device_s() -> None:
    """Both carry perfect messages, which is what makes them dangerous."""
    topics = {device.topic: device for device in DEVICES}
    for frame in hostile_frames(DEVICES, NOON_MS, 500, "seed"):
        assert (frame.topic in topics) == (frame.fault != "unknown_device")
        if frame.fault == "wrong_topic":
            other = DEVICES[5] if frame.topic == "t/secure/2" else DEVICES[6]
            assert parsed(other, frame.payload)["kwh"] > 0
