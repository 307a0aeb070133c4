"""Towns whose figures about homes have noise or a guard, and days of readings in them: what tests of publications begin with."""

from __future__ import annotations

from typing import Any

from consent.core.policies.policy import PolicySet
from gateway.core.plans import Device
from tests.support.city import City, city
from tests.support.gate import DAY_MS, HOUR_MS, LATENESS_MS, MIDNIGHT_MS, MINUTE_MS, Gate, reading

FIRST_DAY_MS = MIDNIGHT_MS + DAY_MS
"""The first day that counts: homes join on the day before."""


def bare_town(**limits: Any) -> City:
    """Begin a city with two districts, meters, an office with a key and a public without one, and no flows yet."""
    built = city().ceiling(identity="per-epoch", space="block").limits(**limits).district("north").district("south")
    built = built.zone("mill", "north").zone("dock", "south").measures("consumption", 0, 10)
    built = built.purpose("energy").recipient("office").recipient("grid").recipient("public", sealed=False)
    built = built.quantity("electricity", "consumption", clip=10, presence=2)
    return built.device("meter", {"consumption": "kwh"}, "unix-ms")


def figures(built: City, name: str, **said: Any) -> City:
    """Add a flow of figures, hourly sums by district for the office unless said otherwise."""
    usual: dict[str, Any] = {
        "statistic": "sum",
        "recipient": "office",
        "identity": "aggregate",
        "time": "1h",
        "space": "district",
    }
    if said.get("identity", "aggregate") == "aggregate":
        usual["group"] = 5
    return built.flow(name, "consumption", purpose="energy", **(usual | {"retention": 365} | said))


def noisy_town(**said: Any) -> City:
    """Return a city whose office gets hourly sums by the day, with noise of μ = 2."""
    return figures(bare_town(mu_day=9), "hourly", **({"budget": 2} | said))


def exact_town(group: int = 3) -> City:
    """Return a city with exact hourly figures for the office, exact daily ones for the grid, and daily totals for the office."""
    built = figures(figures(bare_town(exact_group=group), "hourly", group=1), "daily", recipient="grid", time="day", group=1)
    return figures(built, "totals", identity="per-epoch", time="day")


def joined(built: City | PolicySet, homes: int, *scopes: str) -> tuple[Gate, list[Device]]:
    """Return a gate and homes that consented on the day before; what that day had is published."""
    gate = Gate(built.policies() if isinstance(built, City) else built)
    gate.to(gate.now_ms)
    devices = gate.homes(homes, *scopes)
    gate.to(FIRST_DAY_MS + LATENESS_MS)
    for recipient in gate.state.policies.recipients:
        gate.records(recipient)
    return gate, devices


def hours_with(gate: Gate, homes: list[Device], day_ms: int = FIRST_DAY_MS, hours: int = 24, kwh: float = 0.5) -> None:
    """Let homes report in the first hours of a day, each the same."""
    for hour in range(hours):
        gate.now_ms = max(gate.now_ms, day_ms + hour * HOUR_MS + MINUTE_MS)
        gate.take(*(reading(home, day_ms + hour * HOUR_MS, kwh=kwh) for home in homes))


def day_with(gate: Gate, homes: list[Device], day_ms: int = FIRST_DAY_MS, hours: int = 24, kwh: float = 0.5) -> None:
    """Let homes report in the first hours of a day, and the day and its lateness pass."""
    hours_with(gate, homes, day_ms, hours, kwh)
    gate.to(day_ms + DAY_MS + LATENESS_MS)
