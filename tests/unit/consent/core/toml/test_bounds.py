"""The tokenizer that stands before the TOML parser: what it lets through is within its bounds, whatever the text."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from time import process_time
from tomllib import _parser  # type: ignore[attr-defined]  # what it looks at shows how far it gets
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consent.core.toml import bounds
from consent.core.toml.bounds import DEEPEST, LONGEST_WORD, MOST_BRACKETS, MOST_PARTS, MOST_WORDS, excess
from consent.core.toml.file import TomlFile
from consent.errors import PolicyError
from tests.support.checkout import ROOT

SMALL: dict[str, Any] = {"MOST_PARTS": 3, "DEEPEST": 3, "LONGEST_WORD": 6, "MOST_WORDS": 12, "MOST_BRACKETS": 6}

# Pieces of TOML, right and wrong in any order, so that quotation marks and brackets meet in every way.
PIECES = st.sampled_from(
    [
        *('"', "'", '"""', "'''", "\\", "\\\\", '\\"', "\\\n", "#", "\n", "\r\n", "\r", " ", "\t", "=", " = ", ",", ".", " . "),
        *("[", "]", "[[", "]]", "{", "}", "a", "b-c", "a.b", "a = 1\n", "b = [", "c = {a = ", '""', "''", '""""', "'''''"),
        *(
            "1",
            "-1.5",
            "0x1f",
            "1_0",
            "1e3",
            "inf",
            "true",
            "2026-05-04",
            "12:00:00.5Z",
            "1979-05-27 07:32:00",
            "é",
            "\0",
            "\x85",
        ),
        *(
            '"a"',
            "'b'",
            '"a.b"',
            '"#"',
            "'\"'",
            '"""a"b"""',
            "'''a'b'''",
            "x = '''\n",
            'y = """\n',
            "[t]\n",
            "[[t]]\n",
            "[t.u]\n",
        ),
    ]
)
SOUP = st.one_of(st.lists(PIECES, max_size=40).map("".join), st.text(max_size=60))


@dataclass
class Seen:
    """What a parser got to see of a text, before it ended or failed."""

    parts: int = 0
    depth: int = 0
    longest: int = 0
    words: int = 0
    brackets: int = 0


@contextmanager
def watched() -> Iterator[Seen]:
    """Watch `tomllib` at work."""
    seen, depth = Seen(), 0
    parse_key, parse_value = _parser.parse_key, _parser.parse_value

    def key(src: str, pos: int) -> Any:
        end, found = parse_key(src, pos)
        seen.parts = max(seen.parts, len(found))
        seen.words += len(found)
        return end, found

    def value(src: str, pos: int, parse_float: Any) -> Any:
        nonlocal depth
        opens = src[pos : pos + 1] in ("[", "{")
        depth += opens
        seen.brackets += opens
        seen.depth = max(seen.depth, depth)
        end, found = parse_value(src, pos, parse_float)
        depth -= opens
        if not opens:
            seen.words += 1
            if not isinstance(found, str):
                seen.longest = max(seen.longest, *(len(word) for word in src[pos:end].replace(".", " ").split()))
        return end, found

    with patch.object(_parser, "parse_key", key), patch.object(_parser, "parse_value", value):
        yield seen


@settings(max_examples=400)
@given(SOUP)
@example('a = """x""""\nb.b.b.b = 1')
@example('"""".b.b.b.b = 1')
@example("a = ''''''\nb = [[[[")
@example('a = "\\\\" # "\nb.b.b.b = 1')
@example("a = [[], [[], [[], [[], 1]]]]")
@example("a.b.c = 1\nd.e.f = 1\ng.h.i = 1\nj.k.l = 1")
def test_parser_sees_nothing_that_exceeds_what_was_let_through(text: str) -> None:
    """Also where it fails half-way: it never gets past a place at which the tokenizer has lost its way."""
    with patch.multiple(bounds, **SMALL), watched() as seen:
        if excess(text) is not None:
            return
        with suppress(ValueError, ArithmeticError):
            tomllib.loads(text, parse_float=Decimal)
    assert seen.parts <= SMALL["MOST_PARTS"]
    assert seen.depth <= SMALL["DEEPEST"]
    assert seen.longest <= SMALL["LONGEST_WORD"]
    assert seen.words <= SMALL["MOST_WORDS"]
    assert seen.brackets <= SMALL["MOST_BRACKETS"]


NAMES = st.sampled_from(["a", "b-c", '"d e"', "'f'", '"g.h = [1]"', "'#'", '"\\""'])
SCALARS = st.sampled_from(
    [
        "1",
        "-0.5",
        "1e9",
        "true",
        '"a.b.c.d.e"',
        "'[[[['",
        '"""\n"" # \\" [\n"""',
        "'''''''",
        '"\\""',
        '"\\\\"',
        '"""\\""""""',
        "1979-05-27 07:32:00.25Z",
        '"""""a"""""',
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)} # ]]\n]"),
        st.dictionaries(NAMES, inner, max_size=3).map(lambda items: f"{{{', '.join(f'{k} = {v}' for k, v in items.items())}}}"),
    ),
    max_leaves=12,
)


