"""How much memory the previews of ten thousand households take: each a reading a quarter of an hour, for 48 hours.

A process of its own measures itself before and after: what the allocator keeps counts, and what the rest of a gateway has does
not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Final

from gateway.core.ingest.memory import DeviceMemory
from gateway.core.ingest.remembered import SharedRoom
from gateway.core.ingest.series import SLOT_MS, SLOTS, HeldReadings
from tests.bench.city import FIRST_READING_MS
from tests.support.checkout import ROOT

HOUSEHOLDS: Final = 10_000
_PAGE_KIB: Final = os.sysconf("SC_PAGE_SIZE") / 1024


def extra_rss_mib(households: int = HOUSEHOLDS, readings_a_slot: int = 1) -> float:
    """Return how many MiB a process grows by, measured in another."""
    command = [sys.executable, "-m", "tests.bench.portal_previews", str(households), str(readings_a_slot)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return float(said.stdout)


def _grow(households: int, readings_a_slot: int) -> float:
    """Fill the previews of some households, and return by how many MiB this process has grown."""
    room, held = SharedRoom(), HeldReadings()
    memories = [DeviceMemory(room, held) for _ in range(households)]
    before = _rss_mib()
    places = [memory.preview("consumption", is_counter=False).place for memory in memories]
    step_ms = SLOT_MS // readings_a_slot
    for number in range(SLOTS * readings_a_slot):
        t_ms = FIRST_READING_MS + number * step_ms
        held.add(chain.from_iterable((place, t_ms, 100 + home % 400) for home, place in enumerate(places)), t_ms)
    return _rss_mib() - before


def _rss_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_KIB / 1024


if __name__ == "__main__":
    print(round(_grow(int(sys.argv[1]), int(sys.argv[2])), 1))
