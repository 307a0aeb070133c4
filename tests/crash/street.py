"""A street for crash tests: the city's own devices, households with meters, and what the city must get of them, to the digit.

Each message holds one observation. Footfall and noise devices number their messages, so that the replay window knows a repeat;
air sensors do not, and only the time of a reading tells it from another. What is expected is computed here from what was
published, with the shipped policies in mind and none of the gateway's code.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from heapq import merge
from typing import Any, NamedTuple

import cbor2

from gateway.recipient.opening import OpenedBundle

ZONES = ("north-quay", "bridge-square", "garden-row", "school-street")  # blocks of one district
DISTRICT = "riverside"
METER_EVERY_MS = 1_800_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

Told = tuple[str, int, str, float]
"""(observed property, time, cell, result): a reading as the city gets it."""


class Message(NamedTuple):
    """What a device publishes.

    Attributes:
        told: What the city must get of it, once; None for a household's.
        wh: A household's consumption in W.h.
    """

    t_ms: int
    topic: str
    payload: bytes
    told: Told | None
    wh: int = 0


class Street:
    """So many devices, in the zones of one district."""

    def __init__(self, seed: int, *, footfall: int = 8, noise: int = 6, air: int = 6, meters: int = 0) -> None:
        self._random = random.Random(seed)
        kinds = [("footfall", footfall), ("noise", noise), ("air-quality", air)]
        public = [(kind, f"t/{kind}/{number}") for kind, count in kinds for number in range(count)]
        self.public = [(kind, topic, ZONES[place % len(ZONES)]) for place, (kind, topic) in enumerate(public)]
        self.meters = [f"t/homes/{self._random.randbytes(4).hex()}" for _ in range(meters)]

    def registry(self) -> list[dict[str, str]]:
        """Return the rows of `device.add`; the meters' come last."""
        rows = [
            {"profile": kind, "zone": zone, "topic": topic, "owner": "city", "subject": "none"}
            for kind, topic, zone in self.public
        ]
        return rows + [
            {"profile": "meter", "zone": ZONES[place % len(ZONES)], "topic": topic, "owner": "resident", "subject": "new"}
            for place, topic in enumerate(self.meters)
        ]

    def messages(self, start_ms: int, count: int, end_ms: int) -> list[Message]:
        """Return the messages of a span of time, in its order: about ``count`` of public devices, evenly, and the meters' among
        them.

        Args:
            start_ms: A whole second.
            count: At most as many as there are devices and whole seconds.
            end_ms: A whole second.
        """
        return list(self.stream(start_ms, count, end_ms))

    def stream(self, start_ms: int, count: int, end_ms: int) -> Iterator[Message]:
        """Yield the same messages, made as they are asked for."""
        rounds = count // len(self.public)
        spacing_ms = (end_ms - start_ms) // rounds // 1000 * 1000
        assert spacing_ms >= 1000, "messages tell whole seconds only"
        public = (
            self._public(place, turn, start_ms + turn * spacing_ms) for turn in range(rounds) for place in range(len(self.public))
        )
        first_ms = -(-start_ms // METER_EVERY_MS) * METER_EVERY_MS
        meters = (
            self._meter(topic, turn, t_ms)
            for turn, t_ms in enumerate(range(first_ms, end_ms, METER_EVERY_MS))
            for topic in self.meters
        )
        return merge(public, meters, key=lambda message: message.t_ms)

    def _public(self, place: int, turn: int, t_ms: int) -> Message:
        kind, topic, zone = self.public[place]
        t_s, number = t_ms // 1000, turn * len(self.public) + place
        if kind == "footfall":
            payload = b'{"t":%d,"seq":%d,"boot":1,"count":%d}' % (t_s, turn + 1, number)
            return Message(t_ms, topic, payload, ("peopleCount", t_ms, zone, float(number)))
        tenths = 300 + number % 700
        if kind == "noise":
            payload = cbor2.dumps({"t": t_s, "seq": turn + 1, "boot": 1, "LAeq": tenths / 10})
            return Message(t_ms, topic, payload, ("LAeq", t_ms, zone, tenths / 10))
        payload = b'[{"bt":%d,"n":"pm25","u":"ug/m3","v":%.1f}]' % (t_s, tenths / 10)
        return Message(t_ms, topic, payload, ("pm25", t_ms, zone, tenths / 10))

    def _meter(self, topic: str, turn: int, t_ms: int) -> Message:
        wh = self._random.randint(100, 180)
        payload = b'{"t":%d,"seq":%d,"boot":1,"kwh":%.3f}' % (t_ms // 1000, turn + 1, wh / 1000)
        return Message(t_ms, topic, payload, None, wh)


def public_readings(messages: Iterable[Message]) -> Counter[Told]:
    """Return what the city must get of the public devices' messages."""
    return Counter(message.told for message in messages if message.told is not None)


def hourly_figures(messages: Iterable[Message], step_wh: int = 100) -> dict[int, float]:
    """Return the households' sum of each hour, floored to the step and shown as its middle: start of the hour → kW.h."""
    sums: Counter[int] = Counter()
    for message in messages:
        if message.told is None:
            sums[message.t_ms // HOUR_MS * HOUR_MS] += message.wh
    return {start_ms: round((wh // step_wh + 0.5) * step_wh / 1000, 3) for start_ms, wh in sums.items()}


class Heard:
    """What the city opened, sorted out."""

    def __init__(self, bundles: Mapping[int, OpenedBundle]) -> None:
        """Sort out the bundles, which come by their log index."""
        self.readings: Counter[Told] = Counter()
        self.ids: Counter[bytes] = Counter()
        self.figures: dict[int, list[tuple[int, float]]] = {}  # start of the hour → (log index, result) of each
        for index, bundle in bundles.items():
            for record in bundle.records:
                if record.id is not None:
                    self.ids[record.id] += 1
                    self.readings[record.observed_property, record.phenomenon_time[0], record.cell, float(record.result)] += 1
                elif record.identity == "aggregate":
                    self.figures.setdefault(record.phenomenon_time[0], []).append((index, round(record.result, 3)))


def differences(expected: Counter[Any], got: Counter[Any]) -> str:
    """Say in a line what is missing and what is too much; empty when nothing is."""
    missing, extra = expected - got, got - expected
    if not missing and not extra:
        return ""
    return f"{missing.total()} missing {list(missing)[:3]}, {extra.total()} too many {list(extra)[:3]}"
