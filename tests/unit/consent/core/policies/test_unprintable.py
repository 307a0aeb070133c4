"""Policy texts that show their readers something else than they say: refused where they are to be put in force, not before."""

from __future__ import annotations

import json

import pytest

from consent.core.policies.parse import parse_policies
from consent.core.policies.unprintable import unprintable_in
from consent.errors import PolicyError
from tests.support.checkout import ROOT
from tests.support.consent_samples import CITY, policies, small_city

HIDDEN = ["\u202e", "\u2066", "\u200b", "\u2028", "\x7f", "\x9b"]


def _refusal(city: str) -> str:
    return str(next(unprintable_in({"city.toml": city.encode()}), ""))


@pytest.mark.parametrize("character", HIDDEN)
def test_character_that_is_not_seen_is_named_with_its_line(character: str) -> None:
    """In a text or a comment, as "Trojan Source" has it; what is refused is a character, by its number."""
    if character != "\x7f":  # which TOML does not take
        said = _refusal(f'a = 1\r\nb = "x{character}y"\n')
        assert said == f"`city.toml`: line 2 holds the character U+{ord(character):04X}, which is not shown as it is; take it out"
    assert "line 1 holds" in _refusal(f"# from {character}the city\n")


@pytest.mark.parametrize("character", [*HIDDEN, "\n", "\t", "\x1b"])
def test_character_behind_an_escape_is_named_with_its_key(character: str) -> None:
    """TOML has escapes for all of them; a key may hold one, and a text in a list."""
    written = json.dumps(f"x{character}y")
    for text, key in ((f"[a]\nb.c = {written}\n", "a.b.c"), (f"[a]\nb = [1, [{written}]]\n", "a.b"), (f"[a.{written}]\n", "a.x")):
        said = _refusal(text.replace("\\u007f", "\\u007F"))
        assert said.startswith(f"`city.toml`: `{key}"), said
        assert f"U+{ord(character):04X}" in said
        assert said.isprintable()


def test_text_over_several_lines_of_the_file_is_one_line() -> None:
    """TOML joins them where a line ends with a backslash; accents and other scripts are text like any other."""
    assert not _refusal('why = """\\\n  Ruído à noite, \\\n  می\u200cخواهم"""\t# and a comment\n')


def test_messages_of_examples_are_what_devices_send() -> None:
    """Over several lines or behind escapes, since nothing is decided by them; in the open none may stand there either."""
    assert not _refusal("[[example]]\npayload = '''{\n}'''\n\n[[example]]\npayload = \"1\\u0000\"\n")
    assert "line 2 holds" in _refusal("[[example]]\npayload = '\u202e'\n")


def test_set_with_such_a_text_is_read_and_not_put_in_force() -> None:
    """So what is in force, and what a log holds, is still understood as it was meant."""
    assert CITY.count('"Old town"') or 'en = "' in CITY
    spoilt = CITY.replace('en = "', 'en = "\\u202e', 1)
    found = parse_policies(small_city(files={"city.toml": spoilt.encode()}))
    with pytest.raises(PolicyError, match=r"U\+202E"):
        found.refuse_unsupported()
    policies().refuse_unsupported()


def test_shipped_policies_hold_none() -> None:
    """Nor does any file of cases."""
    files = {str(file.relative_to(ROOT)): file.read_bytes() for file in (ROOT / "policies").rglob("*.toml")}
    assert len(files) > 5
    assert list(unprintable_in(files)) == []
