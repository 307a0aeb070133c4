"""`/my/<flow>/confirm`: where a passkey signs what tells more than now. The page says in words what exactly is signed.

The gateway has made the record (`consent.propose`) and keeps it for a few minutes; its hash is the challenge that the passkey
signs, and the gateway checks. A session that a paper code opened, a passkey that has to wait, and a browser without script are
told where else a yes can be given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from consent.citizen_messages import AnswersChanged, ConsentProposed, ConsentProved, ConsentWanted
from consent.core.explain.phrases import Phrases
from consent.messages import ConsentLimits, Hex, MaybeInstant
from consent.portal.answers import Answer, FilledForm, FormField, NoSuchPage, Page, Parameter, Route, SeeOther, Who
from consent.portal.asking.asked import FLOW, AskedQuestion, asked_of
from consent.portal.asking.axes import IN_ADDRESS, LIMITS, axis_title, chosen_in, level_in_words, limits_of_choice, read_limits
from consent.portal.asking.saving import answered_before
from consent.portal.gates.public import GateRefusedError
from consent.portal.joining.passkey_form import ASSERTION, PasskeyAsked, assertion_of
from consent.portal.my.telling import CHANGED, SAME, from_when, gate_now_ms, in_fours, recipient_title, scope_title, signed_in
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.portal.ways.words import kept

RESUME: Final = "resume"
_ANSWERS: Final = f"yes|less|fine|{RESUME}"
_DAY: Final = r"\d{4}-\d{2}-\d{2}"
_TRIED_ANEW: Final = {
    "challenge-old": "late",
    "passkey-refused": "refused",
    "passkey-unknown": "unknown",
    "waits": "young",
    CHANGED: "changed",
    SAME: "same",
}
_SEVERAL: Final = "several"
"""The gateway's word where a pause of several uses is resumed for one of them."""
_CANNOT: Final = {"needs-passkey": "paper", "waits": "waits", SAME: "same"}


@dataclass(frozen=True, slots=True)
class ConfirmView:
    """What the page shows.

    Attributes:
        answer: `yes`, `less`, `fine` or `resume`.
        text: What is permitted, in one sentence.
        kept: For how long at most; empty where that is not told anew.
        limits: (axis, level) in words, of one's own limits.
        until: The last day as fields write it; empty for none. ``until_text`` says it.
        tomorrow: The first day that can be named, likewise as fields write it.
        asked: What the passkey is asked for; None where it cannot be.
        challenge: As the form brings it back; ``fingerprint`` for people.
        cannot: Why it cannot be signed here, as a key of `confirm.cannot`; empty where it can.
        waits: Until when the passkey has to wait; empty where it has not.
        wrong: What went wrong, as a key of `confirm.wrong`; empty where nothing did.
    """

    flow: str
    title: str
    recipient: str
    purpose: str
    answer: str
    text: str
    kept: str
    limits: tuple[tuple[str, str], ...]
    limits_text: str
    until: str
    until_text: str
    tomorrow: str
    asked: PasskeyAsked | None
    challenge: str
    fingerprint: str
    counts_from: str
    cannot: str
    waits: str
    wrong: str


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to be signed: the words of the address."""

    answer: str
    limits: str
    until: str


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page.

    Raises: NoSuchPage: the address names no answer.
    """
    wish = _Wish(parameters.get("answer", ""), parameters.get("limits", ""), parameters.get("until", ""))
    return Page("confirm.html", await _view(site, visit, parameters["flow"], wish))


async def sign(site: Site, visit: Visit, parameters: Mapping[str, str], form: FilledForm) -> Answer | SeeOther:
    """Hand the passkey's signature to the gateway, or say what went wrong and ask anew."""
    session, wish = signed_in(visit), _Wish(form["answer"], form["limits"], form["until"])
    proof, wrong = assertion_of(form), "empty"
    if proof is not None and form["challenge"]:
        proved = ConsentProved(challenge=Hex.parse(form["challenge"]), proof=proof)
        try:
            asked = await asked_of(site, visit, parameters["flow"])
            change = site.citizens.ask("consent.prove", proved, AnswersChanged, session=session.token, request=form.request)
            _, number = await site.recent.timed(session, change, asked.shown.counts_from_ms)
        except GateRefusedError as error:
            wrong = _TRIED_ANEW.get(error.reason, "refused")
            if before := await answered_before(site, visit, form.request):
                return before
        else:
            return SeeOther(visit.url("/my") if number < 0 else visit.url(f"/my/done/{number}"))
    return Page("confirm.html", await _view(site, visit, parameters["flow"], wish, wrong), status=422)


