"""One part of a publication: tables of cells become draws, a bundle of the size that policies give it, and a log entry.

Figures about subjects leave in nothing else. Forming has three steps, so that the long one need not hold anything up: ``prepare``
copies what is needed, ``draw`` computes on the copies and may run in another thread, ``settle`` applies the result where
nothing has changed meanwhile. The draw is in memory until the commit that holds the bundle, and in no log; a bundle that is
voided takes its draw with it, and what it was made of is drawn anew with those who are still there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256
from typing import Final

from consent.core.policies.policy import PolicySet
from consent.core.spread import epsilon
from gateway.audit.log.entries import Kind as EntryKind
from gateway.audit.log.payloads import PublicationPart, ReleasedDraw, ReleasePayload
from gateway.core.figures.close_tables import close_tables
from gateway.core.figures.draws import Closed, Draw, DrawnFigure, NoDraw, Slice
from gateway.core.figures.gaussian import gaussian_noise
from gateway.core.figures.table import Conditions
from gateway.core.inflight import ReadyBundle
from gateway.core.journal import ClosedSlice, FixedGuard, PublishPart
from gateway.core.ledger import LedgerMove
from gateway.core.log import PreparedEntry
from gateway.core.public.bundle import bundle_tally
from gateway.core.registry import Subject
from gateway.core.release.entry import Basis, prepare_entry
from gateway.core.release.formats.port import BundleFormat
from gateway.core.release.guarding import Guarded, Stamp, conditions_of, guard_of, guarded
from gateway.core.release.order import random_order
from gateway.core.release.records import FigureBasis, drawn_record
from gateway.core.release.size import Layout, plan
from gateway.core.state import RandomBytes, State
from gateway.core.windows.cells import CellTable
from gateway.core.windows.guards import GuardKey
from gateway.core.windows.publications import Due, PublicationKind
from gateway.core.windows.windows import Cohort
from gateway.recipient.records import Record

_LABELS_A_ROW: Final = 8
"""So many labels cost as much as a row: each is hashed into the tree of the entry."""


@dataclass(frozen=True, slots=True)
class Task:
    """All that a part of a publication is formed from; nothing of it is changed while it is computed with.

    Attributes:
        slices: What is drawn.
        spent: Slices at the end of their tables to which nobody has contributed: the tables go with them.
        labels: How many labels its entry has at least: as if every household of the registry stood in it. Label files are public,
            and with one for each who does, their number would tell what noise hides in that of the homes.
    """

    due: Due
    plan: Layout
    form: BundleFormat
    slices: tuple[Slice, ...]
    spent: tuple[Slice, ...]
    conditions: Conditions
    missed: tuple[tuple[int, int], ...]
    guarded: tuple[Guarded, ...]
    subjects: Mapping[bytes, Subject]
    labels: int
    random_bytes: RandomBytes
    stamp: Stamp

    @property
    def recipient(self) -> str:
        """Return whose part it is."""
        return self.due.recipient

    @property
    def rows(self) -> int:
        """Return what computing costs, in rows: those of its slices, and for the labels that its entry is padded to."""
        return sum(len(one.table.rows) for one in self.slices) + self.labels // _LABELS_A_ROW


@dataclass(frozen=True, slots=True)
class Drawn:
    """A part that is computed and not sealed or logged yet.

    Attributes:
        records: Encoded, in random order.
        excluded: The guards that it rests on.
        entry: Its log entry, for the index that was the next one; None once it is to be made again.
    """

    task: Task
    closed: tuple[Closed, ...]
    records: tuple[bytes, ...]
    payload: ReleasePayload
    bases: tuple[Basis, ...]
    excluded: Mapping[tuple[str, int], frozenset[bytes] | None]
    entry: PreparedEntry | None

    def without_entry(self) -> Drawn:
        """Return the same part without its entry: that of a large city's day is not to be held while another is made."""
        return replace(self, entry=None)

    def for_index(self, index: int) -> Drawn:
        """Return the same part for another index of the log; only its entry is made again."""
        if self.entry is not None and self.entry.index == index:
            return self
        task = self.task
        entry = prepare_entry(self.payload, self.bases, task.subjects, index, task.random_bytes, task.labels)
        return Drawn(task, self.closed, self.records, self.payload, self.bases, self.excluded, entry)


def next_due(state: State, recipient: str) -> Due | None:
    """Return the part of a publication that a recipient is due next, or None where none may be formed yet."""
    if not state.is_settled:
        return None
    return state.publications.due(state.policies, recipient, state.windows.watermark_ms)


def form_publication(state: State, due: Due, now_ms: int, form: BundleFormat) -> ReadyBundle:
    """Form a part of a publication, at one go; see ``prepare``."""
    bundle = settle(state, draw(prepare(state, due, now_ms, form), state.log.size), now_ms)
    assert bundle is not None, "nothing can have changed"
    return bundle


