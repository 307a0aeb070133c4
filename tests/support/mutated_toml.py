"""Valid TOML files changed as people change them, and worse: values of another kind, keys gone, renamed or added, a cut text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

Step = str | int

ODD_TEXTS = (
    *("", " ", '"', "\\", 'a"b', "a\\b", "a.b", "messages.0.value", "a[0]", "a..b", "$.a", "/a/b", "*", "'", "`", "\0", "\n"),
    *(
        "\x1b[31m",
        "\u202e",
        "\ufeff",
        "é",
        "kWh",
        "banana",
        "[degF]",
        "Cel",
        "[pH]",
        "10*-3",
        "dB",
        "{person}",
        "((",
        "m/s/",
        "1/",
    ),
    *(
        "none",
        "new",
        "city",
        "t/#",
        "+",
        "../x",
        "/",
        ".",
        "Europe/Madird",
        "Europe",
        "x" * 5000,
        "a" * 64,
        "-",
        "1e5",
        "10*9999999",
    ),
)
ODD_VALUES: tuple[Any, ...] = (
    *(0, -1, 1, 2**31, 2**63 - 1, 10**400, Decimal("0.1"), Decimal("-0.0"), Decimal("1e400"), Decimal("nan"), Decimal("inf")),
    *(True, False, [], [[]], {}, [{}], [1, "a"], {"": 1}, {"a": {"b": {}}}),
    *(datetime(2026, 3, 20, 23), date(2026, 3, 20), time(1, 2)),  # noqa: DTZ001  a local time is what is odd
)


def written(tables: Any) -> str:
    """Return tables as TOML."""
    return "".join(f"{_key(key)} = {_value(value)}\n" for key, value in tables.items())


def mutants(tables: dict[str, Any]) -> st.SearchStrategy[str]:
    """Return files that differ from a valid one in one to three places."""
    return st.builds(_changed, st.just(tables), st.lists(_changes(), min_size=1, max_size=3)) | st.builds(
        _cut, st.just(written(tables)), st.floats(0, 1), st.integers(0, 40), st.text(max_size=6)
    )


def _changes() -> st.SearchStrategy[tuple[int, str, Any]]:
    """Return (which place, what is done there, with what)."""
    odd = st.sampled_from(ODD_TEXTS) | st.sampled_from(ODD_VALUES) | st.text(max_size=12) | st.floats().map(_decimal)
    deeds = st.sampled_from(["set", "set", "splice", "splice", "drop", "rename", "add", "wrap", "twice"])
    return st.tuples(st.integers(0, 1_000_000), deeds, odd)


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))


def _changed(tables: dict[str, Any], changes: list[tuple[int, str, Any]]) -> str:
    changed = deepcopy(tables)
    for number, what, value in changes:
        places = list(_places(changed, ()))
        if places:
            _change(changed, places[number % len(places)], what, deepcopy(value))  # else one may come to stand in itself
    return written(changed)


def _change(tables: Any, place: tuple[Step, ...], what: str, value: Any) -> None:
    holder: Any = tables
    for step in place[:-1]:
        holder = holder[step]
    last = place[-1]
    if what == "drop":
        del holder[last]
    elif what == "splice" and isinstance(holder[last], str):
        sign = value if isinstance(value, str) else '"'
        holder[last] = holder[last][:1] + sign + holder[last][1:]
    elif what == "wrap":
        holder[last] = [holder[last]]
    elif what == "twice" and isinstance(holder, list) and isinstance(last, int):
        holder.append(deepcopy(holder[last]))
    elif what in ("rename", "add") and isinstance(holder, dict):
        moved = holder.pop(last) if what == "rename" else value
        holder[value if isinstance(value, str) else "other"] = moved
    else:
        holder[last] = value


def _places(value: Any, at: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    """Yield where each value inside tables and arrays stands."""
    steps: Iterator[tuple[Step, Any]] = iter(())
    if isinstance(value, dict):
        steps = iter(value.items())
    elif isinstance(value, list):
        steps = iter(enumerate(value))
    for step, inner in steps:
        yield (*at, step)
        yield from _places(inner, (*at, step))


def _cut(text: str, where: float, length: int, spliced: str) -> str:
    at = int(where * len(text))
    return text[:at] + spliced + text[at + length :]


def _key(key: str) -> str:
    return _text(key)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=True).replace("\x7f", "\\u007f") if not _astral(text) else _long(text)


def _astral(text: str) -> bool:
    return any(ord(sign) > 0xFFFF for sign in text)


def _long(text: str) -> str:
    """Return a text with each character beyond 16 bits as TOML writes it, and not as JSON does."""
    return '"' + "".join(f"\\U{ord(sign):08x}" for sign in text) + '"'


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_value(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return _number(value)
    return str(value)


def _number(value: Decimal) -> str:
    """Return a number with a point or exponent, which is what makes it no integer."""
    if value.is_nan():
        return "nan"
    if value.is_infinite():
        return "inf" if value > 0 else "-inf"
    shown = str(value)
    return shown if any(sign in shown for sign in ".eE") else f"{shown}.0"
