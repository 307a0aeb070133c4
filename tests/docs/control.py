"""The control interface in the pages, made from the table of methods: a table for people, and a JSON schema for programs."""

from __future__ import annotations

import json
import re
from typing import Final

import msgspec

from consent.messages import schemas_of
from gateway.control.context import Door
from gateway.control.methods import METHODS, Method
from tests.support.checkout import ROOT

PAGE: Final = "docs/commands.md"
SCHEMA: Final = "docs/control-schema.json"
_DOORS: Final = {Door.SHELL: "operator", Door.CITIZEN: "citizens", Door.PUBLIC: "anyone"}
_TABLE: Final = re.compile(r"(?<=<!-- methods -->\n).*?(?=<!-- end of methods -->)", re.DOTALL)


def page() -> str:
    """Return the page of commands with the table as the source has it."""
    return _TABLE.sub(lambda _: _table(), (ROOT / PAGE).read_text())


def _table() -> str:
    rows = [f"| `{name}` | {_parameters(method)} | {_doors(method)} | {method.summary} |" for name, method in METHODS.items()]
    return "\n".join(["| method | parameters | doors | does |", "|---|---|---|---|", *rows, ""])


def _parameters(method: Method) -> str:
    fields = msgspec.structs.fields(method.params)
    return ", ".join(f"`{field.name}`" if field.required else f"[`{field.name}`]" for field in fields) or "none"


def _doors(method: Method) -> str:
    return ", ".join(name for door, name in _DOORS.items() if door in method.doors)


def schema() -> str:
    """Return the JSON schema of every method's parameters and answer."""
    kinds = [kind for method in METHODS.values() for kind in (method.params, method.answer)]
    roots, components = schemas_of(kinds)
    pairs = iter(roots)
    methods = {
        name: {"description": method.summary, "doors": _doors(method).split(", "), "params": next(pairs), "result": next(pairs)}
        for name, method in METHODS.items()
    }
    return json.dumps({"methods": methods, "$defs": components}, indent=1, ensure_ascii=False) + "\n"
