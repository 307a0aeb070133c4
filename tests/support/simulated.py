"""Simulated devices for tests: one station of a scenario, and what becomes of its measurements over a long run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from firmware_sim.messages import Reading
from firmware_sim.misbehaviour.truth import Truth
from firmware_sim.scenario import parse_scenario
from firmware_sim.stations import Fleet, Station

START_MS = 1_777_849_200_000
"""2026-05-03T23:00:00Z, in the summer time of Madrid."""
IDENTITY = "02005e100001"


def station(kind: str, **more: Any) -> Station:
    """Return one device of a kind in Madrid, with a serial number."""
    entry = {"topic": f"t/{kind}", "kind": kind, "identity": IDENTITY, **more}
    return Fleet(parse_scenario({"seed": "s", "timezone": "Europe/Madrid", "devices": [entry]})).stations[0]


def course(sensor: Station, number: int, from_ms: int = START_MS) -> Iterator[tuple[Truth, list[Reading]]]:
    """Yield what becomes of so many measurements, one after another."""
    first_ms = sensor.device.next_ms(from_ms)
    for slot in range(number):
        yield sensor.send(first_ms + slot * sensor.sensor.interval_ms)


def within_bounds(hits: int, trials: int, share: float, spread: float = 1.0) -> bool:
    """Return whether a count lies within four standard deviations of a binomial's mean, its variance times ``spread``."""
    return abs(hits - trials * share) <= 4 * math.sqrt(trials * share * (1 - share) * spread) + 1
