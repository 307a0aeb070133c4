"""Parses a `*.cases.toml` into cases, with every name in them checked against the policies that they are about.

    [case.four-hours-are-enough]
    says = "Whoever permits four hours and the whole city is counted in those figures and in no finer one"
    device = "meter"
    zone = "garden-row"
    flow = "energy-hourly"
    residents = [{ limits = { time = "4h", space = "city" } }]
    disclosure = { time = "4h", space = "city" }
    bounds = { time = ["consent:0"] }

``residents`` parses the residents' consents, ``cases`` runs the cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from consent.core.cases.cases import AXES, PRECISION, REASONS, Case, Expected, axes_of
from consent.core.cases.residents import CaseScene, read_residents
from consent.core.cases.times import ANY_MS, read_instant
from consent.core.decide import PERMITTED, Owner
from consent.core.policies.bounds import read_ask, read_bounds
from consent.core.policies.policy import PolicySet
from consent.core.toml.file import Table, TomlFile
from consent.printable import quoted

_NEIGHBOURHOOD: Final = "neighbourhood:"
_CONSENT: Final = "consent:"
_SOURCES: Final = ("ask", "ceiling", "class-cap")


class CaseFile(Table, frozen=True, kw_only=True):
    """The file as a whole."""

    case: dict[str, Any]


class CaseTable(Table, frozen=True, kw_only=True):
    """`[case.<id>]`."""

    says: str | None = None
    device: str
    zone: str
    flow: str
    owner: str | None = None
    residents: list[Any] | None = None
    at: Any = None
    reason: str | None = None
    disclosure: dict[str, Any] | None = None
    exact: bool = False
    bounds: dict[str, Any] = msgspec.field(default_factory=dict)


def read_cases(path: str, data: bytes, policies: PolicySet) -> tuple[Case, ...]:
    """Return the cases of one file.

    Args:
        path: Relative to the policies folder.
    Raises: PolicyError: a case is wrong, or refers to something that is not in the policies.
    """
    file = TomlFile(path, data)
    tables = file.table(file.tables, CaseFile, "")
    return tuple([_case(file, name, value, policies) for name, value in tables.case.items()])


def _case(file: TomlFile, name: str, value: Any, policies: PolicySet) -> Case:
    key = f"case.{name}"
    file.id(name, key)
    table = file.table(value, CaseTable, key)
    flow = policies.flows[file.known(table.flow, policies.flows, "flow", f"{key}.flow")]
    device = file.known(table.device, policies.profiles, "device profile", f"{key}.device")
    if not policies.profiles[device].fields.keys() & set(flow.properties):
        raise file.error(f"{key}.device", f"`{device}` sends nothing that `{flow.id}` asks for")
    now_ms = None if table.at is None else read_instant(file, table.at, f"{key}.at")
    scene = CaseScene(file, policies, flow, now_ms)
    return Case(
        file=file.path,
        id=name,
        says="" if table.says is None else file.text(table.says, f"{key}.says"),
        device=device,
        zone=file.known(table.zone, policies.zones, "zone", f"{key}.zone"),
        flow=flow.id,
        consents=None if table.residents is None else read_residents(scene, table.residents, f"{key}.residents"),
        now_ms=ANY_MS if now_ms is None else now_ms,
        expected=_expected(file, table, key, policies),
        owner=_owner(file, table, key),
    )


def _owner(file: TomlFile, table: CaseTable, key: str) -> Owner:
    if table.owner is None:
        return Owner.CITY
    if table.owner not in list(Owner):
        raise file.error(f"{key}.owner", f"{quoted(table.owner)} is none of {', '.join(Owner)}")
    owner = Owner(table.owner)
    if owner is Owner.RESIDENT and table.residents is None:
        raise file.error(f"{key}.owner", "a resident's device has a subject: name its `residents`")
    return owner


def _expected(file: TomlFile, table: CaseTable, key: str, policies: PolicySet) -> Expected:
    bounds = tuple(_bounds(file, table, f"{key}.bounds", policies))
    if (table.reason is None) is (table.disclosure is None):
        raise file.error(key, "should expect either a `reason` or a `disclosure`")
    if table.disclosure is None:
        if table.reason not in REASONS:
            raise file.error(f"{key}.reason", f"{quoted(str(table.reason))} is none of {', '.join(REASONS)}")
        if table.exact:
            raise file.error(f"{key}.exact", "is for a `disclosure`")
        return Expected(table.reason, (), exact=False, bounds=bounds)
    read = read_ask if table.exact else read_bounds  # an exact disclosure is written in full, like an ask
    point = read(file, table.disclosure, f"{key}.disclosure", policies.properties)
    if point.is_bottom:
        raise file.error(f"{key}.disclosure", "reveals nothing: expect a `reason` instead")
    axes = axes_of(point)
    if not table.exact:
        axes = {axis: level for axis, level in axes.items() if axis in table.disclosure or axis.startswith(PRECISION)}
    return Expected(PERMITTED, tuple(axes.items()), exact=table.exact, bounds=bounds)


def _bounds(file: TomlFile, table: CaseTable, key: str, policies: PolicySet) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the axes for which a case names what bounds them."""
    for axis, value in _by_axis(file, table.bounds, key, policies):
        where = f"{key}.{axis}"
        if not isinstance(value, list) or not all(isinstance(source, str) for source in value):
            raise file.error(where, 'should be an array of texts, such as ["ask", "consent:0"]')
        for source in value:
            _check_source(file, source, where, policies, len(table.residents or ()))
        yield axis, tuple(sorted(set(value)))


def _by_axis(file: TomlFile, bounds: Mapping[str, Any], key: str, policies: PolicySet) -> Iterator[tuple[str, Any]]:
    """Yield the named axes, each property's precision as an axis of its own."""
    precision = PRECISION.rstrip(".")
    for axis, value in bounds.items():
        if axis != precision:
            if axis not in AXES:
                raise file.error(f"{key}.{axis}", f"is none of {', '.join(AXES)}, {precision}")
            yield axis, value
        elif not isinstance(value, dict):
            raise file.error(f"{key}.{axis}", "should be a table, by property")
        else:
            for name, sources in value.items():
                yield f"{PRECISION}{file.known(name, policies.properties, 'property', f'{key}.{axis}.{name}')}", sources


def _check_source(file: TomlFile, source: str, key: str, policies: PolicySet, residents: int) -> None:
    if source.startswith(_NEIGHBOURHOOD):
        file.known(source.removeprefix(_NEIGHBOURHOOD), policies.neighbourhoods, "neighbourhood", key)
    elif source.startswith(_CONSENT):
        if source not in [f"{_CONSENT}{number}" for number in range(residents)]:
            raise file.error(key, f"{quoted(source)}: there is no such resident; the first is `consent:0`")
    elif source not in _SOURCES:
        raise file.error(key, f"{quoted(source)} is none of {', '.join(_SOURCES)}, {_CONSENT}<n>, {_NEIGHBOURHOOD}<id>")
