"""Levels: how precisely a household may answer below all that is asked, and which of these answers hides it best.

*Less precisely* is offered at one level. Homes of different levels stand in no figure together, so it is one at which enough
others stand already; where there is none, one that adds noise among those who tell all that is asked; and where these are too
few as well, the nearest that is coarser. Never is it all that is asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from consent.core.disclosure import TOP, Disclosure, Identity, Space, Time
from gateway.core.figures.values import told as told_in_fives
from gateway.core.plans import DevicePlan
from gateway.core.previews.household import Household
from gateway.core.windows.cohorts import Cohort

RETENTIONS: Final = (1, 7, 30, 90, 180, 365, 730, 1825)
"""How many days of keeping may be chosen, below what is asked."""
BUDGET: Final = "budget"
RETENTION: Final = "retention"
PRECISION: Final = "precision."

HomesAt = Mapping[Cohort, int]
"""How many homes stand in a cohort, rounded down to fives."""


def homes_at(plans: Iterable[DevicePlan]) -> dict[Cohort, int]:
    """Return how many homes let something be told at each level, rounded down: what is offered must not show that one left."""
    homes: defaultdict[Cohort, set[bytes]] = defaultdict(set)
    for plan in plans:
        if plan.device.subject is not None:
            for target in plan.targets():
                homes[target.cohort].add(plan.device.subject)
    return {cohort: told_in_fives(len(those)) for cohort, those in homes.items()}


def axes(home: Household) -> dict[str, list[Disclosure]]:
    """Return for each axis that a consent may bound, the limits that may be chosen, least telling first, all that is asked last.

    Limits by which nothing would leave are left out, and so is an axis with nothing to choose. An answer of the other residents'
    changes nothing of this.
    """
    most = [each.found.disclosure for each in home.told([home.yes()]) if not each.found.reason]
    if not most:
        return {}
    chosen: dict[str, list[Disclosure]] = {}
    for axis, limits in _candidates(home, most):
        if _tells_something(home, limits):
            chosen.setdefault(axis, []).append(limits)
    return {axis: those for axis, those in chosen.items() if len(those) > 1}


def level(limits: Disclosure, axis: str) -> str:
    """Return how policies write the level of limits on an axis."""
    if axis.startswith(PRECISION):
        return f"{limits.step(axis.removeprefix(PRECISION)):f}"
    value = {RETENTION: limits.retention_days, BUDGET: limits.budget}.get(axis)
    return f"{value:g}" if value is not None else str(getattr(limits, axis).label)


def less(home: Household, homes: HomesAt) -> Disclosure | None:
    """Return the limits of *less precisely*; None where there is nothing between all that is asked and nothing."""
    yes = home.points([home.yes()])
    below = [(axis, limits) for axis, limits in _coarser(home) if home.points([home.yes(limits)]) != yes]
    ranks = [_rank(axis, _homes(home, limits, homes), home.flow.ask.group) for axis, limits in below]
    return below[ranks.index(max(ranks))][1] if below else None  # the first of equals, which is the one preferred


def _rank(axis: str, standing: int, group: int) -> tuple[bool, bool, int]:
    """Return how well limits hide a home: where a group stands already, without more noise, among as many as can be."""
    return standing >= group, axis != BUDGET, standing


def _coarser(home: Household) -> Iterator[tuple[str, Disclosure]]:
    """Yield the limits below all that is asked, axis by axis in the order of preference, the nearest first.

    How long something is kept is no matter of how precise it is: whoever wants less of that chooses it.
    """
    found = axes(home)
    order = sorted(found.keys() - {RETENTION}, key=lambda axis: (_ORDER.get(axis, 2), axis))
    for axis in order:
        for limits in reversed(found[axis][:-1]):
            yield axis, limits


_ORDER: Final = {"time": 0, "space": 1, "identity": 3, BUDGET: 4}
"""Precision stands between space and identity."""


def _homes(home: Household, limits: Disclosure, homes: HomesAt) -> int:
    """Return among how many homes this one would stand: of several properties, in the smallest figure."""
    counts = []
    for each in home.told([home.yes(limits)]):
        if each.found.reason or each.found.is_single:
            continue
        cohort = Cohort(home.flow.id, each.observed_property, each.found.statistic, *each.found.level, public=False)
        counts.append(homes.get(cohort, 0))
    return min(counts, default=0)


def _tells_something(home: Household, limits: Disclosure) -> bool:
    return any(not each.found.reason for each in home.told([home.yes(limits)]))


def _candidates(home: Household, most: list[Disclosure]) -> Iterator[tuple[str, Disclosure]]:
    """Yield (axis, limits that bound it alone), least telling first, up to what is told at most."""
    for identity in Identity:
        if 0 < identity <= max(point.identity for point in most):
            yield "identity", replace(TOP, identity=identity)
    for time in Time:
        if 0 < time <= max(point.time for point in most):
            yield "time", replace(TOP, time=time)
    for space in Space:
        if 0 < space <= max(point.space for point in most):
            yield "space", replace(TOP, space=space)
    for name in home.properties:
        prop = home.policies.properties[name]
        finest = min(prop.rung(point.step(name)) for point in most)
        for step in reversed(prop.ladder):
            if step >= finest:
                yield f"{PRECISION}{name}", replace(TOP, precision=((name, step),))
    longest = max(point.retention_days for point in most)
    for days in (*(days for days in RETENTIONS if days < longest), longest):
        yield RETENTION, replace(TOP, retention_days=days)
    if any(point.identity is Identity.AGGREGATE for point in most) and not home.flow.is_exact:
        largest = max(point.budget for point in most)
        for mu in (*(mu for mu in sorted(home.policies.limits.mu_rungs) if mu < largest), largest):
            yield BUDGET, replace(TOP, budget=mu)
