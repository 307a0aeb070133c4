"""Made-up cities: whole policy sets as plain tables, their text, and bounds of all kinds.

A ``Town`` is what its files say and nothing more, so that a test may work out from it by itself what the code should make of
the text. Places and the three properties are the same in every town; ceilings, flows and device profilees are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import inf
from random import Random
from typing import Any

from hypothesis import strategies as st

from consent.core.disclosure import TOP, Disclosure, Identity, Space, Time
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from tests.support.city import Table, in_order, toml

IDENTITIES = ("none", "aggregate", "per-record", "per-epoch", "stable")
TIMES = ("none", "day", "4h", "1h", "15min", "1min", "exact")
SPACES = ("none", "city", "district", "block", "exact")
LADDERS = {"LAeq": ("0.1", "0.5", "1", "5"), "consumption": ("0.001", "0.01", "0.1", "1"), "pm25": ("1", "5", "10")}
DISTRICTS = {"mill": "north", "chapel": "north", "dock": "south"}
COMMUNITIES = {"chapel": "old", "dock": "port"}
CLASSES = ("meter", "box")
RESIDENTS = tuple(bytes([letter]) * 16 for letter in b"abc")
DAY_MS = 86_400_000
CELL = "15min"
"""The cell of every quantity: no figure over households is finer."""

_TEXT = {"en": "Text"}
_CITY = {
    "id": "town",
    "name": "Town",
    "address": "Square 1",
    "contact": "https://town.example",
    "data_protection_officer": "dpo@town.example",
    "jurisdiction": "ES",
    "storage_place": "Town hall",
    "languages": ["en"],
    "timezone": "UTC",
}
_UNITS = {"LAeq": "dB", "consumption": "kW.h", "pm25": "ug/m3"}
_BASES = {"energy": "consent", "quiet": "consent", "streets": "public-task"}
_STATISTICS = ("sum", "count", "mean", "min", "max")


@dataclass(frozen=True)
class Town:
    """A city as its files say it.

    Attributes:
        city: The tables of `city.toml`.
        communities: Those of `neighbourhoods/<id>.toml`, by id.
        classes: Those of `devices/<id>.toml`, by id.
    """

    city: Table
    communities: dict[str, Table]
    classes: dict[str, Table]

    def files(self, order: Random | None = None) -> dict[str, bytes]:
        """Return the text of the policies folder; with ``order``, files, tables and keys come as it shuffles them."""
        files = {"city.toml": self.city}
        files |= {f"neighbourhoods/{name}.toml": tables for name, tables in self.communities.items()}
        files |= {f"devices/{name}.toml": tables for name, tables in self.classes.items()}
        return {path: toml(tables, order).encode() for path, tables in in_order(files, order)}

    def policies(self) -> PolicySet:
        """Return the policies that the text says."""
        return parse_policies(self.files())

    def by_consent(self) -> list[str]:
        """Return the flows that rest on consent."""
        flows: Table = self.city["flow"]
        return [name for name, flow in flows.items() if _BASES[flow["purpose"]] == "consent"]


def bounds(*, closing: bool = True, noisy: bool = True) -> st.SearchStrategy[Table]:
    """A ceiling, a cap or a consent's limits, as policies write them.

    Args:
        closing: Now and then it permits nothing.
        noisy: Now and then it bounds the budget.
    """

    def levels(scale: tuple[str, ...]) -> st.SearchStrategy[str]:
        return st.sampled_from([*scale[1:], *scale[1:], scale[0]] if closing else scale[1:])

    axes: dict[str, st.SearchStrategy[Any]] = {
        "identity": levels(IDENTITIES),
        "time": levels(TIMES),
        "space": levels(SPACES),
        "precision": precisions(),
        "group": st.sampled_from([1, 1, 2, 3, 5]),
        "retention": st.integers(1, 400),
    }
    if noisy:
        axes["budget"] = st.sampled_from([Decimal("0.5"), Decimal("0.7"), Decimal(2)])
    return st.lists(st.sampled_from(sorted(axes)), max_size=3, unique=True).flatmap(
        lambda named: st.fixed_dictionaries({name: axes[name] for name in sorted(named)})
    )


def precisions(*properties: str) -> st.SearchStrategy[Table]:
    """Steps for some of the properties, by default of all."""
    steps = {name: st.sampled_from(LADDERS[name]).map(Decimal) for name in properties or LADDERS}
    return st.fixed_dictionaries({}, optional=steps)


def point(table: Table) -> Disclosure:
    """Return the point of the lattice that a table of bounds stands for."""
    return Disclosure(
        identity=Identity.named(table["identity"]) if "identity" in table else TOP.identity,
        time=Time.named(table["time"]) if "time" in table else TOP.time,
        space=Space.named(table["space"]) if "space" in table else TOP.space,
        precision=tuple(table.get("precision", {}).items()),
        group=table.get("group", TOP.group),
        retention_days=table.get("retention", TOP.retention_days),
        budget=float(table.get("budget", inf)),
    )


@st.composite
def flows(draw: st.DrawFn) -> Table:
    """A flow that passes all checks: what it asks can be given, and to whom it asks for."""
    purpose = draw(st.sampled_from(("energy", "energy", "quiet", "streets")))
    properties = draw(st.lists(st.sampled_from(sorted(LADDERS)), min_size=1, max_size=2, unique=True))
    identity = draw(st.sampled_from(("aggregate", "per-record", "per-epoch")))
    figures = identity != "per-record" or draw(st.booleans())
    exact = identity == "aggregate" and _BASES[purpose] == "consent"
    times = {
        "aggregate": TIMES[1:5] if exact else TIMES[1:-1],
        "per-record": TIMES[1:-1] if figures else TIMES[1:],
        "per-epoch": TIMES[1:2],
    }
    ask: Table = {
        "identity": identity,
        "time": draw(st.sampled_from(times[identity])),
        "space": draw(st.sampled_from(SPACES[1:])),
        "precision": draw(precisions(*properties)),
        "retention": draw(st.integers(1, 400)),
    }
    if identity == "aggregate":
        ask["group"] = draw(st.integers(1, 4))
    return {
        "why": _TEXT,
        "properties": properties,
        "statistic": {name: draw(st.sampled_from(_STATISTICS)) for name in properties} if figures else {},
        "purpose": purpose,
        "recipient": draw(st.sampled_from(("office", "public"))) if purpose == "streets" else "office",
        "ask": ask,
        **({"noise": "none"} if exact else {}),
    }


@st.composite
def towns(draw: st.DrawFn, *, closing: bool = True, noisy: bool = True) -> Town:
    """A city with one to four flows, of which the first rests on consent; ``closing`` and ``noisy`` as in ``bounds``."""
    first = draw(flows().filter(lambda flow: flow["purpose"] != "streets"))
    asked = [first, *draw(st.lists(flows(), max_size=3))]
    city = {
        "city": _CITY,
        "ceiling": draw(bounds(closing=closing, noisy=noisy)),
        "limits": {"mu_day": 1000, "exact_group": draw(st.integers(1, 2))},
        "district": {name: {"title": _TEXT} for name in sorted(set(DISTRICTS.values()))},
        "zone": {zone: _zone(zone) for zone in DISTRICTS},
        "property": {name: {"unit": _UNITS[name], "ladder": list(map(Decimal, LADDERS[name]))} for name in LADDERS},
        "quantity": {
            name.lower(): {"title": _TEXT, "properties": [name], "cell": CELL, "clip": 1000, "presence": 1} for name in LADDERS
        },
        "purpose": {name: {"title": _TEXT, "dpv": "PublicPolicyMaking", "legal_basis": _BASES[name]} for name in _BASES},
        "recipient": {
            "office": {"title": _TEXT, "public_key_file": "keys/office.pub", "sink": "city"},
            "public": {"title": _TEXT, "sink": "city"},
        },
        "flow": {f"flow-{number}": flow for number, flow in enumerate(asked)},
    }
    communities = {name: {"title": _TEXT, "ceiling": draw(bounds(closing=closing, noisy=noisy))} for name in COMMUNITIES.values()}
    caps = {"meter": {}, "box": draw(bounds(closing=closing, noisy=noisy))}
    return Town(city, communities, {name: _class(caps[name]) for name in CLASSES})


def _zone(zone: str) -> Table:
    place: Table = {"district": DISTRICTS[zone]}
    return place | {"neighbourhood": COMMUNITIES[zone]} if zone in COMMUNITIES else place


def _class(cap: Table) -> Table:
    fields = {name: {"path": name, "unit": _UNITS[name]} for name in LADDERS}
    return {"title": _TEXT, "codec": "json", "fields": fields, "time": {"path": "t", "format": "unix-ms"}, "cap": cap}
