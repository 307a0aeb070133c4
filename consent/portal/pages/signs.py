"""`/s/<sign>`: what a sensor with a sign measures, for whom, what left yesterday; `/s/<sign>/print`: the sign itself, on A5."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from markupsafe import Markup

from consent.core.languages import LANGUAGES
from consent.core.policies.policy import PolicySet, Sign
from consent.portal.answers import Answer, NoSuchPage, Page, Parameter, Route
from consent.portal.sensors.contacts import Contact, WhoToAsk, contacts_of, who_to_ask
from consent.portal.sensors.day import PlaceDay, yesterday
from consent.portal.sensors.facts import UseFacts, facts_of, listed
from consent.portal.sensors.qr_code import qr_code, short_address, sign_address
from consent.portal.sensors.standing import standing_now
from consent.portal.sensors.uses import SensorUse, untold_by, uses_of
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.portal.ways.words import place_title, title_of

_SIGN: Final = Parameter("sign", "[A-Za-z0-9]{2,12}", "NQ3")


@dataclass(frozen=True, slots=True)
class SignView:
    """What the page of a sign shows.

    Attributes:
        kind: What the device profile is called.
        text: Where in the zone.
        what: What leaves, within a sentence; empty where nothing may.
        untold: What it measures besides, likewise.
        is_missing: The gateway has no such sensor registered.
        day: What left yesterday; None where the gateway cannot be asked.
    """

    sign: Sign
    kind: str
    text: str
    zone: str
    what: str
    untold: str
    uses: tuple[UseFacts, ...]
    ask: tuple[WhoToAsk, ...]
    is_missing: bool
    day: PlaceDay | None


@dataclass(frozen=True, slots=True)
class PrintedUse:
    """What a printed sign says in one language.

    Attributes:
        visit: A reader of that language.
        what: What leaves, within a sentence; empty where nothing may.
    """

    visit: Visit
    kind: str
    what: str
    why: tuple[str, ...]
    who: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PrintedSignView:
    """The printed sign.

    Attributes:
        columns: One for each language, the city's first.
        qr: The code; None where the portal does not know its own address.
        address: As people type it; empty likewise.
        key: The last characters of the record's key; empty before there is one.
        telephone: Of who gets what leaves; None where the policies give none.
    """

    sign: Sign
    text: str
    columns: tuple[PrintedUse, ...]
    qr: Markup | None
    address: str
    key: str
    telephone: Contact | None


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page of a sign."""
    policies, sign = _found(site, parameters)
    uses = uses_of(policies, sign.zone, sign.profile)
    there = await standing_now(site.gate, policies)
    view = SignView(
        sign=sign,
        kind=visit.title(policies.profiles[sign.profile].title),
        text=visit.title(sign.text),
        zone=place_title(visit, policies, sign.zone),
        what=_what(uses, visit),
        untold=listed(title_of(visit, each) for each in untold_by(policies, sign.profile, uses)),
        uses=tuple(facts_of(use, visit) for use in uses),
        ask=who_to_ask(policies, uses, visit),
        is_missing=there is not None and not there.own_in(sign.zone, sign.profile),
        day=await yesterday(site.gate, sign.zone, uses, visit),
    )
    return Page("signs.html", view)


async def show_printed(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the sign as it is printed, in every language that the city and the portal share."""
    policies, sign = _found(site, parameters)
    uses = uses_of(policies, sign.zone, sign.profile)
    spoken = [language for language in policies.city.languages if language in LANGUAGES]
    address = site.config.address
    view = PrintedSignView(
        sign=sign,
        text=visit.title(sign.text),
        columns=tuple(_column(policies, sign, uses, replace(visit, language=each)) for each in spoken or [visit.language]),
        qr=qr_code(sign_address(address, sign.id), visit.text("sign_print", "qr")) if address else None,
        address=short_address(address, sign.id) if address else "",
        key="" if site.record.head is None else site.record.head.key_end,
        telephone=_telephone(uses),
    )
    return Page("sign_print.html", view)


def _found(site: Site, parameters: Mapping[str, str]) -> tuple[PolicySet, Sign]:
    """Return the rules in force and a sign; people may type it in small letters.

    Raises: NoSuchPage: there is none.
    """
    policies = site.record.policies
    sign = None if policies is None else policies.signs.get(parameters["sign"].upper())
    if policies is None or sign is None:
        raise NoSuchPage("sign")
    return policies, sign


def _what(uses: tuple[SensorUse, ...], visit: Visit) -> str:
    known = {each.known.id: title_of(visit, each.known) for use in uses for each in use.told}
    return listed(known.values())


def _column(policies: PolicySet, sign: Sign, uses: tuple[SensorUse, ...], visit: Visit) -> PrintedUse:
    facts = [facts_of(use, visit) for use in uses]
    return PrintedUse(
        visit=visit,
        kind=visit.title(policies.profiles[sign.profile].title),
        what=_what(uses, visit),
        why=_each(fact.why for fact in facts),
        who=_each(fact.who for fact in facts),
        kept=_each(fact.kept for fact in facts),
    )


def _each(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _telephone(uses: tuple[SensorUse, ...]) -> Contact | None:
    numbers = (each for use in uses for each in contacts_of(use.recipient) if each.address.startswith("tel:"))
    return next(numbers, None)


ROUTES = (
    Route("/s/{sign}", show, "What the sensor with a sign measures, and for whom", parameters=(_SIGN,)),
    Route("/S/{sign}", show, "The same, as QR codes in capitals have it", parameters=(_SIGN,)),
    Route("/s/{sign}/print", show_printed, "The sign, to be printed on A5", parameters=(_SIGN,)),
)
