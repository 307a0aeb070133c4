"""Own readings: the last day in quarters of an hour, what is missing left empty, and what is forgotten said."""

from __future__ import annotations

import asyncio

from consent.citizen_messages import OwnReadings, ReadingsOf
from consent.messages import Hex
from consent.portal.asking.asked import AskedQuestion
from consent.portal.asking.preview import OwnView, own_readings, own_view, slot_of, slots_of
from consent.portal.visit import SignedIn, Visit
from tests.support.portal import NOW_MS, TOKEN, SaidRecord, said_site
from tests.support.questions import HOUR_MS, asked_home, question, readings
from tests.support.ways import shipped, speaking_gate

QUARTER_MS = 900_000
END_MS = NOW_MS // QUARTER_MS * QUARTER_MS + QUARTER_MS


def asked(flow: str = "energy-hourly", /, **others: object) -> AskedQuestion:
    """Return a question."""
    return AskedQuestion(shipped(), shipped().flows[flow], question(**others))


def view(held: OwnReadings, **others: object) -> OwnView:
    """Return what the page shows of some readings."""
    return own_view(Visit("en"), asked("energy-hourly", **others), held)


def test_day_has_ninety_six_slots_of_which_empty_ones_are_missing() -> None:
    """Nothing is made up between two readings."""
    slots = slots_of([(END_MS - QUARTER_MS, "0.2"), (END_MS - 3 * QUARTER_MS, "0.1")], END_MS, QUARTER_MS, is_total=False)
    assert len(slots) == 96
    assert slots[-1] == (END_MS - QUARTER_MS, 0.2)
    assert slots[-2][1] is None
    assert slots[-3][1] == 0.1


def test_total_is_shown_as_what_it_grew_by() -> None:
    """A meter that was changed, or counts backwards, used nothing that could be shown."""
    read = [(END_MS - (4 - at) * QUARTER_MS, text) for at, text in enumerate(["10.0", "10.25", "9.0", "9.5"])]
    slots = slots_of(read, END_MS, QUARTER_MS, is_total=True)
    assert [value for _, value in slots[-4:]] == [None, 0.25, None, 0.5]


def test_bar_stands_for_as_long_as_readings_are_apart() -> None:
    """A meter that speaks once an hour has a bar for every hour, and no gaps between."""
    held = readings()
    for gap_ms, slot_ms in (
        (60_000, 900_000),
        (QUARTER_MS, QUARTER_MS),
        (QUARTER_MS + 1, 1_800_000),
        (HOUR_MS, HOUR_MS),
        (9 * HOUR_MS, HOUR_MS),
    ):
        told = [(END_MS - gap_ms * back, "1") for back in (3, 2, 1)]
        one = ReadingsOf(
            device=Hex(bytes(16)), profile="meter", zone="north-quay", property="consumption", unit="kW.h", readings=told
        )
        assert slot_of([one]) == slot_ms
    assert slot_of(held.series) == QUARTER_MS


def test_text_that_is_no_number_is_left_out() -> None:
    """As an unknown gateway might send it."""
    assert {value for _, value in slots_of([(END_MS - 1, "on")], END_MS, QUARTER_MS, is_total=False)} == {None}


def test_chart_is_said_in_a_sentence_and_a_table() -> None:
    """Of the last day alone."""
    shown = view(readings(*["9"] * 10, *["0.1"] * 95, "0.5"))
    (chart,) = shown.charts
    assert chart.sentence == "Electricity used: between 0.1 and 0.5 kWh, the most at 00:45."
    assert len(chart.rows) == 96
    assert chart.rows[-1][1] == "0.5 kWh"
    assert "f-held" in chart.chart


def test_restart_within_the_day_is_said() -> None:
    """What came before is forgotten: it is kept in memory alone."""
    assert view(readings("1", since_start_ms=NOW_MS - HOUR_MS)).forgotten == "29 November 2026, 23:53"
    assert view(readings("1", since_start_ms=NOW_MS - 30 * HOUR_MS)).forgotten == ""


def test_silence_is_said_since_when_it_is_known() -> None:
    """Or since the start, where nothing was heard after it."""
    silent = view(readings(), heard_ms=NOW_MS - HOUR_MS)
    assert (silent.charts, silent.silent, silent.until) == ((), "29 November 2026, 23:53", "")
    assert view(readings(), heard_ms=0).silent == ""


def test_only_what_the_question_is_about_is_shown() -> None:
    """Other sensors have a page of their own."""
    other = ReadingsOf(
        device=Hex(bytes(16)), profile="noise", zone="north-quay", property="LAeq", unit="dB", readings=[(NOW_MS, "40")]
    )
    assert view(readings(series=[other])).charts == ()


def test_it_is_asked_for_the_reader_s_session() -> None:
    """And for nobody else's."""
    home = asked_home()
    site = said_site(speaking_gate(), SaidRecord(shipped()), home=home)
    asyncio.run(own_readings(site, Visit("en", signed_in=SignedIn(TOKEN, "passkey", NOW_MS)), asked()))
    assert [(method, session) for method, _, session, _ in home.asked] == [("readings.show", TOKEN)]
