"""What the pages of the household share: what a passkey is asked to sign, and what is read of its answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from consent.citizen_messages import ActWanted, Registration
from consent.core.languages import LANGUAGES
from consent.portal.answers import FilledForm
from consent.portal.joining.passkey_form import PASSKEY_FIELDS
from consent.portal.joining.refusals import OTHER
from consent.portal.my.acts import OF_ACTS, UNANSWERED, is_by_passkey, proof_wanted, proved_by
from consent.portal.visit import SignedIn, Visit
from consent.texts.portal import page_sentences
from tests.support.own_home import CHALLENGE, PROOF, passkey, read, said_home, signed_fields
from tests.support.portal import NOW_MS, TOKEN, SaidGate, said_site, said_state
from tests.support.read_pages import record

VISIT = Visit("en", signed_in=SignedIn(TOKEN, "passkey", NOW_MS + 1))


@pytest.mark.parametrize("made", [None, Registration(client_data=b"c", attestation=b"a")])
def test_act_is_asked_about_with_the_session_and_changes_nothing(made: Any) -> None:
    """A question has no id; a new passkey goes with that of its own act."""
    home = said_home(act_challenge=PROOF)
    site = said_site(SaidGate(said_state()), record(), home=home)
    asked = asyncio.run(proof_wanted(site, VISIT, "passkey.add", made))
    assert read(asked.challenge) == CHALLENGE
    assert read(asked.keys) == PROOF.allow[0]
    ((method, params, session, request),) = home.asked
    assert isinstance(params, ActWanted)
    assert (method, session, request) == ("act.challenge", TOKEN, "")
    assert (params.registration or None) == made


def test_only_a_passkeys_answer_proves_an_act() -> None:
    """A form without one proves nothing."""
    empty = {field.name: "" for field in PASSKEY_FIELDS}
    assert proved_by(FilledForm(empty, "0" * 32)) is None
    proved = proved_by(FilledForm({**empty, **signed_fields(passkey())}, "0" * 32))
    assert proved is not None
    assert proved.proof
    assert proved.paper_code == ""


def test_session_of_a_paper_code_cannot_ask_for_a_passkeys_acts() -> None:
    """Nor can nobody's."""
    assert is_by_passkey(VISIT)
    assert not is_by_passkey(Visit("en", signed_in=SignedIn(TOKEN, "paper", NOW_MS + 1)))
    assert not is_by_passkey(Visit("en"))
    assert (VISIT.token, Visit("en").token) == (TOKEN, "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_its_sentence(language: str) -> None:
    """So that no reason of the gate's ends in an error of the page's."""
    said = page_sentences("passkey")[language]
    assert {f"wrong.{reason}" for reason in (*OF_ACTS, UNANSWERED, OTHER)} == {key for key in said if key.startswith("wrong.")}
