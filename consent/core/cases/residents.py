"""The residents of a case: parses its tables into the consents that ``decide`` takes.

A resident is a table, or an array of tables in order of time; an empty one means no consent.

    residents = [
      { limits = { time = "4h" }, expiry = "+30d" },                               # permits the case's flow
      [{ scope = "purpose:energy-planning" }, { status = "Withdrawn" }],           # permitted all, then withdrew this flow
      {},                                                                          # no consent at all
    ]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from consent.core.cases.times import ANY_MS, read_moment
from consent.core.consents.book import Book
from consent.core.consents.records import ID_BYTES, OPERATOR, PURPOSE_PREFIX, Consent, Status
from consent.core.disclosure import DAY_MS, Disclosure
from consent.core.policies.bounds import BoundsTable, read_bounds
from consent.core.policies.notice import FlowTerms, notice_of
from consent.core.policies.policy import Flow, LegalBasis, PolicySet, Statistic
from consent.core.toml.file import Table, TomlFile
from consent.printable import quoted

MOST_RESIDENTS: Final = 100

_SUBJECT: Final = bytes(ID_BYTES)
_ATTRIBUTES: Final = {"retention": "retention_days"}


class ConsentTable(Table, frozen=True, kw_only=True):
    """One statement of a resident."""

    scope: str | None = None
    status: str = Status.GIVEN.value
    limits: dict[str, Any] | None = None
    given: Any = None
    expiry: Any = None
    told: Any = None


class ToldTable(Table, frozen=True, kw_only=True):
    """The terms that the resident was shown for the flow, where they differ from the present policies."""

    purpose: str | None = None
    recipient: str | None = None
    properties: list[str] | None = None
    statistic: dict[str, Any] = msgspec.field(default_factory=dict)
    ask: dict[str, Any] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaseScene:
    """What a case is about.

    Attributes:
        now_ms: Its time; None where it names none.
    """

    file: TomlFile
    policies: PolicySet
    flow: Flow
    now_ms: int | None


def read_residents(scene: CaseScene, rows: list[Any], key: str) -> tuple[Consent | None, ...]:
    """Return each resident's consent to the flow, by the same rules as for real ones; None for one without.

    Raises: PolicyError: no real resident could have reached such a consent.
    """
    if len(rows) > MOST_RESIDENTS:
        raise scene.file.error(key, f"should be at most {MOST_RESIDENTS} residents")
    book = Book()
    ids = [number.to_bytes(ID_BYTES, "big") for number in range(len(rows))]
    book.add_subject(_SUBJECT, ids)
    index = 0
    for number, (resident, row) in enumerate(zip(ids, rows, strict=True)):
        for each, where in _said(scene.file, row, f"{key}[{number}]"):
            book.apply(_consent(scene, each, resident, where), index)
            index += 1
    return tuple(book.resolve(_SUBJECT, scene.flow))


def _said(file: TomlFile, row: Any, key: str) -> list[tuple[ConsentTable, str]]:
    """Return every statement of one resident, with its keys; none for an empty table."""
    if not isinstance(row, dict | list):
        raise file.error(key, "should be a table, or an array of tables")
    rows = [(row, key)] if isinstance(row, dict) else [(each, f"{key}[{number}]") for number, each in enumerate(row)]
    return [(file.table(each, ConsentTable, where), where) for each, where in rows if each != {}]


def _consent(scene: CaseScene, table: ConsentTable, resident: bytes, key: str) -> Consent:
    scope = _scope(scene, table.scope, f"{key}.scope")
    status = scene.file.choice(table.status, Status, f"{key}.status")
    if status not in (Status.GIVEN, Status.RENEWED):
        for name in ("limits", "expiry", "told"):
            if getattr(table, name) is not None:
                raise scene.file.error(f"{key}.{name}", f"should be left out: `{status}` permits nothing")
    terms = _terms(scene, scope, table.told, f"{key}.told")
    given_ms, expiry_ms = _span(scene, table, key)
    return Consent(
        subject=_SUBJECT,
        resident=resident,
        scope=scope,
        limits=_limits(scene, table.limits or {}, f"{key}.limits"),
        status=status,
        notice=notice_of(terms),
        time_ms=given_ms,
        since_ms=given_ms,
        expiry_ms=expiry_ms,
        channel=OPERATOR,
        signature=b"",
        terms=terms,
    )


def _scope(scene: CaseScene, scope: str | None, key: str) -> str:
    """Return a scope that can be consented to; by default the case's flow."""
    file, policies = scene.file, scene.policies
    if scope is None:
        scope, purpose = scene.flow.id, scene.flow.purpose
    elif scope.startswith(PURPOSE_PREFIX):
        purpose = file.known(scope.removeprefix(PURPOSE_PREFIX), policies.purposes, "purpose", key)
    else:
        purpose = policies.flows[file.known(scope, policies.flows, "flow", key)].purpose
    if policies.purposes[purpose].legal_basis is not LegalBasis.CONSENT:
        raise file.error(key, f"{quoted(scope)} rests on a public task and takes no consent")
    if not policies.terms_for(scope):
        raise file.error(key, f"{quoted(scope)} has no flow that could be permitted")
    return scope


