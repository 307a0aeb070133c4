"""Saving: less is one change at the gateway under the form's own id; more changes nothing, and leads on."""

from __future__ import annotations

import asyncio

from consent.citizen_messages import AnswerOffered, AnswersChanged, LessWanted, RequestOutcome
from consent.messages import ConsentLimits
from consent.portal.asking.asked import AskedQuestion
from consent.portal.asking.saving import answered_before, confirm_address, pause_one, save_offer, say_no, wrong_of
from consent.portal.gates.public import GateRefusedError
from consent.portal.site import Site
from consent.portal.visit import SignedIn, Visit
from consent.texts.portal import page_sentences
from tests.support.portal import NOW_MS, TOKEN, SaidHome, SaidRecord, said_site
from tests.support.questions import FLOW, TOMORROW_MS, asked_home, changed, offer, permitted, question, sent
from tests.support.ways import shipped, speaking_gate

REQUEST = "ab" * 16
SESSION = SignedIn(TOKEN, "passkey", NOW_MS)
VISIT = Visit("pt", is_chosen=True, signed_in=SESSION)
ASKED = AskedQuestion(shipped(), shipped().flows[FLOW], question(row=permitted()))


def site_of(home: SaidHome) -> Site:
    """Return a site whose citizens' door it is."""
    return said_site(speaking_gate(), SaidRecord(shipped()), home=home)


def save(home: SaidHome, one: AnswerOffered) -> tuple[Site, str]:
    """Save an answer, and return where that leads."""
    site = site_of(home)
    return site, asyncio.run(save_offer(site, VISIT, ASKED, one, REQUEST)).path


def test_change_goes_under_the_form_s_own_id() -> None:
    """Sent again, it is the same change."""
    home = asked_home()
    site, path = save(home, offer("less", is_more=False))
    assert path == "/my/done/2418?lang=pt"
    assert home.asked[-1] == (
        "consent.less",
        LessWanted(step="lower", scope=FLOW, limits=ConsentLimits({"time": "4h"})),
        TOKEN,
        REQUEST,
    )
    recent = site.recent.of(SESSION, 2418)
    assert recent is not None
    assert recent.counts_from_ms == TOMORROW_MS


def test_no_and_pause_count_from_no_morrow() -> None:
    """They act at once, and their page must not say anything else."""
    for act in (say_no, pause_one):
        site = site_of(asked_home())
        asyncio.run(act(site, VISIT, ASKED, REQUEST))
        recent = site.recent.of(SESSION, 2418)
        assert recent is not None
        assert recent.counts_from_ms == 0


def test_more_changes_nothing() -> None:
    """The gateway is not asked at all."""
    home = asked_home()
    assert save(home, offer("yes"))[1] == f"/my/{FLOW}/confirm?answer=yes&lang=pt"
    assert home.asked == []
    assert confirm_address(VISIT, FLOW, "fine", "time:4h", "2027-01-01").endswith("limits=time%3A4h&until=2027-01-01&lang=pt")


def test_no_is_no_whatever_the_gateway_calls_it() -> None:
    """Even if it were said to tell more, no passkey is asked for."""
    home = asked_home()
    save(home, offer("no", is_more=True))
    assert sent(home, "consent.less").step == "withdraw"


def test_answer_that_changed_nothing_leads_back_and_says_so() -> None:
    """There is no number to show."""
    home = asked_home(consent_less=AnswersChanged(time_ms=0, changes=[]))
    assert save(home, offer("less", is_more=False))[1] == f"/my/{FLOW}?said=same&lang=pt"
    assert changed().changes


def test_what_was_taken_before_is_found_by_its_id() -> None:
    """And nothing else is."""

    def before(outcome: object, request: str = REQUEST) -> str | None:
        home = asked_home(request_outcome=outcome)
        found = asyncio.run(answered_before(site_of(home), VISIT, request))
        return None if found is None else found.path

    def outcome(*numbers: int, is_done: bool = True) -> RequestOutcome:
        return RequestOutcome(is_done=is_done, method="consent.less", time_ms=0, log_indices=list(numbers))

    assert before(outcome(8, 7)) == "/my/done/7?lang=pt"
    assert before(outcome(7, is_done=False)) is None
    assert before(outcome()) is None
    assert before(outcome(7), request="") is None
    assert before(GateRefusedError("no")) is None


def test_every_reason_is_a_sentence_of_both_pages() -> None:
    """One that neither page knows is told as a refusal, and never as an error of the page's."""
    found = {wrong_of(GateRefusedError("no", reason)) for reason in ("nothing-to-change", "changed-meanwhile", "waits", "")}
    assert found == {"same", "changed", "refused"}
    assert all(f"wrong.{wrong}" in page_sentences(part)["en"] for wrong in found for part in ("question", "fine"))
