"""Parses the text of a policies folder into a policy set: the only way to make one, and it checks everything.

    city.toml                   the controller, properties, purposes, recipients, flows, districts, zones, signs, ceiling, limits
    neighbourhoods/<id>.toml    a community's ceiling
    devices/<id>.toml           a device profile; where `[use]` of city.toml names some, there are these and no others

The first fault ends parsing with a ``PolicyError``; a returned set refers only to what exists. What an earlier version permitted
and this one does not is no fault: it is read as it was meant, and listed with the set (``consent.core.policies.unsupported``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, Final, TypeVar

import msgspec

from consent.core.disclosure import Disclosure
from consent.core.policies.accounting import overspent
from consent.core.policies.archive import pack_files, refuse_too_large
from consent.core.policies.bounds import read_bounds
from consent.core.policies.policy import CITY_FILE, City, PolicySet, Zone
from consent.core.policies.property import Property
from consent.core.policies.tables.flows import Declared, read_flow, read_property, read_purpose, read_recipient
from consent.core.policies.tables.quantities import has_former_budgets, read_limits, read_quantities, refuse_no_figures
from consent.core.policies.tables.signs import SignTable, read_sign
from consent.core.policies.unsupported import unsupported_in
from consent.core.policies.use import UseTable, read_use, refuse_unused
from consent.core.profiles.parse import CityTerms, read_profile
from consent.core.profiles.profile import Profile, Texts
from consent.core.toml.file import Table, TomlFile
from consent.errors import PolicyError

NEIGHBOURHOODS: Final = "neighbourhoods"
DEVICES: Final = "devices"

_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_JURISDICTION: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_TIMEZONE: Final = re.compile(r"UTC|[A-Z][A-Za-z_]+(/[A-Za-z0-9_+-]+)+")

T = TypeVar("T")


class CityTable(Table, frozen=True, kw_only=True):
    """`[city]`: the controller."""

    id: str
    name: str
    address: str
    contact: str
    data_protection_officer: str
    jurisdiction: str
    storage_place: str
    languages: list[str]
    timezone: str


class DistrictTable(Table, frozen=True, kw_only=True):
    """`[district.<id>]`."""

    title: dict[str, Any]


class ZoneTable(Table, frozen=True, kw_only=True):
    """`[zone.<id>]`: a block."""

    title: dict[str, Any] | None = None
    district: str
    neighbourhood: str | None = None


class CityFile(Table, frozen=True, kw_only=True):
    """`city.toml` as a whole; its tables are read one by one, so that faults can name them."""

    city: dict[str, Any]
    property: dict[str, Any] = msgspec.field(default_factory=dict)
    quantity: dict[str, Any] = msgspec.field(default_factory=dict)
    purpose: dict[str, Any] = msgspec.field(default_factory=dict)
    recipient: dict[str, Any] = msgspec.field(default_factory=dict)
    flow: dict[str, Any] = msgspec.field(default_factory=dict)
    district: dict[str, Any] = msgspec.field(default_factory=dict)
    zone: dict[str, Any] = msgspec.field(default_factory=dict)
    ceiling: dict[str, Any]
    limits: dict[str, Any]
    use: UseTable | None = None
    sign: dict[str, SignTable] = msgspec.field(default_factory=dict)


class NeighbourhoodFile(Table, frozen=True, kw_only=True):
    """`neighbourhoods/<id>.toml` as a whole."""

    title: dict[str, Any]
    ceiling: dict[str, Any]


def parse_policies(files: Mapping[str, bytes]) -> PolicySet:
    """Return the policy set that the files of a policies folder describe, as it was meant when it was written.

    Args:
        files: Their bytes, by path relative to the folder, with `/` between parts.
    Raises: PolicyError: a file is wrong, unknown, or absent, or the set is too large.
    """
    refuse_too_large(files)
    places = {path: _place(path) for path in sorted(files)}
    if CITY_FILE not in files:
        raise PolicyError(CITY_FILE, "", "is missing")
    file = TomlFile(CITY_FILE, files[CITY_FILE])
    tables = file.table(file.tables, CityFile, "")
    city = _city(file, tables.city)
    declared = _declared(file, tables, city.languages)
    if tables.use is not None:
        refuse_unused(read_use(file, tables.use), (name for folder, name in places.values() if folder == DEVICES), DEVICES)
    terms = city_terms(city, declared.properties, declared.languages, declared)
    titles: dict[str, Texts] = {}
    neighbourhoods: dict[str, Disclosure] = {}
    profiles: dict[str, Profile] = {}
    for path, (folder, name) in places.items():
        if folder == NEIGHBOURHOODS:
            titles[name], neighbourhoods[name] = _neighbourhood(TomlFile(path, files[path]), name, declared)
        elif folder == DEVICES:
            profiles[name] = read_profile(TomlFile(path, files[path]), name, terms)
    districts = {name: _district(file, name, value, city) for name, value in tables.district.items()}
    policies = PolicySet(
        sha256=hashlib.sha256(pack_files(files)).digest(),
        files=dict(files),
        city=city,
        purposes=declared.purposes,
        recipients=declared.recipients,
        flows={name: read_flow(file, name, value, declared) for name, value in tables.flow.items()},
        properties=declared.properties,
        districts=districts,
        zones={name: _zone(file, name, value, city, districts, neighbourhoods) for name, value in tables.zone.items()},
        ceiling=read_ceiling(file, tables.ceiling, "ceiling", declared),
        limits=declared.limits,
        neighbourhoods=neighbourhoods,
        neighbourhood_titles=titles,
        profiles=profiles,
        quantities=declared.quantities,
        signs={name: read_sign(file, name, table, city.languages, tables.zone, profiles) for name, table in tables.sign.items()},
    )
    for error in overspent(policies):
        raise error
    return replace(policies, unsupported=tuple(unsupported_in(policies)))


def city_terms(
    city: City, properties: Mapping[str, Property], languages: tuple[str, ...], declared: Declared | None = None
) -> CityTerms:
    """Return what of a city its device profiles refer to.

    Args:
        languages: In which the profiles' titles are written.
        declared: By which a cap is held against the city's limits; None where only its form is looked at.
    """

    def read_cap(file: TomlFile, value: Any, key: str) -> Disclosure:
        return read_bounds(file, value, key, properties) if declared is None else read_ceiling(file, value, key, declared)

    units = {name: each.unit for name, each in properties.items()}
    return CityTerms(languages, units, city.timezone, read_cap)


def _place(path: str) -> tuple[str, str]:
    """Return a policy file's folder, and its name without ending."""
    parts = PurePosixPath(path).parts
    if path == CITY_FILE:
        return "", CITY_FILE
    if len(parts) == 2 and parts[0] in (NEIGHBOURHOODS, DEVICES) and parts[1].endswith(".toml"):
        return parts[0], parts[1].removesuffix(".toml")
    raise PolicyError(path, "", f"is neither `{CITY_FILE}` nor `{NEIGHBOURHOODS}/<id>.toml` nor `{DEVICES}/<id>.toml`")


