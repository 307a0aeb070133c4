"""Hostile frames: what broken, misconfigured or malicious devices send, each kind by name.

Every fault takes a device, a time and a random generator, and returns one frame. Tests mix these with good readings: a frame
that is ``REFUSED`` must be counted under a reason and reach nobody, one that ``REPEATS`` must not be counted twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TypeAlias

from firmware_sim.devices import DAY_MS
from firmware_sim.messages import Device
from firmware_sim.wire import Invalid, Value, cbor_head, json_bytes, mac0_bytes

DEEP = 10_000
OVERSIZE_BYTES = 100 * 1024
_YEAR_MS = 365 * DAY_MS
_GPS_EPOCH_S = 315_964_800
REPLAY_INTERVALS = 8
_JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")


class Fate(StrEnum):
    """What should become of a hostile frame."""

    REFUSED = "refused"  # nothing in it may count as an observation
    REPEATS = "repeats"  # a reading that was sent before, unaltered: counted at most once


@dataclass(frozen=True, slots=True)
class HostileFrame:
    """One frame to publish, the name of its fault, and what should become of it."""

    fault: str
    topic: str
    payload: bytes
    fate: Fate


Fault: TypeAlias = "Callable[[Device, int, Random], bytes]"


def _altered(device: Device, t_ms: int, change: Mapping[str, Value], without: Sequence[str] = ()) -> bytes:
    """Return the device's reading with fields changed, added or left out, authenticated if the device has a key."""
    boot, sequence = device.boot_and_sequence(t_ms)
    fields = {**device.fields(t_ms, device.values(t_ms), boot, sequence), **change}
    return device.encode({name: value for name, value in fields.items() if name not in without}, sequence)


def _measured(device: Device, t_ms: int, value: Value) -> dict[str, Value]:
    """Return a change that replaces every measured value by one value."""
    return dict.fromkeys(device.values(t_ms), value)


def _enclosed(device: Device, t_ms: int, payload: bytes) -> bytes:
    """Return any bytes as the device's message; a device with a key authenticates even these."""
    return payload if device.key is None else mac0_bytes(device.key, device.boot_and_sequence(t_ms)[1], payload)


def truncated(device: Device, t_ms: int, chance: Random) -> bytes:
    """A message cut off somewhere, as by a modem that lost power."""
    payload = device.reading(t_ms).payload
    return payload[: chance.randrange(1, len(payload))]


def trailing_bytes(device: Device, t_ms: int, _chance: Random) -> bytes:
    """A message followed by the end of an older, longer one, as from a buffer that was not cleared."""
    payload = device.reading(t_ms).payload
    return payload + payload[-5:]


def empty(_device: Device, _t_ms: int, _chance: Random) -> bytes:
    """No payload at all, as sent to clear a retained message."""
    return b""


def garbage(_device: Device, _t_ms: int, chance: Random) -> bytes:
    """Random bytes, the first of which begins no message format."""
    return b"\xff" + chance.randbytes(chance.randrange(1, 200))


def jpeg(_device: Device, _t_ms: int, chance: Random) -> bytes:
    """A camera's picture on a telemetry topic."""
    return _JPEG + chance.randbytes(512)


def bad_utf8(device: Device, t_ms: int, _chance: Random) -> bytes:
    """Measured values that are text and not even valid UTF-8."""
    return _altered(device, t_ms, _measured(device, t_ms, Invalid(b"\xc3\x28\xff")))


def nan(device: Device, t_ms: int, _chance: Random) -> bytes:
    """Not a number (NaN), written bare where the format is JSON."""
    return _altered(device, t_ms, _measured(device, t_ms, math.nan))


def infinity(device: Device, t_ms: int, _chance: Random) -> bytes:
    """A division by zero in the firmware."""
    return _altered(device, t_ms, _measured(device, t_ms, math.inf))


def wrong_type(device: Device, t_ms: int, chance: Random) -> bytes:
    """Text, truth values, nothing, lists or tables where numbers belong."""
    value: Value = chance.choice(("none", True, None, [1, 2], {"v": 1}))
    return _altered(device, t_ms, _measured(device, t_ms, value))


def missing_field(device: Device, t_ms: int, _chance: Random) -> bytes:
    """A message with everything except the measured values."""
    return _altered(device, t_ms, {}, without=tuple(device.values(t_ms)))


def not_a_table(device: Device, t_ms: int, _chance: Random) -> bytes:
    """A bare number, which both JSON and CBOR can read: 7."""
    return _enclosed(device, t_ms, b"\x07" if device.codec == "cbor" else b"7")


def nested_deep(device: Device, t_ms: int, _chance: Random) -> bytes:
    """Lists in lists, ten thousand deep, meant to exhaust a parser's stack."""
    if device.codec == "cbor":
        return _enclosed(device, t_ms, cbor_head(4, 1) * DEEP + b"\x00")
    return _enclosed(device, t_ms, b"[" * DEEP + b"0" + b"]" * DEEP)


def oversized(device: Device, t_ms: int, _chance: Random) -> bytes:
    """A well-formed message of more than 100 KiB."""
    return _altered(device, t_ms, {"log": "x" * OVERSIZE_BYTES})


def huge_length(device: Device, t_ms: int, _chance: Random) -> bytes:
    """A head that announces 2^62 bytes in CBOR, or a number of 5,000 digits in JSON."""
    if device.codec == "cbor":
        return cbor_head(5, 1) + cbor_head(3, 1 << 62) + b"LAeq"
    return _enclosed(device, t_ms, b'{"t":1' + b"0" * 5000 + b"}")


