"""What does not fit is told by key and in TOML's words, whatever stands where: never in those of the library that found it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct, ValidationError, convert

from consent.core.policies.parse import parse_policies
from consent.core.toml.misfit import misfit
from consent.errors import PolicyError
from consent.policy_files import read_policy_files
from tests.support.checkout import ROOT

FOREIGN = re.compile(
    r"\b(?:[Ee]xpected|[Oo]bject|[Aa]rray|null|int|str|float|bool|dict|field|JSON|msgspec|Invalid)\b|`\$|\[\.\.\.\]"
)
"""Words that say that a message is another's."""

WRONG: tuple[Any, ...] = (
    "x",
    "",
    7,
    -1,
    10**30,
    Decimal("1.5"),
    Decimal("nan"),
    True,
    [],
    [1, "x"],
    {},
    {"x": 1},
    date(2026, 5, 1),
    datetime(2026, 5, 1),  # noqa: DTZ001  TOML has those without an offset too
    time(1, 2),
)


class Colour(StrEnum):
    """A choice."""

    RED = "red"


class Inner(Struct, frozen=True, forbid_unknown_fields=True):
    """A table."""

    port: Annotated[int, Meta(ge=1, le=9)] = 1
    rate: Annotated[float, Meta(ge=0)] | None = None
    name: Annotated[str, Meta(pattern="^[a-z]+$", description="lower-case letters")] = "a"
    colour: Colour = Colour.RED


class Outer(Struct, frozen=True, forbid_unknown_fields=True):
    """A file."""

    gateway: str
    inner: Inner = Inner()
    named: dict[str, Inner] = {}
    filters: Annotated[tuple[str, ...], Meta(min_length=1)] = ("t",)
    amount: int | Decimal = 1
    since: date | None = None


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({}, ("gateway", "is missing")),
        ({"gatway": "x"}, ("gatway", "is not a known key; did you mean `gateway`?")),
        ({"zzz": "x"}, ("zzz", "is not a known key")),
        ({"gateway": 7}, ("gateway", "should be text, not a whole number")),
        ({"gateway": "x", "inner": {"prot": 1}}, ("inner.prot", "is not a known key; did you mean `port`?")),
        ({"gateway": "x", "named": {"city": {"port": 0}}}, ("named.city.port", "`0` should be a whole number from 1 to 9")),
        ({"gateway": "x", "named": {"city": 3}}, ("named.city", "should be a table, not a whole number")),
        ({"gateway": "x", "inner": {"rate": Decimal(-1)}}, ("inner.rate", "`-1` should be 0 or more")),
        ({"gateway": "x", "inner": {"rate": Decimal("nan")}}, ("inner.rate", "`NaN` should be 0 or more")),
        ({"gateway": "x", "inner": {"rate": "fast"}}, ("inner.rate", "should be a number, not text")),
        ({"gateway": "x", "inner": {"name": "A"}}, ("inner.name", "`A` should be lower-case letters")),
        ({"gateway": "x", "inner": {"colour": "blue"}}, ("inner.colour", "`blue` is none of red")),
        ({"gateway": "x", "inner": {"port": True}}, ("inner.port", "should be a whole number, not true or false")),
        ({"gateway": "x", "filters": []}, ("filters", "should be a list of 1 or more")),
        ({"gateway": "x", "filters": ["a", 1]}, ("filters[1]", "should be text, not a whole number")),
        ({"gateway": "x", "amount": "much"}, ("amount", "should be a number, not text")),
        ({"gateway": "x", "since": datetime(2026, 5, 1)}, ("since", "should be a date, not a date and time")),  # noqa: DTZ001  TOML has such
    ],
)
def test_misfit_is_told_by_key_and_in_tomls_words(table: dict[str, Any], told: tuple[str, str]) -> None:
    """The key in full, through tables that the operator has named, and what should stand there."""
    assert misfit(table, Outer) == told


_VALUES = st.recursive(
    st.sampled_from(WRONG), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner)
)
_KEYS = st.sampled_from(["gateway", "inner", "named", "filters", "amount", "since", "port", "rate", "name", "odd"])
_TABLES = st.dictionaries(_KEYS, _VALUES | st.dictionaries(_KEYS, _VALUES, max_size=3), max_size=4)


@given(_TABLES)
def test_what_is_refused_is_told_and_what_is_told_is_refused(table: dict[str, Any]) -> None:
    """The two readings of a type agree."""
    try:
        convert(table, Outer, builtin_types=(Decimal, date, datetime, time))
        refused = False
    except ValidationError:
        refused = True
    found = misfit(table, Outer)
    assert (found is not None) == refused
    assert found is None or not FOREIGN.search(found[1])


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield where in parsed TOML something stands."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from leaves(inner, (*path, key))


def replaced(tables: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """Return tables with one value replaced, or with a key renamed where the value is None."""
    head, *rest = path
    copy: Any = dict(tables) if isinstance(tables, dict) else list(tables)
    if rest:
        copy[head] = replaced(copy[head], tuple(rest), value)
    elif value is None and isinstance(copy, dict):
        copy[f"{head}x"] = copy.pop(head)
    else:
        copy[head] = value
    return copy


@pytest.mark.parametrize("file", ["city.toml", "devices/meter.toml", "devices/secure-meter.toml"])
def test_whatever_stands_anywhere_in_a_policy_file_is_told_in_our_words(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each value of a shipped file in turn is replaced by others, and each key by one that nobody knows."""
    files = read_policy_files(ROOT / "policies")
    shipped = tomllib.loads(files[file].decode(), parse_float=Decimal)
    read, told = tomllib.loads, 0
    for number, path in enumerate(leaves(shipped)):
        for wrong in (None, *islice((WRONG * 2)[number % len(WRONG) :], 2)):
            spoiled = replaced(shipped, path, wrong)
            text = files[file].decode()
            monkeypatch.setattr(
                tomllib,
                "loads",
                lambda t, **o: spoiled if t == text else read(t, **o),  # noqa: B023  used at once
            )
            line = refusal(files)
            told += bool(line)
            assert not FOREIGN.search(re.sub("`[^`]*`", "", line)), line
            assert "\n" not in line
    assert told > 30


def refusal(files: dict[str, bytes]) -> str:
    """Return why policies are refused; empty where they are not."""
    try:
        parse_policies(files)
    except PolicyError as error:
        return str(error)
    return ""
