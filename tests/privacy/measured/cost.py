"""What figures of ten thousand homes cost: the memory of a day's open hours, and the time in which the day is closed.

Seconds are those of the machine that it runs on, so they are reported, and only memory has a target. A running gateway computes
aside (``gateway.core.release.publication``); what it holds up are copying before and taking out after.
"""

from __future__ import annotations

import time
import tracemalloc
from random import Random
from typing import Final

import msgspec

from consent.core.disclosure import DAY_MS, TOP
from consent.core.periods import Period
from gateway.core.figures.close_tables import close_tables
from gateway.core.figures.draws import Draw, Slice
from gateway.core.figures.gaussian import gaussian_noise
from gateway.core.figures.table import Conditions
from gateway.core.windows.cells import CellShape, CellTable
from gateway.core.windows.targets import Terms
from gateway.core.windows.windows import Cohort
from tests.privacy.measured.findings import Verdict
from tests.privacy.measured.gateways.policies import policies_for
from tests.privacy.measured.recording import HOUR_MS
from tests.privacy.measured.scenarios import HOURLY, START_MS

SUBJECTS: Final = 10_000
MOST_MIB: Final = 5.0


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """``cost`` in the result.

    Attributes:
        table_mib: What 24 open hours of one flow take.
        close_s: How long the day's figures take to draw.
        copy_ms: How long it takes to copy what they are drawn from, which is what holds the gateway up.
        take_ms: How long it takes to take the day out afterwards, which does so too.
        verdict: Of the memory.
    """

    subjects: int
    table_mib: float
    table_mib_target: float
    close_s: float
    copy_ms: float
    take_ms: float
    verdict: Verdict


def cost() -> Cost:
    """Measure it."""
    random = Random(1)
    subjects = [random.randbytes(16) for _ in range(SUBJECTS)]
    cohort = Cohort(HOURLY, "consumption", "sum", "aggregate", "1h", "district", "0.1", "a", public=False)
    tracemalloc.start()
    table = CellTable(cohort, CellShape(HOUR_MS, Period.DAY, DAY_MS), START_MS)
    for subject in subjects:
        at = table.row(subject)
        for hour in range(24):
            table.add_sum(at + hour, random.randrange(3_000))
            table.add_count(at + hour, 1)
    mib = tracemalloc.get_traced_memory()[0] / 2**20
    tracemalloc.stop()
    begun = time.perf_counter()
    copy = table.ended()
    copied = time.perf_counter()
    terms = Terms(TOP, 0, 1 << 60, 1, (2,))
    conditions = Conditions(policies_for(("a",), (HOURLY,)), lambda _subject, _cohort: terms, 0)
    started = time.perf_counter()
    (closed,) = close_tables([Slice(copy, 0, 24)], conditions, (), {}, gaussian_noise(random.randbytes))
    ended = time.perf_counter()
    assert isinstance(closed, Draw)
    table.take(0, 24, closed.members)
    taken = time.perf_counter()
    return Cost(
        subjects=SUBJECTS,
        table_mib=mib,
        table_mib_target=MOST_MIB,
        close_s=ended - started,
        copy_ms=(copied - begun) * 1000,
        take_ms=(taken - ended) * 1000,
        verdict=Verdict.MET if mib <= MOST_MIB else Verdict.MISSED,
    )
