"""Foreign text made printable: every character that a terminal obeys, in whatever it is shown."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from consent.printable import UNPRINTABLE, as_lines, one_line, printable, printable_lines, quoted

OBEYED = [
    *map(chr, (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))),
    *"\u061c\u200e\u200f\u2028\u2029\ufeff\u200b\ud800\udcff\udfff\U000e0041",
]


def test_character_that_a_terminal_obeys_is_written_out() -> None:
    """C0, DEL, C1, bidirectional controls, line separators, halves of pairs, tags: none stays, and JSON gives it back."""
    for character in OBEYED:
        shown = printable(f"a{character}b")
        assert character not in shown, hex(ord(character))
        assert shown.isascii()
        assert json.loads(f'"{shown}"') == f"a{character}b"


def test_control_or_format_character_of_unicode_is_written_out_or_known_to_be_harmless() -> None:
    """A new Unicode may have new ones: they are to be looked at. Those that stay have a form of their own, or join letters."""
    odd = {c for c in map(chr, range(0x110000)) if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    joining = {"\u00ad", "\u200c", "\u200d"}
    with_a_form = {
        *map(chr, range(0x600, 0x606)),  # Arabic numbers' signs
        *("\u06dd", "\u070f", "\u0890", "\u0891", "\u08e2", "\U000110bd", "\U000110cd"),
        *map(chr, range(0x13430, 0x13440)),  # joints of hieroglyphs
    }
    assert {c for c in odd if printable(c) == c} <= joining | with_a_form


def test_text_that_python_calls_printable_holds_nothing_to_escape() -> None:
    """The short way past the search is sound."""
    assert not UNPRINTABLE.search("".join(c for c in map(chr, range(0x110000)) if c.isprintable()))


def test_text_that_people_write_stays_as_it_is() -> None:
    """Accents, other scripts, joined letters and joined emoji."""
    for text in ("Ruído à noite, ñ · 10 µg/m³ → 25 °C", "مرحبا", "שלום", "می\u200cخواهم", "👩\u200d🔬", "a\u00a0b"):
        assert printable(text) == text
        assert one_line(text) == " ".join(text.split()) or "\u00a0" in text or "\u200c" in text or "\u200d" in text


def test_lines_keep_their_ends_and_foreign_ends_make_none() -> None:
    """A line feed of ours ends a line; one within a value begins none that looks like ours."""
    assert printable_lines("a\n\tb\r\x1b[2J\n") == "a\n\tb\\r\\u001b[2J\n"
    assert as_lines(["log: x\naudit: ok", "audit: failed"]) == "log: x\\naudit: ok\naudit: failed\n"


@given(st.text(st.characters()))
def test_any_text_is_one_line_bounded_and_quoted(text: str) -> None:
    """Whatever was sent: no line end by any definition, no more than a line holds."""
    assert len(f"x{printable(text)}x".splitlines()) == 1
    assert len(one_line(text, 50)) <= 51
    assert quoted(text) == f"`{one_line(text)}`"


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text())))
def test_json_means_the_same_after_as_before(value: dict[str, object]) -> None:
    """What is escaped in a string of JSON is the same string."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    assert json.loads(printable_lines(text)) == value
