"""What each answer would tell: drawn and said as the gateway computed it, and never more cheerfully than that."""

from __future__ import annotations

from typing import Any

import pytest

from consent.messages import JsonObject
from consent.portal.asking.asked import AskedQuestion
from consent.portal.asking.offers import OfferView, mark_of, offer_view, offer_views
from consent.portal.visit import Visit
from tests.support.questions import offer, permitted, question, seen
from tests.support.ways import shipped

FLOW = shipped().flows["energy-hourly"]


def asked(**others: Any) -> AskedQuestion:
    """Return a question."""
    return AskedQuestion(shipped(), FLOW, question(**others))


def view(answer: str = "yes", visit: Visit | None = None, **others: Any) -> OfferView:
    """Return one answer, as it is offered."""
    return offer_view(visit or Visit("en"), asked(), offer(answer, **others))


def test_joint_figures_are_sand_within_the_blur_of_chance() -> None:
    """Nobody sees them by themselves; ± is that of 95 of 100 cases, as on the public pages."""
    (one,) = view().seen
    assert "f-held" in one.chart
    assert "f-told" not in one.chart
    assert 'class="blur"' in one.chart
    assert ">10 kWh<" in one.chart  # the drawing reaches as high as what is said
    assert one.lines == (
        "24 figures with other homes. Nobody sees yours alone.",
        "You are one of about 20 homes.",
        "Chance is mixed in: ± 9.8 kWh in 95 of 100 cases.",
    )
    assert one.rows[0] == ("29 November 2026, 00:00–01:00", "Riverside", "0.1 kWh")


def test_what_is_told_by_itself_is_water_and_has_no_chance() -> None:
    """Bars are what the city sees."""
    (one,) = view(seen=seen(is_alone=True, spread=None, homes=0)).seen
    assert "f-told" in one.chart
    assert "blur" not in one.chart
    assert one.lines == ("24 values of your home, each by itself.",)


def test_spread_of_an_average_is_said_and_not_drawn() -> None:
    """It is that of the average, and the bars are those of one home."""
    (one,) = view(seen=seen(statistic="mean")).seen
    assert "blur" not in one.chart
    assert any("±" in line for line in one.lines)


def test_number_of_homes_that_nobody_counted_is_not_said() -> None:
    """None have left yet."""
    (one,) = view(seen=seen(homes=0)).seen
    assert "How many homes are in it, nobody knows yet." in one.lines


def test_window_with_nothing_keeps_its_place() -> None:
    """Bars stand where their hours are."""
    rows = seen()
    (whole,) = view(seen=rows).seen
    (gapped,) = view(seen=[rows[0], rows[-1]]).seen
    assert gapped.chart.count("v") < whole.chart.count("v")
    assert len(gapped.rows) == 2
    assert ">00:00<" in gapped.chart
    assert ">18:00<" in gapped.chart  # one of the empty places


def test_what_less_stays_below_is_said_axis_by_axis() -> None:
    """Two answers may look alike in a drawing, and differ in what else they allow."""
    less = view("less", limits=JsonObject({"time": "4h", "retention": 30, "precision": {"consumption": 1}}))
    assert less.limits == (
        "Time: in stretches of four hours",
        "Kept for: 30 days",
        "Value of “Electricity used”: in steps of 1 kWh",
    )
    assert view().limits == ()


def test_only_coarser_figures_are_said_to_have_more_homes() -> None:
    """A shorter keeping has not, and who is told by itself is among none."""
    assert view("less").is_coarser
    assert not view("less", limits=JsonObject({"retention": 30})).is_coarser
    assert not view("less", seen=seen(is_alone=True)).is_coarser
    assert not view("less", reason="limits").is_coarser


def test_long_series_is_drawn_by_its_end() -> None:
    """A drawing of a third of the page has room for so many."""
    rows = seen(is_alone=True)
    instants = [type(rows[0])(**{**_fields(rows[0]), "begin_ms": at, "end_ms": at}) for at in range(500)]
    (one,) = view(seen=instants).seen
    assert one.chart.count("z") == 96
    assert len(one.rows) == 500


def _fields(row: object) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}  # type: ignore[attr-defined]


def test_no_tells_nothing_and_is_drawn_as_large() -> None:
    """With a shut gate."""
    no = view("no")
    assert (no.icon, no.text, no.kept, no.odds, no.seen) == ("gate-shut", "", "", (), ())
    assert no.nothing is not None
    assert ">nothing<" in no.nothing


def test_yes_by_which_nothing_would_leave_says_so() -> None:
    """The rules let nothing leave, whatever is answered."""
    yes = view(reason="limits", text="Nothing about you leaves.")
    assert (yes.icon, yes.kept, yes.seen) == ("gate-shut", "", ())
    assert yes.text == "Nothing about you leaves."


def test_without_readings_there_is_nothing_to_draw_and_that_is_said() -> None:
    """It is not the same as nothing being told."""
    yes = view(seen=[])
    assert not yes.has_readings
    assert yes.nothing is not None
    assert ">no readings<" in yes.nothing


@pytest.mark.parametrize("asks", [False, True])
def test_only_no_is_ever_chosen_already(asks: bool) -> None:
    """And only where the browser asks for privacy."""
    visit = Visit("en", asks_for_privacy=asks)
    assert [each.is_checked for each in offer_views(visit, asked())] == [False, False, asks]


def test_limits_of_one_s_own_are_no_fourth_answer() -> None:
    """They have a page of their own."""
    offered = [offer("yes"), offer("no"), offer("fine")]
    assert [each.answer for each in offer_views(Visit("en"), asked(offered=offered))] == ["yes", "no"]


def test_mark_is_another_where_an_answer_tells_something_else() -> None:
    """And the same where only the day's readings or the reader's own word differ."""
    mark = mark_of(asked())
    others = [
        asked(offered=[offer("yes", retention_days=3650), offer("less"), offer("no")]),
        asked(offered=[offer("yes"), offer("less", limits=JsonObject({"time": "day"})), offer("no")]),
        asked(offered=[offer("yes", disclosure=JsonObject({"time": "15min"})), offer("less"), offer("no")]),
        asked(offered=[offer("yes"), offer("no")]),
    ]
    assert len({mark, *map(mark_of, others)}) == 5
    same = [asked(offered=[offer("yes", seen=[]), offer("less", is_more=False), offer("no")]), asked(row=permitted())]
    assert {mark_of(each) for each in same} == {mark}
