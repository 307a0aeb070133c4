"""A street of all kinds of devices for the test with hostile frames: what they send, and what must become of it.

What is expected is worked out here from what was published, with none of the gateway's code.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from firmware_sim.devices import AirQuality, Footfall, Model, NoiseMeter, SmartMeter
from firmware_sim.faults import REPLAY_INTERVALS, UNKNOWN_DEVICE, WRONG_TOPIC, hostile_frame, unknown_device, wrong_topic
from firmware_sim.messages import Device, default_identity

START_MS = 1_777_593_600_000  # 2026-05-01T00:00Z
HOUR_MS = 3_600_000
INTERVAL_S = 80
METERS = 40
"""So many that no noise makes them fewer than the fifteen of a figure."""

REJECTED, REFUSED = "frames.rejected.", "observations.refused."
UNUSABLE = REJECTED + "wrong_type"
"""Stands for `no_reading` too where a fault puts nothing or something else in the place of a value."""

FORMS = ("json", "keyed", "cbor", "senml")
REASONS: dict[str, tuple[str, str, str, str]] = {  # the reason for each fault, in the order of FORMS
    "truncated": ("malformed", "bad_mac", "malformed", "malformed"),
    "trailing_bytes": ("malformed", "bad_mac", "malformed", "malformed"),
    "empty": ("malformed", "bad_mac", "malformed", "malformed"),
    "garbage": ("malformed", "bad_mac", "malformed", "malformed"),
    "jpeg": ("malformed", "bad_mac", "malformed", "malformed"),
    "bad_utf8": ("wrong_type", "wrong_type", "malformed", "wrong_type"),
    "nan": ("wrong_type", "wrong_type", "not_finite", "wrong_type"),
    "infinity": ("wrong_type", "wrong_type", "not_finite", "wrong_type"),
    "wrong_type": ("wrong_type", "wrong_type", "wrong_type", "wrong_type"),
    "missing_field": ("no_reading", "no_reading", "no_reading", "no_reading"),
    "not_a_table": ("wrong_type", "wrong_type", "wrong_type", "wrong_type"),
    "nested_deep": ("malformed", "malformed", "malformed", "malformed"),
    "oversized": ("too_large", "too_large", "too_large", "too_large"),
    "huge_length": ("wrong_type", "wrong_type", "malformed", "wrong_type"),
    "future_clock": ("clock_ahead", "clock_ahead", "clock_ahead", "clock_ahead"),
    "past_clock": ("clock_behind", "clock_behind", "clock_behind", "clock_behind"),
    "no_clock": ("clock_behind", "clock_behind", "clock_behind", "clock_behind"),
    "sentinel": ("wrong_type", "wrong_type", "wrong_type", "wrong_type"),
    "bad_mac": ("malformed", "bad_mac", "malformed", "malformed"),
    "unsigned": ("no_reading", "bad_mac", "no_reading", "no_reading"),
    "duplicate": ("replayed", "replayed", "replayed", "duplicate"),
    "replay": ("replayed", "replayed", "replayed", "duplicate"),
    UNKNOWN_DEVICE: ("unknown_device", "unknown_device", "unknown_device", "unknown_device"),
    WRONG_TOPIC: ("bad_mac", "bad_mac", "bad_mac", "bad_mac"),
}
PUBLIC = {
    "footfall": ("peopleCount",),
    "noise": ("LAeq",),
    "air-quality": ("pm25",),
    "air-station": ("pm25", "pm10", "no2", "temperature"),
}
OBSERVED = {"secure-meter": 2, "air-station": 4}
"""Observations in a message of a kind, where there is more than one."""

Told = tuple[str, int, float]
"""(observed property, time, result): a public reading as the city gets it."""


def make_devices() -> list[Device]:
    """Return devices of every kind; those that sign get their keys when they are registered."""
    kinds: list[tuple[str, type[SmartMeter | Footfall | NoiseMeter | AirQuality], int]] = [
        ("meter", SmartMeter, METERS),
        ("secure-meter", SmartMeter, 2),
        ("footfall", Footfall, 4),
        ("noise", NoiseMeter, 3),
        ("air-quality", AirQuality, 3),
        ("air-station", AirQuality, 2),
    ]
    devices = []
    for kind, model, count in kinds:
        for n in range(count):
            topic = f"t/{kind}/{n}"
            made: Model = model(topic, INTERVAL_S)
            devices.append(Device(topic, kind, made, 0, default_identity(topic), public=kind in PUBLIC))
    return devices


def outcome(fault: str, device: Device) -> Counter[str]:
    """Return what a frame with a fault must add to the accounts of what is refused or repeated."""
    form = "keyed" if device.key is not None else device.codec
    reason = REASONS[fault][FORMS.index(form)]
    if reason.startswith("clock"):
        return Counter({REFUSED + reason: OBSERVED.get(device.kind, 1)})
    return Counter({"pairs.duplicate" if reason == "duplicate" else REJECTED + reason: 1})


@dataclass(slots=True)
class Street:
    """What the devices send: each frame that is new has a time of its own, an interval after the device's last.

    Attributes:
        good: Readings sent, in order.
        expected: What the accounts of refused and repeated frames must show.
        hostile: How many hostile frames were made.
    """

    devices: Sequence[Device]
    chance: Random
    good: list[tuple[Device, int]] = field(default_factory=list)
    expected: Counter[str] = field(default_factory=Counter)
    hostile: int = 0
    _turns: Counter[str] = field(default_factory=Counter)
    _sent: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def begin(self) -> Iterator[tuple[str, bytes]]:
        """Give enough good readings of each device for a replay to have something to repeat."""
        for _ in range(REPLAY_INTERVALS + 1):
            for device in self.devices:
                yield self.reading(device)

    def mixed(self, hostile: int, good_every: int) -> Iterator[tuple[str, bytes]]:
        """Give frames with all faults, of devices at random, and a good reading after every few."""
        names = [list(REASONS)[at % len(REASONS)] for at in range(hostile)]
        self.chance.shuffle(names)
        for at, name in enumerate(names):
            yield self.fault(name, self.chance.choice(self.devices))
            if at % good_every == 0:
                yield self.reading(self.chance.choice(self.devices))

    def reading(self, device: Device) -> tuple[str, bytes]:
        """Return a device's next good reading."""
        t_ms = self._next_ms(device)
        self.good.append((device, t_ms))
        self._sent[device.topic].append(t_ms)
        return device.topic, device.reading(t_ms).payload

    def fault(self, name: str, device: Device) -> tuple[str, bytes]:
        """Return a frame with a fault, and expect what must come of it."""
        self.hostile += 1
        if name == WRONG_TOPIC:
            sender, device = self.chance.sample([device for device in self.devices if device.key is not None], 2)
            frame = wrong_topic(sender, device, self._next_ms(sender))
        elif name == UNKNOWN_DEVICE:
            frame = unknown_device(device, self._next_ms(device), self.chance)
        elif name == "duplicate":
            frame = hostile_frame(name, device, self.chance.choice(self._sent[device.topic]), self.chance)
        elif name == "replay":  # goes back by up to so many intervals, all of which `begin` has sent
            frame = hostile_frame(name, device, START_MS + (REPLAY_INTERVALS + 1) * INTERVAL_S * 1000, self.chance)
        else:
            frame = hostile_frame(name, device, self._next_ms(device), self.chance)
        self.expected += outcome(name, device)
        return frame.topic, frame.payload

    def _next_ms(self, device: Device) -> int:
        self._turns[device.topic] += 1
        return START_MS + self._turns[device.topic] * INTERVAL_S * 1000

    # what the city must get

    def records(self) -> Counter[Told]:
        """Return the public devices' good readings, floored to the first step of their property."""
        told: Counter[Told] = Counter()
        for device, t_ms in self.good:
            values = device.values(t_ms)
            for name in PUBLIC.get(device.kind, ()):
                if name == "peopleCount":
                    told[name, t_ms, float(values["count"])] += 1
                else:
                    told[name, t_ms, math.floor(values[name] * 10 + 1e-6) / 10] += 1
        return told

    def figures(self) -> dict[int, float]:
        """Return the households' sum in kW.h of each hour of the day, those in which none sent anything too."""
        sums = dict.fromkeys(range(START_MS, START_MS + 24 * HOUR_MS, HOUR_MS), 0.0)
        for device, t_ms in self.good:
            if not device.public:
                sums[t_ms // HOUR_MS * HOUR_MS] += device.values(t_ms)["kwh"]
        return sums
