"""Publications end to end: figures about homes leave in bundles of one size, each drawn once, and told to nobody else."""

from __future__ import annotations

import pytest

from gateway.core.plans import Device
from tests.support.city import City, city
from tests.support.gate import DAY_MS, HOUR_MS, LATENESS_MS, MIDNIGHT_MS, MINUTE_MS, Gate, reading

T = MIDNIGHT_MS + DAY_MS
"""The first day that counts: homes join on the day before."""


def town() -> City:
    """Return a city whose office gets hourly sums with noise by the day."""
    built = city().ceiling(identity="per-epoch", space="block").district("north").district("south")
    built = built.zone("mill", "north").zone("dock", "south").measures("consumption", 0, 10)
    built = built.purpose("energy").recipient("office").recipient("public", sealed=False)
    built = built.quantity("electricity", "consumption", clip=10, presence=2).device("meter", {"consumption": "kwh"}, "unix-ms")
    return built.flow(
        "hourly",
        "consumption",
        statistic="sum",
        purpose="energy",
        recipient="office",
        identity="aggregate",
        time="1h",
        space="district",
        group=5,
        retention=365,
        budget=2,
    )


def day_with(gate: Gate, homes: list[Device], day_ms: int = T, kwh: float = 0.5) -> None:
    """Let homes report every hour of a day, and let the day and its lateness pass."""
    gate.to(max(gate.now_ms, day_ms))
    for hour in range(24):
        gate.now_ms = day_ms + hour * HOUR_MS + MINUTE_MS
        gate.take(*(reading(home, gate.now_ms, kwh=kwh) for home in homes))
    gate.to(day_ms + DAY_MS + LATENESS_MS)


def gate_with(built: City, homes: int, *scopes: str) -> tuple[Gate, list[Device]]:
    """Return a gate and homes that consented on the day before; the publication of that day is delivered."""
    gate = Gate(built.policies())
    gate.to(gate.now_ms)
    joined = gate.homes(homes, *scopes)
    gate.to(T + LATENESS_MS)
    for recipient in gate.state.policies.recipients:
        gate.records(recipient)
    return gate, joined


def test_day_of_hours_leaves_once_it_has_ended() -> None:
    """One record an hour, with its spread, and what it rests on in the opening."""
    gate, homes = gate_with(town(), 40, "hourly")
    day_with(gate, homes)
    ready = gate.form()
    assert ready is not None
    payload = gate.release_payload(ready.index)
    records = gate.deliver(ready).records
    assert len(records) == 24
    first = min(records, key=lambda record: record.phenomenon_time)
    assert first.phenomenon_time == (T, T + HOUR_MS)
    assert (first.cell, first.statistic, first.mu, first.clip) == ("north", "sum", 2.0, 10.0)
    assert first.n is not None and first.n % 5 == 0 and 15 <= first.n <= 60
    assert first.standard_error == pytest.approx(5, rel=0.1)
    assert first.epsilon is not None and 5 < first.epsilon < 12
    assert abs(sum(float(record.result) for record in records) - 40 * 24 * 0.5) < 6 * 5 * 5
    (draw,) = payload.draws
    assert payload.records == () and payload.publication is not None
    assert list(payload.publication.__struct_fields__) == ["kind", "end", "part", "parts"]
    assert (draw.mechanism, draw.mu, draw.clip, draw.presence, draw.draws, draw.records) == ("gaussian", "2", "10", "2", 1, 24)
    assert draw.n == 40 * 24 == gate.count("pairs.aggregated")
    assert {part.subject for part in gate.contributions(ready.index)} == {home.subject for home in homes}
    assert sum(part.n for part in gate.contributions(ready.index)) == draw.n
    assert gate.count("pairs.open") == 0 and gate.form() is None
