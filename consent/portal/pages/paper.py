"""`/paper`: what to do without a smartphone: whom to ask, and a form to print, in the same words and with boxes of one size.

Names, addresses and telephones are those of the rules in force; the page asks the gateway nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from consent.core.policies.policy import PolicySet
from consent.core.policies.tables.contacts import is_web_address
from consent.portal.answers import Answer, Page, Route
from consent.portal.sensors.contacts import Contact, contacts_of
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.portal.ways.most_told import most_told
from consent.portal.ways.words import lead


@dataclass(frozen=True, slots=True)
class Office:
    """Whom to ask about what it gets.

    Attributes:
        contacts: At least one way to ask.
        gets: Titles of what it gets.
    """

    title: str
    contacts: tuple[Contact, ...]
    gets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A use of data that a home is asked about."""

    title: str
    lead: str
    recipient: str


@dataclass(frozen=True, slots=True)
class PaperView:
    """What the page shows.

    Attributes:
        address: Where the counter is; empty before there are rules.
        is_web: Whether the city's contact is a page.
        offices: Whom to ask, in the order of the rules.
        questions: What the form asks.
    """

    name: str
    address: str
    contact: str
    is_web: bool
    officer: str
    offices: tuple[Office, ...]
    questions: tuple[Question, ...]


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page."""
    policies = site.record.policies
    if policies is None:
        return Page("paper.html", PaperView("", "", "", False, "", (), ()))
    city = policies.city
    return Page(
        "paper.html",
        PaperView(
            name=city.name,
            address=city.address,
            contact=city.contact,
            is_web=is_web_address(city.contact),
            officer=city.data_protection_officer,
            offices=tuple(_offices(visit, policies)),
            questions=tuple(_questions(visit, policies)),
        ),
    )


def _offices(visit: Visit, policies: PolicySet) -> Iterator[Office]:
    for recipient in policies.recipients.values():
        gets = [visit.title(flow.title) or flow.id for flow in policies.flows.values() if flow.recipient == recipient.id]
        contacts = contacts_of(recipient)
        if gets and contacts:
            title = visit.title(recipient.title) or recipient.id
            yield Office(title, contacts, tuple(gets))


def _questions(visit: Visit, policies: PolicySet) -> Iterator[Question]:
    for flow in policies.flows.values():
        told = most_told(policies, flow)
        if policies.rests_on_consent(flow) and told and not told[0].reason:
            recipient = policies.recipients[flow.recipient]
            title = visit.title(flow.title) or flow.id
            yield Question(title, lead(visit, policies, flow, told[0]), visit.title(recipient.title) or recipient.id)


ROUTES = (Route("/paper", show, "What to do without a smartphone: counter, telephone, and a form to print"),)
