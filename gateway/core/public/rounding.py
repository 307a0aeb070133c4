"""How far the public's numbers are rounded down, so that what they say of homes is never about fewer than a group of them.

A home gives many readings, so a number of readings is rounded to what a whole group would have given: each as many as the
loudest home did, over the whole day or, where a week's readings leave together, over the week.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from consent.core.periods import Period
from consent.core.policies.policy import Flow, PolicySet

DEFAULT_GROUP: Final = 15
"""Among how many homes one hides where no flow says it."""
_HOURS: Final = {Period.DAY: 24, Period.WEEK: 168}
_LEFT_OPEN: Final = ("pairs.withdrawn", "pairs.suppressed")
"""Accounts into which all that a home has given since the beginning of a period may be entered on any day."""
_PUBLISHED: Final = ("pairs.aggregated", "pairs.open")
"""Likewise on the days on which figures of the period leave."""


def floor_to(n: int, step: int) -> int:
    """Return the largest multiple of a step that is not above a number; 0 for one below it."""
    return max(0, n) // step * step


def group_of(policies: PolicySet) -> int:
    """Return among how many homes one hides at least in what leaves: the least group that a flow about homes asks for."""
    groups = (flow.ask.group for flow in policies.flows.values() if policies.rests_on_consent(flow))
    return min((group for group in groups if group > 1), default=DEFAULT_GROUP)


def flow_group(policies: PolicySet, flow: Flow | None) -> int:
    """Return among how many homes one hides in the numbers of a flow: the group that it asks for itself, where that is larger."""
    return max(group_of(policies), 0 if flow is None else flow.ask.group)


def step_of(group: int, hour_share: int, period: Period = Period.DAY) -> int:
    """Return to what a number of readings is rounded down: what a group of homes gives in a period.

    Args:
        group: How many homes.
        hour_share: The most that one of them has given in an hour; what is made of it is a power of two, so that the step tells
            little of the one home that is the loudest.
        period: How long is gathered what is counted at once.
    """
    return group * _HOURS[period] * (1 << (hour_share - 1).bit_length()) if hour_share > 0 else group


def account_period(policies: PolicySet, account: str, flows: Iterable[str]) -> Period:
    """Return how long the readings were gathered that a ledger account took in on a day.

    Args:
        flows: Those by which something left on the day.
    """
    if account.startswith(_LEFT_OPEN):
        gathers_weeks = any(mechanism.period is Period.WEEK for mechanism in policies.mechanisms.values())
    else:
        gathers_weeks = account.startswith(_PUBLISHED) and any(
            flow_period(policies, policies.flows.get(flow)) is Period.WEEK for flow in flows
        )
    return Period.WEEK if gathers_weeks else Period.DAY


def flow_period(policies: PolicySet, flow: Flow | None) -> Period:
    """Return how long the readings are gathered that leave by a flow at once; of one that is no longer in force, the longest."""
    if flow is None:
        return Period.WEEK
    held = [mechanism.period for (owner, _), mechanism in policies.mechanisms.items() if owner == flow.id]
    return Period.WEEK if Period.WEEK in held else Period.DAY
