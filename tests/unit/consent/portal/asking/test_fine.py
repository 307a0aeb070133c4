"""How precisely: what is chosen stands in the address, what is saved is what was shown, and no secret goes into an address."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from consent.citizen_messages import LessWanted, QuestionOf
from consent.messages import ConsentLimits, JsonObject, Parameters
from consent.portal.gates.public import GateRefusedError
from tests.support.markup import Markup
from tests.support.page_text import LANGUAGES, main_of, words_of
from tests.support.plain_words import found_in
from tests.support.portal import SaidHome, SaidRecord, said_head, send_form, signed_in_client
from tests.support.questions import FLOW, asked_home, offer, permitted, question, sent
from tests.support.ways import shipped, speaking_gate

PATH = f"/my/{FLOW}/fine"


def fine_home(*, is_more: bool = True, **says: object) -> SaidHome:
    """Return a household that may choose; limits of its own come to an offer."""

    def show(params: Parameters, _: str) -> object:
        assert isinstance(params, QuestionOf)
        if not isinstance(params.limits, dict):
            return question()
        own = offer("fine", limits=JsonObject(params.limits), is_more=is_more)
        return question(offered=[offer("yes"), offer("less"), offer("no"), own])

    return asked_home(None, **{"question_show": show, **says})


def client_of(home: SaidHome, kind: str = "passkey") -> TestClient:
    """Return a client that has come in."""
    return signed_in_client(speaking_gate(), SaidRecord(shipped(), said_head()), home, kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
def test_choices_are_in_plain_words(language: str) -> None:
    """In three languages."""
    page = client_of(fine_home()).get(f"{PATH}?lang={language}")
    Markup(page.text)
    assert found_in(language, words_of(main_of(page.text))) == []


def test_what_is_chosen_is_shown_and_can_be_saved() -> None:
    """Without script: the form that asks for the preview is another one than that which saves."""
    page = client_of(fine_home()).get(f"{PATH}?time=4h&group=20&space=any&precision.consumption=0.1").text
    markup = main_of(page)
    assert '<option value="4h" selected>' in markup
    assert '<option value="any" selected>As it is asked: by the district' in markup
    assert 'name="limits" value="group:20,precision.consumption:0.1,time:4h"' in markup
    assert "24 figures with other homes." in words_of(markup)
    preview = markup.split('<form method="get"', 1)[1].split("</form>", 1)[0]
    assert 'name="form"' not in preview  # the token of forms never stands in an address


def test_without_a_choice_the_page_begins_with_what_is_in_force() -> None:
    """Whoever comes back finds what was chosen."""
    now = offer("fine", limits=JsonObject({"time": "day", "group": 30}))
    home = fine_home(question_show=question(row=permitted(answer="fine"), now=now))
    assert 'value="group:30,time:day"' not in client_of(home).get(PATH).text  # nothing is offered of it, so nothing can be saved
    assert '<option value="day" selected>' in client_of(home).get(PATH).text


@pytest.mark.parametrize("kind", ["passkey", "paper"])
def test_no_more_than_now_is_saved_at_once(kind: str) -> None:
    """By whatever one came in."""
    home = fine_home(is_more=False)
    found = send_form(client_of(home, kind), f"{PATH}?time=4h&group=20", action=PATH)
    assert (found.status_code, found.headers["location"]) == (303, "/my/done/2418")
    wanted = LessWanted(step="lower", scope=FLOW, limits=ConsentLimits({"time": "4h", "group": 20}))
    assert sent(home, "consent.less") == wanted


def test_more_than_now_goes_on_to_be_signed_with_its_limits() -> None:
    """They stand in the address, and the gateway reads them anew."""
    found = send_form(client_of(fine_home()), f"{PATH}?time=4h", action=PATH)
    assert found.headers["location"] == f"/my/{FLOW}/confirm?answer=fine&limits=time%3A4h"


def test_limits_that_are_offered_no_more_are_not_saved() -> None:
    """Nor others in their place."""
    home = fine_home(is_more=False)
    found = send_form(client_of(home), PATH, {"limits": "time:1min"}, action=PATH)
    assert found.status_code == 422
    assert "What can be chosen has changed" in words_of(main_of(found.text))
    assert "consent.less" not in [method for method, *_ in home.asked]


@pytest.mark.parametrize(
    ("reason", "words"), [("nothing-to-change", "These are your limits already."), ("", "did not take these")]
)
def test_refusal_says_that_nothing_was_changed(reason: str, words: str) -> None:
    """And why, where that is known."""
    home = fine_home(is_more=False, consent_less=GateRefusedError("no", reason))
    text = words_of(main_of(send_form(client_of(home), f"{PATH}?time=4h", action=PATH).text))
    assert "Nothing was changed." in text
    assert words in text


def test_paper_session_is_told_that_more_takes_a_passkey() -> None:
    """Before it tries."""
    words = words_of(main_of(client_of(fine_home(), "paper").get(f"{PATH}?time=4h").text))
    assert "You came in by paper code, which says no more than now." in words
