"""Accounting: how much all figures about a household of one quantity and day reveal together, over all flows and recipients.

Each draw is μ-private (Gaussian differential privacy), and draws compose by the sum of their squares, whoever gets them. So what
policies permit on any day follows from them alone, and is checked when they are read: no ledger of budgets is kept.

Source: Dong, Roth and Su, "Gaussian differential privacy" (2022), corollary 3.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from consent.core.policies.policy import CITY_FILE, PolicySet
from consent.errors import PolicyError


def spent(policies: PolicySet, quantity: str) -> Fraction:
    """Return Σ μ² over a quantity's draws on any day; a week's figures count in full on each of its days."""
    return sum((mu * mu for _, mu in _noisy(policies, quantity)), Fraction())


def overspent(policies: PolicySet) -> Iterator[PolicyError]:
    """Yield an error for each quantity whose figures reveal more in a day than `limits.mu_day` permits; it names the flows."""
    for quantity in policies.quantities:
        flows = [f"`{flow}` {float(mu):g}" for flow, mu in _noisy(policies, quantity)]
        if flows and policies.limits.mu_day is None:
            yield PolicyError(CITY_FILE, "limits.mu_day", f"is missing: {', '.join(flows)} draw on `quantity.{quantity}`")
        elif flows and policies.limits.mu_day is not None and spent(policies, quantity) > Fraction(policies.limits.mu_day) ** 2:
            total = float(spent(policies, quantity)) ** 0.5
            said = (
                f"`{policies.limits.mu_day}` is less than {total:.4g}, to which a day's figures of `quantity.{quantity}` add up"
            )
            yield PolicyError(CITY_FILE, "limits.mu_day", f"{said}: the root of the squares of {', '.join(flows)}")


def _noisy(policies: PolicySet, quantity: str) -> list[tuple[str, Fraction]]:
    """Return the flow and μ of each draw of a day."""
    return [
        (flow, mechanism.mu)
        for (flow, _), mechanism in policies.mechanisms.items()
        if mechanism.quantity.id == quantity and mechanism.mu is not None
    ]