def _limits(scene: CaseScene, value: Mapping[str, Any], key: str) -> Disclosure:
    limits = read_bounds(scene.file, value, key, scene.policies.properties)
    if limits.is_bottom:
        raise scene.file.error(key, "permit nothing: a resident would refuse or withdraw instead")
    return limits


def _span(scene: CaseScene, table: ConsentTable, key: str) -> tuple[int, int | None]:
    """Return the start and end of a consent; without `given`, it starts a day before the case or before its own end."""
    file, now_ms = scene.file, ANY_MS if scene.now_ms is None else scene.now_ms
    expiry_ms = None if table.expiry is None else read_moment(file, table.expiry, scene.now_ms, f"{key}.expiry")
    if table.given is None:
        first_ms = now_ms if expiry_ms is None else min(now_ms, expiry_ms)
        return max(0, first_ms - DAY_MS), expiry_ms
    given_ms = read_moment(file, table.given, scene.now_ms, f"{key}.given")
    if given_ms > now_ms:
        raise file.error(f"{key}.given", "is later than the case")
    if expiry_ms is not None and expiry_ms <= given_ms:
        raise file.error(f"{key}.expiry", "is no later than `given`: the consent would end before it begins")
    return given_ms, expiry_ms


def _terms(scene: CaseScene, scope: str, told: Any, key: str) -> tuple[FlowTerms, ...]:
    """Return the terms that the resident was shown for each flow in the scope."""
    present = scene.policies.terms_for(scope)
    if told is None:
        return present
    others = tuple([one for one in present if one.flow != scene.flow.id])
    if len(others) == len(present):
        raise scene.file.error(key, f"should be left out: `{scope}` is not about `{scene.flow.id}`")
    if told is False:
        if scope == scene.flow.id:
            raise scene.file.error(key, "a consent to the flow itself cannot have been given without being told of it")
        return others
    return (*others, _overlaid(scene, scene.file.table(told, ToldTable, key), key))


def _overlaid(scene: CaseScene, table: ToldTable, key: str) -> FlowTerms:
    """Return the flow's present terms overlaid with what the resident was shown; names may refer to what no longer exists."""
    file, present = scene.file, scene.policies.terms[scene.flow.id]
    figures = dict(present.figures)
    if table.properties is not None:
        names = [file.property_name(name, f"{key}.properties") for name in table.properties]
        figures = {name: figures.get(name, "") for name in names}
    for name, statistic in table.statistic.items():
        where = f"{key}.statistic.{name}"
        if name not in figures:
            raise file.error(where, "is none of the properties that were told")
        figures[name] = file.choice(statistic, Statistic, where)
    return FlowTerms(
        flow=present.flow,
        purpose=present.purpose if table.purpose is None else file.id(table.purpose, f"{key}.purpose"),
        recipient=present.recipient if table.recipient is None else file.id(table.recipient, f"{key}.recipient"),
        figures=tuple(sorted(figures.items())),
        ask=_overlaid_ask(scene, present.ask, table.ask, f"{key}.ask"),
    )


def _overlaid_ask(scene: CaseScene, present: Disclosure, value: Mapping[str, Any], key: str) -> Disclosure:
    told = read_bounds(scene.file, value, key, scene.policies.properties)
    named = {_ATTRIBUTES.get(axis, axis) for axis in value if axis in BoundsTable.__struct_fields__ and axis != "precision"}
    precision = {**dict(present.precision), **dict(told.precision)}
    changed: dict[str, Any] = {name: getattr(told, name) for name in named}
    return replace(present, precision=tuple(precision.items()), **changed)
