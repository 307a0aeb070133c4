"""`question.list` and `question.show`: what a resident is told of each answer is what would come of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.control.context import MethodError
from tests.support.citizens_door import DAY_MS, HOUR_MS, CitizensDoor
from tests.support.own_answers import FLOW, at_the_door, clock_of, offers, say_yes, send


def test_list_has_every_use_that_the_household_has_a_sensor_for_and_how_it_stands(tmp_path: Path) -> None:
    """Of electricity, not of noise; nothing is answered at first."""

    async def work(door: CitizensDoor) -> None:
        person = await door.home()
        found = await person.ask("question.list")
        assert [row["flow"] for row in found["flows"]] == ["energy-hourly", "energy-typical-week", "energy-daily-totals"]
        for row in found["flows"]:
            assert (row["own"], row["answer"], row["counts"], row["log_index"]) == ("", "", "undecided", -1)
            assert row["text"]
        await say_yes(person)
        (row, *_) = (await person.ask("question.list"))["flows"]
        assert (row["own"], row["answer"], row["counts"], row["scope"]) == ("Given", "yes", "permits", FLOW)
        assert row["log_index"] > 0

    at_the_door(tmp_path, work)


@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_question_offers_yes_less_and_no_in_this_order_in_the_language_that_is_asked_for(tmp_path: Path, language: str) -> None:
    """Each with its sentence and its odds; a no leaves nothing."""

    async def work(door: CitizensDoor) -> None:
        person = await door.home()
        shown = await person.ask("question.show", flow=FLOW, language=language)
        assert [each["answer"] for each in shown["offered"]] == ["yes", "less", "no"]
        yes, less, no = shown["offered"]
        assert (yes["is_more"], less["is_more"], no["is_more"]) == (True, True, False)
        assert (yes["retention_days"], no["retention_days"]) == (365, 0)
        assert no["exposures"] == []
        assert yes["exposures"][0]["odds"] == pytest.approx(0.841345)
        assert (yes["limits"], less["limits"], no["limits"]) == ({}, {"time": "4h"}, {})
        assert yes["text"] != less["text"]
        assert len({yes["text"], no["text"]}) == 2
        assert shown["now"] is None
        assert shown["axes"]["time"] == ["day", "4h", "1h"]
        assert shown["properties"] == ["consumption"]
        assert (shown["profile"], shown["zone"]) == ("meter", "north-quay")

    at_the_door(tmp_path, work)


def test_preview_of_each_answer_is_of_the_readings_of_the_last_day(tmp_path: Path) -> None:
    """Twenty-four sums that nobody sees alone, or one total that leaves by itself; none of a no, and none before a reading."""

    async def work(door: CitizensDoor) -> None:
        row = door.letter()
        person = await door.come_in(row["claim_code"], door.passkey())
        assert offers(await person.ask("question.show", flow=FLOW))["yes"]["seen"] == []
        clock = clock_of(door)
        begin_ms = (clock.now_ms() // DAY_MS + 1) * DAY_MS
        for quarter in range(96):
            clock.time_ms = begin_ms + quarter * 900_000
            send(door, "t/1", clock.time_ms, 0.25)
        clock.time_ms = begin_ms + DAY_MS + HOUR_MS
        shown = await person.ask("question.show", flow=FLOW)
        yes = offers(shown)["yes"]["seen"]
        assert len(yes) == 24
        assert {each["is_alone"] for each in yes} == {False}
        assert (yes[0]["begin_ms"], yes[0]["end_ms"]) == (begin_ms, begin_ms + HOUR_MS)
        assert {(each["value"], each["unit"], each["spread"]) for each in yes} == {("1.05", "kW.h", 5.0)}
        assert offers(shown)["no"]["seen"] == []
        assert shown["heard_ms"] == begin_ms + 95 * 900_000
        (total,) = offers(await person.ask("question.show", flow="energy-daily-totals"))["yes"]["seen"]
        assert (total["value"], total["is_alone"], total["homes"], total["spread"]) == ("24.5", True, 0, None)

    at_the_door(tmp_path, work)


def test_answer_in_force_is_told_apart_from_others_and_limits_of_ones_own_are_weighed(tmp_path: Path) -> None:
    """`yes`, then lower limits; what is wished beside it says whether it tells more."""

    async def work(door: CitizensDoor) -> None:
        person = await door.home()
        await say_yes(person)
        shown = await person.ask("question.show", flow=FLOW, limits={"time": "4h"})
        assert shown["now"]["answer"] == "yes"
        assert [each["is_more"] for each in shown["offered"]] == [False] * 4
        await person.ask("consent.less", step="lower", scope=FLOW, limits={"time": "day"})
        shown = await person.ask("question.show", flow=FLOW, limits={"time": "day", "space": "city"})
        assert shown["row"]["answer"] == "fine"
        assert shown["now"]["limits"] == {"time": "day"}
        assert {each["answer"]: each["is_more"] for each in shown["offered"]} == {
            "yes": True,
            "less": True,
            "no": False,
            "fine": False,
        }

    at_the_door(tmp_path, work)


def test_no_rests_half_a_year(tmp_path: Path) -> None:
    """And then not any longer."""

    async def work(door: CitizensDoor) -> None:
        person = await door.home()
        await person.ask("consent.less", step="refuse", scope=FLOW)
        (row, *_) = (await person.ask("question.list"))["flows"]
        assert row["answer"] == "no"
        assert row["rests_until_ms"] == row["since_ms"] + 183 * DAY_MS
        clock_of(door).time_ms += 184 * DAY_MS
        (row, *_) = (await person.ask("question.list"))["flows"]
        assert (row["answer"], row["rests_until_ms"]) == ("no", 0)

    at_the_door(tmp_path, work)


def test_other_resident_holds_back_and_what_they_said_is_not_told(tmp_path: Path) -> None:
    """The most careful answer counts."""

    async def work(door: CitizensDoor) -> None:
        first = await door.home()
        second = await door.come_in(await first.invite(), door.passkey())
        await say_yes(first)
        row = (await first.ask("question.show", flow=FLOW))["row"]
        assert (row["answer"], row["held_back_by_another"]) == ("yes", True)
        await say_yes(second, FLOW, time="4h")
        row = (await first.ask("question.show", flow=FLOW))["row"]
        assert row["held_back_by_another"]
        row = (await second.ask("question.show", flow=FLOW))["row"]
        assert not row["held_back_by_another"]
        await say_yes(second)
        assert not (await first.ask("question.show", flow=FLOW))["row"]["held_back_by_another"]

    at_the_door(tmp_path, work)


def test_yes_counts_for_figures_from_the_next_period(tmp_path: Path) -> None:
    """From midnight, from Monday; what leaves by itself at once."""

    async def work(door: CitizensDoor) -> None:
        person = await door.home()
        now_ms = door.durable.clock.now_ms()
        told = {}
        for flow in ("energy-hourly", "energy-typical-week", "energy-daily-totals"):
            told[flow] = (await person.ask("question.show", flow=flow))["counts_from_ms"]
        assert told["energy-hourly"] == (now_ms // DAY_MS + 1) * DAY_MS
        assert told["energy-typical-week"] > now_ms
        assert (told["energy-typical-week"] - 4 * DAY_MS) % (7 * DAY_MS) == 0
        assert told["energy-daily-totals"] == now_ms

    at_the_door(tmp_path, work)


def test_question_about_what_the_household_has_no_sensor_for_is_refused(tmp_path: Path) -> None:
    """As is one that there is not."""

    async def work(door: CitizensDoor) -> None:
        person = await door.home()
        for flow in ("noise-hourly", "city-sensors", "nothing"):
            with pytest.raises(MethodError) as refused:
                await person.ask("question.show", flow=flow)
            assert refused.value.reason == "no-question"

    at_the_door(tmp_path, work)


def test_limits_of_each_offered_answer_can_be_sent_back_as_they_are(tmp_path: Path) -> None:
    """Also those that bound the noise, which records name otherwise."""

    async def work(door: CitizensDoor) -> None:
        person = await door.home()
        for wish in ({"budget": 1}, {"time": "4h"}, {"precision": {"consumption": 1}}, {"space": "city", "group": 15}):
            fine = offers(await person.ask("question.show", flow=FLOW, limits=wish))["fine"]
            assert fine["limits"] == wish
        for each in (await person.ask("question.show", flow=FLOW))["offered"]:
            if each["answer"] != "no":
                await say_yes(person, FLOW, **each["limits"])
                shown = await person.ask("question.show", flow=FLOW)
                assert shown["row"]["answer"] == each["answer"]
                assert shown["now"]["limits"] == each["limits"]

    at_the_door(tmp_path, work)
