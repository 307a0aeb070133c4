"""The tables of `city.toml` that say what is measured and who may ask for it: properties, purposes, recipients, flows.

Each flow is checked as a whole: what it asks must be something that the gateway can give, to someone who may have it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from math import inf
from pathlib import PurePosixPath
from typing import Any, Final

import msgspec

from consent.core.disclosure import WINDOW_MS, Identity, Time
from consent.core.policies.bounds import read_ask
from consent.core.policies.fingerprint import MOST_RECIPIENT_KEYS
from consent.core.policies.policy import Flow, LegalBasis, Limits, Purpose, Recipient, Statistic
from consent.core.policies.property import Property, Range
from consent.core.policies.quantity import Quantity
from consent.core.policies.tables.contacts import read_contact, read_telephone
from consent.core.policies.tables.dpv_purposes import PURPOSES
from consent.core.policies.tables.subjects import FiguresTable, check_figures
from consent.core.toml.file import Number, Table, TomlFile

_UCUM_CODE: Final = re.compile(r"[!-~]{1,64}")  # its meaning is the recipient's matter, but a bundle's size depends on its length
_STEPS: Final = (Decimal("1e-9"), Decimal("1e9"))
_VALUES: Final = (Decimal("-1e9"), Decimal("1e9"))

Clamp = list[Number] | dict[str, list[Number]]
"""Bounds as policies write them: a pair for all windows, or one for each length of window."""


class PropertyTable(Table, frozen=True, kw_only=True):
    """`[property.<id>]`."""

    title: dict[str, Any] | None = None
    unit: str
    ladder: list[Number]
    clamp: Clamp | None = None


class PurposeTable(Table, frozen=True, kw_only=True):
    """`[purpose.<id>]`."""

    title: dict[str, Any]
    dpv: str
    legal_basis: str
    if_no: dict[str, str] | None = None


class RecipientTable(Table, frozen=True, kw_only=True):
    """`[recipient.<id>]`."""

    title: dict[str, Any]
    public_key_file: str | None = None
    public_key_files: list[str] | None = None
    sink: str
    contact: str | None = None
    telephone: str | None = None


class FlowTable(FiguresTable, frozen=True, kw_only=True):
    """`[flow.<id>]`."""

    title: dict[str, Any] | None = None
    why: dict[str, Any]
    properties: list[str]
    statistic: dict[str, Any] = msgspec.field(default_factory=dict)
    purpose: str
    recipient: str
    ask: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Declared:
    """What flows, ceilings and device profiles refer to.

    Attributes:
        quantities: By their ids.
        budgets_are_epsilon: Whether they are an earlier version's policies, where a budget was an ε.
    """

    languages: tuple[str, ...]
    properties: dict[str, Property]
    purposes: dict[str, Purpose]
    recipients: dict[str, Recipient]
    quantities: dict[str, Quantity]
    limits: Limits
    budgets_are_epsilon: bool


def read_property(file: TomlFile, name: str, value: Any, languages: tuple[str, ...]) -> Property:
    """Return one observed property."""
    key = f"property.{name}"
    file.property_name(name, key)
    table = file.table(value, PropertyTable, key)
    ladder = _ladder(file, table.ladder, f"{key}.ladder")
    return Property(
        id=name,
        title={} if table.title is None else file.texts(table.title, languages, f"{key}.title"),
        unit=_unit(file, table.unit, f"{key}.unit"),
        ladder=ladder,
        clamp=read_clamp(file, table.clamp, ladder[0], f"{key}.clamp"),
    )


def _unit(file: TomlFile, code: str, key: str) -> str:
    if not _UCUM_CODE.fullmatch(code):
        raise file.error(key, f"`{code}` is no unit code of ucum, such as kW.h")
    return code


def _ladder(file: TomlFile, written: list[Number], key: str) -> tuple[Decimal, ...]:
    if not written:
        raise file.error(key, "should have at least one step")
    steps = [file.number(step, *_STEPS, key) for step in written]
    for finer, coarser in pairwise(steps):
        if coarser <= finer or coarser % finer:
            raise file.error(key, f"`{coarser}` should be a multiple of the step before it, `{finer}`")
    return tuple(step.normalize() for step in steps)


def read_clamp(file: TomlFile, written: Clamp | None, first_step: Decimal, key: str) -> tuple[tuple[Time, Range], ...]:
    """Return the bounds on a subject's value in a window: one pair for all windows, or one for each length of window."""
    if written is None:
        return ()
    if isinstance(written, list):
        return ((Time.DAY, _range(file, written, first_step, key)),)
    if not written:
        raise file.error(key, "should name at least one length of window")
    found = {}
    for label, bounds in written.items():
        time = next((time for time in WINDOW_MS if time.label == label), None)
        if time is None:
            raise file.error(f"{key}.{label}", f"is none of {', '.join(time.label for time in WINDOW_MS)}")
        found[time] = _range(file, bounds, first_step, f"{key}.{label}")
    return tuple(sorted(found.items(), key=lambda one: WINDOW_MS[one[0]]))


