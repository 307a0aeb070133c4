"""The size of publications, from policies alone: how many parts each has, how large they are, and in which each draw leaves.

Whatever a publication holds, much, little or nothing, it looks the same from outside: the room is reckoned for every cohort that
policies permit, each with all of its figures and the longest record that they can have. Where all fits in one of the padded
sizes, there is one part of the least such size; else there are as many of the largest as it takes. A draw is always whole in
one part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from consent.core.disclosure import DAY_MS, LONGEST_RETENTION_DAYS, WINDOW_MS, Identity, Space, Time, meet_axes
from consent.core.policies.policy import Flow, PolicySet
from gateway.core.release.formats.port import BundleFormat
from gateway.core.release.records import FigureBasis, drawn_record
from gateway.core.windows.publications import PublicationKind, flows_of
from gateway.core.windows.windows import Cohort
from gateway.recipient.records import LATEST_TIME_MS, Record
from gateway.recipient.wire import MAX_BUNDLE_BYTES, PADDED_SIZES_BYTES

PUBLICATION_SIZES_BYTES: Final = PADDED_SIZES_BYTES[1:]
"""The padded sizes that publications have; at the least of all, not every length of header leaves a way to fill it exactly."""
_LONGEST_NUMBER: Final = -1.7976931348623157e308
"""No number that can be written takes more room, in either form."""
_MOST_HOUSEHOLDS: Final = 2**40


@dataclass(frozen=True, slots=True)
class Layout:
    """How a recipient's publications of a kind are laid out.

    Attributes:
        padded_to: The size of each part; of open data, whose parts are not padded, the most.
        parts: How many parts there are, at least one.
        part_of: In which part each cohort's draw leaves; what no policy permits has none.
    """

    padded_to: int
    parts: int
    part_of: Mapping[Cohort, int]


def plan(policies: PolicySet, recipient: str, kind: PublicationKind, form: BundleFormat) -> Layout:
    """Lay a recipient's publications of a kind out."""
    needed = list(_needed(policies, recipient, kind, form))
    for size in PUBLICATION_SIZES_BYTES if form.is_sealed else (MAX_BUNDLE_BYTES,):
        part_of, parts = _distribute(needed, form, size)
        if parts == 1:
            break
    return Layout(size, parts, part_of)


def _distribute(needed: list[tuple[Cohort, int, int]], form: BundleFormat, size: int) -> tuple[dict[Cohort, int], int]:
    """Fill parts of a size one after another; return the part of each cohort, and how many there are."""
    part_of, part, used_bytes, used_records = dict[Cohort, int](), 0, 0, 0
    for cohort, records, longest_bytes in needed:
        used_bytes += records * longest_bytes
        used_records += records
        if used_bytes > form.capacity(used_records, size) and used_records > records:
            part, used_bytes, used_records = part + 1, records * longest_bytes, records
        if used_bytes > form.capacity(used_records, size):
            return {}, 2  # not even alone
        part_of[cohort] = part
    return part_of, part + 1


def _needed(policies: PolicySet, recipient: str, kind: PublicationKind, form: BundleFormat) -> Iterator[tuple[Cohort, int, int]]:
    """Yield each permitted cohort, how many records it gives, and the length of its longest."""
    for flow, name, _ in flows_of(policies, recipient, kind):
        for cohort in cohorts(policies, flow, name):
            records = 1 if kind is PublicationKind.WINDOW else DAY_MS // WINDOW_MS[Time.named(cohort.time)]
            yield cohort, records, len(form.encode(_longest(policies, cohort)))


def cohorts(policies: PolicySet, flow: Flow, observed_property: str) -> Iterator[Cohort]:
    """Yield every cohort in which the policies permit households to stand by a flow and property, whatever they consent to."""
    most = meet_axes(flow.ask, policies.ceiling)
    times = [time for time in WINDOW_MS if time <= most.time]
    spaces = [space for space in Space if Space.NONE < space <= most.space]
    ladder = policies.properties[observed_property].ladder
    finest = policies.properties[observed_property].rung(most.step(observed_property))
    statistic = flow.statistic_of(observed_property)
    for space in spaces:
        for cell in dict.fromkeys(policies.cell(zone, space) for zone in policies.zones):
            for time in times:
                for step in dict.fromkeys([finest, *(step for step in ladder if step > finest)]):
                    level = (Identity.AGGREGATE.label, time.label, space.label, f"{step:f}", cell)
                    yield Cohort(flow.id, observed_property, statistic, *level, public=False)


def _longest(policies: PolicySet, cohort: Cohort) -> Record:
    """Return a record of a cohort than which none is longer."""
    span = (LATEST_TIME_MS, LATEST_TIME_MS)
    basis = FigureBasis(_LONGEST_NUMBER, _LONGEST_NUMBER, _LONGEST_NUMBER, _LONGEST_NUMBER)
    return drawn_record(cohort, span, 23, _LONGEST_NUMBER, _MOST_HOUSEHOLDS, LONGEST_RETENTION_DAYS, basis, policies)
