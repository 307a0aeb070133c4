"""What pages ask for a household: with the session's token, and without naming a household."""

from __future__ import annotations

import asyncio

import pytest

from consent.messages import Id, ReleasesTold, SubjectOf
from consent.portal.afterwards.own import OWN, releases_of
from consent.portal.gates.citizen import SessionEndedError
from consent.portal.visit import SignedIn, Visit
from tests.support.afterwards import small_record
from tests.support.portal import NOW_MS, SaidGate, SaidHome, said_site, said_state


def test_session_goes_beside_the_question_and_names_nobody() -> None:
    """The door knows whose it is; a page cannot ask for another household by naming it."""
    door = SaidHome({"consent.releases": ReleasesTold(subject=Id(bytes(16)), releases=[])})
    site = said_site(SaidGate(said_state()), small_record(), home=door)
    visit = Visit("en", signed_in=SignedIn("5e" * 32, "passkey", NOW_MS + 1))
    asyncio.run(releases_of(site, visit))
    assert door.asked == [("consent.releases", SubjectOf(subject=OWN), "5e" * 32, "")]
    assert bytes(OWN) == bytes(16)


def test_nobody_signed_in_asks_nothing() -> None:
    """The route table lets nobody here; a page that is reached all the same asks nothing without a session."""
    door = SaidHome()
    site = said_site(SaidGate(said_state()), small_record(), home=door)
    with pytest.raises(SessionEndedError):
        asyncio.run(releases_of(site, Visit("en")))
    assert door.asked == []
