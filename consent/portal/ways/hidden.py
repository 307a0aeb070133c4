"""Among how many homes one hides in a flow's figures, in words and as a drawing: for its public page, and for who is asked.

Numbers are those of ``public.flows``, rounded down by the gateway; sentences those of the part `flows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from consent.core.disclosure import Identity
from consent.core.policies.policy import Flow, PolicySet
from consent.portal.charts.among import DAYS, hidden_among, top_of
from consent.portal.visit import Visit
from consent.portal.ways.example import homes_error
from consent.portal.ways.most_told import MostTold
from consent.public_messages import HOMES_STEP, FlowServed, HiddenAmong

_FINEST_ERROR: Final = 3  # no more digits of an error are known


@dataclass(frozen=True, slots=True)
class AmongView:
    """Among how many homes one hides.

    Attributes:
        kind: `figures`, `none-yet` (nothing has left of late), `away`, `names`, `singly`, or `nobody` (nothing is about homes).
        group: How many homes a figure takes about.
        group_error: What stands behind ± of the count; empty where it has no noise.
        summary: The fewest of the last 30 days and the usual of the latest, in two sentences; empty where nothing has left.
        chart: None where nothing has left.
        days: (day, fewest, usual, number of figures) in words, newest first.
    """

    kind: str
    group: int
    group_error: str
    summary: tuple[str, ...] = ()
    chart: Markup | None = None
    days: tuple[tuple[str, ...], ...] = ()


def rounded_error(visit: Visit, error: float) -> str:
    """Return an error with three digits at most, behind the point two at most."""
    return visit.number(float(f"{error:.{_FINEST_ERROR}g}"))


def hidden_view(visit: Visit, policies: PolicySet, flow: Flow, most: MostTold | None, served: FlowServed | None) -> AmongView:
    """Return among how many homes one hides; ``served`` is None where the gateway is away."""
    group = flow.ask.group
    if not policies.rests_on_consent(flow):
        return AmongView("nobody", group, "")
    identity = flow.ask.identity if most is None else most.disclosure.identity
    if identity is not Identity.AGGREGATE:
        return AmongView("singly" if identity is Identity.PER_RECORD else "names", group, "")
    error = None if most is None else homes_error(policies, flow, most)
    group_error = "" if error is None else rounded_error(visit, error)
    if served is None:
        return AmongView("away", group, group_error)
    days = tuple(served.days[:DAYS])
    if not days:
        return AmongView("none-yet", group, group_error)
    least, usual = min(day.least for day in days), days[0].usual
    summary = (
        visit.text("flows", "among.least" if least else "among.least-few", n=visit.number(least or HOMES_STEP)),
        visit.text("flows", "among.usual", n=_homes(visit, usual)),
    )
    unit = visit.text("flows", "among.unit", n=visit.number(top_of(days)))
    chart = hidden_among(days, visit, " ".join(summary), unit)
    return AmongView("figures", group, group_error, summary, chart, tuple(_row(visit, day) for day in days))


def _row(visit: Visit, day: HiddenAmong) -> tuple[str, ...]:
    return visit.day(day.day), _homes(visit, day.least), _homes(visit, day.usual), visit.number(day.figures)


def _homes(visit: Visit, homes: int) -> str:
    """Return a number of homes that was rounded down: none is fewer than the step."""
    return visit.number(homes) if homes else visit.text("flows", "among.below", n=visit.number(HOMES_STEP))
