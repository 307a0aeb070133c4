"""What is asked: only what the rules in force ask of homes, as the gateway puts it to the reader's own session."""

from __future__ import annotations

import asyncio

import pytest

from consent.portal.answers import NoSuchPage
from consent.portal.asking.asked import AskedQuestion, asked_of, is_alone
from consent.portal.gates.citizen import SessionEndedError
from consent.portal.visit import SignedIn, Visit
from tests.support.portal import NOW_MS, TOKEN, SaidHome, SaidRecord, said_site
from tests.support.questions import FLOW, asked_home, offer, question, seen
from tests.support.ways import shipped, speaking_gate

MINE = Visit("en", signed_in=SignedIn(TOKEN, "passkey", NOW_MS))


def asked(flow: str, home: SaidHome, visit: Visit = MINE, record: SaidRecord | None = None) -> AskedQuestion:
    """Return a question."""
    return asyncio.run(asked_of(said_site(speaking_gate(), record or SaidRecord(shipped()), home=home), visit, flow))


def test_question_goes_with_the_reader_s_session() -> None:
    """The gateway knows by it whose household is meant."""
    home = asked_home()
    found = asked(FLOW, home)
    assert found.flow.id == FLOW
    assert [(method, session, request) for method, _, session, request in home.asked] == [("question.show", TOKEN, "")]


def test_offers_are_found_by_their_words() -> None:
    """One that is not offered is not there."""
    found = asked(FLOW, asked_home())
    assert [found.offer(word) is None for word in ("yes", "less", "no", "fine", "")] == [False, False, False, True, True]


@pytest.mark.parametrize("flow", ["nothing-such", "city-sensors"])
def test_what_homes_are_not_asked_is_no_question(flow: str) -> None:
    """The gateway is not even asked."""
    home = asked_home()
    with pytest.raises(NoSuchPage):
        asked(flow, home)
    assert home.asked == []


def test_before_there_are_rules_nothing_is_asked() -> None:
    """A city that has not begun."""
    with pytest.raises(NoSuchPage):
        asked(FLOW, asked_home(), record=SaidRecord(None))


def test_without_a_session_the_gateway_is_not_asked() -> None:
    """Whatever the route says."""
    home = asked_home()
    with pytest.raises(SessionEndedError):
        asked(FLOW, home, Visit("en"))
    assert home.asked == []


def test_home_is_alone_where_the_city_sees_it_by_itself() -> None:
    """By what a yes would have told."""
    shown = question(offered=[offer("yes", seen=seen(is_alone=True)), offer("no")])
    assert is_alone(AskedQuestion(shipped(), shipped().flows[FLOW], shown))
    assert not is_alone(AskedQuestion(shipped(), shipped().flows[FLOW], question()))
