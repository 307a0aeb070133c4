"""`/flows/<id>`: what the city gets by one way out, and why; every question of somebody who is asked for a yes, with its answer.

Where each number comes from: what is told and how finely, the rules in force (``ways.most_told``); how far it is open, who was
served and among how many homes one was hidden, ``public.flows`` (rounded down as it says, and said as `about`, `at least`, `fewer
than`); the odds, ``consent.core.exposure`` over what the rules let leave; the example, made up by ``ways.example`` with errors of
``consent.core.spread``. Without the gateway all is shown but what only it knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from consent.core.disclosure import DAY_MS
from consent.core.explain.phrases import PhraseBook, Phrases
from consent.core.exposure import Exposure, Leaving, exposures, leaving_of
from consent.core.policies.policy import Flow, PolicySet
from consent.core.receipts.words import is_under_gdpr
from consent.portal.answers import Answer, NoSuchPage, Page, Parameter, Route
from consent.portal.gates.public import GateAwayError
from consent.portal.sensors.contacts import Contact, contacts_of
from consent.portal.sensors.units import digits_of, symbol
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.portal.ways.example import ExampleRecord, example_of
from consent.portal.ways.hidden import AmongView, hidden_view, rounded_error
from consent.portal.ways.most_told import MostTold, kept_days, most_told
from consent.portal.ways.opening import HowFarOpen, how_far_open, is_one_by_one
from consent.portal.ways.words import Lowered, how_finely, kept, lead, lowered, place_title, properties_of, title_of
from consent.public_messages import FlowServed, PublicFlows

_MADE_UP_NAME: Final = "7f3c 02d9 …"


@dataclass(frozen=True, slots=True)
class TermsView:
    """On what terms something leaves.

    Attributes:
        what: Titles of what is told.
        how_finely: Of time, place and values; empty where nothing leaves.
        kept: For how long at most; likewise.
        recipient: Its title.
        contacts: How it can be asked; empty where the rules do not say.
        is_for_all: Whether it is open data.
        purpose: Its title.
        basis: The legal basis, as the rules write it.
        is_under_gdpr: Whether Regulation (EU) 2016/679 is law there, so that its article can be named.
        if_no: What the rules say of a no; empty where they do not.
        lowered: Where less leaves.
    """

    what: str
    how_finely: str
    kept: str
    recipient: str
    contacts: tuple[Contact, ...]
    is_for_all: bool
    purpose: str
    basis: str
    is_under_gdpr: bool
    if_no: str
    lowered: tuple[Lowered, ...]


@dataclass(frozen=True, slots=True)
class ExampleView:
    """A made-up record, as the page writes it.

    Attributes:
        what: What it tells.
        statistic: How it became one figure; empty for a reading by itself.
        value: With its unit.
        error: What stands behind ±, with its unit; empty where there is no noise.
        homes: About how many homes it is; empty where it is about one, or about nobody.
        homes_error: What stands behind ± of that; empty where there is no noise.
        span: From when to when, local time.
        place: Where.
        name: A made-up name; empty where it has none.
        is_weekly: Whether it is of a typical day.
    """

    what: str
    statistic: str
    value: str
    error: str
    homes: str
    homes_error: str
    span: str
    place: str
    name: str
    is_weekly: bool


@dataclass(frozen=True, slots=True)
class ServedView:
    """Who was served in the last 30 days.

    Attributes:
        is_rounded: Its numbers are rounded down so far that nothing cannot be told from a little.
        bundles: How many bundles; empty where there are none to be told.
        records: How many records they hold.
        last: When the last was made, as far as that is told; empty where there was none.
    """

    is_rounded: bool
    bundles: str
    records: str
    last: str


@dataclass(frozen=True, slots=True)
class FlowView:
    """What the page shows.

    Attributes:
        lead: What one record is, in a sentence.
        by_law: Whether nobody is asked.
        example: None where nothing may leave.
        odds: What it tells someone who knows everything about all others, by itself.
        odds_together: The same, of all uses of the same quantity together; empty where there is no other.
        served: What was handed over in the last 30 days; None where the gateway is away.
        midnight: When a UTC day begins, local time.
    """

    id: str
    title: str
    lead: str
    why: str
    by_law: bool
    open: HowFarOpen
    terms: TermsView
    example: ExampleView | None
    among: AmongView
    odds: tuple[str, ...]
    odds_together: tuple[str, ...]
    served: ServedView | None
    midnight: str


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page of a flow of the rules in force.

    Raises: NoSuchPage: they have no such flow.
    """
    policies = site.record.policies
    flow = None if policies is None else policies.flows.get(parameters["flow"])
    if policies is None or flow is None:
        raise NoSuchPage("flow")
    flows = await _asked(site)
    served = None if flows is None else next((each for each in flows.flows if each.flow == flow.id), None)
    told = most_told(policies, flow)
    most = told[0] if told and not told[0].reason else None
    now_ms = site.now_ms() if site.record.head is None else site.record.head.latest_ms
    by_law = not policies.rests_on_consent(flow)
    odds, together = ((), ()) if by_law or most is None else _odds(visit, policies, flow, most)
    view = FlowView(
        id=flow.id,
        title=visit.title(flow.title) or flow.id,
        lead=lead(visit, policies, flow, told[0]) if told else "",
        why=visit.title(flow.why),
        by_law=by_law,
        open=how_far_open(visit, policies, flow, told, served),
        terms=_terms(visit, policies, flow, told, most),
        example=None if most is None else _example(visit, policies, flow, most, served, now_ms),
        among=hidden_view(visit, policies, flow, most, served),
        odds=odds,
        odds_together=together,
        served=None if served is None else _served(visit, served, is_rounded=is_one_by_one(policies, flow)),
        midnight=visit.time(now_ms // DAY_MS * DAY_MS),
    )
    return Page("flows.html", view)


async def _asked(site: Site) -> PublicFlows | None:
    try:
        return await site.gate.flows()
    except GateAwayError:
        return None


def _terms(visit: Visit, policies: PolicySet, flow: Flow, told: tuple[MostTold, ...], most: MostTold | None) -> TermsView:
    recipient, purpose = policies.recipients[flow.recipient], policies.purposes[flow.purpose]
    return TermsView(
        what=properties_of(visit, policies, flow.properties if most is None else most.properties),
        how_finely="" if most is None else how_finely(visit, policies, most),
        kept="" if most is None else kept(visit, kept_days(policies, flow, most.disclosure)),
        recipient=visit.title(recipient.title) or recipient.id,
        contacts=contacts_of(recipient),
        is_for_all=recipient.public_key_file is None,
        purpose=visit.title(purpose.title) or purpose.id,
        basis=str(purpose.legal_basis),
        is_under_gdpr=is_under_gdpr(policies.city.jurisdiction),
        if_no=visit.title(purpose.if_no),
        lowered=() if most is None else tuple(lowered(visit, policies, flow, told)),
    )


def _example(
    visit: Visit, policies: PolicySet, flow: Flow, most: MostTold, served: FlowServed | None, now_ms: int
) -> ExampleView:
    usual = served.days[0].usual if served is not None and served.days else 0
    made_up = example_of(policies, flow, most, usual)
    known = policies.properties[made_up.observed_property]
    unit = symbol(known.unit)
    return ExampleView(
        what=title_of(visit, known),
        statistic=visit.text("flows", f"statistic.{made_up.statistic}") if made_up.statistic else "",
        value=f"{visit.number(float(made_up.value), digits_of(made_up.value))} {unit}".rstrip(),
        error="" if made_up.error is None else f"{rounded_error(visit, made_up.error)} {unit}".rstrip(),
        homes="" if made_up.homes is None else visit.number(made_up.homes // 5 * 5),
        homes_error="" if made_up.homes_error is None else rounded_error(visit, made_up.homes_error),
        span=_span(visit, made_up, now_ms),
        place=place_title(visit, policies, made_up.place or policies.city.id),
        name=_MADE_UP_NAME if made_up.has_name else "",
        is_weekly=made_up.is_weekly,
    )


def _span(visit: Visit, made_up: ExampleRecord, now_ms: int) -> str:
    day_ms = now_ms // DAY_MS * DAY_MS - DAY_MS
    begin_ms, end_ms = day_ms + made_up.begin_ms, day_ms + made_up.end_ms
    if made_up.is_weekly:
        return f"{visit.time(begin_ms)}–{visit.time(end_ms)}"
    if made_up.begin_ms == made_up.end_ms:
        return visit.moment(begin_ms)
    same_day = visit.date(begin_ms) == visit.date(end_ms)
    return f"{visit.moment(begin_ms)}–{visit.time(end_ms) if same_day else visit.moment(end_ms)}"


def _served(visit: Visit, served: FlowServed, *, is_rounded: bool) -> ServedView:
    def number(n: int) -> str:
        return visit.text("flows", "served.at-least", n=visit.number(n)) if is_rounded else visit.number(n)

    last = ""
    if served.last_ms:
        key, gaps = (
            ("day", {"day": visit.date(served.last_ms)}) if is_rounded else ("hour", {"moment": visit.moment(served.last_ms)})
        )
        last = visit.text("flows", f"served.{key}", **gaps)
    return ServedView(is_rounded, number(served.bundles) if served.bundles else "", number(served.records), last)


def _odds(visit: Visit, policies: PolicySet, flow: Flow, most: MostTold) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what a flow tells of each quantity, by itself and together with all others that tell of the same."""
    own = list(_leaving(policies, flow, most))
    others = [leaving for other in policies.flows.values() for leaving in _at_most(policies, other)]
    quantities = {each.quantity for each in own}
    together = exposures([each for each in others if each.quantity in quantities])
    alone = exposures(own)
    said = tuple(_said(visit, policies, each, "answer") for each in alone)
    return said, () if together == alone else tuple(_said(visit, policies, each, "household") for each in together)


def _at_most(policies: PolicySet, flow: Flow) -> Iterator[Leaving]:
    told = most_told(policies, flow)
    if policies.rests_on_consent(flow) and told and not told[0].reason:
        yield from _leaving(policies, flow, told[0])


def _leaving(policies: PolicySet, flow: Flow, most: MostTold) -> Iterator[Leaving]:
    for name in most.properties:
        yield leaving_of(policies, flow.id, name, most.disclosure)


def _said(visit: Visit, policies: PolicySet, exposure: Exposure, source: str) -> str:
    """Return the sentences that answers and explanations have for it."""
    book, phrases = PhraseBook(policies, visit.language), Phrases(visit.language)
    quantity = policies.quantities.get(exposure.quantity)
    title = "" if quantity is None else visit.title(quantity.title)
    return " ".join(phrases.exposure(exposure, phrases.quoted(title) if title else book.measured(exposure.properties), source))


ROUTES = (
    Route(
        "/flows/{flow}",
        show,
        "What the city gets by one way out, and why",
        parameters=(Parameter("flow", "[a-z0-9]+(-[a-z0-9]+)*", "energy-hourly"),),
    ),
)
