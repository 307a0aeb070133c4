"""The question: what one should know in the design's order, three answers of which none is chosen, and what becomes of each."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from httpx2 import Response
from msgspec.structs import replace
from starlette.testclient import TestClient

from consent.citizen_messages import LessWanted, QuestionOf, RequestOutcome, SeenByCity
from consent.messages import ConsentLimits
from consent.portal.gates.public import GateRefusedError
from tests.support.markup import Markup
from tests.support.page_text import LANGUAGES, main_of, words_of
from tests.support.plain_words import found_in
from tests.support.portal import NOW_MS, SaidGate, SaidHome, SaidRecord, form_on, said_head, send_form, signed_in_client
from tests.support.questions import DAY_MS, FLOW, asked_home, changed, offer, permitted, question, row, sent
from tests.support.ways import hidden, served, shipped, speaking_gate

PATH = f"/my/{FLOW}"
PRIVACY = {"sec-gpc": "1"}


def gate() -> SaidGate:
    """Return a gateway whose figures of the last days had homes enough."""
    return speaking_gate(served(FLOW, 40, 30, 1440, hidden((15, 30), (20, 40))))


def client_of(home: SaidHome, kind: str = "passkey", says: SaidGate | None = None) -> TestClient:
    """Return a client that has come in."""
    return signed_in_client(says or gate(), SaidRecord(shipped(), said_head()), home, kind)  # type: ignore[arg-type]


def page(home: SaidHome, kind: str = "passkey", says: SaidGate | None = None, headers: Mapping[str, str] | None = None) -> str:
    """Return the page's own matter."""
    answer = client_of(home, kind, says).get(PATH, headers=headers)
    assert answer.status_code == 200
    Markup(answer.text)
    return main_of(answer.text)


def answered(home: SaidHome, answer: str, kind: str = "passkey", **fields: str) -> Response:
    """Choose an answer on the page and save it."""
    return send_form(client_of(home, kind), PATH, {"answer": answer, **fields}, action=PATH)


# what the page says


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("flow", ["energy-hourly", "energy-typical-week", "energy-daily-totals", "noise-hourly"])
def test_question_is_put_in_plain_words(flow: str, language: str) -> None:
    """Of every use of data that homes are asked about, in three languages."""
    client = client_of(asked_home(question(row=row(flow))))
    words = words_of(main_of(client.get(f"/my/{flow}?lang={language}").text))
    assert shipped().flows[flow].title[language] in words
    assert found_in(language, words) == []


def test_what_to_know_stands_in_the_design_s_order() -> None:
    """Why, who, kept, hidden among, what could go wrong, if no, until; then own readings; then the answers."""
    words = words_of(page(asked_home()))
    order = [
        "Why they ask",
        "To see when the grid is strained",
        "Who gets it City energy office, and nobody else",
        "Kept for 2 years at most",
        "How many you hide among",
        "never fewer than 15 homes. On the latest day mostly 30. Below 15 homes, no figure is made.",
        "What could go wrong",
        "right 84 times in 100",
        "If you say no Nothing changes for you",
        "We will not ask again for six months.",
        "Until when",
        "Your own readings",
        "Only you see this.",
        "Your answer Each picture is what the city would have seen of the last day.",
        "Save my answer",
    ]
    places = [words.index(each) for each in order]
    assert places == sorted(places)


def test_nobody_yet_is_said_where_no_figure_has_left() -> None:
    """A yes may be one of the first, and one should know."""
    words = words_of(page(asked_home(), says=speaking_gate(served(FLOW, 40, 1))))
    assert "Nobody yet; your yes may be one of the first. Below 15 homes, no figure is made." in words


def test_home_that_is_told_by_itself_is_asked_so() -> None:
    """Nobody hides there, and the question does not speak of counting."""
    shown = question(offered=[offer("yes", seen=[_alone()]), offer("no")])
    markup = page(asked_home(shown))
    assert "May your home’s own readings be told" in words_of(markup)
    assert 'class="answers two"' in markup


