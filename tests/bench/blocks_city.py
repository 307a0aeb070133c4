"""The city of the bench of blocks: households that permit exact figures, figures with noise, and their own totals of each day.

At the end of a day 31 windows of exact figures end (24 of an hour, six of four hours, one of the day), and as many with noise;
of both some leave by the day and some with each window. Beside them each household's total of the day leaves by itself, so that
a guard has to be found for the exact ones, and thousands of records follow.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from consent.instants import parse_utc_ms
from gateway.control.devices import MAX_DEVICES_AT_ONCE
from tests.support.city import city
from tests.support.live import LiveGateway

CONSENTED_AT: Final = "2026-05-01T23:30:00Z"
"""The clock stands there until it is advanced: half an hour before the day that counts."""
FIRST_DAY_MS: Final = parse_utc_ms("2026-05-02T00:00:00Z")
SCOPE: Final = "purpose:energy-planning"
RECIPIENT: Final = "city-energy"
TICK_MS: Final = 1000
_TIMES: Final = ("1h", "4h", "day")


def topic(number: int) -> str:
    """Return the topic of a household's meter."""
    return f"t/{number}"


def _built() -> Any:
    built = (
        city(id="bench", name="Bench")
        .ceiling(identity="per-record", space="block", group=10, retention=3650)
        .district("north")
        .zone("quay", "north", title="Quay")
        .limits(mu_day=30, exact_group=15)
        .measures("consumption", 0, 200, title="Electricity used")
        .measures("water", 0, 5000, title="Water used")
        .measures("temperature", title="Temperature")
        .quantity("electricity", "consumption", cell="1h", clip=10, presence=2, title="Electricity")
        .quantity("water", "water", cell="1h", clip=500, presence=20, title="Water")
        .purpose("energy-planning", "Planning")
        .purpose("warmth", "Warm homes")
        .recipient(RECIPIENT)
    )
    figures: dict[str, Any] = {
        "statistic": "sum",
        "purpose": "energy-planning",
        "recipient": RECIPIENT,
        "identity": "aggregate",
        "space": "district",
        "group": 15,
        "retention": 365,
        "why": "To plan",
    }
    for length in _TIMES:
        built.flow(f"exact-{length}", "consumption", time=length, **figures)
        built.flow(f"noisy-{length}", "water", time=length, budget=2, **figures)
    built.flow("noisy-at-once", "water", time="1h", budget=2, publish="window", **figures)
    own: dict[str, Any] = {
        "purpose": "energy-planning",
        "recipient": RECIPIENT,
        "space": "district",
        "retention": 30,
        "why": "To compare",
    }
    built.flow("totals", "consumption", statistic="sum", identity="per-epoch", time="day", **own)
    own["purpose"] = "warmth"
    built.flow("singly", "temperature", identity="per-record", time="exact", **own)
    fields = {"consumption": "kwh", "water": "litres", "temperature": "temp"}
    return built.device("meter", fields, "unix-ms", title="Meter")


def blocks_gateway(folder: Path, households: int, extra: str = "") -> LiveGateway:
    """Make a gateway that does not run, and that knows as many households with a meter each, all of which permit everything."""
    clock = f'\n[clock]\nsimulated = true\nstart = "{CONSENTED_AT}"\nat = {time.time():.3f}\nrate = 0.0\n'
    at_once = "\n[batches]\ncommit_ms = 20\n"  # what a reading waits for is then the gateway's other work alone
    extra = clock + at_once + extra
    live = LiveGateway(folder, 1, policies=_built().files(), gateway="gw-bench", tick_ms=TICK_MS, extra=extra)
    rows = [
        {"profile": "meter", "zone": "quay", "topic": topic(n), "owner": "resident", "subject": "new"} for n in range(households)
    ]
    added = [
        row for at in range(0, households, MAX_DEVICES_AT_ONCE) for row in live.add_devices(rows[at : at + MAX_DEVICES_AT_ONCE])
    ]
    live.offline(
        [("consent.grant", {"subject": row["subject"], "scope": scope}) for row in added for scope in (SCOPE, "purpose:warmth")]
    )
    return live
