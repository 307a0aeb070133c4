"""The page of one's own home: every question with the reader's own word, what is new, and stopping everything in one tap."""

from __future__ import annotations

import re

import pytest

from consent.citizen_messages import AnswersChanged, LessWanted
from consent.portal.gates.public import GateRefusedError
from tests.support.markup import Markup
from tests.support.page_text import LANGUAGES, main_of, words_of
from tests.support.plain_words import found_in
from tests.support.portal import NOW_MS, TOKEN, SaidHome, SaidRecord, said_head, send_form, signed_in_client
from tests.support.questions import DAY_MS, asked_home, message, permitted, questions, row
from tests.support.ways import shipped, speaking_gate

ROWS = (
    permitted(),
    row("energy-daily-totals", is_asked=True),
    row("noise-hourly", own="Refused", answer="no", log_index=9, since_ms=NOW_MS - 1, rests_until_ms=NOW_MS + 100 * DAY_MS),
    row("energy-typical-week", own="Paused", answer="paused", log_index=8, since_ms=NOW_MS - 1),
)
PRIVACY = {"sec-gpc": "1"}


def page(home: SaidHome, path: str = "/my", headers: dict[str, str] | None = None, kind: str = "passkey") -> str:
    """Return the page's own matter."""
    client = signed_in_client(speaking_gate(), SaidRecord(shipped(), said_head()), home, kind)  # type: ignore[arg-type]
    answer = client.get(path, headers=headers or {})
    assert answer.status_code == 200
    Markup(answer.text)
    return main_of(answer.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_question_stands_there_in_plain_words(language: str) -> None:
    """In three languages, with what is answered and what is not."""
    words = words_of(page(asked_home(None, *ROWS), f"/my?lang={language}"))
    assert all(shipped().flows[each.flow].title[language] in words for each in ROWS)
    assert found_in(language, words.replace("Nothing about you leaves for", "")) == []


def test_each_row_says_how_it_stands_and_what_can_be_done() -> None:
    """One tap stops or pauses what goes; what does not go can be answered."""
    markup = page(asked_home(None, *ROWS))
    words = words_of(markup)
    assert "One thing goes out. One question is not answered" in words
    assert "the city asks; you need not answer" in words
    assert "Nobody will ask you again before 10 March 2027." in words
    assert re.findall(r'action="(/my/[a-z-]+)">', markup).count("/my/energy-hourly") == 1
    assert '/my/energy-typical-week/confirm?answer=resume"' in markup


def test_somebody_who_holds_something_back_is_not_named() -> None:
    """Nobody sees another's answer, only that it holds something back."""
    words = words_of(page(asked_home(None, permitted(held_back_by_another=True))))
    assert "Somebody in your home holds something back. The most careful answer counts." in words


def test_home_that_is_asked_nothing_reads_how_it_begins() -> None:
    """Closed is the resting state."""
    home = asked_home()
    home.says["question.list"] = questions()
    words = words_of(page(home))
    assert "Nothing goes out. That is how it begins." in words
    assert "There is no news." in words


def test_browser_that_asks_for_privacy_sees_no_open_question() -> None:
    """And a line says so, with a way to see them; answered ones are shown, and the record is as it was."""
    home = asked_home(None, *ROWS)
    words = words_of(page(home, headers=PRIVACY))
    assert "Electricity used, household by household" not in words
    assert "Electricity used, by the hour" in words
    assert "one question that you have not answered is not shown" in words
    shown = words_of(page(home, "/my?show=all", PRIVACY))
    assert "Electricity used, household by household" in shown
    assert {method for method, *_ in home.asked} == {"question.list"}


@pytest.mark.parametrize(("days", "is_said"), [(14, True), (15, False)])
def test_end_is_said_two_weeks_before(days: int, is_said: bool) -> None:
    """So that nobody is surprised that nothing goes any more."""
    words = words_of(page(asked_home(None, permitted(expiry_ms=NOW_MS + days * DAY_MS))))
    assert ("Nothing more goes then, unless you say yes again." in words) is is_said
    assert ("· ends " in words) is not is_said


def test_messages_stand_newest_first() -> None:
    """As sentences with their dates."""
    home = asked_home()
    home.says["question.list"] = questions(
        row(), messages=[message("asked", "Older.", NOW_MS - DAY_MS), message("whatever", "Newer.", NOW_MS)]
    )
    words = words_of(page(home))
    assert words.index("Newer. 30 November 2026") < words.index("Older. 29 November 2026")


@pytest.mark.parametrize(("path", "step"), [("/my/stop", "withdraw"), ("/my/pause", "pause")])
@pytest.mark.parametrize("where", ["/my", "/my/energy-hourly", "/my/energy-hourly/fine", "/my/energy-hourly/confirm?answer=yes"])
def test_everything_stops_in_one_tap_from_every_page(where: str, path: str, step: str) -> None:
    """One form with one button, which asks nothing more."""
    home = asked_home()
    client = signed_in_client(speaking_gate(), SaidRecord(shipped(), said_head()), home)
    answer = send_form(client, where, action=path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/my/done/2418")
    method, params, session, request = home.asked[-1]
    assert (method, params, session) == ("consent.less", LessWanted(step=step), TOKEN)  # type: ignore[arg-type]
    assert re.fullmatch("[0-9a-f]{32}", request)


@pytest.mark.parametrize("said", [AnswersChanged(time_ms=0, changes=[]), GateRefusedError("nothing", "nothing-to-change")])
def test_stopping_what_is_stopped_says_that_nothing_was_changed(said: object) -> None:
    """It claims no number of the record."""
    home = asked_home()
    home.says["consent.less"] = said
    client = signed_in_client(speaking_gate(), SaidRecord(shipped(), said_head()), home)
    answer = send_form(client, "/my", action="/my/stop")
    assert answer.headers["location"] == "/my?said=nothing"
    assert "Everything was stopped already. Nothing was changed." in client.get("/my?said=nothing").text


def test_address_of_the_form_shows_the_page_and_changes_nothing() -> None:
    """Whoever comes back to it from signing in stands before the button, and has not pressed it."""
    home = asked_home()
    page(home, "/my/stop")
    assert [method for method, *_ in home.asked] == ["question.list"]


def test_paper_session_is_told_that_it_tells_less() -> None:
    """And may stop and pause all the same."""
    markup = page(asked_home(None, *ROWS), kind="paper")
    assert "by paper code" in words_of(markup)
    assert 'action="/my/stop"' in markup


def test_every_form_of_a_page_has_an_id_of_its_own() -> None:
    """Or a session that was lengthened could not be ended from a page that the browser shows again as it was."""
    client = signed_in_client(speaking_gate(), SaidRecord(shipped(), said_head()), asked_home(None, *ROWS))
    shown = client.get("/my").text
    forms = [form for form in re.findall(r"<form.*?</form>", shown, re.DOTALL) if 'name="request"' in form]
    acts = [re.findall(r'<button[^>]* value="(extend|end)"', form) for form in forms]
    assert [each for each in acts if each] == [["extend"], ["end"]]
    ids = re.findall(r'name="request" value="([0-9a-f]{32})" autocomplete="off"', shown)
    assert len(ids) == len(set(ids)) == len(forms)
