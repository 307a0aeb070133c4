"""What one should know before answering, in the design's order: why, who, kept, hidden among, what could go wrong, if no, until.

Why, who and *if you say no* are of the rules in force; how many one hides among is of ``public.flows``; the rest the gateway has
said of this household's own yes.
"""

from __future__ import annotations

from dataclasses import dataclass

from consent.portal.asking.asked import AskedQuestion
from consent.portal.gates.public import GateAwayError
from consent.portal.sensors.contacts import Contact, contacts_of
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.portal.ways.hidden import AmongView, hidden_view
from consent.portal.ways.most_told import most_told
from consent.portal.ways.words import kept
from consent.public_messages import FlowServed


@dataclass(frozen=True, slots=True)
class BeforeView:
    """What one should know.

    Attributes:
        why: The rules' reason; empty where they give none.
        kept: For how long at most; empty where nothing would leave.
        odds: What could go wrong, quantity by quantity; empty where nothing would leave.
        if_no: What the rules say of a no; empty where they do not.
        ends: When the word in force ends by itself; empty where it does not.
    """

    why: str
    purpose: str
    recipient: str
    contacts: tuple[Contact, ...]
    is_for_all: bool
    kept: str
    among: AmongView
    odds: tuple[str, ...]
    if_no: str
    ends: str


async def before_answering(site: Site, visit: Visit, asked: AskedQuestion) -> BeforeView:
    """Return it for one question."""
    policies, flow = asked.policies, asked.flow
    recipient, purpose = policies.recipients[flow.recipient], policies.purposes[flow.purpose]
    told = most_told(policies, flow)
    most = told[0] if told and not told[0].reason else None
    yes, expiry_ms = asked.offer("yes"), asked.shown.row.expiry_ms
    return BeforeView(
        why=visit.title(flow.why),
        purpose=visit.title(purpose.title) or purpose.id,
        recipient=visit.title(recipient.title) or recipient.id,
        contacts=contacts_of(recipient),
        is_for_all=recipient.public_key_file is None,
        kept=kept(visit, yes.retention_days) if yes is not None and yes.retention_days else "",
        among=hidden_view(visit, policies, flow, most, await _served(site, flow.id)),
        odds=() if yes is None else tuple(each.text for each in yes.exposures),
        if_no=visit.title(purpose.if_no),
        ends="" if expiry_ms is None else visit.date(expiry_ms),
    )


async def _served(site: Site, flow_id: str) -> FlowServed | None:
    """Return what left by a flow; None where the gateway is away, or says nothing of it."""
    try:
        flows = (await site.gate.flows()).flows
    except GateAwayError:
        return None
    return next((each for each in flows if each.flow == flow_id), None)
