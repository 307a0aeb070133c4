"""Makes `docs/configuration.md` from the structs of the two configurations, which are the manual: values, default, meaning."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import msgspec
from msgspec import inspect as types
from msgspec.structs import FieldInfo, fields

from consent.portal.config import PortalConfig
from gateway import config
from tests.docs.pages import MADE

_UNITS = {"_ms": "milliseconds", "_s": "seconds"}
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)

_HEAD = f"""\
# Configuration

{MADE.format(source="gateway/config.py and consent/portal/config.py")}

One TOML file tells the gateway where things lie, which brokers to use and how often to do what. Every command that needs it
takes `--config FILE`; where that is not given, the file is the one that `SLUICE_CONFIG` in the environment names, and else
`/etc/sluice/gateway.toml`. What may leave is no matter of configuration: that stands in the [policies](../policies/README.md)
and in what citizens say.

A key that is unknown, of the wrong type or out of bounds is an error that names file and key; nothing starts then. `sluice check`
tries a file out, looks at the folders, files and ports that it names, and changes nothing.

A path is relative to the folder of the file, unless its row says otherwise; an absolute path stands for itself. Keys in **bold**
have no default.

The least that works:

```toml gateway.toml
gateway = "ribera-1"

[broker]
filters = ["homes/#", "streets/#"]

[sink.city]
host = "broker.ribera.example"
```

A whole file with comments, as an operator would have it: [`deploy/gateway.toml`](../deploy/gateway.toml).
"""

_PORTAL = """\
## The portal

`sluice portal` has a file of its own, by default `/etc/sluice/portal.toml`, since its user cannot read the gateway's. The same
rules hold for it. How to run the portal: [portal.md](portal.md). A whole file with comments:
[`deploy/portal.toml`](../deploy/portal.toml).
"""

_TABLE = "| key | values | default | meaning |\n|---|---|---|---|\n"


def page() -> str:
    """Return the page."""
    gateway = [_HEAD, f"## At the top\n\n{_summary(config.Config)}\n", *_sections(config.Config, "")]
    return "\n".join([*gateway, _PORTAL, *_sections(PortalConfig, "")])


def _sections(struct: type[msgspec.Struct], path: str) -> Iterator[str]:
    """Go through a table of the file, then through the tables in it."""
    rows: list[str] = []
    below: list[tuple[type[msgspec.Struct], str, str]] = []
    meanings = _meanings(struct)
    if (tag := struct.__struct_config__.tag) is not None:
        rows.append(f'| `kind` | `"{tag}"` | `"{tag}"` | {_summary(struct)} |')
    for field in fields(struct):
        table, is_named = _table_of(field)
        if table is None:
            rows.append(_row(field, meanings[field.name]))
        else:
            name = f"{path}{field.name}.NAME" if is_named else f"{path}{field.name}"
            below.append((table, name, meanings[field.name] if is_named else _summary(table)))
    yield _TABLE + "\n".join([*rows, ""])
    for table, name, summary in below:
        yield f"## `[{name}]`\n\n{summary}\n"
        yield from _sections(table, f"{name}.")


def _table_of(field: FieldInfo) -> tuple[type[msgspec.Struct] | None, bool]:
    """Return the struct of a field that is a table, and whether the table has a name of the operator's choosing."""
    kind = types.type_info(field.type)
    if isinstance(kind, types.DictType):
        assert isinstance(kind.value_type, types.StructType)
        return kind.value_type.cls, True
    return (kind.cls, False) if isinstance(kind, types.StructType) else (None, False)


def _row(field: FieldInfo, meaning: str) -> str:
    required = field.default is msgspec.NODEFAULT
    name = f"**`{field.name}`**" if required else f"`{field.name}`"
    default = "" if required or field.default in (None, "") else f"`{_toml(field.default)}`"
    return f"| {name} | {_values(field)} | {default} | {meaning} |"


def _values(field: FieldInfo) -> str:
    if field.name.endswith(("_file", "_folder")) or field.name == "door":
        return "path"
    unit = next((f" {unit}" for ending, unit in _UNITS.items() if field.name.endswith(ending)), "")
    return _in_words(types.type_info(field.type)) + unit


def _in_words(kind: types.Type) -> str:
    match kind:
        case types.Metadata(extra_json_schema={"description": words}):
            return str(words)
        case types.Metadata(type=inner):
            return _in_words(inner)
        case types.UnionType(types=(*some,)):
            (only,) = [each for each in some if not isinstance(each, types.NoneType)]
            return _in_words(only)
        case types.BoolType():
            return "`true`, `false`"
        case types.IntType() | types.FloatType():
            noun = "whole number" if isinstance(kind, types.IntType) else "number"
            return noun + _bounds(kind.ge, kind.le)
        case types.StrType():
            return "text" if kind.pattern is None else "text that matches `" + kind.pattern.replace("|", "\\|") + "`"
        case types.VarTupleType():
            return f"list of {_in_words(kind.item_type)}" + (f", at least {kind.min_length}" if kind.min_length else "")
    raise TypeError(f"no words for {kind}")


def _bounds(least: float | None, most: float | None) -> str:
    if least is None:
        return ""
    return f", {least:,} or more" if most is None else f", {least:,} to {most:,}"


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else f"{value}"


def _summary(struct: type[msgspec.Struct]) -> str:
    """Return the first paragraph of a struct's docstring."""
    return (inspect.getdoc(struct) or "").partition("\n\n")[0].replace("\n", " ")


def _meanings(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return what the docstrings of a struct and of those that it is made from say of each field."""
    found: dict[str, str] = {}
    for each in reversed(struct.__mro__):
        found |= {name: re.sub(r"\s+", " ", text) for name, text in _ATTRIBUTE.findall(inspect.getdoc(each) or "")}
    return found
