"""Rounding: never up, always to whole groups, and no home among those counted is seen to be there or not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consent.core.periods import Period
from gateway.core.public.rounding import DEFAULT_GROUP, account_period, floor_to, flow_group, flow_period, group_of, step_of
from tests.support.gate import only, town
from tests.support.publications import bare_town, exact_town, figures, noisy_town


@given(st.integers(-1000, 10**9), st.integers(1, 10**6))
def test_number_is_rounded_down_to_a_multiple(n: int, step: int) -> None:
    """By less than a step; what is negative, since more was taken back than entered, is none."""
    told = floor_to(n, step)
    assert told % step == 0
    assert told == 0 if n < step else 0 <= n - told < step


@given(st.lists(st.integers(0, 500), min_size=1, max_size=60), st.integers(2, 50), st.integers(0, 10**6))
def test_fewer_homes_than_a_group_never_show(hourly: list[int], group: int, others: int) -> None:
    """What fewer homes than the group give in a day is less than a step, and moves what is told by one step at most."""
    step = step_of(group, max(hourly))
    given_in_a_day = sum(24 * each for each in hourly[: group - 1])
    assert given_in_a_day < step or not any(hourly)
    assert floor_to(given_in_a_day, step) == 0 or not any(hourly)
    if any(hourly):
        assert floor_to(others + given_in_a_day, step) - floor_to(others, step) in (0, step)


@given(st.integers(1, 10**6))
def test_step_tells_the_loudest_home_to_a_power_of_two(share: int) -> None:
    """Between what it gave and twice that."""
    step = step_of(1, share)
    assert step % 24 == 0
    assert share <= step // 24 < 2 * share
    assert (step // 24).bit_count() == 1


def test_limit_who_knows_all_the_others_sees_an_edge_crossed() -> None:
    """Rounding is no noise: where the others stand just below a multiple, one more shows."""
    step = step_of(15, 4)
    others = 2 * step - 1
    assert floor_to(others, step) < floor_to(others + 1, step)


def test_without_homes_numbers_are_rounded_to_the_group() -> None:
    """There is none to hide; and nobody can tell whether there is."""
    assert step_of(15, 0) == 15


def test_group_is_the_least_that_a_flow_about_homes_asks() -> None:
    """It is what homes are promised; those of flows about nobody bind nothing, and where no flow says one there is one."""
    assert group_of(town()) == 2, "street-hourly asks for 10 and is about nobody"
    two = figures(figures(bare_town(mu_day=9), "some", budget=2, group=20), "many", budget=2, group=60).policies()
    assert group_of(two) == flow_group(two, two.flows["some"]) == flow_group(two, None) == 20
    assert flow_group(two, two.flows["many"]) == 60
    assert group_of(only("street-hourly", "raw")) == DEFAULT_GROUP


def test_what_leaves_together_by_the_week_is_rounded_by_the_week() -> None:
    """In the accounts that it enters at once, on days when it may; of a flow that nobody knows any more it is assumed."""
    weekly = figures(bare_town(mu_day=9), "typical", budget=2, period="week", statistic="typical-day").policies()
    daily = noisy_town().policies()
    assert account_period(weekly, "pairs.aggregated", {"typical"}) is Period.WEEK
    assert account_period(weekly, "pairs.aggregated", {"gone"}) is Period.WEEK
    assert account_period(weekly, "pairs.aggregated", ()) is Period.DAY
    assert account_period(weekly, "pairs.suppressed.k", ()) is account_period(weekly, "pairs.withdrawn", ()) is Period.WEEK
    assert account_period(weekly, "pairs.considered", {"typical"}) is Period.DAY
    assert account_period(daily, "pairs.aggregated", {"hourly"}) is account_period(daily, "pairs.withdrawn", ()) is Period.DAY
    assert flow_period(weekly, weekly.flows["typical"]) is Period.WEEK
    assert flow_period(daily, daily.flows["hourly"]) is Period.DAY
    assert flow_period(daily, None) is Period.WEEK
    assert step_of(15, 4, Period.WEEK) == 7 * step_of(15, 4)


def test_exact_town_has_no_group_above_its_flows() -> None:
    """A flow that asks for a group of one asks for none."""
    assert group_of(exact_town().policies()) == DEFAULT_GROUP