def prepare(state: State, due: Due, now_ms: int, form: BundleFormat) -> Task:
    """Copy what a part of a publication is formed from.

    Args:
        state: Not changed.
        due: What is due; the recipient's sink must be connected and idle.
        now_ms: The gateway's clock.
        form: The format of the recipient's bundles.
    """
    windows = state.windows
    layout = _plan(state, due, form)
    found = list(_slices(state, due, layout))
    slices = tuple(_copied(one for one in found if _is_told(one)))
    spent = tuple(one for one in found if not _is_told(one) and one.last == one.table.shape.cells)
    keys = dict.fromkeys(key for one in slices if (key := guard_of(windows, one.table.cohort, one.table.start_ms)) is not None)
    return Task(
        due,
        layout,
        form,
        slices,
        spent,
        conditions_of(state, now_ms),
        tuple(windows.missed),
        tuple(guarded(state, key) for key in keys),
        state.registry.subjects.copy(),  # one may be erased while it is computed with
        len(state.registry.subjects),
        state.identity.random_bytes,
        Stamp.of(state),
    )


def _plan(state: State, due: Due, form: BundleFormat) -> Layout:
    """Return how a publication is laid out; it is reckoned once for each policies."""
    key = (state.policies.sha256, due.recipient, due.kind)
    plans: dict[tuple[bytes, str, PublicationKind], Layout] = state.publications.plans
    if key not in plans:
        for former in [held for held in plans if held[0] != state.policies.sha256]:
            del plans[former]
        plans[key] = plan(state.policies, due.recipient, due.kind, form)
    return plans[key]


def _slices(state: State, due: Due, layout: Layout) -> Iterator[Slice]:
    """Yield what is drawn in a part, in a fixed order; a cohort that no policy permits is in the first."""
    mechanisms, flows = state.policies.mechanisms, state.policies.flows
    for table in sorted(state.windows.tables.values(), key=lambda table: (table.start_ms, table.cohort)):
        cohort, shape = table.cohort, table.shape
        mechanism = mechanisms.get((cohort.flow, cohort.observed_property))
        if mechanism is None or flows[cohort.flow].recipient != due.recipient or PublicationKind.of(mechanism) is not due.kind:
            continue
        if layout.part_of.get(cohort, 0) != due.part:
            continue
        cells = shape.window_ms // shape.cell_ms
        for first in range(0, shape.cells, cells):
            one = Slice(table, first, first + cells)
            if one.span_ms[1] <= due.end_ms:
                yield one


def _is_told(one: Slice) -> bool:
    """Return whether anybody has contributed to a slice: to what was published or given up, nobody has any more."""
    return one.table.has_pairs(one.first, one.last)


def _copied(slices: Iterable[Slice]) -> Iterator[Slice]:
    """Yield the same slices of copies, one for each table."""
    copies: dict[tuple[Cohort, int], CellTable] = {}
    for one in slices:
        if one.table.key not in copies:
            copies[one.table.key] = one.table.ended()
        yield Slice(copies[one.table.key], one.first, one.last)


def draw(task: Task, index: int) -> Drawn:
    """Compute the figures of a part, and make its records and its log entry.

    Args:
        task: Of one part; not changed.
        index: The next index of the log.
    """
    conditions = task.conditions
    excluded: dict[tuple[str, int], frozenset[bytes] | None] = {
        each.key: each.excluded if each.is_fixed else each.compute(conditions) for each in task.guarded
    }
    closed = tuple(close_tables(_permitted(task), conditions, task.missed, excluded, gaussian_noise(task.random_bytes)))
    told = [one for one in closed if isinstance(one, Draw) and one.figures]
    records = [task.form.encode(record) for one in told for record in _records(one, conditions.policies)]
    records = [records[number] for number in random_order(len(records), task.random_bytes)]
    due, layout = task.due, task.plan
    part = PublicationPart(str(due.kind), due.end_ms, due.part, layout.parts)  # type: ignore[arg-type]  # one of the three kinds
    payload = ReleasePayload(due.recipient, (), tuple(_released(one) for one in told), part)
    bases = tuple(Basis(number, one.members, one.pairs) for number, one in enumerate(told))
    entry = prepare_entry(payload, bases, task.subjects, index, task.random_bytes, task.labels)
    return Drawn(task, closed, tuple(records), payload, bases, excluded, entry)


def _permitted(task: Task) -> list[Slice]:
    """Return the slices of cohorts for which there is room; any other has a step that no ladder has, and is given up."""
    return [one for one in task.slices if one.table.cohort in task.plan.part_of]


def _records(one: Draw, policies: PolicySet) -> Iterator[Record]:
    cohort, basis = one.slice.table.cohort, None
    retention_days = policies.least_retention_days[cohort.flow]  # whoever permits less stands in no figure
    for each in one.figures:
        if one.mechanism.mu is not None:
            basis = _basis(one, each)
        yield drawn_record(cohort, each.span_ms, each.hour, each.value, one.told, retention_days, basis, policies)


