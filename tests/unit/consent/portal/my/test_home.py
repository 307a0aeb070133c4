"""The page of the household: its people and sensors, how each came in, a code for one more, and leaving."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from starlette.testclient import TestClient

from consent.citizen_messages import ActProved, ActWanted, Assertion, Enrolment, InviteMade
from consent.core.decide import Owner
from consent.core.languages import LANGUAGES
from consent.messages import Hex, ResidentLeft
from consent.portal.my.acts import OF_ACTS
from consent.portal.my.home import MOST_ENROLMENTS
from consent.texts.portal import page_sentences
from tests.support.own_home import (
    MINE,
    OTHER,
    PROOF,
    enrolment,
    home_shown,
    passkey,
    refused,
    resident,
    said_home,
    sensor,
    signed_fields,
)
from tests.support.portal import FROM_HERE, TOKEN, SaidGate, SaidHome, form_on, said_state, send_form, signed_in_client
from tests.support.read_pages import record, rules, words_of

PAGE = "/my/home"
CODE = "7K3M-QX2P-9RTA"


def visitor(home: SaidHome, kind: Any = "passkey") -> TestClient:
    """Return the browser of somebody who has come in."""
    return signed_in_client(SaidGate(said_state()), record(), home, kind)


def said(language: str = "en") -> Any:
    """Return the page's sentences."""
    return page_sentences("my_home")[language]


