"""Builds small cities for tests: each states what it is about, and the rest is as in a town where nothing is remarkable.

    city().ceiling(space="block").flow("hourly", "consumption", purpose="energy", recipient="office", identity="aggregate", …)

What is built is text, as a policies folder holds it, so that a test can spoil it, and that parsing is part of every test.
"""

from __future__ import annotations

from random import Random
from typing import Any, Self

from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet

Table = dict[str, Any]
Words = str | tuple[str, ...]
"""A text in the city's first language, or in each of them."""

LADDERS: dict[str, tuple[str, list[float]]] = {
    "consumption": ("kW.h", [0.001, 0.01, 0.1, 1]),
    "totalConsumption": ("kW.h", [0.001, 0.01, 0.1, 1]),
    "LAeq": ("dB", [0.1, 0.5, 1, 5]),
    "temperature": ("Cel", [0.1, 1]),
    "peopleCount": ("1", [1]),
    "pm25": ("ug/m3", [0.1]),
    "humidity": ("%", [0.1, 1]),
    "energy": ("kW.h", [0.001, 0.01]),
    "water": ("m3", [0.001, 0.01]),
    "waterVolume": ("m3", [0.001, 0.01]),
    "relativeHumidity": ("%", [0.1, 1]),
    "occupancy": ("1", [1]),
    "pressure": ("hPa", [0.1, 1]),
}
"""Unit and ladder of each property, unless a test says otherwise."""

_HEAD = {
    "id": "town",
    "name": "Town",
    "address": "Square 1",
    "contact": "https://town.example",
    "data_protection_officer": "dpo@town.example",
    "jurisdiction": "PT",
    "storage_place": "Town hall",
    "languages": ["en"],
    "timezone": "UTC",
}
_CELLS = ("15min", "1h", "4h", "day")
_DPV = {"consent": "ImprovePublicServices", "public-task": "PublicPolicyMaking"}
_SECTIONS = ("district", "zone", "property", "quantity", "purpose", "recipient", "flow", "fields")
_TOLD_TOGETHER = {"consumption": "electricity", "totalConsumption": "electricity"}
"""The quantity of a property, where it is not called as the property is."""