def _range(file: TomlFile, written: list[Number], first_step: Decimal, key: str) -> Range:
    if len(written) != 2:
        raise file.error(key, "should be the least and the greatest value")
    least, greatest = [file.number(bound, *_VALUES, key) for bound in written]
    for bound in (least, greatest):
        if bound % first_step:
            raise file.error(key, f"`{bound}` should be a multiple of the first step, `{first_step:f}`")
    if least >= greatest:
        raise file.error(key, f"`{least}` should be below `{greatest}`")
    return least.normalize(), greatest.normalize()


def read_purpose(file: TomlFile, name: str, value: Any, languages: tuple[str, ...]) -> Purpose:
    """Return one purpose."""
    key = f"purpose.{name}"
    file.id(name, key)
    table = file.table(value, PurposeTable, key)
    if table.dpv not in PURPOSES:
        raise file.error(
            f"{key}.dpv", f"`{table.dpv}` is no purpose of the data privacy vocabulary, such as ImprovePublicServices"
        )
    basis = file.choice(table.legal_basis, LegalBasis, f"{key}.legal_basis")
    title = file.texts(table.title, languages, f"{key}.title")
    if_no = {} if table.if_no is None else file.texts(table.if_no, languages, f"{key}.if_no")
    return Purpose(name, title, table.dpv, basis, if_no)


def read_recipient(file: TomlFile, name: str, value: Any, languages: tuple[str, ...]) -> Recipient:
    """Return one recipient; the path of its key is kept as a name, and nothing is opened."""
    key = f"recipient.{name}"
    file.id(name, key)
    table = file.table(value, RecipientTable, key)
    key_files = _key_files(file, table, key)
    title = file.texts(table.title, languages, f"{key}.title")
    return Recipient(
        id=name,
        title=title,
        public_key_file=key_files[0] if key_files else None,
        further_key_files=key_files[1:],
        sink=file.id(table.sink, f"{key}.sink"),
        contact="" if table.contact is None else read_contact(file, table.contact, f"{key}.contact"),
        telephone="" if table.telephone is None else read_telephone(file, table.telephone, f"{key}.telephone"),
    )


def _key_files(file: TomlFile, table: RecipientTable, key: str) -> tuple[str, ...]:
    """Return the paths of a recipient's keys; none where it gets open data only."""
    one, several, where = table.public_key_file, table.public_key_files, f"{key}.public_key_files"
    if several is None:
        return () if one is None else (_key_path(file, one, f"{key}.public_key_file"),)
    if one is not None:
        raise file.error(where, "stands beside `public_key_file`: name all of them here")
    if not 0 < len(several) <= MOST_RECIPIENT_KEYS:
        raise file.error(where, f"should be 1 to {MOST_RECIPIENT_KEYS} files")
    paths = tuple(_key_path(file, each, f"{where}[{number}]") for number, each in enumerate(several))
    if len(set(paths)) < len(paths):
        raise file.error(where, "names a file twice")
    return paths


def _key_path(file: TomlFile, text: str, key: str) -> str:
    path = PurePosixPath(file.text(text, key))
    if path.is_absolute() or ".." in path.parts or "\\" in text or not text.isprintable():
        raise file.error(key, "should be a path inside the policies folder")
    return str(path)