def test_stranger_is_led_to_the_entrance() -> None:
    """And back afterwards."""
    client = visitor(said_home())
    client.cookies.clear()
    answer = client.get(PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/in?next=%2Fmy%2Fhome")


@pytest.mark.parametrize("language", LANGUAGES)
def test_people_and_sensors_are_told_without_a_name(language: str) -> None:
    """The visitor first; who has not come in, whose the sensor is, and no id of anyone."""
    people = [resident(OTHER, 90, claimed=False), resident(MINE, 30)]
    devices = [sensor(), sensor("numbered", "nowhere", Owner.RESIDENT)]
    page = visitor(said_home(home_shown(residents=people, devices=devices, claim_codes=2))).get(f"{PAGE}?lang={language}").text
    words = words_of(page)
    you, other = said(language)["people.you"], said(language)["people.other"]
    people_part = page.partition('id="people"')[2].partition("</section>")[0]
    assert people_part.index(you) < people_part.index(other)
    assert said(language)["people.not-yet"] in words
    assert said(language)["people.codes.other"].format(n=2) in words
    assert said(language)["sensors.own"] in words
    assert said(language)["sensors.city"] in words
    assert rules().profiles["meter"].title[language] in words
    assert "numbered" in words
    assert MINE.hex() not in page
    assert OTHER.hex() not in page


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("what", ["passkey", "paper", "ended"])
def test_every_way_in_is_told_with_its_number(what: Any, language: str) -> None:
    """However it came to be, and whosever it is."""
    hows = get_args(Enrolment) if what != "ended" else ("",)
    rows = [enrolment(what=what, how=how, is_own=n % 2 == 0, log_index=n) for n, how in enumerate(hows)]
    page = visitor(said_home(home_shown(enrolments=rows))).get(f"{PAGE}?lang={language}").text
    for n, how in enumerate(hows):
        assert said(language)["ways.ended" if what == "ended" else f"ways.{what}-{how}"] in words_of(page)
        assert f'href="/check/{n}?lang={language}"' in page
    assert said(language)["ways.strange"] in words_of(page)


def test_only_the_latest_ways_in_are_listed() -> None:
    """The page of what happened has all."""
    rows = [enrolment(log_index=n) for n in range(100, 130)]
    page = visitor(said_home(home_shown(enrolments=rows))).get(PAGE).text
    assert page.count('href="/check/1') == MOST_ENROLMENTS
    assert 'href="/my/history"' in page


def test_invitation_takes_two_steps_and_a_passkey() -> None:
    """What it signs is asked of the gate; the code is shown once it has signed, and not in an address."""
    home = said_home(act_challenge=PROOF, home_invite=InviteMade(claim_code=CODE, days=90))
    client = visitor(home)
    step = send_form(client, PAGE, {"how": "invite"}, PAGE)
    assert step.status_code == 200
    assert 'data-passkey="get"' in step.text
    assert isinstance(home.asked[-1][1], ActWanted)
    assert home.asked[-1][1].act == "subject.invite"
    address, fields = form_on(step.text, PAGE)
    shown = client.post(address, data={**fields, **signed_fields(passkey())}, headers=FROM_HERE)
    assert shown.status_code == 200
    assert CODE in words_of(shown.text)
    assert said()["code.days.other"].format(n=90) in words_of(shown.text)
    method, params, session, request = home.asked[-1]
    assert isinstance(params, ActProved)
    assert params.proof
    assert (method, session, request) == ("home.invite", TOKEN, fields["request"])


def test_paper_session_is_told_that_an_invitation_takes_a_passkey() -> None:
    """There is no button that could not work."""
    page = visitor(said_home(), "paper").get(PAGE).text
    assert said()["invite.paper"] in words_of(page)
    assert 'value="invite"' not in page


def test_form_without_a_passkeys_answer_invites_nobody() -> None:
    """As one that was sent without script."""
    home = said_home()
    page = send_form(visitor(home), PAGE, {"how": "invited"}, PAGE)
    assert page.status_code == 422
    assert page_sentences("passkey")["en"]["wrong.passkey-missing"] in words_of(page.text)
    assert {method for method, *_ in home.asked} == {"home.show"}


def test_code_that_the_gate_can_no_more_say_is_made_again() -> None:
    """It was made under this id before the gate's start."""
    home = said_home(home_invite=InviteMade(claim_code="", days=90))
    page = send_form(visitor(home), PAGE, {"how": "invited", **signed_fields(passkey())}, PAGE)
    assert said()["done.unshown"] in words_of(page.text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", [*sorted(OF_ACTS), "something-new"])
def test_refusal_is_said_above_the_household(reason: str, language: str) -> None:
    """With that nothing was changed, and never in the gate's own words."""
    home = said_home(act_challenge=refused(reason), home_invite=refused(reason), home_leave=refused(reason))
    sentences = page_sentences("passkey")[language]
    for values in ({"how": "invite"}, {"how": "invited", **signed_fields(passkey())}, {"how": "leave"}):
        page = send_form(visitor(home), f"{PAGE}?lang={language}", values, PAGE)
        assert page.status_code == 422
        assert sentences.get(f"wrong.{reason}", sentences["wrong.other"]) in words_of(page.text)
        assert sentences["unchanged"] in words_of(page.text)
        assert "in its own words" not in page.text


def test_leaving_ends_the_session() -> None:
    """With one form, where others stay; the entrance says what came of it."""
    left = ResidentLeft(subject=MINE, left=MINE, label_key=Hex(bytes(32)))
    home = said_home(home_shown(residents=[resident(), resident(OTHER)]), home_leave=left)
    client = visitor(home)
    assert 'value="leave"' in client.get(PAGE).text
    answer = send_form(client, PAGE, {"how": "leave"}, PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/in?done=left")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert home.asked[-1][:3] == ("home.leave", ActProved(), TOKEN)
    assert len(home.asked[-1][3]) == 32


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_holds_something_back_leaves_by_passkey(language: str) -> None:
    """Once they are gone more goes out of the home, so the page says so, and asks for what a yes takes."""
    left = ResidentLeft(subject=MINE, left=MINE, label_key=Hex(bytes(32)))
    home = said_home(
        home_shown(residents=[resident(), resident(OTHER)]), home_leave=refused("needs-passkey"), act_challenge=PROOF
    )
    client = visitor(home)
    asked = send_form(client, f"{PAGE}?lang={language}", {"how": "leave"}, PAGE)
    assert page_sentences("my_home")[language]["leave.why"] in words_of(asked.text)
    assert 'value="left"' in asked.text
    home.says["home.leave"] = left
    action, fields = form_on(asked.text, PAGE)
    answer = client.post(action, data={**fields, **signed_fields(passkey())}, headers=FROM_HERE)
    assert answer.headers["location"].startswith("/in?done=left")
    sent = home.asked[-1][1]
    assert isinstance(sent, ActProved)
    assert isinstance(sent.proof, Assertion)
    assert next(params for method, params, *_ in home.asked if method == "act.challenge") == ActWanted(act="household.leave")


def test_who_came_in_by_paper_and_holds_something_back_is_told_what_it_takes() -> None:
    """A paper code tells less, and never more."""
    home = said_home(home_shown(residents=[resident(), resident(OTHER)]), home_leave=refused("needs-passkey"))
    page = send_form(visitor(home, kind="paper"), PAGE, {"how": "leave"}, PAGE)
    assert page.status_code == 422
    assert page_sentences("passkey")["en"]["wrong.needs-passkey"] in words_of(page.text)


def test_last_person_is_led_to_erasing_instead_of_leaving() -> None:
    """A home that nobody speaks for could never be spoken for again."""
    page = visitor(said_home()).get(PAGE).text
    assert 'value="leave"' not in page
    assert 'href="/my/erase"' in page


def test_form_that_says_nothing_changes_nothing() -> None:
    """Nor does one that says something else."""
    for how in ("", "erase", "invite "):
        home = said_home()
        assert send_form(visitor(home), PAGE, {"how": how}, PAGE).status_code == 200
        assert {method for method, *_ in home.asked} == {"home.show"}
