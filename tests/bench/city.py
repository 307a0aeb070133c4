"""The city that the ingest bench runs in: households with one meter each, who permit three flows of what it tells.

Two flows are noisy sums, by the hour and by four hours; the third is each household's daily total under a pseudonym of the day.
All three rest on one quantity, whose cells are hours, with the clip and presence that Ribera has.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from firmware_sim.load import load_topic
from tests.support.city import city
from tests.support.live import LiveGateway

FILTER = "load/#"
TICK_MS = 10_000
"""As shipped."""

_CONSENTED_AT = "2026-05-01T23:30:00Z"
FIRST_READING_MS = round(datetime.fromisoformat("2026-05-02T00:00:00Z").timestamp() * 1000)
"""Midnight after the consents, so that every window that a reading falls into began under consent."""

FLOWS = 3

POLICIES = (
    city(
        id="bench",
        name="Bench",
        address="Calle Mayor 1",
        contact="https://bench.example/sensors",
        data_protection_officer="privacy@bench.example",
        jurisdiction="ES",
        storage_place="Bench",
        timezone="Europe/Madrid",
    )
    .ceiling(identity="per-epoch", space="block", group=10, retention=3650)
    .district("north")
    .zone("quay", "north", title="Quay")
    .limits(mu_day=3, mu_rungs=[0.5, 1, 2])
    .measures("consumption", 0, 200, title="Electricity used")
    .quantity("electricity", "consumption", cell="1h", clip=10, presence=2, title="Electricity")
    .purpose("energy-planning", "Planning the electricity grid")
    .recipient("city-energy", "City energy office")
    .flow(
        "hourly",
        "consumption",
        title="Electricity used, by the hour",
        why="To see when the grid is strained",
        statistic="sum",
        purpose="energy-planning",
        recipient="city-energy",
        identity="aggregate",
        time="1h",
        space="district",
        precision={"consumption": 0.1},
        group=15,
        retention=730,
        budget=2,
    )
    .flow(
        "four-hourly",
        "consumption",
        title="Electricity used in the whole city, by four hours",
        why="To buy the right amount a day ahead",
        statistic="sum",
        purpose="energy-planning",
        recipient="city-energy",
        identity="aggregate",
        time="4h",
        space="city",
        precision={"consumption": 1},
        group=15,
        retention=730,
        budget=2,
    )
    .flow(
        "daily-totals",
        "consumption",
        title="Electricity used, household by household, by the day",
        why="To see how unevenly energy is used",
        statistic="sum",
        purpose="energy-planning",
        recipient="city-energy",
        identity="per-epoch",
        time="day",
        space="district",
        precision={"consumption": 1},
        retention=90,
    )
    .device(
        "meter",
        {"consumption": "kwh"},
        title="Electricity meter",
        numbered=True,
        time={"source": "device"},
        cap={"space": "district"},
    )
    .files()
)


def bench_gateway(folder: Path, port: int, devices: int) -> LiveGateway:
    """Make a gateway that knows ``devices`` meters, each with a subject of its own that has consented to the whole purpose.

    Its clock runs at the rate of the real one, from half an hour before midnight: consents come before the windows of the first
    reading, and no window ends while it is measured.
    """
    return bench_households(folder, port, devices)[0]


def bench_households(
    folder: Path,
    port: int,
    devices: int,
    *,
    policies: Mapping[str, str] = POLICIES,
    tick_ms: int = TICK_MS,
    extra: str = "",
) -> tuple[LiveGateway, list[str]]:
    """Make the same, of other policies or with more configuration; return with it the claim codes of the households' letters."""
    clock = f'\n[clock]\nsimulated = true\nstart = "{_CONSENTED_AT}"\nat = {time.time():.3f}\nrate = 1.0\n'
    live = LiveGateway(
        folder, port, policies=policies, filters=(FILTER,), gateway="gw-bench", tick_ms=tick_ms, extra=clock + extra
    )
    rows = [
        {"profile": "meter", "zone": "quay", "topic": load_topic(n), "owner": "resident", "subject": "new"}
        for n in range(devices)
    ]
    added = live.add_devices(rows)
    live.offline([("consent.grant", {"subject": row["subject"], "scope": "purpose:energy-planning"}) for row in added])
    return live, [row["claim_code"] for row in added]