def _city(file: TomlFile, value: Any) -> City:
    table = file.table(value, CityTable, "city")
    for key in ("name", "address", "contact", "data_protection_officer", "storage_place"):
        file.text(getattr(table, key), f"city.{key}")
    for key, form in (("jurisdiction", _JURISDICTION), ("timezone", _TIMEZONE)):
        if not form.fullmatch(getattr(table, key)):
            raise file.error(f"city.{key}", f"should be of the form {'`ES`' if key == 'jurisdiction' else '`Europe/Madrid`'}")
    if not table.languages or len(set(table.languages)) != len(table.languages):
        raise file.error("city.languages", "should name at least one language, and each once")
    if not all(_LANGUAGE.fullmatch(language) for language in table.languages):
        raise file.error("city.languages", "should be language codes such as `en`")
    return City(
        id=file.id(table.id, "city.id"),
        name=table.name,
        address=table.address,
        contact=table.contact,
        data_protection_officer=table.data_protection_officer,
        jurisdiction=table.jurisdiction,
        storage_place=table.storage_place,
        languages=tuple(table.languages),
        timezone=table.timezone,
    )


def _declared(file: TomlFile, tables: CityFile, languages: tuple[str, ...]) -> Declared:
    """Return everything that flows, ceilings and device profiles refer to."""

    def all_of(section: dict[str, Any], read: Callable[[TomlFile, str, Any, tuple[str, ...]], T]) -> dict[str, T]:
        return {name: read(file, name, value, languages) for name, value in section.items()}

    properties = all_of(tables.property, read_property)
    limits = read_limits(file, tables.limits)
    return Declared(
        languages=languages,
        properties=properties,
        purposes=all_of(tables.purpose, read_purpose),
        recipients=all_of(tables.recipient, read_recipient),
        quantities=read_quantities(file, tables.quantity, properties, languages),
        limits=limits,
        budgets_are_epsilon=has_former_budgets(tables.quantity, limits),
    )


def read_ceiling(file: TomlFile, value: Any, key: str, declared: Declared) -> Disclosure:
    """Return the point that a ceiling or cap stands for, held against the city's limits."""
    point = read_bounds(file, value, key, declared.properties, budget_is_epsilon=declared.budgets_are_epsilon)
    refuse_no_figures(file, point.budget, declared.limits, f"{key}.budget")
    return point


def _neighbourhood(file: TomlFile, name: str, declared: Declared) -> tuple[Texts, Disclosure]:
    file.id(name, "")
    table = file.table(file.tables, NeighbourhoodFile, "")
    title = file.texts(table.title, declared.languages, "title")
    return title, read_ceiling(file, table.ceiling, "ceiling", declared)


def _district(file: TomlFile, name: str, value: Any, city: City) -> Texts:
    key = f"district.{name}"
    if file.id(name, key) == city.id:
        raise file.error(key, "has the name of the city, which is the cell that is all of it")
    return file.texts(file.table(value, DistrictTable, key).title, city.languages, f"{key}.title")


def _zone(
    file: TomlFile,
    name: str,
    value: Any,
    city: City,
    districts: Mapping[str, Texts],
    neighbourhoods: Mapping[str, Disclosure],
) -> Zone:
    key = f"zone.{name}"
    if file.id(name, key) == city.id or name in districts:
        raise file.error(key, "has the name of a larger cell")
    table = file.table(value, ZoneTable, key)
    if table.neighbourhood is not None:
        file.known(table.neighbourhood, neighbourhoods, "neighbourhood", f"{key}.neighbourhood")
    return Zone(
        id=name,
        title={} if table.title is None else file.texts(table.title, city.languages, f"{key}.title"),
        district=file.known(table.district, districts, "district", f"{key}.district"),
        neighbourhood=table.neighbourhood,
    )
