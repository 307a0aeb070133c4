"""Where a passkey signs: the page says what exactly, and what the gateway refuses is asked anew with nothing changed."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from consent.citizen_messages import Assertion, ConsentProved, ConsentWanted, RequestOutcome
from consent.messages import ConsentLimits, MaybeInstant, Parameters
from consent.portal.gates.citizen import OutcomeUnknownError
from consent.portal.gates.public import GateRefusedError
from tests.support.markup import Markup
from tests.support.page_text import LANGUAGES, main_of, words_of
from tests.support.plain_words import found_in
from tests.support.portal import NOW_MS, SaidHome, SaidRecord, said_head, send_form, signed_in_client
from tests.support.questions import CHALLENGE, DAY_MS, FLOW, asked_home, offer, proposed, question, row, sent
from tests.support.ways import shipped, speaking_gate

PATH = f"/my/{FLOW}/confirm"
SIGNED = {"credential": "b25l", "client_data": "e30", "authenticator_data": "YXV0aA", "signature": "c2ln"}


def client_of(home: SaidHome, kind: str = "passkey") -> TestClient:
    """Return a client that has come in."""
    return signed_in_client(speaking_gate(), SaidRecord(shipped(), said_head()), home, kind)  # type: ignore[arg-type]


def page(home: SaidHome, query: str = "answer=yes", kind: str = "passkey") -> str:
    """Return the page's own matter."""
    found = client_of(home, kind).get(f"{PATH}?{query}")
    assert found.status_code == 200
    Markup(found.text)
    return main_of(found.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_signed_is_said_in_plain_words(language: str) -> None:
    """In three languages: what, for which use, to whom, for how long, up to which limits, until when and from when."""
    home = asked_home()
    words = words_of(page(home, f"answer=less&lang={language}"))
    assert sent(home, "consent.propose").language == language, "what is signed is said in the language of the page"
    assert found_in(language, words) == []
    flow = shipped().flows[FLOW]
    assert flow.title[language] in words
    assert shipped().recipients[flow.recipient].title[language] in words
    assert proposed().text in words


def test_what_is_signed_is_what_the_gateway_has_made() -> None:
    """The page asks for it with the limits of the answer that was offered, and hands its hash to the passkey."""
    home = asked_home()
    markup = page(home, "answer=less")
    assert sent(home, "consent.propose") == ConsentWanted(scope=FLOW, limits=ConsentLimits({"time": "4h"}), language="en")
    assert f'name="challenge" value="{CHALLENGE.hex()}"' in markup
    assert 'data-keys="b25l dHdv"' in markup
    words = words_of(markup)
    assert "Your own limits Time: in stretches of four hours" in words
    assert "It counts from tomorrow (1 December 2026, 01:00) on" in words
    assert "0001 0203 0405" in words


def test_limits_of_one_s_own_are_proposed_as_they_were_shown() -> None:
    """From the address, as far as the gateway offers them."""

    def show(params: Parameters, _: str) -> object:
        limits = getattr(params, "limits", None)
        offered = [offer("yes"), offer("fine", limits=limits)] if isinstance(limits, dict) else [offer("yes")]
        return question(offered=offered)

    home = asked_home(None, question_show=show)
    page(home, "answer=fine&limits=time:4h,group:20,space:exact")
    assert sent(home, "consent.propose").limits == ConsentLimits({"time": "4h", "group": 20})


def test_last_day_is_signed_with_it() -> None:
    """To its end, by the city's clock."""
    home = asked_home()
    words = words_of(page(home, "answer=yes&until=2026-12-31"))
    assert sent(home, "consent.propose").expiry == MaybeInstant.parse("2026-12-31T23:00:00+00:00")
    assert "1 January 2027, 00:00, if you do not stop it before" in words


@pytest.mark.parametrize("day", ["2026-13-40", "", "tomorrow"])
def test_day_that_is_none_ends_nothing(day: str) -> None:
    """The page says until when, so nobody is misled."""
    home = asked_home()
    assert "Until you stop it" in words_of(page(home, f"answer=yes&until={day}"))
    assert not sent(home, "consent.propose").expiry


def test_resuming_proposes_what_was_paused() -> None:
    """By the scope that was paused; where that is of several uses, by this one alone."""
    paused = question(row=row(own="Paused", answer="paused", scope="purpose:energy-planning"))

    def propose(params: Parameters, _: str) -> object:
        assert isinstance(params, ConsentWanted)
        return proposed() if params.scope == FLOW else GateRefusedError("several", "several")

    home = asked_home(paused, consent_propose=propose)
    assert "Resuming “Electricity used, by the hour” takes your passkey" in words_of(page(home, "answer=resume"))
    wanted = [params for method, params, *_ in home.asked if method == "consent.propose"]
    assert wanted == [ConsentWanted(scope=scope, resume=True, language="en") for scope in ("purpose:energy-planning", FLOW)]


@pytest.mark.parametrize(
    ("kind", "waits_ms", "refused", "words"),
    [
        ("paper", 0, None, "You came in by paper code, which says less and never more."),
        ("passkey", NOW_MS + DAY_MS, None, "It can say more from 1 December 2026, 01:53 on"),
        ("passkey", 0, "needs-passkey", "A yes takes a passkey."),
        ("passkey", 0, "nothing-to-change", "This tells nothing that you do not permit already."),
        ("passkey", 0, "other", "The gate does not take this answer as things stand"),
    ],
)
def test_who_cannot_sign_here_is_told_why_and_where_else(kind: str, waits_ms: int, refused: str | None, words: str) -> None:
    """With nothing changed, and the counter named: a yes given there counts as much."""
    home = asked_home(question(yes_from_ms=waits_ms))
    if refused is not None:
        home.says["consent.propose"] = GateRefusedError("no", refused)
    markup = page(home, kind=kind)
    text = words_of(markup)
    assert words in text
    assert "Nothing was changed." in text
    assert 'href="/paper"' in markup
    assert "data-passkey" not in markup


@pytest.mark.parametrize("query", ["", "answer=no", "answer=maybe", "answer=fine"])
def test_address_of_no_answer_leads_nowhere(query: str) -> None:
    """A no takes no passkey, and limits that come to nothing are no answer."""
    assert client_of(asked_home()).get(f"{PATH}?{query}").status_code == 404


def test_signature_goes_to_the_gateway_and_the_answer_holds() -> None:
    """Under the challenge that was shown, and once."""
    home = asked_home()
    found = send_form(client_of(home), f"{PATH}?answer=yes", SIGNED, action=PATH)
    assert (found.status_code, found.headers["location"]) == (303, "/my/done/2418")
    proof = Assertion(credential=b"one", client_data=b"{}", authenticator_data=b"auth", signature=b"sig")
    assert sent(home, "consent.prove") == ConsentProved(challenge=CHALLENGE, proof=proof)
    assert home.asked[-1][3] != ""


def test_form_without_a_signature_changes_nothing() -> None:
    """Sent without script, or before a passkey answered."""
    home = asked_home()
    found = send_form(client_of(home), f"{PATH}?answer=yes", action=PATH)
    assert found.status_code == 422
    assert "No passkey answered." in words_of(main_of(found.text))
    assert "consent.prove" not in [method for method, *_ in home.asked]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("challenge-old", "It took more than five minutes"),
        ("passkey-refused", "could not accept what your passkey signed"),
        ("passkey-unknown", "That passkey is none of yours here."),
        ("waits", "That passkey was made by paper code less than a day ago"),
        ("changed-meanwhile", "Please read again what would be signed."),
        ("whatever", "could not accept what your passkey signed"),
    ],
)
def test_refused_signature_is_asked_anew(reason: str, words: str) -> None:
    """With a fresh challenge, the same limits, and nothing changed."""
    home = asked_home(consent_prove=GateRefusedError("no", reason))
    found = send_form(client_of(home), f"{PATH}?answer=less&until=2026-12-31", SIGNED, action=PATH)
    markup = main_of(found.text)
    assert found.status_code == 422
    assert words in words_of(markup)
    assert "Nothing was changed." in words_of(markup)
    assert 'name="until" value="2026-12-31"' in markup
    assert "data-passkey" in markup


def test_form_that_was_taken_before_leads_where_it_led() -> None:
    """A second click is no second answer."""
    done = RequestOutcome(is_done=True, method="consent.prove", time_ms=NOW_MS, log_indices=[2419])
    home = asked_home(consent_prove=GateRefusedError("old", "challenge-old"), request_outcome=done)
    assert send_form(client_of(home), f"{PATH}?answer=yes", SIGNED, action=PATH).headers["location"] == "/my/done/2419"


def test_unknown_outcome_is_claimed_neither_way() -> None:
    """The page never says that nothing was changed once a signature was sent."""
    home = asked_home(consent_prove=OutcomeUnknownError())
    found = send_form(client_of(home), f"{PATH}?answer=yes", SIGNED, action=PATH)
    assert "Nothing was changed" not in found.text
