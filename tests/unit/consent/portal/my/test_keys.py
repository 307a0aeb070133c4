"""The page of the ways in: ended by a session alone, added with a proof, and a new paper code shown once."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from starlette.testclient import TestClient

from consent.citizen_messages import (
    ActWanted,
    CredentialRecorded,
    Enrolment,
    PaperMade,
    PasskeyAdded,
    PasskeyNamed,
    RegistrationChallenge,
    SessionNamed,
    SessionsEnded,
)
from consent.core.languages import LANGUAGES
from consent.messages import Hex
from consent.portal.my.acts import OF_ACTS
from consent.texts.portal import page_sentences
from tests.support.own_home import (
    CHALLENGE,
    DAY_MS,
    OTHER_SESSION,
    PASSKEY_NAME,
    PROOF,
    SITE,
    home_shown,
    made_fields,
    passkey,
    passkey_shown,
    refused,
    said_home,
    session_shown,
    signed_fields,
    written,
)
from tests.support.portal import FROM_HERE, NOW_MS, TOKEN, SaidGate, SaidHome, form_on, said_state, send_form, signed_in_client
from tests.support.read_pages import record, words_of

PAGE = "/my/keys"
PAPER = "K7QM-4T2X-9RHD-0B5Z"
WANTED = RegistrationChallenge(
    challenge=CHALLENGE, user_handle=Hex(b"\x07" * 16), relying_party=SITE, exclude=[b"\xfe" * 16, b"e" * 16]
)
ADDED = CredentialRecorded(log_index=2411, yes_from_ms=NOW_MS + DAY_MS, paper_code="AAAA-BBBB-CCCC-DDDD")


def door(**says: object) -> SaidHome:
    """Return a door that makes and ends ways in."""
    usual: dict[str, object] = {
        "passkey_challenge": WANTED,
        "passkey_add": ADDED,
        "passkey_end": CredentialRecorded(log_index=2412),
        "act_challenge": PROOF,
        "paper_replace": PaperMade(paper_code=PAPER, log_index=2413),
        "session_end": SessionsEnded(ended=1),
    }
    return said_home(None, **{**usual, **says})


def visitor(home: SaidHome, kind: Any = "passkey") -> TestClient:
    """Return the browser of somebody who has come in."""
    return signed_in_client(SaidGate(said_state()), record(), home, kind)


def said(language: str = "en") -> Any:
    """Return the page's sentences."""
    return page_sentences("my_keys")[language]


def further(client: TestClient, page: str, **values: str) -> Any:
    """Send the form of a step."""
    address, fields = form_on(page, PAGE)
    return client.post(address, data={**fields, **values}, headers=FROM_HERE)


# what is shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_passkey_is_told_with_how_it_came_to_be(language: str) -> None:
    """Since when, with its number in the record, when it last answered; and each has a button that ends it."""
    keys = [
        passkey_shown(passkey=Hex(bytes([n]) * 32), how=how, log_index=n, used_ms=NOW_MS if n else 0)
        for n, how in enumerate(get_args(Enrolment))
    ]
    page = visitor(said_home(home_shown(passkeys=keys))).get(f"{PAGE}?lang={language}").text
    for n, how in enumerate(get_args(Enrolment)):
        assert said(language)[f"how.{how}"] in words_of(page)
        assert f'href="/check/{n}?lang={language}"' in page
        assert f'name="name" value="{bytes([n]).hex() * 32}"' in page
    assert said(language)["passkeys.unused"] in words_of(page)


