"""Exposure: how far all that leaves of a household about one quantity tells someone who knows everything about all others.

Figures of all flows and recipients count together, since recipients may join what they have. What a household permits of each
flow comes from decisions; what a receipt's own answer permits, from its terms. Explanations, answers and receipts put it into
words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf, sqrt

from consent.core.decide import Decision
from consent.core.disclosure import Disclosure, Identity
from consent.core.outcome import outcome
from consent.core.periods import Period
from consent.core.policies.policy import PolicySet
from consent.core.spread import MONTH_DAYS, MONTH_WEEKS, combined_mu, odds, times_in_100


class Telling(StrEnum):
    """How a quantity is told, the most telling way first: where there are several, the first is what counts."""

    LASTING_NAME = "lasting-name"
    MADE_UP_NAME = "made-up-name"
    SINGLY = "singly"
    EXACT = "exact"
    NOISY = "noisy"


_SINGLE = {
    Identity.STABLE: Telling.LASTING_NAME,
    Identity.PER_EPOCH: Telling.MADE_UP_NAME,
    Identity.PER_RECORD: Telling.SINGLY,
}


@dataclass(frozen=True, slots=True)
class Leaving:
    """What leaves of one property by one flow.

    Attributes:
        quantity: The id of the quantity that it tells; the property where it is of none.
        mu: μ of all its figures of one period together; infinite where they are exact, or it leaves singly.
    """

    flow: str
    observed_property: str
    quantity: str
    identity: Identity
    mu: float
    period: Period


@dataclass(frozen=True, slots=True)
class Exposure:
    """What leaves of one quantity, all flows together.

    Attributes:
        properties: Those that tell it, sorted.
        day_mu: √Σ μ² over the figures of one day; 0 where there are none with noise.
        week_mu: The same over the figures of one week that are drawn once a week.
    """

    quantity: str
    properties: tuple[str, ...]
    telling: Telling
    day_mu: float = 0.0
    week_mu: float = 0.0

    @property
    def is_weekly(self) -> bool:
        """Return whether all its noise is drawn once a week: the odds are then about a week."""
        return not self.day_mu

    @property
    def mu(self) -> float:
        """Return μ of a day's figures, a week's counting in full; or of a week's where that is all there is."""
        return combined_mu([self.day_mu, self.week_mu])

    @property
    def longer_mu(self) -> float:
        """Return μ of the figures of a month of 30 days, or of four weeks."""
        return self.mu * sqrt(MONTH_WEEKS if self.is_weekly else MONTH_DAYS)

    def as_data(self) -> dict[str, object]:
        """Return it as plain data; the odds only where everything of it has noise."""
        told: dict[str, object] = {
            "quantity": self.quantity,
            "properties": list(self.properties),
            "telling": self.telling.value,
            "period": (Period.WEEK if self.is_weekly else Period.DAY).value,
            "mu": None,
            "odds": None,
            "longer_odds": None,
        }
        if self.telling is Telling.NOISY:
            told |= {"mu": round(self.mu, 6), "odds": round(odds(self.mu), 6), "longer_odds": round(odds(self.longer_mu), 6)}
        return told

    @property
    def times_in_100(self) -> int:
        """Return how often someone who knows everything else is right about the period at most, in 100 times."""
        return times_in_100(self.mu)


def leaving_of(policies: PolicySet, flow_id: str, observed_property: str, point: Disclosure) -> Leaving:
    """Return what leaves at some disclosure of a subject's, which is not ``BOTTOM``."""
    flow, quantity = policies.flows[flow_id], policies.quantity_of.get(observed_property)
    return Leaving(
        flow_id,
        observed_property,
        observed_property if quantity is None else quantity.id,
        point.identity,
        point.budget if point.identity is Identity.AGGREGATE and not flow.is_exact else inf,
        flow.period,
    )


def permitted(policies: PolicySet, flow_id: str, decision: Decision, zone: str, names: Iterable[str]) -> list[Leaving]:
    """Return what a decision lets leave of some of a flow's properties, of a device that has a subject."""
    flow = policies.flows[flow_id]
    outcomes = [(name, outcome(policies, flow, name, decision, zone)) for name in names] if decision.has_subject else []
    return [leaving_of(policies, flow_id, name, each.disclosure) for name, each in outcomes if not each.reason]


def exposures(leaving: Iterable[Leaving]) -> list[Exposure]:
    """Return the exposure of each quantity that anything leaves of, in order of their ids.

    Several devices that feed one figure count once, at the largest μ: a household is one vector in a draw.
    """
    by_quantity: dict[str, dict[tuple[str, str], list[Leaving]]] = {}
    for each in leaving:
        by_quantity.setdefault(each.quantity, {}).setdefault((each.flow, each.observed_property), []).append(each)
    return [_exposure(quantity, figures) for quantity, figures in sorted(by_quantity.items())]


def _exposure(quantity: str, figures: Mapping[tuple[str, str], list[Leaving]]) -> Exposure:
    tellings = {_telling(each) for those in figures.values() for each in those}
    mus = {
        period: combined_mu(
            [max(each.mu for each in those) for those in figures.values() if those[0].period is period and those[0].mu < inf]
        )
        for period in Period
    }
    names = tuple(sorted({name for _, name in figures}))
    return Exposure(
        quantity,
        names,
        next(telling for telling in Telling if telling in tellings),
        day_mu=mus[Period.DAY],
        week_mu=mus[Period.WEEK],
    )


def _telling(each: Leaving) -> Telling:
    return _SINGLE.get(each.identity, Telling.EXACT if each.mu == inf else Telling.NOISY)
