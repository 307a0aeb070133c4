"""Hostile frames: what broken, confused or malicious devices put on the wire, each by name.

Every fault takes a device, a moment and a source of chance, and returns one frame. Tests mix them among good readings:
whatever is ``REFUSED`` must be counted under a reason and reach nobody, whatever ``REPEATS`` must not be counted twice.
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
    REPEATS = "repeats"  # a reading that has been sent before, unaltered: counted once at most


@dataclass(frozen=True, slots=True)
class HostileFrame:
    """One frame to publish, the name of its fault, and what should become of it."""

    fault: str
    topic: str
    payload: bytes
    fate: Fate


Fault: TypeAlias = "Callable[[Device, int, Random], bytes]"


def _altered(device: Device, t_ms: int, change: Mapping[str, Value], without: Sequence[str] = ()) -> bytes:
    """Encode the device's reading with fields changed, added or left out, and signed if the device signs."""
    boot, sequence = device.boot_and_sequence(t_ms)
    fields = {**device.fields(t_ms, device.values(t_ms), boot, sequence), **change}
    return device.encode({name: value for name, value in fields.items() if name not in without}, sequence)


def _measured(device: Device, t_ms: int, value: Value) -> dict[str, Value]:
    """Return a change that puts one value in the place of everything measured."""
    return dict.fromkeys(device.values(t_ms), value)


def _enclosed(device: Device, t_ms: int, payload: bytes) -> bytes:
    """Send any bytes as the device's message; a device with a key signs even this."""
    return payload if device.key is None else mac0_bytes(device.key, device.boot_and_sequence(t_ms)[1], payload)


def truncated(device: Device, t_ms: int, chance: Random) -> bytes:
    """A message cut off somewhere: a modem that lost power."""
    payload = device.reading(t_ms).payload
    return payload[: chance.randrange(1, len(payload))]


def trailing_bytes(device: Device, t_ms: int, _chance: Random) -> bytes:
    """A message with the end of an older, longer one behind it: a buffer that wasn't cleared."""
    payload = device.reading(t_ms).payload
    return payload + payload[-5:]


def empty(_device: Device, _t_ms: int, _chance: Random) -> bytes:
    """No payload at all, as sent to clear a retained message."""
    return b""


def garbage(_device: Device, _t_ms: int, chance: Random) -> bytes:
    """Random bytes, beginning with one that no form of message begins with."""
    return b"\xff" + chance.randbytes(chance.randrange(1, 200))


def jpeg(_device: Device, _t_ms: int, chance: Random) -> bytes:
    """A camera's picture on a telemetry topic."""
    return _JPEG + chance.randbytes(512)


def bad_utf8(device: Device, t_ms: int, _chance: Random) -> bytes:
    """Measured values that are text, and not valid UTF-8 at that."""
    return _altered(device, t_ms, _measured(device, t_ms, Invalid(b"\xc3\x28\xff")))


def nan(device: Device, t_ms: int, _chance: Random) -> bytes:
    """Not a number, written bare where the form is JSON."""
    return _altered(device, t_ms, _measured(device, t_ms, math.nan))


def infinity(device: Device, t_ms: int, _chance: Random) -> bytes:
    """A division by zero in the firmware."""
    return _altered(device, t_ms, _measured(device, t_ms, math.inf))


def wrong_type(device: Device, t_ms: int, chance: Random) -> bytes:
    """Text, truth values, nothing, lists or tables where numbers belong."""
    value: Value = chance.choice(("none", True, None, [1, 2], {"v": 1}))
    return _altered(device, t_ms, _measured(device, t_ms, value))


def missing_field(device: Device, t_ms: int, _chance: Random) -> bytes:
    """A message that tells all but what was measured."""
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
    """A message of 100 KiB and more, well formed."""
    return _altered(device, t_ms, {"log": "x" * OVERSIZE_BYTES})


def huge_length(device: Device, t_ms: int, _chance: Random) -> bytes:
    """A head that announces far more than there is: 2^62 bytes in CBOR, a number of 5,000 digits in JSON."""
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
    """The time a device believes in after power-up, until it has heard from a time server.

    That is 1970, or 1980 for SenML, where numbers near zero mean seconds from now.
    """
    power_up_s = _GPS_EPOCH_S if device.codec == "senml" else 0
    return _altered(device, t_ms, {"t": power_up_s + chance.randrange(1, 600)})


def sentinel(device: Device, t_ms: int, _chance: Random) -> bytes:
    """Text that says that there is no value, as a data logger writes it."""
    return _altered(device, t_ms, _measured(device, t_ms, "none"))


def duplicate(device: Device, t_ms: int, _chance: Random) -> bytes:
    """The same bytes once more: a radio that heard no answer."""
    return device.reading(t_ms).payload


def replay(device: Device, t_ms: int, chance: Random) -> bytes:
    """An older message, recorded and sent again, signature and all."""
    back = chance.randrange(1, REPLAY_INTERVALS + 1) * device.model.interval_s * 1000
    return device.reading(t_ms - back).payload


def bad_mac(device: Device, t_ms: int, chance: Random) -> bytes:
    """A signed message with one bit of its code turned over; without a key, a signed message where none is due."""
    payload = bytearray(_signed(device, t_ms))
    payload[-1 - chance.randrange(32)] ^= 1 << chance.randrange(8)
    return bytes(payload)


def unsigned(device: Device, t_ms: int, chance: Random) -> bytes:
    """A plain message on the topic of a device that has a key; without a key, one with nothing measured in it."""
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
        device: Whose topic, key and form the frame takes.
        t_ms: A reading time of that device. What repeats a reading repeats this one's or one of the
            ``REPLAY_INTERVALS`` before it, which the caller has to have sent.
        chance: Decides what the fault leaves open.
    """
    fate = Fate.REPEATS if fault in _REPEATING else Fate.REFUSED
    return HostileFrame(fault, device.topic, FAULTS[fault](device, t_ms, chance), fate)


def unknown_device(device: Device, t_ms: int, chance: Random) -> HostileFrame:
    """Return a perfect message on a topic that nobody registered."""
    topic = f"{device.topic}/{chance.getrandbits(64):016x}"
    return HostileFrame(UNKNOWN_DEVICE, topic, device.reading(t_ms).payload, Fate.REFUSED)


def wrong_topic(device: Device, other: Device, t_ms: int) -> HostileFrame:
    """Return a device's signed message on the topic of another that signs too."""
    return HostileFrame(WRONG_TOPIC, other.topic, device.reading(t_ms).payload, Fate.REFUSED)


def hostile_frames(devices: Sequence[Device], t_ms: int, number: int, seed: str) -> Iterator[HostileFrame]:
    """Return frames with all faults in turn, from devices taken at random, always the same for the same seed.

    Args:
        devices: Whose topics and forms the frames take; with two signing devices among them, topics get mixed up too.
        t_ms: The time that the frames pretend to be from.
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
