"""`/my/<flow>/fine`: how precisely may it be told? One choice an axis; what it comes to is shown when the page is loaded again.

The choices stand in the address; the form that saves holds the limits of which the page has shown what they come to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consent.portal.answers import Answer, FilledForm, FormField, Page, Route, SeeOther, Who
from consent.portal.asking.asked import FLOW, AskedQuestion, asked_of
from consent.portal.asking.axes import (
    LIMITS,
    AxisChoice,
    axis_choices,
    chosen_in,
    chosen_of,
    limits_of_choice,
    read_limits,
    written,
)
from consent.portal.asking.offers import OfferView, offer_view
from consent.portal.asking.saving import answered_before, save_offer, wrong_of
from consent.portal.gates.public import GateRefusedError
from consent.portal.my.telling import from_when, gate_now_ms, scope_title, signed_in
from consent.portal.site import Site
from consent.portal.visit import Visit


@dataclass(frozen=True, slots=True)
class FineView:
    """What the page shows.

    Attributes:
        axes: What can be limited.
        limits: What is chosen, as addresses have it.
        offer: What it comes to.
        wrong: What kept it from being saved, as a key of `fine.wrong`; empty where nothing did.
    """

    flow: str
    title: str
    axes: tuple[AxisChoice, ...]
    limits: str
    offer: OfferView | None
    by_paper: bool
    counts_from: str
    wrong: str


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page; what is chosen stands in the query, and without one it is what is in force."""
    asked = await asked_of(site, visit, parameters["flow"])
    axes, now = asked.shown.axes, asked.shown.now
    pairs = [(name, value) for name, value in visit.query if name in axes]
    chosen = chosen_of(axes, pairs or chosen_in(now.limits if now is not None else {}))
    return Page("fine.html", await _view(site, visit, asked, chosen))


async def save(site: Site, visit: Visit, parameters: Mapping[str, str], form: FilledForm) -> Answer | SeeOther:
    """Save the limits, or lead on to where they are signed."""
    asked = await asked_of(site, visit, parameters["flow"])
    chosen = read_limits(asked.shown.axes, form["limits"])
    if written(chosen) != form["limits"]:
        return Page("fine.html", await _view(site, visit, asked, chosen, "changed"), status=422)
    asked = await asked_of(site, visit, asked.flow.id, limits_of_choice(chosen))
    offer = asked.offer("fine")
    try:
        if offer is not None:
            return await save_offer(site, visit, asked, offer, form.request, written(chosen))
        wrong = "changed"
    except GateRefusedError as error:
        wrong = wrong_of(error)
    before = await answered_before(site, visit, form.request)
    return before or Page("fine.html", await _view(site, visit, asked, chosen, wrong), status=422)


async def _view(site: Site, visit: Visit, asked: AskedQuestion, chosen: dict[str, str], wrong: str = "") -> FineView:
    """Return the page with what the chosen limits come to."""
    priced = await asked_of(site, visit, asked.flow.id, limits_of_choice(chosen))
    offer = priced.offer("fine")
    return FineView(
        flow=asked.flow.id,
        title=scope_title(visit, asked.policies, asked.flow.id),
        axes=tuple(axis_choices(visit, asked.policies, asked.shown.axes, chosen)),
        limits=written(chosen),
        offer=None if offer is None else offer_view(visit, priced, offer),
        by_paper=signed_in(visit).kind == "paper",
        counts_from=from_when(visit, priced.shown.counts_from_ms, await gate_now_ms(site)),
        wrong=wrong,
    )


ROUTES = (
    Route(
        "/my/{flow}/fine",
        show,
        "How precisely one's own home may be told of, axis by axis",
        parameters=(FLOW,),
        needs_gate=True,
        who=Who.SIGNED_IN,
        form=save,
        fields=(FormField("limits", LIMITS, 400),),
    ),
)
