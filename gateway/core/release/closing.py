"""How a window ends: who may stand in its figure, and what the figure is.

Called when a bundle is formed, never before, so that each check is made with what is in force at release. The order is that
of the design: members without terms leave, then k distinct subjects, then nobody over the share limit; else the window is
suppressed with a reason. Values are first steps of the property (energies for `energy-mean`) until the one flooring at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from consent.core.policies.policy import PolicySet
from gateway.core.ingest.minimise import energy, floor_steps, level_db, shown_value
from gateway.core.plans import Terms
from gateway.core.windows.accumulators import Accumulator, Delta
from gateway.core.windows.windows import Cohort, Window

TermsOf = Callable[[bytes, Cohort], Terms | None]
"""(contributor, cohort) → the terms now in force, or None where the contributor may no longer stand there."""


@dataclass(frozen=True, slots=True)
class Member:
    """A contributor that stands in a figure."""

    contributor: bytes
    contribution: Accumulator
    value: Fraction
    terms: Terms


@dataclass(slots=True)
class Closing:
    """What became of a window.

    Attributes:
        members: Those in the figure; empty when there is none.
        figure: The floored figure, or None.
        withdrawn: Pairs of contributors that no longer have terms.
        suppressed: Pairs by reason.
    """

    window: Window
    members: list[Member] = field(default_factory=list)
    figure: float | None = None
    withdrawn: int = 0
    suppressed: dict[str, int] = field(default_factory=dict)

    def suppress(self, reason: str, pairs: int) -> None:
        """Count pairs as suppressed."""
        self.suppressed[reason] = self.suppressed.get(reason, 0) + pairs


def pairs_of(members: Iterable[Member]) -> int:
    """Return how many pairs members have contributed."""
    return sum(member.contribution.pairs for member in members)


def close_aggregate(window: Window, terms_of: TermsOf, policies: PolicySet, whole_since_ms: int) -> Closing:
    """Draw the one figure of an `aggregate` window, or suppress it."""
    closing = Closing(window)
    members = _members(closing, terms_of, policies, whole_since_ms)
    if not window.cohort.public:
        members = _enough_subjects(closing, members)
        if _share_exceeded(window.cohort.statistic, members, policies.limits.share):
            closing.suppress("share", pairs_of(members))
            return closing
    if members:
        closing.members = members
        closing.figure = figure(window.cohort, [member.value for member in members], policies)
    return closing


def close_each(window: Window, terms_of: TermsOf, policies: PolicySet, whole_since_ms: int) -> Closing:
    """Keep every member of a window whose figures go out one by one, under pseudonyms."""
    closing = Closing(window)
    closing.members = _members(closing, terms_of, policies, whole_since_ms)
    return closing


def _members(closing: Closing, terms_of: TermsOf, policies: PolicySet, whole_since_ms: int) -> list[Member]:
    """Return those that may stand in a figure and have a value; nobody where the window misses readings."""
    members = []
    cohort = closing.window.cohort
    clamp = _clamp(cohort, policies)
    for contributor, contribution in sorted(closing.window.members.items()):
        terms = terms_of(contributor, cohort)
        value = contribution.value()
        if terms is None or terms.since_ms > closing.window.start_ms:
            closing.withdrawn += contribution.pairs
        elif value is None:
            fell = isinstance(contribution, Delta) and contribution.broken
            closing.suppress("reset" if fell else "no_baseline", contribution.pairs)
        else:
            members.append(Member(contributor, contribution, _clamped(value, clamp), terms))
    if closing.window.start_ms < whole_since_ms:
        closing.suppress("partial", pairs_of(members))
        return []
    return members


def _clamp(cohort: Cohort, policies: PolicySet) -> tuple[Fraction, Fraction] | None:
    """Return the property's bounds on a subject's value, in first steps (energies); counts have none."""
    prop = policies.properties[cohort.observed_property]
    if prop.clamp is None or cohort.statistic == "count":
        return None
    low, high = (Fraction(bound) / Fraction(prop.ladder[0]) for bound in prop.clamp)
    if cohort.statistic == "energy-mean":
        return Fraction(energy(int(low), prop.ladder[0])), Fraction(energy(int(high), prop.ladder[0]))
    return low, high


def _clamped(value: Fraction, clamp: tuple[Fraction, Fraction] | None) -> Fraction:
    return value if clamp is None else min(max(value, clamp[0]), clamp[1])


def _enough_subjects(closing: Closing, members: list[Member]) -> list[Member]:
    """Check the largest demanded group first; members whose demand is not met leave, and the rest is checked again."""
    while members:
        demanded = max(member.terms.disclosure.group for member in members)
        if len(members) >= demanded:
            return members
        closing.suppress("k", pairs_of(m for m in members if m.terms.disclosure.group == demanded))
        members = [m for m in members if m.terms.disclosure.group < demanded]
    return members


def _share_exceeded(statistic: str, members: list[Member], share: float) -> bool:
    """Say whether one subject makes up more than ``share`` of the figure (of means and extremes: 1/n)."""
    if not members:
        return False
    limit = Fraction(str(share))
    if statistic not in ("sum", "count", "delta"):
        return Fraction(1, len(members)) > limit
    total = sum(abs(member.value) for member in members)
    return max(abs(member.value) for member in members) > limit * total


def figure(cohort: Cohort, values: list[Fraction], policies: PolicySet) -> float:
    """Combine contributors' values, and floor once to the cohort's step.

    Returns: The figure in the property's unit: the middle of its step where the step is above the first and the
        statistic no count.
    """
    prop = policies.properties[cohort.observed_property]
    combined = _combined(cohort.statistic, values)
    if cohort.statistic == "count":
        return int(combined)
    step = Decimal(cohort.step)
    if cohort.statistic == "energy-mean":
        n = floor_steps(level_db(combined), float(step))
    else:
        n = math.floor(combined * Fraction(prop.ladder[0]) / Fraction(step))
    return shown_value(n, step, is_first_step=step == prop.ladder[0])


def _combined(statistic: str, values: list[Fraction]) -> Fraction:
    if statistic == "min":
        return min(values)
    if statistic == "max":
        return max(values)
    total = sum(values, Fraction(0))
    return total / len(values) if statistic in ("mean", "energy-mean") else total