async def _view(site: Site, visit: Visit, flow: str, wish: _Wish, wrong: str = "") -> ConfirmView:
    asked = await asked_of(site, visit, flow)
    wanted, retention_days = await _wanted(site, visit, asked, wish)
    proposed, cannot = await _proposed(site, visit, asked, wanted)
    words = Phrases(visit.language)
    limits = tuple(
        (axis_title(visit, words, asked.policies, axis), level_in_words(visit, words, asked.policies, axis, level))
        for axis, level in chosen_in(wanted.limits)
    )
    challenge = b"" if proposed is None else proposed.proof.challenge
    now_ms = await gate_now_ms(site)
    return ConfirmView(
        flow=flow,
        title=scope_title(visit, asked.policies, flow),
        recipient=recipient_title(visit, asked.policies, flow),
        purpose=visit.title(asked.policies.purposes[asked.flow.purpose].title) or asked.flow.purpose,
        answer=wish.answer,
        text="" if proposed is None else proposed.text,
        kept=kept(visit, retention_days) if retention_days else "",
        limits=limits,
        limits_text=wish.limits,
        until=wish.until if wanted.expiry else "",
        until_text=visit.moment(wanted.expiry) if wanted.expiry else "",
        tomorrow=(datetime.fromtimestamp(now_ms / 1000, visit.zone) + timedelta(days=1)).date().isoformat(),
        asked=None
        if proposed is None
        else PasskeyAsked.to_sign(proposed.proof.challenge, proposed.proof.relying_party, proposed.proof.allow),
        challenge=challenge.hex(),
        fingerprint=in_fours(challenge),
        counts_from=from_when(visit, asked.shown.counts_from_ms, now_ms),
        cannot=cannot,
        waits=visit.moment(asked.shown.yes_from_ms) if asked.shown.yes_from_ms else "",
        wrong=wrong,
    )


async def _wanted(site: Site, visit: Visit, asked: AskedQuestion, wish: _Wish) -> tuple[ConsentWanted, int]:
    """Return what the gateway is to propose, and for how many days it may be kept; 0 where that is not told.

    Raises: NoSuchPage: no such answer is offered.
    """
    if wish.answer == RESUME:
        return ConsentWanted(scope=asked.shown.row.scope or asked.flow.id, resume=True, language=visit.language), 0
    if wish.answer == "fine":
        limits = limits_of_choice(read_limits(asked.shown.axes, wish.limits))
        asked = await asked_of(site, visit, asked.flow.id, limits)
    offer = asked.offer(wish.answer)
    if offer is None:
        raise NoSuchPage
    wanted = ConsentWanted(
        scope=asked.flow.id, limits=ConsentLimits(offer.limits), expiry=_end_of(visit, wish.until), language=visit.language
    )
    return wanted, offer.retention_days


def _end_of(visit: Visit, day: str) -> MaybeInstant:
    """Return when a local day ends; none where no day is named, or it is none of the calendar."""
    try:
        last = datetime.fromisoformat(day).replace(tzinfo=visit.zone)
    except ValueError:
        return MaybeInstant()
    return MaybeInstant(round((last + timedelta(days=1)).timestamp() * 1000))


async def _proposed(site: Site, visit: Visit, asked: AskedQuestion, wanted: ConsentWanted) -> tuple[ConsentProposed | None, str]:
    """Return the record that is to be signed; where there is none, why, as a key of `confirm.cannot`."""
    session = signed_in(visit)
    if session.kind == "paper":
        return None, "paper"
    if asked.shown.yes_from_ms:
        return None, "waits"
    try:
        return await site.citizens.ask("consent.propose", wanted, ConsentProposed, session=session.token), ""
    except GateRefusedError as error:
        if error.reason == _SEVERAL and wanted.scope != asked.flow.id:
            return await _proposed(site, visit, asked, replace(wanted, scope=asked.flow.id))
        return None, _CANNOT.get(error.reason, "refused")


ROUTES = (
    Route(
        "/my/{flow}/confirm",
        show,
        "Where a passkey signs an answer that tells more",
        parameters=(
            FLOW,
            Parameter("answer", _ANSWERS, "yes", is_in_query=True),
            IN_ADDRESS,
            Parameter("until", _DAY, "2027-12-31", is_in_query=True),
        ),
        needs_gate=True,
        who=Who.SIGNED_IN,
        form=sign,
        fields=(
            *ASSERTION,
            FormField("challenge", "([0-9a-f]{64})?", 64),
            FormField("answer", _ANSWERS, 6),
            FormField("limits", LIMITS, 400),
            FormField("until", f"({_DAY})?", 10),
        ),
    ),
)