def test_passkey_that_replaces_a_lost_one_says_from_when_it_says_yes() -> None:
    """As long as that is still to come, by the gate's clock."""
    waiting = said().get("passkeys.waits", "").partition("{")[0]
    for from_ms, shown in ((NOW_MS + 1000, True), (NOW_MS - 1000, False), (0, False)):
        page = visitor(said_home(home_shown(passkeys=[passkey_shown(yes_from_ms=from_ms)]))).get(PAGE).text
        assert (waiting in words_of(page)) == shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_has_no_passkey_is_told_what_works(language: str) -> None:
    """And makes one with the paper code."""
    home = said_home(home_shown(passkeys=[], paper_since_ms=0, sessions=[session_shown(kind="paper")]))
    words = words_of(visitor(home, "paper").get(f"{PAGE}?lang={language}").text)
    for key in ("passkeys.none", "passkeys.add-by-paper", "paper.none", "paper.takes"):
        assert said(language)[key] in words


def test_sessions_are_told_this_one_first() -> None:
    """It is ended above, as on every page; each other has a button of its own."""
    other = session_shown(session=OTHER_SESSION, is_this=False, kind="paper", since_ms=NOW_MS)
    page = visitor(said_home(home_shown(sessions=[other, session_shown()]))).get(PAGE).text
    part = page.partition('id="sessions"')[2].partition("</section>")[0]
    assert part.index(said()["sessions.this"]) < part.index(said()["sessions.another"])
    assert part.count('value="end-session"') == 2
    assert OTHER_SESSION.hex() in part
    alone = visitor(said_home()).get(PAGE).text
    assert 'value="end-session"' not in alone


# a new passkey


def test_new_passkey_is_made_and_then_confirmed_by_an_earlier_one() -> None:
    """The gate holds the new one in between: the second form does not bring it again."""
    home = door()
    client = visitor(home)
    step = send_form(client, PAGE, {"how": "make"}, PAGE)
    assert f'data-keys="{written(WANTED.exclude[0])} {written(WANTED.exclude[1])}"' in step.text
    assert 'name="code"' not in step.text
    confirm = further(client, step.text, **made_fields(passkey()))
    assert confirm.status_code == 200
    assert 'data-passkey="get"' in confirm.text
    wanted = home.asked[-1][1]
    assert isinstance(wanted, ActWanted)
    assert wanted.act == "passkey.add"
    assert wanted.registration
    answer = further(client, confirm.text, **signed_fields(passkey()))
    assert (answer.status_code, answer.headers["location"]) == (303, "/my/keys?done=added")
    method, params, session, request = home.asked[-1]
    assert isinstance(params, PasskeyAdded)
    assert (method, session, len(request)) == ("passkey.add", TOKEN, 32)
    assert params.proof
    assert not params.registration
    assert params.paper_code == ""


def test_paper_code_makes_a_new_passkey_where_all_are_lost() -> None:
    """It is used up: the page shows the new one once, and from when on the passkey says yes."""
    home = door()
    client = visitor(home, "paper")
    step = send_form(client, PAGE, {"how": "make"}, PAGE)
    assert 'name="code"' in step.text
    assert said()["make.waits"] in words_of(step.text)
    kept = further(client, step.text, code=PAPER, **made_fields(passkey()))
    assert kept.status_code == 200
    words = words_of(kept.text)
    assert ADDED.paper_code in words
    assert said()["kept.waits"].partition("{")[0] in words
    method, params, session, request = home.asked[-1]
    assert isinstance(params, PasskeyAdded)
    assert (method, session, len(request)) == ("passkey.add", TOKEN, 32)
    assert params.registration
    assert params.paper_code == PAPER
    assert PAPER not in kept.text


def test_paper_code_that_the_gate_can_no_more_say_is_told() -> None:
    """It was made under this id before the gate's start."""
    home = door(passkey_add=CredentialRecorded(log_index=1), paper_replace=PaperMade(paper_code="", log_index=1))
    recovered = send_form(visitor(home, "paper"), PAGE, {"how": "made", "code": PAPER, **made_fields(passkey())}, PAGE)
    replaced = send_form(visitor(home), PAGE, {"how": "replaced", **signed_fields(passkey())}, PAGE)
    for page in (recovered, replaced):
        assert said()["done.unshown"] in words_of(page.text)


