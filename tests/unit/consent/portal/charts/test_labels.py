"""Names in drawings: where they stand and that none lies over another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consent.portal.charts.labels import LARGE, Label, cut, width_of, wrapped
from tests.support.drawings import names

rooms = st.floats(20, 600)


@given(names, rooms, st.integers(1, 3))
def test_no_line_is_wider_than_its_room(text: str, room: float, lines: int) -> None:
    found = wrapped(text, room, LARGE, lines)
    assert 1 <= len(found) <= lines
    assert all(width_of(line, LARGE) <= room for line in found)


@given(names, rooms)
def test_words_are_lost_only_behind_an_ellipsis(text: str, room: float) -> None:
    found = wrapped(text, room, LARGE)
    assert " ".join(found).split() == text.split() or "…" in found[-1] or not found[-1]


def test_what_fits_stays_whole() -> None:
    assert wrapped("Too few homes to hide among", 400, LARGE) == ["Too few homes to hide among"]
    assert wrapped("City energy office, home by home", 160, LARGE) == ["City energy office,", "home by home"]
    assert cut("City energy office", 60, LARGE) == "City…"


def test_labels_overlap_where_they_cover_the_same_spot() -> None:
    one = Label("Told", 100, 100)
    assert one.overlaps(Label("Held", 110, 104))
    assert one.overlaps(Label("Held", 130, 100, anchor="end"))
    assert not one.overlaps(Label("Held", 100, 120))
    assert not one.overlaps(Label("Held", 100, 100, anchor="end"))


def test_markup_in_a_label_is_text() -> None:
    assert Label('<b>&"', 1, 2).drawn() == '<text x="1.0" y="2.0">&lt;b&gt;&amp;&#34;</text>'
