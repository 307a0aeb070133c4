"""Records: what one recipient gets from one reading or figure, and the outbox rows in which single readings wait for a bundle.

A record holds only what its cohort's level allows: the cell, the coarsened time and the floored result. Outbox rows hold the
same, plus whose it is and since when the terms held, so that every check can be made again when the bundle is formed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from consent.core.policies.policy import PolicySet
from gateway.core.effects import OutboxRow
from gateway.core.ingest.minimise import coarsen_steps, floor_time_ms, shown_value
from gateway.core.pseudonyms import PseudonymDomain
from gateway.core.windows.targets import RecordTarget, Terms
from gateway.core.windows.windows import Cohort, Window
from gateway.recipient.records import Record

ROW_RECORDS = 200
"""Most records in one outbox row, so that any row fits in a bundle: the longest record that policies permit has 620 bytes."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A reading that waits in the outbox.

    Attributes:
        since_ms: The time since when the terms that it was made under have held; a later change withholds it.
        n: The result in whole steps of its cohort.
    """

    cohort: Cohort
    contributor: bytes
    since_ms: int
    record_id: bytes
    start_ms: int
    end_ms: int
    n: int


def outbox_rows(
    taken: Sequence[tuple[RecordTarget, tuple[int, int], int]],
    number: int,
    recipient: str,
    policies: PolicySet,
    random_bytes: Callable[[int], bytes],
) -> Iterator[OutboxRow]:
    """Make outbox rows from readings, minimised to their cohorts' levels.

    Args:
        taken: (target, earliest and latest phenomenon time, first steps), in order of arrival; the times differ where only a span
            is known, and the record then states both at its cohort's level.
        number: The number of the first row; the others follow in order.
        recipient: The recipient of the rows.
        policies: Their ladders are used.
        random_bytes: Gives the record ids, 16 bytes each.
    """
    ids = random_bytes(16 * len(taken))
    for begin in range(0, len(taken), ROW_RECORDS):
        targets: dict[RecordTarget, int] = {}
        rows: list[list[Any]] = []
        for offset, (target, (earliest_ms, latest_ms), n) in enumerate(taken[begin : begin + ROW_RECORDS], begin):
            place = targets.setdefault(target, len(targets))
            start_ms = floor_time_ms(earliest_ms, target.span_ms)
            end_ms = floor_time_ms(latest_ms, target.span_ms) + target.span_ms if target.span_ms > 1 else latest_ms
            first = policies.properties[target.cohort.observed_property].ladder[0]
            coarse = coarsen_steps(n, int(Decimal(target.cohort.step) / first))
            rows.append([place, ids[16 * offset : 16 * offset + 16], start_ms, end_ms, coarse])
        heads = [[list(target.cohort), target.contributor, target.permission.since_ms] for target in targets]
        yield OutboxRow(number, recipient, msgspec.msgpack.encode([heads, rows]))
        number += 1


def read_row(content: bytes) -> list[Waiting]:
    """Return the readings of an outbox row."""
    heads, rows = msgspec.msgpack.decode(content)
    waiting = []
    for place, record_id, start_ms, end_ms, n in rows:
        cohort, contributor, since_ms = heads[place]
        waiting.append(Waiting(Cohort(*cohort), contributor, since_ms, record_id, start_ms, end_ms, n))
    return waiting


def encode_row(waiting: Sequence[Waiting]) -> bytes:
    """Encode the remaining readings of an outbox row, after some of them were removed."""
    heads: dict[tuple[Cohort, bytes, int], int] = {}
    rows = []
    for one in waiting:
        place = heads.setdefault((one.cohort, one.contributor, one.since_ms), len(heads))
        rows.append([place, one.record_id, one.start_ms, one.end_ms, one.n])
    return msgspec.msgpack.encode([[[list(head[0]), *head[1:]] for head in heads], rows])


def single_record(waiting: Waiting, terms: Terms, policies: PolicySet) -> Record:
    """Return the record of one reading."""
    prop = policies.properties[waiting.cohort.observed_property]
    step = Decimal(waiting.cohort.step)
    result = shown_value(waiting.n, step, is_first_step=step == prop.ladder[0])
    span = (waiting.start_ms, waiting.end_ms)
    return _record(waiting.cohort, policies, span, result, terms.disclosure.retention_days, id=waiting.record_id)


def figure_record(window: Window, figure: float, subjects: int, retention_days: int, policies: PolicySet) -> Record:
    """Return the record of an aggregate figure; ``n`` is the number of contributors in it."""
    cohort, span = window.cohort, (window.start_ms, window.end_ms)
    return _record(cohort, policies, span, figure, retention_days, statistic=cohort.statistic, n=subjects)


class FigureBasis(NamedTuple):
    """What a figure with noise states beside its value: the standard error and μ, C and ε, as in ``Record``."""

    standard_error: float
    mu: float
    clip: float
    epsilon: float


def drawn_record(
    cohort: Cohort,
    span: tuple[int, int],
    hour: int | None,
    figure: float,
    told: int,
    retention_days: int,
    basis: FigureBasis | None,
    policies: PolicySet,
) -> Record:
    """Return the record of a figure about subjects.

    Args:
        cohort: Who they are.
        span: Begin and end of its time; of a typical day, of the week.
        hour: Of a typical day, the UTC hour at which its window begins.
        figure: In the property's unit.
        told: The number of households in it, rounded down.
        retention_days: For how long it may be kept.
        basis: What its noise is like; None where it is exact.
        policies: Those in force.
    """
    noise = {} if basis is None else basis._asdict()
    return _record(cohort, policies, span, figure, retention_days, statistic=cohort.statistic, n=told, hour=hour, **noise)


def own_record(
    window: Window, figure: float, pseudonym: bytes, domain: PseudonymDomain, retention_days: int, policies: PolicySet
) -> Record:
    """Return the record of one contributor's own total, under the pseudonym of its domain."""
    cohort, span = window.cohort, (window.start_ms, window.end_ms)
    epoch = (domain.epoch_day, domain.sub_epoch)
    return _record(cohort, policies, span, figure, retention_days, statistic=cohort.statistic, pseudonym=pseudonym, epoch=epoch)


def unlinked_record(window: Window, figure: float, record_id: bytes, retention_days: int, policies: PolicySet) -> Record:
    """Return the record of one contributor's own total under an id that links it to no other."""
    cohort, span = window.cohort, (window.start_ms, window.end_ms)
    return _record(cohort, policies, span, figure, retention_days, statistic=cohort.statistic, id=record_id)


def epoch_day(t_ms: int) -> str:
    """Return the UTC day of an instant, as `2026-05-01`: the epoch of a pseudonym."""
    return datetime.fromtimestamp(t_ms / 1000, UTC).date().isoformat()


def _record(
    cohort: Cohort, policies: PolicySet, span: tuple[int, int], result: float, retention_days: int, **more: Any
) -> Record:
    return Record(
        flow=cohort.flow,
        purpose=policies.flows[cohort.flow].purpose,
        identity=cohort.identity,
        observed_property=cohort.observed_property,
        unit=policies.properties[cohort.observed_property].unit,
        result=result,
        phenomenon_time=span,
        cell=cohort.cell,
        retention_days=retention_days,
        **more,
    )