@given(st.lists(st.tuples(NAMES, NAMES, VALUES), max_size=8, unique_by=lambda row: (row[0], row[1])))
def test_text_below_the_bounds_is_let_through(rows: list[tuple[str, str, str]]) -> None:
    """Strings, comments and line ends of every kind hide what only looks like keys and brackets."""
    text = "".join(f"[t{number}]\n{key} . {other} = {value}\n" for number, (key, other, value) in enumerate(rows))
    tomllib.loads(text, parse_float=Decimal)
    assert excess(text) is None


@given(VALUES)
def test_what_follows_a_value_is_counted(value: str) -> None:
    """No string hides what stands behind it."""
    text = f"x = {value}\nb.b.b.b = 1"
    tomllib.loads(text)
    with patch.multiple(bounds, MOST_PARTS=3):
        assert excess(text) is not None


@given(SOUP)
def test_file_of_anything_is_read_or_refused_as_a_policy(text: str) -> None:
    """No other error comes out."""
    with suppress(PolicyError):
        TomlFile("city.toml", text.encode("utf-8", "replace"))


@pytest.mark.parametrize(
    ("text", "within"),
    [
        (lambda n: ".".join("a" * n) + " = 1", MOST_PARTS),
        (lambda n: "[" + ".".join(['" "'] * n) + "]", MOST_PARTS),
        (lambda n: "x = {" + " . ".join(["'b'"] * n) + " = 1}", MOST_PARTS),
        (lambda n: "a = " + "[" * n + "]" * n, DEEPEST),
        (lambda n: "a = " + "{a = " * (n - 1) + "[]" + "}" * (n - 1), DEEPEST),
        (lambda n: "a = " + "1" * n, LONGEST_WORD),
        (lambda n: "a = 1." + "1" * n, LONGEST_WORD),
        (lambda n: "a" * n + " = 1", LONGEST_WORD),
        (lambda n: "".join(f"[{number}]\n" for number in range(n)), MOST_WORDS),
        (lambda n: "a = [" + "1," * (n - 1) + "]", MOST_WORDS),
        (lambda n: "a = [" + "[]," * (n - 1) + "]", MOST_BRACKETS),
        (lambda n: "a = [" + "{}," * (n - 1) + "]", MOST_BRACKETS),
    ],
    ids=[
        *("bare", "header", "inline", "arrays", "tables", "digits", "decimals", "key", "headers", "values"),
        *("empty-arrays", "empty-tables"),
    ],
)
def test_bound_is_met_and_not_passed(text: Any, within: int) -> None:
    """As many are read as TOML, and one more is refused, in one line that names the line."""
    TomlFile("city.toml", text(within).encode())
    with pytest.raises(PolicyError, match=r"^`city.toml`: .* \(line \d+\)$"):
        TomlFile("city.toml", text(within + 1).encode())


@pytest.mark.parametrize("piece", ["=", "]", "#\n", '"\\"', "\\", "\n", " ", "'", '"', "é", '""" ', "x=''\n", "\r\n"])
def test_time_grows_with_the_length_alone(piece: str) -> None:
    """Eight times the text takes nowhere near sixty-four times as long, whatever it is made of."""

    def took_s(count: int) -> float:
        text, least = piece * count, float("inf")
        for _ in range(3):
            begun = process_time()
            excess(text)
            least = min(least, process_time() - begun)
        return least

    with patch.multiple(bounds, MOST_WORDS=1 << 30, LONGEST_WORD=1 << 30, MOST_BRACKETS=1 << 30):
        assert took_s(80_000) < 30 * (took_s(10_000) + 0.001)


@pytest.mark.parametrize("name", ["Cannot declare (", "Cannot declare (x) twice (at line 1", "`", "twice "])
def test_time_to_refuse_grows_with_the_length_alone(name: str) -> None:
    """What the parser says of a long name is told, and looked through once, whatever the name looks like."""

    def took_s(count: int) -> float:
        data, least = f'a = {{"{name * count}" = 1, "{name * count}" = 1}}'.encode(), float("inf")
        for _ in range(3):
            begun = process_time()
            with pytest.raises(PolicyError, match="is not toml: duplicate inline table key"):
                TomlFile("city.toml", data)
            least = min(least, process_time() - begun)
        return least

    assert took_s(8000) < 30 * (took_s(1000) + 0.001)


def test_shipped_policies_are_far_from_every_bound() -> None:
    """A city a hundred times the size of ours is still read."""
    files = [file.read_text() for file in (ROOT / "policies").rglob("*.toml")]
    with patch.multiple(
        bounds, MOST_WORDS=MOST_WORDS // 20, MOST_BRACKETS=MOST_BRACKETS // 20, LONGEST_WORD=64, MOST_PARTS=6, DEEPEST=6
    ):
        assert [excess(text) for text in files] == [None] * len(files)
