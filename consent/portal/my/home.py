"""`/my/home`: who speaks for the home and which sensors it has; a code for one more person, and leaving."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from consent.citizen_messages import ActProved, EnrolmentShown, HomeShown, InviteMade
from consent.core.decide import Owner
from consent.messages import OwnDevice, ResidentLeft
from consent.portal.answers import Answer, FilledForm, FormField, Page, Parameter, Route, SeeOther, Who
from consent.portal.gates.public import GateRefusedError
from consent.portal.joining.passkey_form import ASSERTION, PasskeyAsked
from consent.portal.joining.refusals import reason_of
from consent.portal.my.acts import OF_ACTS, UNANSWERED, UNSHOWN, home_of, is_by_passkey, proof_wanted, proved_by
from consent.portal.sensors.qr_code import qr_code
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.portal.ways.words import place_title, sensor_title

MOST_ENROLMENTS: Final = 6
"""So many of the latest are shown here; the page of what happened has all."""
_DONE: Final = Parameter("done", "sensor", "sensor", is_in_query=True)


@dataclass(frozen=True, slots=True)
class PersonShown:
    """Somebody who speaks for the home.

    Attributes:
        since: Since when, as a date.
        has_come_in: Whether they have used their code.
    """

    is_own: bool
    since: str
    has_come_in: bool


@dataclass(frozen=True, slots=True)
class HomeSensor:
    """A sensor whose readings are about the home; ``is_own``: it belongs to somebody who lives there, not to the city."""

    title: str
    place: str
    since: str
    is_own: bool


@dataclass(frozen=True, slots=True)
class EnrolmentRow:
    """A way in that came to be or ended: `text` names the sentence."""

    text: str
    is_own: bool
    when: str
    log_index: int


@dataclass(frozen=True, slots=True)
class HouseholdView:
    """What the page shows: one thing to do next where there is one, else the household.

    Attributes:
        proof: What a passkey is asked for, to make a code, or to leave.
        is_leaving: Whether it is to leave.
        code: The code that was made; shown this once, for so many days.
        claim_address: Where it is used, as people type it; empty where the portal does not know its own address.
        qr: The same with the code behind `#`; None likewise.
        by_passkey: Whether the session can invite somebody.
        open_codes: How many codes of the home can still be used.
        wrong: Why something was not taken; a sentence of the part `passkey`.
        done: As the parameter, or ``UNSHOWN``.
    """

    proof: PasskeyAsked | None = None
    is_leaving: bool = False
    code: str = ""
    code_days: int = 0
    claim_address: str = ""
    qr: Markup | None = None
    by_passkey: bool = False
    people: tuple[PersonShown, ...] = ()
    sensors: tuple[HomeSensor, ...] = ()
    enrolments: tuple[EnrolmentRow, ...] = ()
    open_codes: int = 0
    wrong: str = ""
    done: str = ""


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the household."""
    return await _household(site, visit, done=parameters.get("done", ""))


async def take(site: Site, visit: Visit, parameters: Mapping[str, str], form: FilledForm) -> Answer | SeeOther:
    """Do what the form says; a refusal is shown above the household."""
    try:
        return await _STEPS[form["how"]](site, visit, form)
    except GateRefusedError as error:
        return await _household(site, visit, reason_of(error, OF_ACTS))


async def _invite(site: Site, visit: Visit, form: FilledForm) -> Answer:
    proof = await proof_wanted(site, visit, "subject.invite")
    return Page("my_home.html", HouseholdView(proof=proof))


async def _invited(site: Site, visit: Visit, form: FilledForm) -> Answer:
    proved = proved_by(form)
    if proved is None:
        return await _household(site, visit, UNANSWERED)
    made = await site.citizens.ask("home.invite", proved, InviteMade, session=visit.token, request=form.request)
    if not made.claim_code:
        return await _household(site, visit, done=UNSHOWN)
    address = site.config.address.rstrip("/")
    view = HouseholdView(
        code=made.claim_code,
        code_days=made.days,
        claim_address=f"{address.removeprefix('https://')}/claim" if address else "",
        qr=qr_code(f"{address}/claim#{made.claim_code}", visit.text("my_home", "code.qr")) if address else None,
    )
    return Page("my_home.html", view)


async def _leave(site: Site, visit: Visit, form: FilledForm) -> Answer | SeeOther:
    """Leave; where the gate says that more would go out without the person's word, ask for a passkey first."""
    try:
        return await _gone(site, visit, form, ActProved())
    except GateRefusedError as error:
        if error.reason != "needs-passkey" or not is_by_passkey(visit):
            raise
    return Page("my_home.html", HouseholdView(proof=await proof_wanted(site, visit, "household.leave"), is_leaving=True))


async def _left(site: Site, visit: Visit, form: FilledForm) -> Answer | SeeOther:
    proved = proved_by(form)
    return await _household(site, visit, UNANSWERED) if proved is None else await _gone(site, visit, form, proved)


async def _gone(site: Site, visit: Visit, form: FilledForm, proved: ActProved) -> SeeOther:
    await site.citizens.ask("home.leave", proved, ResidentLeft, session=visit.token, request=form.request)
    return SeeOther(visit.url("/in", done="left"), closes=True)


async def _nothing(site: Site, visit: Visit, form: FilledForm) -> Answer:
    return await _household(site, visit)


_STEPS: Final[Mapping[str, Callable[[Site, Visit, FilledForm], Awaitable[Answer | SeeOther]]]] = {
    "invite": _invite,
    "invited": _invited,
    "leave": _leave,
    "left": _left,
    "": _nothing,
}


async def _household(site: Site, visit: Visit, wrong: str = "", done: str = "") -> Page:
    home = await home_of(site, visit)
    view = HouseholdView(
        by_passkey=is_by_passkey(visit),
        people=tuple(_people(visit, home)),
        sensors=tuple(_sensor(site, visit, device) for device in home.devices),
        enrolments=tuple(enrolment_row(visit, each) for each in home.enrolments[:MOST_ENROLMENTS]),
        open_codes=home.claim_codes,
        wrong=wrong,
        done=done,
    )
    return Page("my_home.html", view, 422 if wrong else 200)


def _people(visit: Visit, home: HomeShown) -> Iterable[PersonShown]:
    """Return who speaks for the home, the visitor first."""
    for each in sorted(home.residents, key=lambda each: (each.resident != home.resident, each.since_ms)):
        yield PersonShown(each.resident == home.resident, visit.date(each.since_ms), each.claimed)


def _sensor(site: Site, visit: Visit, device: OwnDevice) -> HomeSensor:
    policies = site.record.policies
    return HomeSensor(
        title=sensor_title(visit, policies, device.profile),
        place=device.zone if policies is None else place_title(visit, policies, device.zone),
        since=visit.date(device.since_ms),
        is_own=device.owner is Owner.RESIDENT,
    )


def enrolment_row(visit: Visit, enrolment: EnrolmentShown) -> EnrolmentRow:
    """Return a way in as the page tells it."""
    text = enrolment.what if enrolment.what == "ended" else f"{enrolment.what}-{enrolment.how}"
    return EnrolmentRow(text, enrolment.is_own, visit.moment(enrolment.time_ms), enrolment.log_index)


ROUTES = (
    Route(
        "/my/home",
        show,
        "Who speaks for the home, and its sensors",
        parameters=(_DONE,),
        needs_gate=True,
        who=Who.SIGNED_IN,
        form=take,
        fields=(FormField("how", "invite|invited|leave|left"), *ASSERTION),
    ),
)
