"""Exposure: odds that left out a flow, or promised noise beside a total of one's own, would deceive who reads them."""

from __future__ import annotations

from math import inf, sqrt
from typing import Any

import pytest

from consent.core.consents.records import Consent
from consent.core.disclosure import BOTTOM, TOP, Disclosure, Identity
from consent.core.exposure import Exposure, Leaving, Telling, exposures, permitted
from consent.core.outcome import decide_device, measured
from consent.core.periods import Period
from consent.core.policies.policy import PolicySet
from tests.support.city import city
from tests.support.consent_samples import NOW_MS, agreed, limits_of

FIGURES = limits_of(identity=Identity.AGGREGATE)
TOWN = (
    city()
    .limits(mu_day=2.1)
    .district("north")
    .zone("mill", "north")
    .measures("consumption", 0, 10)
    .measures("totalConsumption", 0, 10)
    .measures("LAeq", 30, 90)
    .quantity("electricity", "consumption", "totalConsumption", clip=10, presence=2, title="Electricity")
    .purpose("energy")
    .recipient("office")
    .recipient("everyone", sealed=False)
    .device("meter", {"consumption": "kwh", "LAeq": "db"})
)
FLOW: dict[str, Any] = {"purpose": "energy", "time": "1h", "space": "district", "retention": 30}
POLICIES = (
    TOWN.flow("hourly", "consumption", recipient="office", statistic="sum", identity="aggregate", group=15, budget=2, **FLOW)
    .flow(
        "weekly",
        "consumption",
        recipient="everyone",
        statistic="typical-day",
        period="week",
        identity="aggregate",
        group=50,
        budget=0.62,
        **FLOW,
    )
    .flow("totals", "consumption", recipient="office", statistic="sum", identity="per-epoch", **(FLOW | {"time": "day"}))
    .flow("readings", "LAeq", recipient="office", identity="per-record", **FLOW)
    .policies()
)


def exposed(limits: Disclosure | None, *flows: str, policies: PolicySet = POLICIES) -> list[Exposure]:
    """Return the exposure of a household with one meter that has said yes, up to some limits, to some flows; None to none."""
    leaving: list[Leaving] = []
    for flow in policies.flows:
        consents: list[Consent | None] = [agreed(policies, flow, limits) if limits is not None and flow in flows else None]
        decision = decide_device(policies, flow, consents, "mill", "meter", NOW_MS)
        leaving += permitted(policies, flow, decision, "mill", measured(policies, flow, "meter"))
    return exposures(leaving)


def one(limits: Disclosure | None, *flows: str) -> Exposure:
    """Return the one exposure."""
    (exposure,) = exposed(limits, *flows)
    return exposure


def test_who_permits_nothing_is_exposed_in_nothing() -> None:
    assert exposed(None) == []
    assert exposed(BOTTOM, "hourly") == []


def test_figures_of_two_flows_and_recipients_count_together() -> None:
    both = one(TOP, "hourly", "weekly")
    assert (both.telling, both.is_weekly) == (Telling.NOISY, False)
    assert both.mu == pytest.approx(sqrt(2**2 + 0.62**2))
    assert both.times_in_100 == 85


def test_weekly_figures_alone_are_told_by_the_week_and_four_of_them() -> None:
    weekly = one(TOP, "weekly")
    assert (weekly.is_weekly, weekly.times_in_100) == (True, 62)
    assert weekly.longer_mu == pytest.approx(0.62 * 2)
    assert one(TOP, "hourly").longer_mu == pytest.approx(2 * sqrt(30))


def test_own_demand_for_noise_counts_and_none_above_the_flows_own_does() -> None:
    assert one(limits_of(budget=1.0), "hourly").mu == 1.0
    assert one(limits_of(budget=1.9), "hourly").mu == 1.0
    assert one(limits_of(budget=50.0), "weekly").mu == pytest.approx(0.62)


@pytest.mark.parametrize("flows", [("totals",), ("hourly", "weekly", "totals")])
def test_total_of_ones_own_leaves_no_odds(flows: tuple[str, ...]) -> None:
    exposure = one(TOP, *flows)
    assert exposure.telling is Telling.MADE_UP_NAME
    assert exposure.as_data()["odds"] is None
    assert one(FIGURES, *set(flows) | {"hourly"}).telling is Telling.NOISY


def test_other_quantity_is_told_by_itself() -> None:
    singly, noisy = exposed(TOP, "hourly", "readings")
    assert (singly.quantity, singly.telling) == ("LAeq", Telling.SINGLY)
    assert (noisy.quantity, noisy.telling) == ("electricity", Telling.NOISY)


def test_exact_figures_leave_no_odds() -> None:
    exact = TOWN.flow("exact", "consumption", recipient="office", statistic="sum", identity="aggregate", group=50, **FLOW)
    (exposure,) = exposed(TOP, "exact", "hourly", policies=exact.policies())
    assert (exposure.telling, exposure.as_data()["mu"]) == (Telling.EXACT, None)


def test_two_devices_of_a_household_in_one_figure_count_once() -> None:
    """A household is one vector in a draw, at the most that any of its devices may tell."""
    leaving = [Leaving("hourly", "consumption", "electricity", Identity.AGGREGATE, mu, Period.DAY) for mu in (1.0, 2.0)]
    (exposure,) = exposures(leaving)
    assert exposure.mu == 2.0
    (singly,) = exposures([*leaving, Leaving("raw", "consumption", "electricity", Identity.PER_RECORD, inf, Period.DAY)])
    assert singly.telling is Telling.SINGLY


def test_two_properties_of_a_quantity_are_two_draws() -> None:
    leaving = [Leaving("hourly", name, "electricity", Identity.AGGREGATE, 1.0, Period.DAY) for name in ("one", "other")]
    (exposure,) = exposures(leaving)
    assert exposure.properties == ("one", "other")
    assert exposure.mu == pytest.approx(sqrt(2))
