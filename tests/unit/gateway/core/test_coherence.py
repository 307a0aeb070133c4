"""Coherence on data: minimising what was minimised before gives what minimising once would have given; nothing gives nothing.

T_d stands for all that the gateway does to readings under a disclosure d. For d at or below e, T_d after T_e is T_d: nobody who
has the coarser data can learn whether finer data lay behind it, and whoever has the finer can coarsen them alone. Readings are
sent through a gateway, and what leaves it is sent through another.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.core.disclosure import WINDOW_MS, Disclosure, Identity, Space, Time, meet
from consent.core.policies.policy import PolicySet
from gateway.core import pipeline
from gateway.core.journal import decode_batch
from gateway.core.plans import Device
from gateway.recipient.records import Record
from tests.support.gate import DAY_MS, HOUR_MS, LATENESS_MS, MIDNIGHT_MS, MINUTE_MS, OLD, Gate, limited, reading, town

T = MIDNIGHT_MS
FIRST = Decimal("0.001")
ZONES = {"mill": "north", "chapel": "north", "dock": "south"}
IN_CELL = {"town": "dock", "north": "chapel", "south": "dock"} | {zone: zone for zone in ZONES}
"""For each cell a block that lies in it, where a reading told from that cell is put to be told again."""

STEPS = st.sampled_from(["0.001", "0.01", "0.1", "1"]).map(lambda step: (("consumption", Decimal(step)),))
AXES = {"time": st.sampled_from(list(Time)[1:]), "space": st.sampled_from(list(Space)[1:]), "precision": STEPS}
LEVELS = st.fixed_dictionaries({}, optional=AXES).map(lambda axes: limited(**axes))
READINGS = st.lists(
    st.tuples(st.sampled_from(sorted(ZONES)), st.integers(0, DAY_MS - 1), st.integers(-5_000, 50_000)),
    min_size=1,
    max_size=8,
    unique_by=lambda it: it[1],
)
laws = settings(max_examples=60, deadline=None)


@dataclass(frozen=True)
class Told:
    """A reading as a recipient is told of it."""

    result: float
    t_ms: int
    cell: str


@cache
def open_town() -> PolicySet:
    """Return a town whose neighbourhood asks for nothing of its own, and whose hourly figures are exact, of any households."""
    free = {"neighbourhoods/old.toml": OLD.partition("[ceiling]")[0] + "[ceiling]\n"}
    finer = ('time = "1h", space = "district", precision = { consumption = 0.001 }, group = 2', 'time = "15min", space = "block"')
    return town(finer, ('cell = "1h"', 'cell = "15min"'), ("clamp = [0, 100]\n", ""), files=free)


def told(zone: str, t_ms: int, value: float, disclosure: Disclosure) -> Told:
    """Return what the gateway makes of one reading under a disclosure."""
    gate = Gate(open_town())
    gate.send(gate.home("raw", limits=disclosure, zone=zone), t_ms, kwh=value)
    (record,) = gate.records()
    return Told(record.result, record.phenomenon_time[0], record.cell)


@laws
@given(st.sampled_from(sorted(ZONES)), st.integers(T, T + DAY_MS - 1), st.integers(-5_000, 2_000_000), LEVELS, LEVELS)
def test_coherence_reading_minimised_twice_is_minimised_once(
    zone: str, t_ms: int, n: int, finer: Disclosure, other: Disclosure
) -> None:
    """For any reading and any d below e: value, time and place of T_d after T_e are those of T_d."""
    coarser = meet(finer, other)
    first = told(zone, t_ms, n / 1000, finer)
    assert told(IN_CELL[first.cell], first.t_ms, first.result, coarser) == told(zone, t_ms, n / 1000, coarser)


@laws
@given(READINGS, LEVELS, LEVELS)
def test_coherence_figures_of_a_coarser_level_are_sums_of_the_finer(
    readings: list[tuple[str, int, int]], finer: Disclosure, other: Disclosure
) -> None:
    """Whoever has the sums by the hour and district can draw those by the day and city: the gateway tells nothing else."""
    exactly = limited(time=Time.MINUTE_15, precision=(("consumption", FIRST),))
    whole, coarser = meet(finer_but_for_steps(finer), exactly), meet(finer, other, exactly)
    sums: defaultdict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for record in summed(readings, whole):
        start_ms = record.phenomenon_time[0] // WINDOW_MS[coarser.time] * WINDOW_MS[coarser.time]
        sums[start_ms, open_town().cell(IN_CELL[record.cell], coarser.space)] += Decimal(str(record.result))
    drawn = {(record.phenomenon_time[0], record.cell): record.result for record in summed(readings, coarser)}
    assert drawn == {place: shown(total, coarser.step("consumption") or FIRST) for place, total in sums.items()}


def finer_but_for_steps(level: Disclosure) -> Disclosure:
    """Return a level without its bound on precision: figures are floored once, so that sums come in first steps."""
    return replace(level, precision=())


def summed(readings: list[tuple[str, int, int]], level: Disclosure) -> list[Record]:
    """Return a day's sums, of four households alike in each block, so that none is most of them."""
    gate = Gate(open_town())
    homes = {zone: [gate.home("hourly", limits=level, zone=zone) for _ in range(4)] for zone in ZONES}
    gate.now_ms = T + DAY_MS - 1
    for zone, offset_ms, n in readings:
        for home in homes[zone]:
            gate.send(home, T + offset_ms, kwh=n / 1000)
    gate.to(T + DAY_MS + LATENESS_MS)
    return gate.records()


