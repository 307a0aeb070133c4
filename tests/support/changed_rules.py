"""A town whose rules can be changed in every way that is told of: each edit by name, from rules that are alike in all else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from consent.core.policies.policy import PolicySet
from tests.support.city import City, Table, city

_HOURLY: Final[Table] = {
    "properties": ("consumption",),
    "purpose": "energy",
    "recipient": "office",
    "statistic": "sum",
    "identity": "aggregate",
    "time": "1h",
    "space": "district",
    "precision": {"consumption": 0.1},
    "group": 15,
    "retention": 30,
    "budget": 1,
    "publish": "day",
}
_DAILY: Final[Table] = {
    "properties": ("consumption",),
    "purpose": "energy",
    "recipient": "office",
    "statistic": "sum",
    "identity": "per-epoch",
    "time": "day",
    "space": "district",
    "retention": 30,
}
_STREET: Final[Table] = {
    "properties": ("LAeq", "temperature"),
    "purpose": "streets",
    "recipient": "watch",
    "identity": "per-record",
    "time": "exact",
    "space": "block",
    "retention": 3650,
}


@dataclass(frozen=True)
class Town:
    """The rules of a town, piece by piece; a piece of None is not there.

    Attributes:
        meter: Tables of the meter's device profile.
    """

    head: Any = None
    ceiling: Any = None
    limits: Any = None
    quantity: Any = None
    apart: bool = False
    hourly: Any = None
    daily: Any = None
    street: Any = None
    sealed: bool = True
    streets_basis: str = "public-task"
    dpv: str = ""
    sound_ladder: Any = None
    clamp: tuple[float, ...] = (0, 5)
    neighbourhood: Any = None
    parted: bool = False
    chapel: bool = True
    title: str = "Hourly sums"
    meter: Any = None
    unit_path: str = "kwh"

    def policies(self) -> PolicySet:
        """Return the rules."""
        built = city(**{"name": "Town", "languages": ["en", "es", "pt"], **(self.head or {})})
        built = built.ceiling(**(self.ceiling or {})).limits(**{"mu_day": 2.1, "exact_group": 50, **(self.limits or {})})
        built = built.district("north", "North").district("south", "South").zone("mill", "north", "old", "The Mill")
        built = built.zone("quay", "south" if self.parted else "north", "", "The Quay")
        built = built.zone("chapel", "north", "", "Chapel") if self.chapel else built
        built = built.measures("consumption", *self.clamp, title="Electricity used").measures(
            "totalConsumption", title="Meter reading"
        )
        built = built.measures("LAeq", ladder=self.sound_ladder or [0.1, 0.5, 1, 5], title="Noise level")
        built = built.measures("temperature", title="Temperature")
        together = ("consumption",) if self.apart else ("consumption", "totalConsumption")
        built = built.quantity("energy", *together, **{"clip": 10, "presence": 2, **(self.quantity or {})}, title="Electricity")
        built = built.quantity("registers", "totalConsumption", title="Registers") if self.apart else built
        built = built.purpose("energy", "Planning the grid", dpv=self.dpv).purpose("other", "Something else")
        built = built.purpose("streets", "Watching the streets", legal_basis=self.streets_basis)
        built = built.recipient("office", "Energy office").recipient("watch", "Street watch", sealed=self.sealed)
        built = built.neighbourhood("old", "Old Town", **(self.neighbourhood or {"space": "block"}))
        meter: Table = {"cap": {}, **(self.meter or {})}
        built = built.device("meter", {"consumption": self.unit_path, "totalConsumption": "total"}, title="Meter", **meter)
        built = built.device("ear", {"LAeq": "db", "temperature": "t2"}, title="Ear")
        return self._flows(built).policies()

    def _flows(self, built: City) -> City:
        usual = (("hourly", _HOURLY, self.hourly), ("daily", _DAILY, self.daily), ("street", _STREET, self.street))
        titles = {"hourly": self.title, "daily": "Home by home", "street": "Street sensors"}
        for name, table, changed in usual:
            if changed != "none":
                asked = {key: value for key, value in {**table, **(changed or {})}.items() if value is not None}
                built = built.flow(name, *asked.pop("properties"), title=titles[name], **asked)
        return built


TOWN: Final = Town()

EDITS: Final[dict[str, tuple[Town, str]]] = {
    "time": (
        replace(TOWN, hourly={"time": "4h"}),
        "Time is told less finely: in stretches of four hours; until then by the hour.",
    ),
    "space": (
        replace(TOWN, hourly={"space": "city"}),
        "Place is told less finely: by the whole city; until then by the district.",
    ),
    "identity": (
        replace(TOWN, daily={"identity": "per-record"}),
        "Homes can be told apart less: single readings; until then one figure a day.",
    ),
    "precision": (
        replace(TOWN, hourly={"precision": {"consumption": 0.01}}),
        "Electricity used is told more finely: in steps of 0.01 kWh; until then in steps of 0.1 kWh.",
    ),
    "group": (replace(TOWN, hourly={"group": 20}), "More homes are needed to hide among: 20; until then 15."),
    "retention": (replace(TOWN, daily={"retention": 365}), "It may be kept longer: 1 year; until then 30 days."),
    "budget": (
        replace(TOWN, hourly={"budget": 2}),
        "There is less random noise over each home: μ 2 a day; until then μ 1 a day.",
    ),
    "new flow": (replace(TOWN, daily="none"), "Ended: nothing leaves by it any more."),
    "purpose": (
        replace(TOWN, daily={"purpose": "other"}),
        "It serves another purpose: “Something else”; until then “Planning the grid”.",
    ),
    "recipient": (
        replace(TOWN, daily={"recipient": "watch"}),
        "It goes to somebody else: Street watch; until then Energy office.",
    ),
    "properties": (replace(TOWN, street={"properties": ("LAeq",)}), "It no longer asks for: Temperature."),
    "statistic": (
        replace(TOWN, daily={"statistic": "max"}),
        "Electricity used is summed up in another way: the greatest value; until then a sum.",
    ),
    "noise": (replace(TOWN, hourly={"noise": "none", "budget": None}), "Its figures have no random noise any more."),
    "publish": (replace(TOWN, hourly={"publish": "window"}), "Its figures leave one by one, as soon as each has ended."),
    "clip": (replace(TOWN, hourly={"clip": 5}), "How much one home can add to its figures differs."),
    "ceiling": (
        replace(TOWN, ceiling={"time": "4h"}),
        "The city’s own limit, Time: in stretches of four hours; until then no limit.",
    ),
    "neighbourhood": (
        replace(TOWN, neighbourhood={"space": "city"}),
        "The limit of Old Town, Place: by the whole city; until then by the block.",
    ),
    "mu_day": (replace(TOWN, limits={"mu_day": 3.5}), "The least random noise over a home in all figures of a day: μ 3.5 a day"),
    "exact_group": (
        replace(TOWN, limits={"exact_group": 20}),
        "So many homes are needed for figures without noise: 20; until then 50.",
    ),
    "mu_rungs": (replace(TOWN, limits={"mu_rungs": [0.5, 1, 2, 3]}), "Answers about noise are rounded to: 0.5, 1, 2 and 3"),
    "cell": (replace(TOWN, quantity={"cell": "15min"}), "Electricity: figures are made of stretches of another length."),
    "quantity's clip": (replace(TOWN, quantity={"clip": 12}), "Electricity: how much one home can add to a figure differs."),
    "presence": (replace(TOWN, quantity={"presence": 3}), "Electricity: how exactly homes are counted differs."),
    "counted": (replace(TOWN, apart=True), "Meter reading is protected by itself now"),
    "ladder": (
        replace(TOWN, sound_ladder=[0.5, 1, 5]),
        "Noise level can be told only in coarser steps: 0.5 dB; until then 0.1 dB.",
    ),
    "other steps": (
        replace(TOWN, sound_ladder=[0.1, 1, 5]),
        "Noise level has other steps to choose from. The finest is the same.",
    ),
    "clamp": (replace(TOWN, clamp=(0, 9)), "Very high or very low values of Electricity used show more than before."),
    "sealed": (replace(TOWN, sealed=False), "Street watch: no longer locked for it alone. Anyone may read it now."),
    "basis": (replace(TOWN, streets_basis="consent"), "“Watching the streets” now rests on people’s yes."),
    "dpv": (replace(TOWN, dpv="ResearchAndDevelopment"), "“Planning the grid” comes under another heading of purposes."),
    "district": (replace(TOWN, parted=True), "Fewer places share a district with: "),
    "zone": (replace(TOWN, chapel=False), "only in: Chapel"),
    "city": (replace(TOWN, head={"name": "City"}), "The city is called City; until then Town."),
    "officer": (replace(TOWN, head={"data_protection_officer": "x@town.example"}), "The privacy officer is x@town.example"),
    "law": (replace(TOWN, head={"jurisdiction": "ES"}), "The law that holds is that of ES; until then PT."),
    "storage": (replace(TOWN, head={"storage_place": "Cellar"}), "What the gate keeps lies at Cellar; until then Town hall."),
    "messages": (replace(TOWN, meter={"match": {"model": 1}}), "Other messages of “Meter” are read."),
    "repeat": (
        replace(TOWN, meter={"repeat": {"least_interval": "30s"}}),
        "Readings of “Meter” that follow each other closely count otherwise.",
    ),
    "clock": (replace(TOWN, meter={"time": {"most_ahead": "10s"}}), "Which times and numbers of “Meter” are believed differs."),
    "path": (replace(TOWN, unit_path="wh"), "Electricity used is taken from messages of “Meter” in another way."),
    "cap": (
        replace(TOWN, meter={"cap": {"space": "city"}}),
        "Place is told less finely: by the whole city; until then by the district.",
    ),
}
"""What is edited → (the town after it, what the page says of it in English)."""


@cache
def rules_after(edit: str = "") -> PolicySet:
    """Return the usual rules, or those after an edit."""
    return (EDITS[edit][0] if edit else TOWN).policies()
