"""Policy files that are wrong in every way that files get wrong: one clear line each, and never another exception."""

from __future__ import annotations

import datetime as dt
import json
import re
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.cases.cases import try_case
from consent.core.cases.parse import read_cases
from consent.core.policies.parse import parse_policies
from consent.errors import PolicyError
from tests.support.checkout import ROOT
from tests.support.consent_samples import CITY, METER, OLD, policies, small_city

OF_DEVICES = re.compile(rb"(?<=^devices = )\[.*\]$|^\[sign\..+\]\n(?:[a-z]+ = .*\n)+", re.MULTILINE)
SHIPPED = OF_DEVICES.sub(
    lambda found: b"" if found[0].startswith(b"[sign.") else b"[]", (ROOT / "policies" / "city.toml").read_bytes()
)
"""The shipped city without device profiles, and so without signs at its sensors (those: `tables/test_signs.py`)."""
LONGEST_LINE = 1500
CASES = """
[case.one]
says = "An example"
device = "meter"
zone = "chapel"
flow = "hourly"
at = 2026-05-04T12:00:00Z
residents = [{ scope = "purpose:energy", limits = { time = "4h", precision = { consumption = 1 } }, given = "-2d", \
expiry = 2028-01-01, told = { recipient = "office", statistic = { consumption = "sum" }, ask = { time = "15min" } } }, {}]
disclosure = { time = "4h", precision = { consumption = 1 } }
exact = false
bounds = { time = ["consent:0"], precision = { consumption = ["ask"] } }
"""


def verdict(files: dict[str, bytes]) -> str:
    """Return the line that refuses a set; empty where it is valid."""
    try:
        parse_policies(files)
    except PolicyError as error:
        return clear_line(error)
    return ""


def clear_line(error: PolicyError) -> str:
    """Return the one line of an error, after checking that it is one, and names the file first."""
    line = str(error)
    assert line.isprintable()
    assert len(line) <= LONGEST_LINE
    assert line == (f"`{error.file}`: `{error.key}`: {error.message}" if error.key else f"`{error.file}`: {error.message}")
    return line


def city_verdict(data: bytes) -> str:
    """Return the line that refuses these bytes as `city.toml`."""
    return verdict(small_city(files={"city.toml": data})).removeprefix("`city.toml`: ")


def changed(old: str, new: str) -> str:
    """Return the line that refuses the small city with a piece replaced."""
    return verdict(small_city((old, new))).removeprefix("`city.toml`: ")


# half-written


@pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_city_cut_short_at_any_byte_is_refused_in_one_line_or_says_less(stride: int) -> None:
    """A copy that was broken off: where what is left is valid, every flow in it is whole, and the ceiling is there."""
    neighbours = {"neighbourhoods/old-town.toml": _titled(OLD), "neighbourhoods/convent.toml": _titled(OLD)}
    whole = parse_policies({"city.toml": SHIPPED, **neighbours})
    for end in range(0, len(SHIPPED), stride):
        files = {"city.toml": SHIPPED[:end], **neighbours}
        line = verdict(files)
        assert line.startswith("`city.toml`: ") or not line
        if not line:
            part = parse_policies(files)
            assert part.ceiling == whole.ceiling
            assert part.flows.items() <= whole.flows.items()


@pytest.mark.parametrize(("path", "text"), [("neighbourhoods/old.toml", OLD), ("devices/meter.toml", METER)])
def test_smaller_file_cut_short_at_any_byte_is_never_a_crash(path: str, text: str) -> None:
    """The line names the file that is broken, or the city that misses what it says."""
    for end in range(len(text)):
        line = verdict(small_city(files={path: text.encode()[:end]}))
        assert not line or line.startswith(f"`{path}`: ")


def test_cases_cut_short_at_any_byte_are_never_a_crash() -> None:
    """A file of cases is read as warily as a policy."""
    city = policies()
    assert [try_case(city, case).got for case in read_cases("x", CASES.encode(), city)] == ["`no-consent`"]
    for end in range(len(CASES)):
        line = judged("x.cases.toml", CASES.encode()[:end])
        assert not line or line.startswith("`x.cases.toml`: ")


def _titled(text: str) -> bytes:
    return text.replace('{ en = "Old town", pt = "Cidade velha" }', '{ en = "a", es = "b", pt = "c" }').encode()


