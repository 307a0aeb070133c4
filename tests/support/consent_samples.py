"""A small city, points of the lattice and consents, from which the tests of consent are built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from math import inf

from hypothesis import strategies as st

from consent.core.consents.records import Consent, Status
from consent.core.disclosure import TOP, Disclosure, Identity, Space, Time, normalise
from consent.core.policies.notice import FlowTerms, notice_of
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from tests.support.city import city

NOW_MS = 1_774_047_600_000
SUBJECT = bytes(range(16))
ANN = b"a" * 16
BEN = b"b" * 16

_BUILT = (
    city(jurisdiction="ES", languages=["en", "pt"], timezone="Europe/Madrid")
    .ceiling(identity="per-epoch", space="block", group=10)
    .district("north", ("North", "Norte"))
    .zone("mill", "north")
    .zone("chapel", "north", neighbourhood="old")
    .measures("consumption", 0, 100)
    .measures("LAeq", 20, 140)
    .quantity("electricity", "consumption", cell="15min", clip=10, presence=2)
    .purpose("energy", ("Energy", "Energia"), dpv="CombatClimateChange")
    .purpose("streets", ("Streets", "Ruas"), legal_basis="public-task")
    .recipient("office", ("Office", "Gabinete"))
    .recipient("public", ("Everyone", "Todos"), sealed=False)
    .flow(
        "hourly",
        "consumption",
        why=("To plan", "Para planear"),
        statistic="sum",
        purpose="energy",
        recipient="office",
        identity="aggregate",
        time="1h",
        space="district",
        precision={"consumption": 0.1},
        group=15,
        retention=365,
    )
    .flow(
        "daily",
        "consumption",
        why=("To compare", "Para comparar"),
        statistic="sum",
        purpose="energy",
        recipient="office",
        identity="per-epoch",
        time="day",
        space="district",
        retention=30,
    )
    .flow(
        "raw",
        "consumption",
        why=("To test", "Para testar"),
        purpose="energy",
        recipient="office",
        identity="per-record",
        time="exact",
        space="block",
        retention=7,
    )
    .flow(
        "noise",
        "LAeq",
        why=("To warn", "Para avisar"),
        purpose="streets",
        recipient="public",
        identity="per-record",
        time="exact",
        space="block",
        retention=365,
    )
    .neighbourhood("old", ("Old town", "Cidade velha"), time="4h", retention=90)
    .device("meter", {"consumption": "kwh"}, title=("Meter", "Contador"), numbered=True)
)
CITY = _BUILT.text()
OLD = _BUILT.other_files()["neighbourhoods/old.toml"]
METER = _BUILT.other_files()["devices/meter.toml"]


def small_city(*changes: tuple[str, str], files: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """Return the small city's files, with pieces of `city.toml` replaced and files added."""
    text = CITY
    for old, new in changes:
        assert old in text, f"the small city has no {old!r}"
        text = text.replace(old, new, 1)
    base = {"city.toml": text.encode(), "neighbourhoods/old.toml": OLD.encode(), "devices/meter.toml": METER.encode()}
    return {**base, **(files or {})}


def policies(*changes: tuple[str, str]) -> PolicySet:
    """Return the small city in force, with pieces of `city.toml` replaced."""
    return parse_policies(small_city(*changes))


def consent(terms: tuple[FlowTerms, ...], scope: str, limits: Disclosure = TOP, resident: bytes = ANN) -> Consent:
    """Return a consent given a day ago."""
    return Consent(
        subject=SUBJECT,
        resident=resident,
        scope=scope,
        limits=limits,
        status=Status.GIVEN,
        notice=notice_of(terms),
        time_ms=NOW_MS - 86_400_000,
        since_ms=NOW_MS - 86_400_000,
        expiry_ms=None,
        channel="operator",
        signature=b"",
        terms=terms,
    )


def agreed(city: PolicySet, scope: str, limits: Disclosure = TOP, resident: bytes = ANN) -> Consent:
    """Return a consent to what a city's policies say at present."""
    return consent(city.terms_for(scope), scope, limits, resident)


def limits_of(**axes: object) -> Disclosure:
    """Return a point that bounds only the axes given."""
    return replace(TOP, **axes)  # type: ignore[arg-type]


_LADDERS = {"LAeq": ("0.1", "0.5", "1", "5"), "consumption": ("0.001", "0.01", "0.1"), "pm25": ("1", "10")}


def precisions() -> st.SearchStrategy[tuple[tuple[str, Decimal], ...]]:
    """Bounds on the precision of some properties."""
    steps = {name: st.sampled_from([Decimal(step) for step in ladder]) for name, ladder in _LADDERS.items()}
    return st.fixed_dictionaries({}, optional=steps).map(lambda chosen: tuple(chosen.items()))


def raw_points(least_level: int = 0) -> st.SearchStrategy[Disclosure]:
    """Any point, also those that have one axis at its least and others not."""
    return st.builds(
        Disclosure,
        identity=st.sampled_from([level for level in Identity if level >= least_level]),
        time=st.sampled_from([level for level in Time if level >= least_level]),
        space=st.sampled_from([level for level in Space if level >= least_level]),
        precision=precisions(),
        group=st.integers(1, 40),
        retention_days=st.integers(least_level, 400),
        budget=st.sampled_from([0.0, 0.1, 0.5, 1.0, inf][least_level:]),
        former_epsilon=st.sampled_from([inf, inf, inf, 0.5, 0.0][: 5 - least_level]),
    )


def points() -> st.SearchStrategy[Disclosure]:
    """Points of the lattice: those that reveal something, ``BOTTOM`` and ``TOP``."""
    return st.one_of(raw_points(1), raw_points().map(normalise), st.just(TOP))
