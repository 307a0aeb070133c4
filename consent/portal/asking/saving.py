"""What is done with an answer that was chosen: less than now is saved at once; more goes on to where a passkey signs it."""

from __future__ import annotations

from urllib.parse import quote

from consent.citizen_messages import AnswerOffered, AnswersChanged, LessWanted, RequestNamed, RequestOutcome
from consent.messages import ConsentLimits, Hex
from consent.portal.answers import SeeOther
from consent.portal.asking.asked import AskedQuestion
from consent.portal.gates.public import GateRefusedError
from consent.portal.my.telling import CAN_END, CHANGED, SAME, signed_in
from consent.portal.site import Site
from consent.portal.visit import Visit


async def save_offer(
    site: Site, visit: Visit, asked: AskedQuestion, offer: AnswerOffered, request: str, limits: str = ""
) -> SeeOther:
    """Save an answer, or lead on to where it is signed.

    Args:
        request: The id of the form's sending.
        limits: Those of one's own, as the page `fine` writes them in an address.

    Raises: GateRefusedError: the gateway does not take it.
    """
    if offer.answer == "no":
        return await say_no(site, visit, asked, request)
    if offer.is_more:
        return SeeOther(confirm_address(visit, asked.flow.id, offer.answer, limits))
    wanted = LessWanted(step="lower", scope=asked.flow.id, limits=ConsentLimits(offer.limits))
    return await _less(site, visit, asked, wanted, request)


async def say_no(site: Site, visit: Visit, asked: AskedQuestion, request: str) -> SeeOther:
    """Enter a no, or take back what was permitted: both end it, and both rest."""
    wanted = LessWanted(step="withdraw" if asked.shown.row.own in CAN_END else "refuse", scope=asked.flow.id)
    return await _less(site, visit, asked, wanted, request)


async def pause_one(site: Site, visit: Visit, asked: AskedQuestion, request: str) -> SeeOther:
    """Pause what is permitted."""
    return await _less(site, visit, asked, LessWanted(step="pause", scope=asked.flow.id), request)


async def answered_before(site: Site, visit: Visit, request: str) -> SeeOther | None:
    """Return where a form leads that was sent before and taken, such as by a second click; None where it was not.

    What it asked for may read otherwise by now: what was permitted then is taken back already.
    """
    if not request:
        return None
    named = RequestNamed(request=Hex.parse(request))
    try:
        outcome = await site.citizens.ask("request.outcome", named, RequestOutcome, session=signed_in(visit).token)
    except GateRefusedError:
        return None
    return SeeOther(visit.url(f"/my/done/{min(outcome.log_indices)}")) if outcome.is_done and outcome.log_indices else None


def wrong_of(error: GateRefusedError) -> str:
    """Return why an answer was not saved, as a key of `question.wrong` and of `fine.wrong`."""
    return {SAME: "same", CHANGED: "changed"}.get(error.reason, "refused")


def confirm_address(visit: Visit, flow: str, answer: str, limits: str = "", until: str = "") -> str:
    """Return where an answer is signed."""
    query = {name: value for name, value in (("answer", answer), ("limits", limits), ("until", until)) if value}
    return visit.url(f"/my/{quote(flow)}/confirm", **query)


async def _less(site: Site, visit: Visit, asked: AskedQuestion, wanted: LessWanted, request: str) -> SeeOther:
    session = signed_in(visit)
    change = site.citizens.ask("consent.less", wanted, AnswersChanged, session=session.token, request=request)
    counts_from_ms = asked.shown.counts_from_ms if wanted.step == "lower" else 0
    _, number = await site.recent.timed(session, change, counts_from_ms)
    return SeeOther(visit.url(f"/my/{quote(asked.flow.id)}", said="same") if number < 0 else visit.url(f"/my/done/{number}"))