# wrongly encoded


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (("# España\n" + CITY).encode("latin-1"), "is not utf-8 at byte 6, in line 1"),
        (("\n\n# “so”\n" + CITY).encode("cp1252"), "is not utf-8 at byte 4, in line 3"),
        (CITY.encode("utf-8-sig"), "begins with a byte order mark: save it as utf-8 without one"),
        (CITY.encode("utf-16"), "is not utf-8, but looks like utf-16: save it as utf-8"),
        (CITY.encode("utf-16-be"), "is not utf-8, but looks like utf-16: save it as utf-8"),
        (CITY.encode("utf-16-le"), "is not utf-8, but looks like utf-16: save it as utf-8"),
        (CITY.encode("utf-32"), "is not utf-8, but looks like utf-16: save it as utf-8"),
        (b"# \xed\xa0\x80\n" + CITY.encode(), "is not utf-8 at byte 2, in line 1"),
        (CITY.encode() + b"\n\0", "is not toml: invalid statement"),
        (bytes(range(256)), "is not utf-8, but looks like utf-16"),
        (b"", "`city`: is missing"),
    ],
    ids=["latin-1", "cp1252", "bom", "utf-16", "utf-16-be", "utf-16-le", "utf-32", "surrogate", "nul", "binary", "empty"],
)
def test_city_in_another_encoding_is_refused_saying_which(data: bytes, line: str) -> None:
    """An editor's doing; the line tells what to do about it."""
    assert city_verdict(data).startswith(line)


@given(st.binary(max_size=200))
def test_city_followed_by_any_bytes_is_never_a_crash(data: bytes) -> None:
    """Whatever was appended."""
    city_verdict(CITY.encode() + data)


# declared twice


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("[flow.daily]", "[flow.hourly]", "is not toml: `flow.hourly` stands there twice, the second time in line"),
        ("[zone.chapel]", "[zone.mill]", "is not toml: `zone.mill` stands there twice, the second time in line"),
        ("[limits]", "[ceiling]", "is not toml: `ceiling` stands there twice, the second time in line"),
        ("exact_group = 1", "exact_group = 1\nexact_group = 2", "is not toml: cannot overwrite a value (at line"),
        ('languages = ["en", "pt"]', 'languages = ["en", "en"]', "`city.languages`: should name at least one language, and each"),
        ('properties = ["LAeq"]', 'properties = ["LAeq", "LAeq"]', "`flow.noise.properties`: should name at least one property"),
        ("[zone.mill]", "[zone.north]", "`zone.north`: has the name of a larger cell"),
    ],
)
def test_name_declared_twice_is_refused(old: str, new: str, line: str) -> None:
    """The second is never silently the one that counts."""
    assert changed(old, new).startswith(line)


# contradictory


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            'identity = "per-epoch", time = "day"',
            'identity = "per-epoch", time = "exact"',
            "`flow.daily.ask.time`: `exact` is too",
        ),
        (
            'identity = "aggregate", time = "1h"',
            'identity = "aggregate", time = "exact"',
            "`flow.hourly.ask.time`: `exact` has no",
        ),
        ('time = "exact", space = "block"', 'time = "exact", space = "none"', "`flow.raw.ask.space`: `none` asks for nothing"),
        ('time = "exact", space = "block"', 'time = "exact", space = "block", group = 5', "`flow.raw.ask.group`: `5` binds only"),
        ('recipient = "office"', 'recipient = "public"', "`flow.hourly.recipient`: `public` has no key and may only get data of"),
        ("clamp = [0, 100]", "clamp = [100, 0]", "`property.consumption.clamp`: `100` should be below `0`"),
        ("group = 10", "group = 0", "`ceiling.group`: `0` should be from 1 to 1000000"),
    ],
)
def test_policy_that_contradicts_itself_is_refused(old: str, new: str, line: str) -> None:
    """What nobody could mean; what is merely odd, such as a floor above an ask, is a warning."""
    assert changed(old, new).startswith(line)


# circular


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            '[zone.mill]\ndistrict = "north"',
            '[zone.mill]\ndistrict = "mill"',
            "`zone.mill.district`: there is no district `mill`",
        ),
        ("[district.north]", "[district.town]", "`district.town`: has the name of the city, which is the cell that is all of it"),
        ("[zone.mill]", "[zone.town]", "`zone.town`: has the name of a larger cell"),
        ('neighbourhood = "old"', 'neighbourhood = "chapel"', "`zone.chapel.neighbourhood`: there is no neighbourhood `chapel`"),
        ('purpose = "energy"', 'purpose = "hourly"', "`flow.hourly.purpose`: there is no purpose `hourly`"),
    ],
)
def test_policy_that_refers_in_a_circle_is_refused(old: str, new: str, line: str) -> None:
    """Places lie in larger ones, flows have purposes; nothing refers to its own kind, so a circle is an unknown name."""
    assert changed(old, new).startswith(line)


