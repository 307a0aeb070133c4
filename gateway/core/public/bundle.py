"""What a bundle adds to the public's tallies, from the first part of its log entry's opening and from the readings in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from consent.core.decide import Owner
from gateway.audit.log.payloads import CITY_OWNED, ReleasedDraw, ReleaseRecord
from gateway.core.public.tally import HOUR_MS, BundleTally, FlowKey, FlowTally, HourTally, Mean, SeriesKey
from gateway.core.windows.cohorts import Cohort

AGGREGATE = "aggregate"
_BLOCKS = frozenset({"block", "exact"})
"""The levels of space at which a record states the zone itself."""


class ReleaseFacts(Protocol):
    """What a release states of its bundle, in whichever form; records of a version that stated no owner count as about homes."""

    @property
    def recipient(self) -> str:
        """Who gets it."""

    @property
    def records(self) -> Sequence[ReleaseRecord]:
        """Its records that are no figures about homes."""

    @property
    def draws(self) -> Sequence[ReleasedDraw]:
        """Its figures about homes."""


def bundle_tally(payload: ReleaseFacts, formed_ms: int, hours: Mapping[int, HourTally]) -> BundleTally:
    """Return what a bundle adds.

    Args:
        payload: Of its entry.
        formed_ms: When it was formed.
        hours: What ``note_reading`` has gathered of it.
    """
    flows: dict[FlowKey, FlowTally] = {}

    def tally_of(flow: str, owner: Owner, identity: str) -> FlowTally:
        key = FlowKey(flow, payload.recipient, str(owner), identity)
        if key not in flows:
            flows[key] = FlowTally(last_ms=formed_ms, told={})
        return flows[key]

    for record in payload.records:
        owner = Owner.CITY if record.owner == CITY_OWNED else Owner.RESIDENT
        flow = tally_of(record.flow, owner, record.identity)
        flow.records += 1
        flow.pairs += record.n
    for draw in payload.draws:
        if not draw.records:
            continue
        flow = tally_of(draw.flow, Owner.RESIDENT, AGGREGATE)
        flow.records += draw.records
        flow.pairs += draw.n
        flow.told[draw.told] = flow.told.get(draw.told, 0) + draw.records
    _count_once_a_flow(flows)
    return BundleTally(formed_ms, flows, dict(hours), {})


def _count_once_a_flow(flows: Mapping[FlowKey, FlowTally]) -> None:
    """Count the bundle for each flow once, and where it can be for what is not of homes one by one.

    Numbers of those bundles are told as they are: did they depend on whether a home's record stood first, that would show.
    """
    counted: set[str] = set()
    for key in sorted(flows, key=is_of_homes_one_by_one):
        flows[key].bundles = int(key.flow not in counted)
        counted.add(key.flow)


def is_of_homes_one_by_one(key: FlowKey) -> bool:
    """Return whether what is counted left of homes, and not in figures."""
    return key.owner == Owner.RESIDENT and key.identity != AGGREGATE


def note_reading(hours: dict[int, HourTally], cohort: Cohort, span_ms: tuple[int, int], n: int) -> None:
    """Count a reading of the city's own sensors that leaves by itself, unless its record hides the zone or the hour.

    Args:
        hours: By hour since the epoch; changed in place.
        cohort: In which it leaves.
        span_ms: Begin and end of its time, as its record states them.
        n: The result in whole steps of the cohort.
    """
    start_ms, end_ms = span_ms
    hour = start_ms // HOUR_MS
    if cohort.space not in _BLOCKS or max(start_ms, end_ms - 1) // HOUR_MS != hour:
        return
    if hour not in hours:
        hours[hour] = HourTally({})
    series, key = hours[hour].series, SeriesKey(cohort.flow, cohort.cell, cohort.observed_property, cohort.step)
    if key not in series:
        series[key] = Mean()
    series[key].count += 1
    series[key].total += n
