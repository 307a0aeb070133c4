"""Whom to ask of what is sensed, and how: who gets it, and the city, with addresses as links wherever they can be one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from consent.core.policies.policy import City, PolicySet, Recipient
from consent.core.policies.tables.contacts import is_mail_address, is_web_address
from consent.portal.sensors.uses import SensorUse
from consent.portal.visit import Visit


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