# huge


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"a" + b".a" * 200_000 + b" = 1", "a key has more than 16 parts (line 1)"),
        (b"x = {" + b"a . " * 200_000 + b"a = 1}", "a key has more than 16 parts (line 1)"),
        (b"a = " + b"[" * 400_000, "arrays and tables lie more than 16 deep in each other (line 1)"),
        (b"a = " + b"{ a = " * 100_000, "arrays and tables lie more than 16 deep in each other (line 1)"),
        (b"a = " + b"9" * 1_000_000, "a key, number or date is longer than 128 characters (line 1)"),
        (b"a = 1e" + b"9" * 500_000, "a key, number or date is longer than 128 characters (line 1)"),
        (b"a = 9999-12-32", "is not toml: "),
        (b'"' + b"a" * 500_000 + b'" = 1', "`aaaaaaaa"),
        (b"[" + b"a." * 100_000 + b"a]", "a key has more than 16 parts (line 1)"),
        (b"\n" + b".".join([b'"="'] * 60_000) + b" = 1\n", "a key has more than 16 parts (line 2)"),
        (b"\n" + b".".join([b'"a b"'] * 30_000) + b" = 1\n", "a key has more than 16 parts (line 2)"),
        (b"".join(b"[%x]\n" % number for number in range(100_000)), "there are more than 50000 keys and values (line 50001)"),
    ],
    ids=[
        "dotted",
        "spaced",
        "brackets",
        "tables",
        "digits",
        "exponent",
        "date",
        "long-key",
        "long-header",
        "quoted",
        "blanks",
        "headers",
    ],
)
def test_huge_city_is_refused_at_once(data: bytes, line: str) -> None:
    """Neither memory nor time runs out: the parser's own use of both grows with the square of a dotted key."""
    assert city_verdict(data).startswith(line)


def test_text_with_many_full_stops_is_no_deep_key() -> None:
    """What guards the parser leaves prose alone."""
    prose = "A first sentence. " * 80 + "www.a.b.c.d.example ... and so on ........................................"
    assert changed('"To plan"', json.dumps(prose)) == ""


# every key and value


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Go through the paths of all values that are no table."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, (*path, name))
    else:
        yield path


def tables(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Go through the paths of all tables."""
    if isinstance(value, dict):
        yield path
        for name, each in value.items():
            yield from tables(each, (*path, name))


def written(value: Any) -> str:
    """Write parsed TOML again, tables inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(name)} = {written(each)}" for name, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, dt.date) else str(value).replace("Infinity", "inf").replace("NaN", "nan")


def with_value(text: str, path: tuple[Any, ...], value: Any) -> bytes:
    """Return a file with another value at a path."""
    parsed = tomllib.loads(text, parse_float=Decimal)
    place = parsed
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return "".join(f"{json.dumps(name)} = {written(each)}\n" for name, each in parsed.items()).encode()


FILES = {"city.toml": CITY, "neighbourhoods/old.toml": OLD, "devices/meter.toml": METER}
NASTY = [
    *(0, -1, True, 10**30, 10**4000, Decimal("0.3"), Decimal("nan"), Decimal("inf"), Decimal("1e999999")),
    *("", " ", "ñ", "a\nb", "\x00", "\x7f\u202e", "`", "`a` and `b", "x" * 3000, "none", "../..", "a.b"),
    *([], [[]], ["x", "x"], [0], {}, {"a": 1}, {"a\nb": {}}, dt.date(2026, 1, 1)),
]


def judged(path: str, data: bytes) -> str:
    """Return the line that refuses a file beside the small city's other files, or as a file of cases."""
    if not path.endswith(".cases.toml"):
        return verdict(small_city(files={path: data}))
    try:
        read_cases(path, data, policies())
    except PolicyError as error:
        return clear_line(error)
    return ""


@pytest.mark.parametrize(("path", "text"), [*FILES.items(), ("town.cases.toml", CASES)])
def test_unknown_key_at_every_level_is_named(path: str, text: str) -> None:
    """In each table of each kind of file: a misspelt key is never overlooked."""
    for table in tables(tomllib.loads(text, parse_float=Decimal)):
        line = judged(path, with_value(text, (*table, "zzz"), 1))
        assert line.startswith(f"`{path}`: `{'.'.join((*table, 'zzz'))}`: "), line


@pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("path", "text"), [*FILES.items(), ("town.cases.toml", CASES)])
def test_odd_value_at_every_key_is_refused_in_one_line_or_valid(path: str, text: str, stride: int) -> None:
    """Whatever stands where something else should: the line names the file, and quotes no more than a line holds."""
    places = list(leaves(tomllib.loads(text, parse_float=Decimal)))
    assert len(places) > 2
    for number, place in enumerate(places):
        for value in NASTY[number % stride :: stride]:
            line = judged(path, with_value(text, place, value))
            assert not line or line.split("`")[1] in (*FILES, path)