class City:
    """A policies folder in the making; every method adds to it, and returns the same city."""

    def __init__(self, **head: Any) -> None:
        self._tables: Table = {"city": _HEAD | head, "ceiling": {}, "limits": {"exact_group": 1}}
        self._files: dict[str, Table] = {}
        self._is_former = False

    def former(self) -> Self:
        """Write it as before quantities: figures over subjects say nothing of noise, and a budget is an ε."""
        self._is_former = True
        self._tables["limits"] = {"share": 1.0, "p": 0}
        return self

    def ceiling(self, **axes: Any) -> Self:
        """Bound what any flow may have."""
        self._tables["ceiling"] |= axes
        return self

    def limits(self, **limits: Any) -> Self:
        """Set the limits of figures over subjects, which otherwise bind nothing."""
        self._tables["limits"] |= limits
        return self

    def district(self, name: str, title: Words = "") -> Self:
        """Add a district."""
        return self._add("district", name, self._titled(name, title))

    def zone(self, name: str, district: str, neighbourhood: str = "", title: Words = "") -> Self:
        """Add a zone to a district, and to a neighbourhood if it is in one."""
        place = {"district": district} | ({"neighbourhood": neighbourhood} if neighbourhood else {})
        return self._add("zone", name, (self._titled(name, title) if title else {}) | place)

    def measures(self, name: str, *clamp: float, ladder: list[float] | None = None, title: Words = "") -> Self:
        """Add an observed property, clamped between two values if they are given."""
        unit, usual = LADDERS[name]
        table = (self._titled(name, title) if title else {}) | {"unit": unit, "ladder": ladder or usual}
        return self._add("property", name, table | ({"clamp": list(clamp)} if clamp else {}))

    def quantity(
        self, name: str, *properties: str, cell: str = "1h", clip: float = 1000, presence: float = 1, title: Words = ""
    ) -> Self:
        """Add a quantity; properties of figures over subjects that stand in none get one of their own."""
        table = (self._titled(name, title) if title else {}) | {"properties": list(properties), "cell": cell}
        return self._add("quantity", name, table | {"clip": clip, "presence": presence})

    def purpose(self, name: str, title: Words = "", *, dpv: str = "", legal_basis: str = "consent") -> Self:
        """Add a purpose, resting on consent unless said otherwise."""
        return self._add(
            "purpose", name, self._titled(name, title) | {"dpv": dpv or _DPV[legal_basis], "legal_basis": legal_basis}
        )

    def recipient(self, name: str, title: Words = "", *, sealed: bool = True) -> Self:
        """Add a recipient, with a key for what it is sent unless everybody may read it."""
        key = {"public_key_file": f"keys/{name}.pub"} if sealed else {}
        return self._add("recipient", name, self._titled(name, title) | key | {"sink": "city"})

    def flow(
        self,
        name: str,
        *properties: str,
        purpose: str,
        recipient: str,
        statistic: str = "",
        why: Words = "To plan",
        title: Words = "",
        noise: str | None = "",
        publish: str = "",
        period: str = "",
        clip: float | None = None,
        **ask: Any,
    ) -> Self:
        """Add a flow; with a statistic it is of figures, else of single readings.

        Figures over subjects that are asked without a budget are exact; where `noise` is None the flow says nothing of it.
        """
        table = (self._titled(name, title) if title else {}) | {"why": self._words(why), "properties": list(properties)}
        table |= {"statistic": dict.fromkeys(properties, statistic)} if statistic else {}
        table |= {"purpose": purpose, "recipient": recipient, "ask": ask}
        said = {"noise": noise, "publish": publish, "period": period, "clip": clip}
        table |= {key: value for key, value in said.items() if value}
        if noise == "" and "budget" not in ask and ask["identity"] == "aggregate" and self._by_consent(purpose):
            table["noise"] = "none"
        return self._add("flow", name, table)

    def neighbourhood(self, name: str, title: Words = "", **ceiling: Any) -> Self:
        """Add a community with its own ceiling."""
        self._files[f"neighbourhoods/{name}.toml"] = self._titled(name, title) | {"ceiling": ceiling}
        return self

    def device(
        self,
        name: str,
        fields: dict[str, str],
        times: str = "unix-s",
        *,
        codec: str = "json",
        title: Words = "",
        numbered: bool = False,
        **tables: Table,
    ) -> Self:
        """Add a device profile: observed property → path; with `t` in that format, and a sequence if its messages are numbered.

        Further tables of its file, such as `cap`, are named.
        """
        file = self._titled(name, title) | {"codec": codec}
        file["fields"] = {field: {"path": path, "unit": LADDERS[field][0]} for field, path in fields.items()}
        file |= {"time": {"path": "t", "format": times}} if times else {}
        file |= {"sequence": {"path": "seq", "boot": "boot"}} if numbered else {}
        self._files[f"devices/{name}.toml"] = file | {key: file.get(key, {}) | table for key, table in tables.items()}
        return self

    def text(self) -> str:
        """Return `city.toml`, with a quantity for each property of figures over subjects that stands in none."""
        flows = self._tables.get("flow", {})
        tables = {name: table for name, table in self._tables.items() if name not in ("quantity", "flow")}
        if self._is_former:
            flows = {name: {key: value for key, value in flow.items() if key != "noise"} for name, flow in flows.items()}
        else:
            tables["quantity"] = self._quantities()
            if any("budget" in flow["ask"] for flow in flows.values()):
                tables["limits"] = {"mu_day": 100} | tables["limits"]
        tables["flow"] = flows  # last, since tests cut flows off
        return toml(tables)

    def files(self) -> dict[str, str]:
        """Return the whole folder."""
        return {"city.toml": self.text(), **self.other_files()}

    def other_files(self) -> dict[str, str]:
        """Return the folder without `city.toml`."""
        return {name: toml(tables) for name, tables in self._files.items()}

    def policies(self) -> PolicySet:
        """Return what the folder says."""
        return parse_policies({name: text.encode() for name, text in self.files().items()})

    def _by_consent(self, purpose: str) -> bool:
        return bool(self._tables["purpose"][purpose]["legal_basis"] == "consent")

    def _quantities(self) -> dict[str, Table]:
        """Return the quantities, also those that no test states: their cells are as long as the shortest window asked for."""
        quantities: dict[str, Table] = dict(self._tables.get("quantity", {}))
        told = {name for table in quantities.values() for name in table["properties"]}
        for flow in self._tables.get("flow", {}).values():
            if flow["ask"]["identity"] != "aggregate" or not self._by_consent(flow["purpose"]):
                continue
            for name in flow["properties"]:
                if name not in told:
                    quantity = _TOLD_TOGETHER.get(name, name.lower())
                    table = quantities.setdefault(quantity, {"properties": [], "cell": "day", "clip": 1000, "presence": 1})
                    table["properties"] = [*dict.fromkeys([*table["properties"], name])]
                    table["cell"] = min(table["cell"], flow["ask"]["time"], key=_CELLS.index)
        return quantities

    def _add(self, section: str, name: str, table: Table) -> Self:
        self._tables.setdefault(section, {})[name] = table
        return self

    def _titled(self, name: str, title: Words) -> Table:
        return {"title": self._words(title or name.capitalize())}

    def _words(self, words: Words) -> Table:
        languages = self._tables["city"]["languages"]
        return dict(zip(languages, [words] * len(languages) if isinstance(words, str) else words, strict=True))


def city(**head: Any) -> City:
    """Begin a city; its name, languages and so on may be given."""
    return City(**head)


def toml(tables: Table, order: Random | None = None) -> str:
    """Write tables as TOML: a table of tables under one heading each, any other table under its own; `order` shuffles all."""
    lines, headed = [], []
    for key, value in in_order(tables, order):
        if not isinstance(value, dict):
            lines.append(f"{key} = {_inline(value, order)}")
        elif value and all(isinstance(inner, dict) for inner in value.values()) and key in _SECTIONS:
            headed += [(f"{key}.{name}", inner) for name, inner in in_order(value, order)]
        elif value and key == "title":
            lines.append(f"{key} = {_inline(value, order)}")
        else:
            headed.append((key, value))
    for heading, table in in_order(dict(headed), order):
        lines += [f"\n[{heading}]", *(f"{key} = {_inline(value, order)}" for key, value in in_order(table, order))]
    return "\n".join(lines) + "\n"


def in_order(table: Table, order: Random | None) -> list[tuple[str, Any]]:
    """Return a table's items, shuffled if there is an order."""
    items = list(table.items())
    if order is not None:
        order.shuffle(items)
    return items


def _inline(value: Any, order: Random | None) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_inline(inner, order)}" for key, inner in in_order(value, order)) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(inner, order) for inner in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