def shown(total: Decimal, step: Decimal) -> float:
    """Return what stands for a total: itself in first steps, else the middle of its step."""
    floored = math.floor(total / step) * step
    return float(floored if step == FIRST else floored + step / 2)


@pytest.mark.parametrize(("finer", "coarser"), list(combinations(sorted(Space, reverse=True)[:-1], 2)))
def test_coherence_places_told_alike_are_told_alike_at_every_coarser_level(finer: Space, coarser: Space) -> None:
    """Two blocks that one level does not tell apart are told apart by none below it."""
    policies = open_town()
    for one, other in product(ZONES, repeat=2):
        if policies.cell(one, finer) == policies.cell(other, finer):
            assert policies.cell(one, coarser) == policies.cell(other, coarser)


@pytest.mark.parametrize("nothing", ["silence", "refused", "withdrawn", "paused", "expired", "class-cap", "ceiling"])
def test_coherence_under_bottom_nothing_is_told_kept_or_written_down(nothing: str) -> None:
    """T_⊥ emits nothing: no record, no figure, no row in the outbox, no accumulator, and no trace in the journal."""
    gate = Gate(town(*[('space = "block"', 'space = "none"')] * (nothing == "ceiling")))
    home = denied(gate, nothing)
    gate.commit()
    gate.state.journal.take_batch()
    gate.now_ms += HOUR_MS
    pipeline.take_frames(gate.state, [reading(home, gate.now_ms, kwh=1, total=5, db=60)], gate.now_ms)
    assert gate.state.windows.is_empty()
    assert (gate.state.take_commit().outbox, decode_batch(gate.state.journal.take_batch())) == ([], [])
    gate.to(gate.now_ms + 2 * DAY_MS)
    assert gate.records() == []
    assert gate.count("pairs.considered") == gate.count("pairs.withheld") > 0


def denied(gate: Gate, nothing: str) -> Device:
    """Return a household's device whose effective disclosure is ⊥ for one reason or another."""
    scopes = ("purpose:energy", "purpose:quiet")
    home = gate.home(*(() if nothing in ("silence", "refused") else scopes), profile="shy" if nothing == "class-cap" else "meter")
    for scope in scopes:
        if nothing == "expired":
            gate.grant(home, scope, expiry_ms=T + MINUTE_MS)
        elif nothing in ("refused", "withdrawn", "paused"):
            {"refused": gate.refuse, "withdrawn": gate.withdraw, "paused": gate.pause}[nothing](home, scope)
    gate.to(T + 2 * MINUTE_MS)
    return home


def test_coherence_daily_totals_lowered_to_records_tell_no_single_reading() -> None:
    """Who permits less identity than a flow of daily totals asks for is told of by no more values than before."""
    results = []
    for identity in (Identity.PER_EPOCH, Identity.PER_RECORD):
        gate = Gate(town())
        home = gate.home("daily", limits=limited(identity=identity))
        for minute in range(3):
            gate.send(home, T + minute * MINUTE_MS, kwh=0.5)
        gate.to(T + DAY_MS + LATENESS_MS)
        results.append([record.result for record in gate.records()])
    assert results[1] == results[0]