def read_flow(file: TomlFile, name: str, value: Any, declared: Declared) -> Flow:
    """Return one flow, checked against everything that it refers to."""
    key = f"flow.{name}"
    file.id(name, key)
    table = file.table(value, FlowTable, key)
    why = file.texts(table.why, declared.languages, f"{key}.why")
    flow = Flow(
        id=name,
        title=why if table.title is None else file.texts(table.title, declared.languages, f"{key}.title"),
        why=why,
        properties=_properties(file, table.properties, key, declared.properties),
        statistic=_statistics(file, table, key, declared.properties),
        purpose=file.known(table.purpose, declared.purposes, "purpose", f"{key}.purpose"),
        recipient=file.known(table.recipient, declared.recipients, "recipient", f"{key}.recipient"),
        ask=read_ask(file, table.ask, f"{key}.ask", declared.properties, budget_is_epsilon=declared.budgets_are_epsilon),
        is_exact=table.is_exact(file, key),
        publish=table.publish_at(file, key),
        period=table.period_of(file, key),
        clip=table.own_clip(file, key),
    )
    _check_ask(file, flow, f"{key}.ask")
    _check_statistics(file, flow, f"{key}.statistic")
    by_consent = declared.purposes[flow.purpose].legal_basis is LegalBasis.CONSENT
    quantity_of = {each: quantity for quantity in declared.quantities.values() for each in quantity.properties}
    check_figures(file, flow, table, key, quantity_of, declared.properties, by_consent=by_consent)
    is_open = declared.recipients[flow.recipient].public_key_file is None
    if is_open and by_consent and not (flow.ask.identity is Identity.AGGREGATE and flow.ask.budget < inf):
        raise file.error(
            f"{key}.recipient", f"`{flow.recipient}` has no key and may only get data of a public task, and figures with noise"
        )
    return flow


def _properties(file: TomlFile, names: list[str], key: str, properties: Mapping[str, Property]) -> tuple[str, ...]:
    if not names or len(set(names)) != len(names):
        raise file.error(f"{key}.properties", "should name at least one property, and each once")
    for name in names:
        file.known(name, properties, "property", f"{key}.properties")
    return tuple(names)


def _statistics(file: TomlFile, table: FlowTable, key: str, properties: Mapping[str, Property]) -> dict[str, Statistic]:
    chosen = {}
    for name, statistic in table.statistic.items():
        where = f"{key}.statistic.{name}"
        if name not in table.properties:
            raise file.error(where, "is none of the flow's properties")
        chosen[name] = file.choice(statistic, Statistic, where)
        if chosen[name] is Statistic.ENERGY_MEAN and properties[name].unit != "dB":
            raise file.error(where, f"`energy-mean` is for levels in `dB`, not `{properties[name].unit}`")
    return chosen


def _check_ask(file: TomlFile, flow: Flow, key: str) -> None:
    """Refuse an ask for what the gateway cannot or will not give."""
    ask = flow.ask
    if ask.identity is Identity.STABLE:
        raise file.error(f"{key}.identity", "`stable` is not offered")
    if ask.identity is Identity.PER_EPOCH and ask.time is not Time.DAY:
        raise file.error(f"{key}.time", f"`{ask.time.label}` is too fine for `per-epoch`, which is by the `day`")
    if (ask.identity is Identity.AGGREGATE or flow.statistic) and ask.time not in WINDOW_MS:
        raise file.error(f"{key}.time", f"`{ask.time.label}` has no window to draw a figure over")
    if ask.identity is not Identity.AGGREGATE and ask.group > 1:
        raise file.error(f"{key}.group", f"`{ask.group}` binds only at identity `aggregate`")
    if ask.identity is not Identity.AGGREGATE and min(ask.budget, ask.former_epsilon) < inf:
        raise file.error(f"{key}.budget", "binds only at identity `aggregate`")
    for name, _ in ask.precision:
        if name not in flow.properties:
            raise file.error(f"{key}.precision.{name}", "is none of the flow's properties")


def _check_statistics(file: TomlFile, flow: Flow, key: str) -> None:
    if flow.ask.identity is Identity.PER_RECORD and not flow.statistic:
        return
    for name in flow.properties:
        if name not in flow.statistic:
            raise file.error(f"{key}.{name}", "is missing: a figure has no default statistic")
