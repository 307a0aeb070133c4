"""How long a gateway takes to start, and the most memory until then: from the process's beginning until it answers.

On an installation that has been started before: with ten and a hundred thousand households that have a meter each and have said
yes, and with ten thousand and a log of a million entries, half of them releases with labels.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from gateway.config import load_config
from gateway.durable.configured import start
from tests.bench.city import FILTER, POLICIES
from tests.bench.timing import say
from tests.support.asking import perform
from tests.support.checking import check_here
from tests.support.live import LiveGateway
from tests.support.long_log import lengthen
from tests.support.memory import peak_kib

_AT_ONCE = 10_000
_OPENINGS = '\n[audit]\nopenings_folder = "openings"\n'

Rows = Iterator[dict[str, Any]]


def rows(folder: Path, devices: int, entries: int = 0) -> Rows:
    """Yield the row of one installation.

    Args:
        folder: Where to make it.
        devices: So many households with a meter each.
        entries: How long to make its log; it has one for each household at least.
    """
    live = LiveGateway(folder, 1, policies=POLICIES, filters=(FILTER,), gateway="gw-bench")
    live.config.write_text(live.config.read_text().replace(_OPENINGS, ""))  # a hundred thousand files that no start reads
    live.place = load_config(live.config)
    asyncio.run(_settle(live, devices))
    if entries:
        say(f"a log of {entries} entries")
        lengthen(live, entries)
    _started(live)
    yield {"devices": devices, **_started(live)}


async def _settle(live: LiveGateway, devices: int) -> None:
    """Register the households' meters, and have them say yes."""
    durable = await start(live.place, live.keys, check=check_here)
    try:
        for at in range(0, devices, _AT_ONCE):
            say(f"{at} of {devices} households")
            meters = [
                {"profile": "meter", "zone": "quay", "topic": f"load/{n}", "owner": "resident", "subject": "new"}
                for n in range(at, min(devices, at + _AT_ONCE))
            ]
            (added,) = await perform(durable, ("device.add", {"devices": meters}))
            scope = "purpose:energy-planning"
            await perform(durable, *[("consent.grant", {"subject": row["subject"], "scope": scope}) for row in added["devices"]])
    finally:
        await durable.close()


def _started(live: LiveGateway) -> dict[str, Any]:
    """Start it, and end it; return what that took."""
    began_s = time.perf_counter()
    try:
        entries = live.start().status()["log"]["size"]
        taken_s = time.perf_counter() - began_s
        assert live.process is not None
        held_kib = peak_kib(live.process.pid)
        live.stop()
    finally:
        live.end()
    return {"entries": entries, "s": round(taken_s, 2), "mib": round(held_kib / 1024)}


STARTS = {
    "start": partial(rows, devices=10_000),
    "start-of-many": partial(rows, devices=100_000),
    "start-of-long-log": partial(rows, devices=10_000, entries=1_000_000),
}