def _basis(one: Draw, each: DrawnFigure) -> FigureBasis:
    mu = float(one.mechanism.mu or 0)
    return FigureBasis(each.standard_error, mu, float(one.mechanism.clip), _epsilon(mu))


@lru_cache(maxsize=256)
def _epsilon(mu: float) -> float:
    return epsilon(mu)


def _released(one: Draw) -> ReleasedDraw:
    """Return what the log entry states of a draw."""
    table, mechanism = one.slice.table, one.mechanism
    cohort, is_exact = table.cohort, mechanism.mu is None
    return ReleasedDraw(
        cohort.flow,
        (cohort.time, cohort.space, cohort.step),
        cohort.cell,
        cohort.observed_property,
        cohort.statistic,
        str(mechanism.period),  # type: ignore[arg-type]  # one of the two periods
        one.slice.span_ms,
        "none" if is_exact else "gaussian",
        "" if mechanism.mu is None else decimal_text(mechanism.mu),
        one.draws,
        "" if is_exact else decimal_text(mechanism.clip),
        "" if is_exact else decimal_text(mechanism.quantity.presence),
        one.told,
        len(one.figures),
        tuple(sorted(cell - one.slice.first for cell in one.struck)),
        sum(one.pairs),
    )


def decimal_text(number: Fraction | Decimal) -> str:
    """Return a number that policies state as a decimal, as short as it can be written."""
    exact = number if isinstance(number, Decimal) else Decimal(number.numerator) / Decimal(number.denominator)
    return f"{exact.normalize():f}"


def is_current(state: State, drawn: Drawn) -> bool:
    """Return whether nothing has changed of what a part was computed from."""
    return drawn.task.stamp == Stamp.of(state)


def settle(state: State, drawn: Drawn, now_ms: int) -> ReadyBundle | None:
    """Seal and log a part, have it committed, and account for it.

    Args:
        state: Changed in place; the commit under way gets the bundle and its entry.
        drawn: What was computed.
        now_ms: The gateway's clock.
    Returns: The bundle, to be sent once committed; None where something has changed since it was prepared, and nothing is done.
    """
    task, due = drawn.task, drawn.task.due
    if not is_current(state, drawn):
        return None
    entry = drawn.for_index(state.log.size).entry
    assert entry is not None
    index, is_last = entry.index, due.part + 1 >= task.plan.parts
    content = task.form.seal(drawn.records, index, task.plan.padded_to)
    state.log.append_prepared(EntryKind.RELEASE, now_ms, entry, bundle_sha256=sha256(content).digest())
    bundle = ReadyBundle(index, due.recipient, content, full=True, publication=due)
    bundle.subjects = frozenset(contributor for basis in drawn.bases for contributor in basis.terms)
    bundle.tally = bundle_tally(drawn.payload, now_ms, {})
    state.public.add(bundle.tally)
    slices = [_close(state, bundle, one) for one in drawn.closed]
    slices += [_give_up(state, one) for one in task.slices if one.table.cohort not in task.plan.part_of]
    slices += [_close(state, bundle, NoDraw(one, 0, {})) for one in task.spent]
    guards = [FixedGuard(*key, sorted(excluded)) for key, excluded in drawn.excluded.items() if excluded is not None]
    for guard in guards:
        state.windows.guards.rest_on(GuardKey(guard.quantity, guard.day_ms), guard.excluded, index)
    state.publications.formed(due, is_last=is_last)
    state.journal.note(PublishPart(index, due.recipient, str(due.kind), due.end_ms, due.part, is_last, slices, guards))
    state.inflight.add(bundle, state.policies.recipients[due.recipient].sink)
    state.ledger.add("bundles.formed")
    state.ledger.add("bundles.ready")
    return bundle


def _close(state: State, bundle: ReadyBundle, one: Closed) -> ClosedSlice:
    """Take a slice out of its open table, and account for it; record in the bundle what a void returns."""
    cut, ledger = one.slice, state.ledger
    drawn, struck = (list(one.members), list(one.struck)) if isinstance(one, Draw) and one.figures else ([], [])
    part = state.windows.take_slice(state.windows.tables[cut.table.key], cut.first, cut.last, drawn)
    if part is not None:
        part.strike(struck)
        bundle.tables.append(part)
        bundle.moved.append(LedgerMove("pairs.open", "pairs.aggregated", part.pairs()))
        ledger.move(*bundle.moved[-1])
    ledger.move("pairs.open", "pairs.withdrawn", one.withdrawn)
    for reason, pairs in one.suppressed.items():
        ledger.move("pairs.open", f"pairs.suppressed.{reason}", pairs)
    return ClosedSlice(cut.table.cohort, cut.table.start_ms, cut.first, cut.last, drawn, struck)


def _give_up(state: State, one: Slice) -> ClosedSlice:
    """Take out of its table a slice that may not leave at all."""
    return _close(state, ReadyBundle(-1, "", b""), NoDraw(one, 0, {"k": one.table.pairs(one.first, one.last)}))