def test_new_paper_code_takes_a_passkey() -> None:
    """What it signs is asked of the gate first; the code stands on the page alone."""
    home = door()
    client = visitor(home)
    step = send_form(client, PAGE, {"how": "replace"}, PAGE)
    assert home.asked[-1][1] == ActWanted(act="paper.replace")
    shown = further(client, step.text, **signed_fields(passkey()))
    assert shown.status_code == 200
    assert PAPER in words_of(shown.text)
    assert shown.headers["cache-control"] == "no-store"
    assert 'value="replace"' not in visitor(door(), "paper").get(PAGE).text


@pytest.mark.parametrize("how", ["made", "proved", "replaced"])
def test_form_without_what_a_passkey_says_changes_nothing(how: str) -> None:
    """As one that was sent without script."""
    home = door()
    page = send_form(visitor(home), PAGE, {"how": how}, PAGE)
    assert page.status_code == 422
    assert page_sentences("passkey")["en"]["wrong.passkey-missing"] in words_of(page.text)
    assert {method for method, *_ in home.asked} == {"home.show"}


# ends


def test_passkey_is_ended_by_a_session_alone() -> None:
    """By the name that the record has for it; any session tells less."""
    for kind in ("passkey", "paper"):
        home = door()
        answer = send_form(visitor(home, kind), PAGE, {"how": "end-passkey", "name": PASSKEY_NAME.hex()}, PAGE)
        assert (answer.status_code, answer.headers["location"]) == (303, "/my/keys?done=ended")
        assert home.asked[-1][:3] == ("passkey.end", PasskeyNamed(passkey=PASSKEY_NAME), TOKEN)


@pytest.mark.parametrize("name", ["", "zz", "00", "0" * 33])
def test_passkey_that_is_not_named_ends_none(name: str) -> None:
    """The gate is not asked."""
    home = door()
    send_form(visitor(home), PAGE, {"how": "end-passkey", "name": name}, PAGE)
    assert {method for method, *_ in home.asked} == {"home.show"}


def test_session_is_ended_by_its_name_and_all_others_without_one() -> None:
    """Never the one that asks, which every page ends above."""
    for name, named in ((OTHER_SESSION.hex(), SessionNamed(session=OTHER_SESSION)), ("", SessionNamed(all_others=True))):
        home = door()
        answer = send_form(visitor(home), PAGE, {"how": "end-session", "name": name}, PAGE)
        assert answer.headers["location"] == "/my/keys?done=closed"
        assert home.asked[-1][:3] == ("session.end", named, TOKEN)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("done", ["added", "ended", "closed"])
def test_page_says_what_was_done(done: str, language: str) -> None:
    """After each change."""
    page = visitor(said_home()).get(f"{PAGE}?done={done}&lang={language}").text
    assert said(language)[f"done.{done}"] in words_of(page)


# refusals


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", [*sorted(OF_ACTS), "something-new"])
def test_refusal_is_said_above_the_ways_in(reason: str, language: str) -> None:
    """At every step, with that nothing was changed, and never in the gate's own words."""
    methods = ("passkey_challenge", "passkey_add", "passkey_end", "act_challenge", "paper_replace", "session_end")
    home = door(**dict.fromkeys(methods, refused(reason)))
    client = visitor(home)
    sentences = page_sentences("passkey")[language]
    both = {**made_fields(passkey()), **signed_fields(passkey())}
    steps = ("make", "made", "proved", "replace", "replaced", "end-passkey", "end-session")
    for how in steps:
        values = {"how": how, "name": PASSKEY_NAME.hex(), **both}
        page = send_form(client, f"{PAGE}?lang={language}", values, PAGE)
        assert page.status_code == 422
        assert sentences.get(f"wrong.{reason}", sentences["wrong.other"]) in words_of(page.text)
        assert "in its own words" not in page.text
