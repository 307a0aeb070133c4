"""The rows of ended windows: each with its present members, and why others have left.

A row holds no values: a contributor's value comes from its accumulator whenever it is asked for, exactly. Values are first steps
of the property (energies for `energy-mean`) until the single flooring at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from consent.core.policies.policy import PolicySet
from gateway.core.figures.values import Bounds, bounds
from gateway.core.windows.accumulators import Amount, Delta
from gateway.core.windows.targets import Terms
from gateway.core.windows.windows import Cohort, Window

TermsOf = Callable[[bytes, Cohort], Terms | None]
"""(contributor, cohort) → the terms now in force, or None where the contributor may no longer be in the cohort."""


CohortsOf = Callable[[bytes, Cohort], int]
"""(contributor, cohort) → in how many cohorts of the same flow and property it stands: one, but for homes at several places."""


def _one(_contributor: bytes, _cohort: Cohort) -> int:
    return 1


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is in force at the moment of release.

    Attributes:
        whole_since_ms: Windows that began earlier miss readings.
        cohorts_of: Between how many cohorts a contributor's bound is shared out.
    """

    policies: PolicySet
    terms_of: TermsOf
    whole_since_ms: int
    cohorts_of: CohortsOf = _one


@dataclass(frozen=True, slots=True)
class Row:
    """An ended window, before it becomes a figure.

    Attributes:
        members: The terms of each contributor in it, by contributor, in a fixed order.
        clamp: The bounds on a contributor's value, or None.
        withdrawn: Pairs of contributors that no longer have terms.
        suppressed: Pairs by reason.
    """

    window: Window
    members: Mapping[bytes, Terms]
    clamp: Bounds | None = None
    withdrawn: int = 0
    suppressed: Mapping[str, int] = field(default_factory=dict)

    def value(self, contributor: bytes) -> Amount:
        """Return a member's value, within the bounds."""
        value = self.window.members[contributor].value()
        assert value is not None, "whoever has no value stands in no row"
        return value if self.clamp is None else min(max(value, self.clamp[0]), self.clamp[1])

    def values(self) -> list[Amount]:
        """Return every member's value, in the members' order."""
        return [self.value(contributor) for contributor in self.members]

    def pairs(self, contributors: Iterable[bytes]) -> int:
        """Return how many pairs some contributors have contributed."""
        held = self.window.members
        return sum(held[contributor].pairs for contributor in contributors)

    def suppress(self, reason: str, leaving: Iterable[bytes] | None = None) -> Row:
        """Return the row without some of its members, by default all; their pairs count as suppressed for a reason."""
        gone = dict.fromkeys(self.members if leaving is None else leaving)
        pairs = self.suppressed.get(reason, 0) + self.pairs(gone)
        staying = {contributor: terms for contributor, terms in self.members.items() if contributor not in gone}
        return replace(self, members=staying, suppressed={**self.suppressed, reason: pairs})


@dataclass(frozen=True, slots=True)
class Figure:
    """The single figure of a window.

    Attributes:
        value: Floored, in the property's unit.
    """

    row: Row
    value: float


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A window that gives no figure, since it has no members left."""

    row: Row


@dataclass(frozen=True, slots=True)
class Totals:
    """A window whose contributors' own totals leave one by one, each under its contributor's terms alone.

    Its members are determined only when it is packed, and of no more than a bundle takes: a backlog of such windows spans many
    bundles, and to determine all of them for each bundle would cost its square.

    Attributes:
        is_told: Nothing more of it may leave, since somebody has left of whom the rest would tell.
    """

    window: Window
    is_told: bool = False


ClosedAs = Figure | Suppressed | Totals


def stand(window: Window, conditions: Conditions, contributors: Iterable[bytes] | None = None) -> Row:
    """Return a window's row: members are the contributors with terms and a value; none where the window misses readings.

    Args:
        window: Not changed.
        conditions: The terms and policies in force.
        contributors: Those to look at; by default all.
    """
    cohort = window.cohort
    members: dict[bytes, Terms] = {}
    withdrawn, suppressed = 0, dict[str, int]()
    for contributor in sorted(window.members if contributors is None else contributors):
        contribution = window.members[contributor]
        terms = conditions.terms_of(contributor, cohort)
        if terms is None or terms.since_ms > window.start_ms:
            withdrawn += contribution.pairs
        elif contribution.value() is None:
            reason = "reset" if isinstance(contribution, Delta) and contribution.broken else "no_baseline"
            suppressed[reason] = suppressed.get(reason, 0) + contribution.pairs
        else:
            members[contributor] = terms
    row = Row(window, members, bounds(cohort, conditions.policies), withdrawn, suppressed)
    return row.suppress("partial") if window.start_ms < conditions.whole_since_ms else row
