"""What a page or sign says of a sensor of the city's own, in the reader's words: what, why, who gets it, kept for, whom to ask.

The facts are those of DTPR (Digital Trust for Places and Routines), without its pictures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from consent.core.policies.policy import City, PolicySet, Recipient
from consent.core.policies.property import Property
from consent.core.policies.tables.contacts import is_mail_address, is_web_address
from consent.portal.sensors.day import PART
from consent.portal.sensors.units import symbol
from consent.portal.sensors.uses import PropertyUse, SensorUse
from consent.portal.visit import Visit

_YEAR_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class Contact:
    """A way to ask somebody.

    Attributes:
        text: As it is shown.
        address: Where it leads: `https:`, `mailto:` or `tel:`; empty where it is text alone.
    """

    text: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class WhoToAsk:
    """Somebody who can be asked, and how."""

    name: str
    contacts: tuple[Contact, ...]


@dataclass(frozen=True, slots=True)
class UseFacts:
    """One use of what a sensor measures.

    Attributes:
        flow: The flow's id, by which its page is found.
        title: The flow's.
        what: What leaves, each with unit and step.
        how: In what form, when and with which place.
        basis: On what it rests.
    """

    flow: str
    title: str
    what: tuple[str, ...]
    why: str
    who: str
    how: str
    kept: str
    basis: str


def facts_of(use: SensorUse, visit: Visit) -> UseFacts:
    """Return a use in the reader's words."""
    return UseFacts(
        flow=use.flow.id,
        title=visit.title(use.flow.title),
        what=tuple(_what(each, visit) for each in use.told),
        why=visit.title(use.flow.why),
        who=visit.title(use.recipient.title),
        how=_how(use.told[0], visit),
        kept=kept_for(use.retention_days, visit),
        basis=visit.text(PART, "basis", purpose=listed([visit.title(use.purpose.title)])),
    )


def _what(use: PropertyUse, visit: Visit) -> str:
    known, unit = use.known, symbol(use.known.unit)
    step = visit.number(float(use.step), max(0, -int(use.step.normalize().as_tuple().exponent)))
    name = title_of(known, visit)
    if not unit:
        return visit.text(PART, "what.count", what=name, step=step)
    return visit.text(PART, "what.measure", what=name, step=f"{step}\N{NO-BREAK SPACE}{unit}")


def _how(use: PropertyUse, visit: Visit) -> str:
    level, kind = use.outcome.level, "single" if use.outcome.is_single else "figure"
    return visit.text(
        PART,
        f"how.{kind}",
        time=visit.text(PART, f"{kind}-time.{level.time}"),
        place=visit.text(PART, f"space.{level.space}"),
    )


def kept_for(days: int, visit: Visit) -> str:
    """Return for how long something is kept: whole years as such."""
    years, rest = divmod(days, _YEAR_DAYS)
    return visit.counted(PART, "kept.days", days) if rest else visit.counted(PART, "kept.years", years)


def title_of(known: Property, visit: Visit) -> str:
    """Return the name of a property; its id where the policies give none."""
    return visit.title(known.title) or known.id


def listed(titles: Iterable[str]) -> str:
    """Return titles within a sentence: in small letters, but for names such as NO2."""
    return ", ".join(one[:1].lower() + one[1:] if one[1:2].islower() else one for one in titles)


def who_to_ask(policies: PolicySet, uses: Iterable[SensorUse], visit: Visit) -> tuple[WhoToAsk, ...]:
    """Return everybody who can be asked of a sensor: who gets what it tells, as far as the policies say how, and the city."""
    recipients = {use.recipient.id: use.recipient for use in uses}
    found = [WhoToAsk(visit.title(each.title), contacts_of(each)) for each in recipients.values()]
    return (*(each for each in found if each.contacts), of_city(policies.city))


def contacts_of(recipient: Recipient) -> tuple[Contact, ...]:
    """Return how a recipient can be asked; nothing where the policies do not say."""
    telephone = (Contact(recipient.telephone, f"tel:{_dialled(recipient.telephone)}"),) if recipient.telephone else ()
    return ((contact(recipient.contact),) if recipient.contact else ()) + telephone


def of_city(city: City) -> WhoToAsk:
    """Return how the city itself can be asked: where it says, and by its data protection officer."""
    return WhoToAsk(city.name, (contact(city.contact), contact(city.data_protection_officer)))


def contact(text: str) -> Contact:
    """Return an address as a link, and any other text as it is."""
    if is_web_address(text):
        return Contact(text.removeprefix("https://"), text)
    return Contact(text, f"mailto:{text}" if is_mail_address(text) else "")


def _dialled(telephone: str) -> str:
    return telephone.replace(" ", "").replace("-", "")