def _alone() -> SeenByCity:
    """Return a row that the city sees by itself."""
    return replace(question().offered[0].seen[0], is_alone=True, spread=None)


def test_three_answers_of_one_size_of_which_none_is_chosen() -> None:
    """Each with its drawing, and all drawings of one size."""
    markup = page(asked_home())
    read = Markup(f"<body>{markup}</body>")
    radios = [each for each in read.all("input") if each.attributes.get("type") == "radio"]
    assert [each.attributes["value"] for each in radios] == ["yes", "less", "no"]
    assert not any("checked" in each.attributes for each in radios)
    assert [each.classes for each in read.elements if "answer" in each.classes] == [["answer"]] * 3
    sizes = {each.attributes["viewbox"] for each in read.all("svg") if each.classes == ["small"]}
    assert sizes == {"0 0 320 166"}


def test_browser_that_asks_for_privacy_finds_no_chosen() -> None:
    """One line says why; nothing is sent, and nothing in the record changes."""
    home = asked_home()
    markup = page(home, headers=PRIVACY)
    assert 'value="no" checked' in markup
    assert markup.count(" checked") == 1
    assert "Global Privacy Control" in words_of(markup)
    assert {method for method, *_ in home.asked} == {"question.show", "readings.show"}


def test_answer_in_force_is_said_and_not_chosen_either() -> None:
    """Whoever changes an answer sees the one there is."""
    words = words_of(page(asked_home(question(row=permitted()))))
    assert "Your answer now: Yes Since 29 November 2026." in words
    assert " checked" not in page(asked_home(question(row=permitted())))
    assert "Stop this" in words


def test_what_another_holds_back_is_said_and_no_more() -> None:
    """Not who, and not what."""
    words = words_of(page(asked_home(question(row=permitted(held_back_by_another=True)))))
    assert "Somebody in your home holds something back." in words


def test_yes_counts_from_tomorrow_and_the_page_says_so() -> None:
    """A no acts at once."""
    assert "A yes counts from tomorrow (1 December 2026, 01:00) on" in words_of(page(asked_home()))


def test_paper_session_is_told_what_it_can_say_and_where_else() -> None:
    """The paper code is of equal standing for everything that tells less."""
    markup = page(asked_home(), kind="paper")
    assert "A yes takes a passkey." in words_of(markup)
    assert 'href="/in"' in markup
    assert 'href="/paper"' in markup


def test_passkey_that_waits_says_until_when() -> None:
    """A day after it replaced a lost one."""
    words = words_of(page(asked_home(question(yes_from_ms=NOW_MS + DAY_MS))))
    assert "Your new passkey can say more from 1 December 2026, 01:53 on." in words


def test_no_that_rests_says_until_when() -> None:
    """And can be changed all the same."""
    shown = question(row=row(own="Refused", answer="no", rests_until_ms=NOW_MS + 100 * DAY_MS, since_ms=NOW_MS))
    assert "Nobody will ask you again before 10 March 2027. You can answer all the same." in words_of(page(asked_home(shown)))


@pytest.mark.parametrize("flow", ["nothing-such", "city-sensors"])
def test_what_nobody_is_asked_has_no_question(flow: str) -> None:
    """Neither what the rules do not name, nor what is about no home."""
    home = asked_home()
    assert client_of(home).get(f"/my/{flow}").status_code == 404
    assert home.asked == []


def test_gateway_is_asked_in_the_reader_s_language() -> None:
    """Its sentences stand among ours."""
    home = asked_home()
    client_of(home).get(f"{PATH}?lang=pt")
    assert sent(home, "question.show") == QuestionOf(flow=FLOW, language="pt")


# what becomes of an answer


