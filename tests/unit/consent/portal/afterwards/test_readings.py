"""What the gate still holds of a household's readings: drawn, in figures, and as a file that runs nothing."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.languages import LANGUAGES
from consent.messages import Hex
from consent.portal.afterwards.readings import COLUMNS, MOST_ROWS, csv_of, number_of, value_shown
from consent.portal.visit import Visit
from consent.texts.portal import page_sentences
from tests.support.afterwards import DEVICE, HOUR_MS, held, own_client, series
from tests.support.markup import Markup
from tests.support.portal import NOW_MS, SaidHome
from tests.support.read_pages import words_of

QUARTER_MS = 900_000


def page(home: SaidHome, language: str = "en") -> str:
    """Return the page."""
    answer = own_client(home).get(f"/my/readings?lang={language}")
    assert answer.status_code == 200, answer.text
    return answer.text


def door(*rows: object, **others: int) -> SaidHome:
    """Return the door of a household with these readings."""
    return SaidHome({"readings.show": held(*rows, **others)})  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
def test_household_without_a_sensor_is_told_so(language: str) -> None:
    """And how to come by one."""
    words = words_of(page(door(), language))
    assert page_sentences("readings")[language]["none"] in words
    assert page_sentences("readings")[language]["why"] in words


def test_last_reading_is_said_drawn_and_in_figures() -> None:
    """With the unit as people write it, newest first in the table, and only for whoever is signed in."""
    text = page(door(series((NOW_MS - 2 * QUARTER_MS, "0.250"), (NOW_MS - QUARTER_MS, "0.375"))))
    words = words_of(text)
    assert "Last: 0.375 kWh" in words
    assert "Only you see this." in words
    assert 'class="own-line"' in text
    assert 'role="img"' in text
    cells = [each.text for each in Markup(text).all("td")]
    assert cells == ["0.375", "0.250"]


def test_sensor_that_is_silent_says_so() -> None:
    """Nothing is drawn of nothing."""
    text = page(door(series()))
    assert "Nothing has been heard of it since then." in words_of(text)
    assert "own-line" not in text


def test_what_came_before_the_gate_started_is_said_to_be_forgotten() -> None:
    """But only where that is within the hours that it remembers."""
    assert "what came before is forgotten" in words_of(page(door(series(), since_start_ms=NOW_MS - 5 * HOUR_MS)))
    assert "what came before is forgotten" not in words_of(page(door(series(), since_start_ms=NOW_MS - 49 * HOUR_MS)))


def test_table_is_bounded_and_says_what_is_left_out() -> None:
    """The file has all."""
    rows = [(NOW_MS - n * 60_000, f"{n}") for n in range(MOST_ROWS + 50, 0, -1)]
    text = page(door(series(*rows)))
    assert len(Markup(text).all("td")) == MOST_ROWS
    assert "The file has 50 more." in words_of(text)


def test_live_view_begins_after_what_is_shown() -> None:
    """So that no reading is missed between page and stream, and none comes twice."""
    text = page(door(series((NOW_MS - QUARTER_MS, "1"))))
    assert f'data-live="/my/readings/live?after={NOW_MS - QUARTER_MS}&amp;lang=en"' in text
    assert '<script src="/static/' in text
    assert 'href="/my/readings?lang=en"' in text  # without a script


def test_file_has_every_reading_as_rfc_4180_has_it() -> None:
    """One a line, in UTC, by number of the sensor, place, property and unit code."""
    client = own_client(door(series((0, "0.25"), (NOW_MS, "-1.5")), series((5, "7"), property="LAeq", unit="dB")))
    answer = client.get("/my/readings.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="readings.csv"' in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content.count(b"\r\n") == answer.content.count(b"\n") == 4
    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert rows[1] == ["1970-01-01T00:00:00.000Z", DEVICE.hex(), "mill", "consumption", "kW.h", "0.25"]
    assert rows[2][-1] == "-1.5"  # a number below zero is no formula, and stays one
    assert rows[3][3:] == ["LAeq", "dB", "7"]


@pytest.mark.parametrize("text", ["=1+1", "+1;cmd", "-1+1", "@x", "\t=1", "\r=1", '=HYPERLINK("x")', "-", "NaN", "Infinity"])
def test_no_cell_is_run_by_a_spreadsheet(text: str) -> None:
    """Whatever a sensor or a city calls something; what is no number is text."""
    rows = list(csv.reader(io.StringIO(csv_of(held(series((0, text), zone=text, property=text, unit=text))), newline="")))
    for cell in rows[1]:
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert rows[1][-1] in (text, f"'{text}")


@given(st.lists(st.tuples(st.integers(0, 1 << 41), st.text(max_size=20)), max_size=5), st.text(max_size=20))
def test_any_text_is_one_cell(readings: list[tuple[int, str]], place: str) -> None:
    """Commas, quotation marks and line ends open no cell and no line."""
    text = csv_of(held(series(*readings, zone=place, device=Hex(DEVICE))))
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [len(row) for row in rows] == [len(COLUMNS)] * (len(readings) + 1)


def test_value_keeps_the_digits_that_it_came_with() -> None:
    """And is written the reader's way; what is no number is left as it is."""
    assert value_shown(Visit("en"), "0.250") == "0.250"
    assert value_shown(Visit("es"), "0.250") == "0,250"
    assert value_shown(Visit("en"), "1234.5") == "1,234.5"
    assert value_shown(Visit("en"), "open") == "open"
    assert number_of("NaN") is None
    assert number_of("1e3") == 1000


def test_titles_stay_texts() -> None:
    """Whatever a sensor or a rule is called."""
    text = page(door(series((NOW_MS, "<b>1</b>"), zone="<i>z</i>", property="<u>p</u>", unit="<s>u</s>", profile="<a>x</a>")))
    for markup in ("<b>1</b>", "<i>z</i>", "<u>p</u>", "<s>u</s>", "<a>x</a>"):
        assert markup not in text
