"""`/claim`: a code from a letter, from somebody at home or from the counter; what it would do, in words; and its use.

A code stands behind `#` in the address of a letter, so no server gets it before the person sends it; without script it is typed.
To look at it changes nothing: challenge and paper code are the gate's memory's until the person confirms, by a passkey or by
the paper code alone. With a session, a sensor's code brings the sensor into the home that is in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from msgspec import UNSET

from consent.citizen_messages import CodeConfirmed, CodeLooked, CodeTyped, SessionOpened
from consent.core.policies.policy import PolicySet
from consent.messages import Hex
from consent.portal.answers import Answer, FilledForm, FormField, Page, Route, SeeOther
from consent.portal.gates.public import GateRefusedError
from consent.portal.joining.passkey_form import REGISTRATION, PasskeyAsked, registration_of
from consent.portal.joining.refusals import reason_of
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.portal.ways.words import place_title, sensor_title

_CODE_SYMBOLS: Final = re.compile(r"[0-9A-Za-z]{12}")
OF_CODE: Final = frozenset({"code-unknown", "code-old", "code-other-home", "too-many", "no-address"})
OF_USE: Final = frozenset({"challenge-old", "passkey-refused"})
"""After these the code is still good: it is looked at again, and the page says why."""

PASSKEY, PAPER, SENSOR = "passkey", "paper", "sensor"
"""How the person confirms; without one of these the code is looked at."""


@dataclass(frozen=True, slots=True)
class LookedCode:
    """What a code would do.

    Attributes:
        brings: As in ``CodeLooked``.
        sensor: Title of the kind of sensor that it was made for; empty where it was made for none.
        place: Where that is; likewise.
        residents: How many people speak for the home by now, the newcomer not counted.
        challenge: By which the gate knows what was shown.
        passkey: What a browser is asked for.
    """

    code: str
    challenge: str
    brings: str
    sensor: str
    place: str
    residents: int
    paper_code: str
    passkey: PasskeyAsked


@dataclass(frozen=True, slots=True)
class ClaimView:
    """What the page shows.

    Attributes:
        looked: None before a code is looked at.
        wrong: Why something was not taken; a table of the part `claim`. Empty: nothing.
        is_in: Whether the visitor has come in already.
    """

    looked: LookedCode | None = None
    wrong: str = ""
    is_in: bool = False


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page that takes a code."""
    return Page("claim.html", ClaimView(is_in=visit.signed_in is not None))


async def take(site: Site, visit: Visit, parameters: Mapping[str, str], form: FilledForm) -> Answer | SeeOther:
    """Look at a code, or use it: by the passkey that the form holds, or by the paper code alone."""
    code = re.sub(r"[\s-]", "", form["code"])
    if not _CODE_SYMBOLS.fullmatch(code):
        return _refused(visit, "code-form")
    if form["how"] in (PASSKEY, PAPER, SENSOR):
        return await _confirm(site, visit, code, form)
    return await _look(site, visit, code)


async def _look(site: Site, visit: Visit, code: str, wrong: str = "") -> Answer:
    try:
        looked = await site.citizens.ask("claim.look", CodeTyped(code=code), CodeLooked, session=visit.token)
    except GateRefusedError as error:
        return _refused(visit, reason_of(error, OF_CODE))
    view = ClaimView(_looked(visit, site.record.policies, code, looked), wrong, visit.signed_in is not None)
    return Page("claim.html", view, 422 if wrong else 200)


async def _confirm(site: Site, visit: Visit, code: str, form: FilledForm) -> Answer | SeeOther:
    """Use the code; where the passkey was not taken, or it took too long, show it again."""
    if not form["challenge"]:
        return await _look(site, visit, code, "challenge-old")
    registration = registration_of(form) if form["how"] == PASSKEY else None
    if form["how"] == PASSKEY and registration is None:
        return await _look(site, visit, code, "passkey-missing")
    used = CodeConfirmed(
        code=code, challenge=Hex.parse(form["challenge"]), registration=UNSET if registration is None else registration
    )
    try:
        opened = await site.citizens.ask("claim.confirm", used, SessionOpened, session=visit.token, request=form.request)
    except GateRefusedError as error:
        reason = reason_of(error, OF_CODE | OF_USE)
        return await _look(site, visit, code, reason) if reason in OF_USE else _refused(visit, reason)
    if visit.signed_in is not None:
        return SeeOther(visit.url("/my/home", done="sensor"))
    if not opened.token:  # asked again after the gate's start: it was done, and whoever did it comes in by what they have now
        return SeeOther(visit.url("/in", done="claimed"))
    return SeeOther(visit.url("/my"), opens=opened)


def _refused(visit: Visit, reason: str) -> Page:
    return Page("claim.html", ClaimView(wrong=reason, is_in=visit.signed_in is not None), 422)


def _looked(visit: Visit, policies: PolicySet | None, code: str, looked: CodeLooked) -> LookedCode:
    return LookedCode(
        code=code,
        challenge=looked.challenge.hex(),
        brings=looked.brings,
        sensor=sensor_title(visit, policies, looked.profile),
        place=looked.zone if policies is None or not looked.zone else place_title(visit, policies, looked.zone),
        residents=looked.residents,
        paper_code=looked.paper_code,
        passkey=PasskeyAsked.to_make(looked.challenge, looked.user_handle, looked.relying_party),
    )


ROUTES = (
    Route(
        "/claim",
        show,
        "Have you a code? What it would do, and its use",
        form=take,
        fields=(
            FormField("code", longest=60, is_code=True),
            FormField("how", f"{PASSKEY}|{PAPER}|{SENSOR}"),
            FormField("challenge", "[0-9a-f]{64}"),
            *REGISTRATION,
        ),
    ),
)