@pytest.mark.parametrize(
    ("own", "step"),
    [("", "refuse"), ("Requested", "refuse"), ("Refused", "refuse"), ("Given", "withdraw"), ("Paused", "withdraw")],
)
@pytest.mark.parametrize("kind", ["passkey", "paper"])
def test_no_holds_at_once(own: str, step: str, kind: str) -> None:
    """By whatever one came in; what was permitted is taken back."""
    home = asked_home(question(row=row(own=own)))
    found = answered(home, "no", kind)
    assert (found.status_code, found.headers["location"]) == (303, "/my/done/2418")
    assert sent(home, "consent.less") == LessWanted(step=step, scope=FLOW)  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", ["yes", "less"])
def test_more_than_now_goes_on_to_be_signed(answer: str) -> None:
    """And changes nothing before."""
    home = asked_home()
    found = answered(home, answer)
    assert (found.status_code, found.headers["location"]) == (303, f"{PATH}/confirm?answer={answer}")
    assert "consent.less" not in [method for method, *_ in home.asked]


def test_less_than_now_is_saved_with_the_limits_that_were_shown() -> None:
    """By the session alone."""
    shown = question(row=permitted(), offered=[offer("yes"), offer("less", is_more=False), offer("no")])
    home = asked_home(shown, consent_less=changed("Given"))
    assert answered(home, "less", "paper").headers["location"] == "/my/done/2418"
    assert sent(home, "consent.less") == LessWanted(step="lower", scope=FLOW, limits=ConsentLimits({"time": "4h"}))


def test_pause_is_one_tap() -> None:
    """From the list of answers and from the question."""
    home = asked_home(question(row=permitted()))
    assert answered(home, "pause").headers["location"] == "/my/done/2418"
    assert sent(home, "consent.less") == LessWanted(step="pause", scope=FLOW)


def test_save_without_an_answer_changes_nothing() -> None:
    """None was preselected, so none is meant."""
    home = asked_home()
    found = send_form(client_of(home), PATH, action=PATH)
    assert found.status_code == 422
    assert "No answer was chosen." in words_of(main_of(found.text))
    assert {method for method, *_ in home.asked} <= {"question.show", "readings.show", "request.outcome"}


def test_answer_to_another_offer_is_shown_anew() -> None:
    """What is saved is what was read: where a yes tells something else by now, it is not saved."""
    home = asked_home()
    client = client_of(home)
    address, fields = form_on(client.get(PATH).text, PATH)
    home.says["question.show"] = question(offered=[offer("yes", retention_days=3650), offer("less"), offer("no")])
    found = client.post(address, data={**fields, "answer": "yes"}, headers={"origin": "https://testserver"})
    assert found.status_code == 422
    assert "has changed since you opened this page" in words_of(main_of(found.text))


def test_no_is_saved_whatever_has_changed() -> None:
    """It means the same to any question."""
    home = asked_home()
    client = client_of(home)
    address, fields = form_on(client.get(PATH).text, PATH)
    home.says["question.show"] = question(offered=[offer("yes", retention_days=3650), offer("no")])
    found = client.post(address, data={**fields, "answer": "no"}, headers={"origin": "https://testserver"})
    assert found.headers["location"] == "/my/done/2418"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("nothing-to-change", "That is your answer already"),
        ("changed-meanwhile", "has changed since you opened this page"),
        ("", "The gate did not take this answer."),
    ],
)
def test_refusal_says_that_nothing_was_changed_and_why(reason: str, words: str) -> None:
    """In words of the page, never in the gateway's."""
    home = asked_home(consent_less=GateRefusedError("`x` is already refused", reason))
    found = answered(home, "no")
    text = words_of(main_of(found.text))
    assert found.status_code == 422
    assert "Nothing was changed." in text
    assert words in text
    assert "already refused" not in text


def test_form_that_was_taken_before_leads_where_it_led() -> None:
    """A second click is no second answer, and no error either."""
    done = RequestOutcome(is_done=True, method="consent.less", time_ms=NOW_MS, log_indices=[2420, 2419])
    home = asked_home(consent_less=GateRefusedError("other", "request-other"), request_outcome=done)
    assert answered(home, "no").headers["location"] == "/my/done/2419"