def future_clock(device: Device, t_ms: int, chance: Random) -> bytes:
    """A clock more than a day ahead."""
    return _altered(device, t_ms, {"t": (t_ms + chance.randrange(2, 400) * DAY_MS) // 1000})


def past_clock(device: Device, t_ms: int, chance: Random) -> bytes:
    """A clock more than three years behind."""
    return _altered(device, t_ms, {"t": (t_ms - chance.randrange(4, 12) * _YEAR_MS) // 1000})


def no_clock(device: Device, t_ms: int, chance: Random) -> bytes:
    """The time that a device assumes after power-up, before it has heard from a time server.

    That is 1970, or 1980 for SenML, where numbers near zero mean seconds from now.
    """
    power_up_s = _GPS_EPOCH_S if device.codec == "senml" else 0
    return _altered(device, t_ms, {"t": power_up_s + chance.randrange(1, 600)})


def sentinel(device: Device, t_ms: int, _chance: Random) -> bytes:
    """Text that stands for a missing value, as data loggers write it."""
    return _altered(device, t_ms, _measured(device, t_ms, "none"))


def duplicate(device: Device, t_ms: int, _chance: Random) -> bytes:
    """The same bytes once more, as from a radio that heard no answer."""
    return device.reading(t_ms).payload


def replay(device: Device, t_ms: int, chance: Random) -> bytes:
    """An older message, recorded and sent again with its authentication code."""
    back = chance.randrange(1, REPLAY_INTERVALS + 1) * device.model.interval_s * 1000
    return device.reading(t_ms - back).payload


def bad_mac(device: Device, t_ms: int, chance: Random) -> bytes:
    """An authenticated message with one bit of its code flipped; for a keyless device, an unexpected one."""
    payload = bytearray(_signed(device, t_ms))
    payload[-1 - chance.randrange(32)] ^= 1 << chance.randrange(8)
    return bytes(payload)


def unsigned(device: Device, t_ms: int, chance: Random) -> bytes:
    """A plain message on the topic of a device that has a key; for a device without one, a message without values."""
    if device.key is None:
        return missing_field(device, t_ms, chance)
    boot, sequence = device.boot_and_sequence(t_ms)
    return json_bytes(device.fields(t_ms, device.values(t_ms), boot, sequence))


def _signed(device: Device, t_ms: int) -> bytes:
    if device.key is not None:
        return device.reading(t_ms).payload
    return mac0_bytes(bytes(32), device.boot_and_sequence(t_ms)[1], device.reading(t_ms).payload)


FAULTS: Mapping[str, Fault] = {
    fault.__name__: fault
    for fault in (
        truncated,
        trailing_bytes,
        empty,
        garbage,
        jpeg,
        bad_utf8,
        nan,
        infinity,
        wrong_type,
        missing_field,
        not_a_table,
        nested_deep,
        oversized,
        huge_length,
        future_clock,
        past_clock,
        no_clock,
        sentinel,
        bad_mac,
        unsigned,
        duplicate,
        replay,
    )
}
_REPEATING = (duplicate.__name__, replay.__name__)
UNKNOWN_DEVICE = "unknown_device"
WRONG_TOPIC = "wrong_topic"


def hostile_frame(fault: str, device: Device, t_ms: int, chance: Random) -> HostileFrame:
    """Return one frame with a fault of ``FAULTS``.

    Args:
        fault: Its name.
        device: The device whose topic, key and format the frame has.
        t_ms: A reading time of that device. A repeat is of this reading or one of the ``REPLAY_INTERVALS`` before it,
            which the caller must have sent.
        chance: The random generator for what the fault leaves open.
    """
    fate = Fate.REPEATS if fault in _REPEATING else Fate.REFUSED
    return HostileFrame(fault, device.topic, FAULTS[fault](device, t_ms, chance), fate)


def unknown_device(device: Device, t_ms: int, chance: Random) -> HostileFrame:
    """Return a valid message on a topic that is not registered."""
    topic = f"{device.topic}/{chance.getrandbits(64):016x}"
    return HostileFrame(UNKNOWN_DEVICE, topic, device.reading(t_ms).payload, Fate.REFUSED)


def wrong_topic(device: Device, other: Device, t_ms: int) -> HostileFrame:
    """Return a device's authenticated message on the topic of another device with a key."""
    return HostileFrame(WRONG_TOPIC, other.topic, device.reading(t_ms).payload, Fate.REFUSED)


def hostile_frames(devices: Sequence[Device], t_ms: int, number: int, seed: str) -> Iterator[HostileFrame]:
    """Yield frames with all faults in turn, from devices chosen at random, the same for the same seed.

    Args:
        devices: The devices whose topics and formats the frames have; if two of them have keys, topics are swapped too.
        t_ms: The time from which the frames claim to be.
        number: How many.
        seed: Another seed gives other frames.
    """
    chance = Random(seed)
    signing = [device for device in devices if device.key is not None]
    names = [*FAULTS, UNKNOWN_DEVICE, *([WRONG_TOPIC] if len(signing) > 1 else [])]
    for at in range(number):
        name, device = names[at % len(names)], chance.choice(devices)
        moment = device.next_ms(t_ms) - device.model.interval_s * 1000
        if name == UNKNOWN_DEVICE:
            yield unknown_device(device, moment, chance)
        elif name == WRONG_TOPIC:
            sender, other = chance.sample(signing, 2)
            yield wrong_topic(sender, other, sender.next_ms(t_ms) - sender.model.interval_s * 1000)
        else:
            yield hostile_frame(name, device, moment, chance)
