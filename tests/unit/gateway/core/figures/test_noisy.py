"""Noisy figures: what is told of a home is bounded by its clip and hidden by noise, and nothing that is decided looks at data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import sqrt
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.core.disclosure import DAY_MS
from consent.core.policies.policy import PolicySet
from gateway.core.figures.draws import Closed, Draw, NoDraw, Slice
from gateway.core.figures.gaussian import Noise, gaussian_noise
from gateway.core.figures.noisy import close_noisy
from gateway.core.figures.table import Conditions
from gateway.core.windows.cells import CellTable
from gateway.core.windows.targets import Terms
from tests.support.cells import WEEK_BEGAN_MS, cell_table, cohort_of, conditions, no_noise, terms, who, whole
from tests.support.city import city

HOUR_MS = DAY_MS // 24
_ASK: dict[str, Any] = {"purpose": "planning", "identity": "aggregate", "space": "district", "retention": 9}
_OFFICE: dict[str, Any] = _ASK | {"recipient": "office"}
_PUBLIC: dict[str, Any] = _ASK | {"recipient": "public"}
POLICIES = (
    city()
    .district("north")
    .zone("mill", "north")
    .measures("consumption", 0, 5)
    .measures("LAeq", 30, 90)
    .purpose("planning")
    .recipient("office")
    .recipient("public", sealed=False)
    .quantity("electricity", "consumption", cell="1h", clip=10, presence=2)
    .quantity("noise", "LAeq", cell="1h", clip=75, presence=10)
    .flow("hourly", "consumption", statistic="sum", time="1h", group=3, budget=2, **_OFFICE)
    .flow("at-once", "consumption", statistic="sum", time="1h", group=3, budget=2, publish="window", **_OFFICE)
    .flow("week", "consumption", statistic="typical-day", time="1h", group=3, budget=0.62, period="week", clip=8, **_PUBLIC)
    .flow("levels", "LAeq", statistic="mean", time="1h", group=3, budget=2, **_OFFICE)
    .flow("coarse", "consumption", statistic="sum", time="4h", group=3, budget=1, precision={"consumption": 1}, **_OFFICE)
    .policies()
)


def table(flow: str, rows: Sequence[Sequence[int]] | Mapping[bytes, Sequence[int]], *, time: str = "") -> CellTable:
    """Return a table of a flow."""
    (name,) = POLICIES.flows[flow].properties
    return cell_table(POLICIES, cohort_of(POLICIES, flow, name, time=time), rows)


def close(
    part: CellTable | Slice,
    held: Mapping[bytes, Terms] | None = None,
    noise: Noise = no_noise,
    missed: Sequence[tuple[int, int]] = (),
    policies: PolicySet = POLICIES,
) -> Closed:
    """Close a table, or a part of it."""
    cut = whole(part) if isinstance(part, CellTable) else part
    cohort = cut.table.cohort
    mechanism = policies.mechanisms[cohort.flow, cohort.observed_property]
    return close_noisy(cut, mechanism, conditions(policies, held), missed, noise)


def drawn(part: CellTable | Slice, held: Mapping[bytes, Terms] | None = None, noise: Noise = no_noise) -> Draw:
    """Return a draw."""
    closed = close(part, held, noise)
    assert isinstance(closed, Draw)
    return closed


def values(draw: Closed) -> list[float]:
    """Return its figures."""
    assert isinstance(draw, Draw)
    return [figure.value for figure in draw.figures]


class Given:
    """Stands in for noise: what is given, first the cells', then that of presence; and records what it was asked."""

    def __init__(self, *noise: int) -> None:
        self.noise = noise
        self.asked: list[tuple[int, Fraction]] = []

    def __call__(self, count: int, variance: Fraction) -> list[int]:
        """Return what was given, or 0 for the cells and it for presence."""
        self.asked.append((count, variance))
        return [*[0] * (count - len(self.noise)), *self.noise]


# what is drawn


def test_sums_are_exact_but_for_the_noise() -> None:
    """With a draw of 0 they are those of the homes' cells, to the digit; with another they are off by that."""
    homes = [[100 + hour + 7 * home for hour in range(24)] for home in range(6)]
    exact = [sum(column) / 1000 for column in zip(*homes, strict=True)]
    assert values(drawn(table("hourly", homes))) == exact
    off = drawn(table("hourly", homes), noise=Given(*[-5 * hour for hour in range(24)], 0))
    assert values(off) == [pytest.approx(value - 5 * hour / 1000) for hour, value in enumerate(exact)]


def test_noise_is_asked_once_for_all_cells_and_presence_with_the_variance_of_clip_and_mu() -> None:
    """σ = C/μ, 5 kWh: one number less, or a smaller σ, and the figures tell more than they say."""
    noise = Given(0)
    close(table("hourly", [[1] * 24] * 3), noise=noise)
    assert noise.asked == [(25, Fraction(5_000) ** 2)]
    weekly = Given(0)
    close(table("week", [[1] * 168] * 3), noise=weekly)
    assert weekly.asked == [(25, (Fraction(8_000) / Fraction("0.62")) ** 2)]


def test_windows_of_a_day_share_its_mu() -> None:
    """Each hour by itself: 24 draws of μ/√24, each over its cell and presence; of four hours together, six of μ/√6."""
    hours, quarters = Given(0), Given(0)
    close(Slice(table("at-once", [[1] * 24] * 3), 7, 8), noise=hours)
    close(Slice(table("at-once", [[1] * 24] * 3, time="4h"), 8, 12), noise=quarters)
    assert hours.asked == [(2, 24 * Fraction(5_000) ** 2)]
    assert quarters.asked == [(5, 6 * Fraction(5_000) ** 2)]


def test_an_empty_table_is_drawn_like_any_other() -> None:
    """That there is a figure says nothing of whether there was a home: with enough noise, there is one of nobody."""
    noise = Given(2_000 * 4)
    draw = drawn(table("hourly", []), noise=noise)
    assert (noise.asked[0][0], draw.told, values(draw)[:2], dict(draw.members)) == (25, 0, [0.0, 0.0], {})
    nothing = close(table("hourly", []))
    assert isinstance(nothing, NoDraw)
    assert (nothing.withdrawn, nothing.suppressed) == (0, {})


@given(st.permutations(range(5)), st.randoms())
@settings(max_examples=30)
def test_the_order_of_arrival_changes_nothing(order: Sequence[int], random: Random) -> None:
    rows = {who(home): [random.randrange(6_000) for _ in range(24)] for home in range(5)}
    here = drawn(table("hourly", rows), noise=gaussian_noise(Random(1).randbytes))
    there = drawn(table("hourly", {who(home): rows[who(home)] for home in order}), noise=gaussian_noise(Random(1).randbytes))
    assert (here.figures, here.told, list(here.members)) == (there.figures, there.told, list(there.members))


# what bounds a home


def test_a_home_moves_what_is_drawn_by_no_more_than_the_clip() -> None:
    """A car that charges at the clamp all day: over all hours and presence its norm is 10 kWh, and not √24 · 5."""
    quiet, loud = [[300] * 24] * 5, [[5_000] * 24]
    before, after = drawn(table("hourly", quiet)), drawn(table("hourly", [*quiet, *loud]))
    moved = [1000 * (b - a) for a, b in zip(values(before), values(after), strict=True)]
    assert 9_980**2 < sum(one * one for one in moved) + 2_000**2 <= 10_000**2


def test_a_home_that_grants_less_is_clipped_by_so_much_more_in_the_same_cohort() -> None:
    """μ of .5 where the flow asks 2: a quarter of the clip, 2.5 kWh, with presence whole; its neighbours' stays."""
    rows = [[5_000] * 24] * 4
    granted = dict.fromkeys(map(who, range(4)), terms(2.0))
    less = granted | {who(3): terms(0.5)}
    three, four = drawn(table("hourly", rows[:3]), granted), drawn(table("hourly", rows), less)
    moved = [1000 * (b - a) for a, b in zip(values(three), values(four), strict=True)]
    assert 2_480**2 < sum(one * one for one in moved) + 2_000**2 <= 2_500**2
    assert (four.told, len(four.members)) == (0, 4)


def test_a_home_that_grants_more_than_the_flow_takes_is_clipped_as_all_are() -> None:
    rows = [[5_000] * 24] * 3
    assert values(drawn(table("hourly", rows), dict.fromkeys(map(who, range(3)), terms(50.0)))) == values(
        drawn(table("hourly", rows))
    )


def test_a_home_at_two_places_has_one_bound_for_both() -> None:
    """Its square is shared out, presence counting in each; where that leaves nothing, the home stands in neither."""
    rows = [[5_000] * 24] * 4
    mechanism = POLICIES.mechanisms["hourly", "consumption"]

    def moved(places: int) -> float:
        shared = Conditions(POLICIES, lambda *_: terms(), 0, lambda contributor, _: places if contributor == who(3) else 1)
        with_home, without = (
            close_noisy(whole(table("hourly", homes)), mechanism, shared, (), no_noise) for homes in (rows, rows[:3])
        )
        return sum((1000 * (b - a)) ** 2 for a, b in zip(values(without), values(with_home), strict=True))

    assert 9_980**2 < 2 * (moved(2) + 2_000**2) <= 10_000**2
    beyond = Conditions(POLICIES, lambda *_: terms(), 0, lambda contributor, _: 26 if contributor == who(3) else 1)
    closed = close_noisy(whole(table("hourly", rows)), mechanism, beyond, (), no_noise)
    assert isinstance(closed, Draw)
    assert (len(closed.members), closed.suppressed) == (3, {"guard": 24})
    assert values(closed) == values(drawn(table("hourly", rows[:3])))


def test_each_hour_by_itself_is_clipped_by_itself() -> None:
    """Published by the window, a home reaches C in each; the noise is larger for it."""
    part = Slice(table("at-once", [[5_000] * 24] * 3), 3, 4)
    assert values(drawn(part)) == [15.0]
    four_hours = Slice(table("at-once", [[5_000] * 24] * 3, time="4h"), 4, 8)
    assert values(drawn(four_hours)) == [pytest.approx(3 * 4 * sqrt((10**2 - 2**2) / 4), abs=0.02)]


# who is told


@pytest.mark.parametrize(("noise", "is_told"), [(-2_001, False), (-2_000, True), (0, True), (50_000, True)])
def test_the_group_is_compared_with_the_noisy_number_alone(noise: int, *, is_told: bool) -> None:
    """Of four homes; a group of three. What decides is what may be told, so that silence tells no more than a figure."""
    assert isinstance(close(table("hourly", [[9] * 24] * 4), noise=Given(noise)), Draw) is is_told


def test_too_few_homes_are_suppressed_with_their_pairs() -> None:
    rows = table("hourly", [[9] * 24] * 3)
    held = {who(0): terms(), who(1): terms()}
    closed = close(rows, held, missed=[(WEEK_BEGAN_MS, WEEK_BEGAN_MS + 1)])
    assert isinstance(closed, NoDraw)
    assert (closed.withdrawn, closed.suppressed) == (24, {"k": 46, "partial": 2})


@pytest.mark.parametrize(
    ("homes", "noise", "told"), [(9, 0, 5), (10, 0, 10), (10, -1, 5), (10, 9_999, 10), (12, 6_000, 15), (3, 1, 0)]
)
def test_the_number_told_is_the_noisy_one_rounded_down_to_fives(homes: int, noise: int, told: int) -> None:
    """Else it would name the hour in which one home came or left."""
    assert drawn(table("hourly", [[9] * 24] * homes), noise=Given(noise)).told == told


def test_one_loud_home_silences_nobody() -> None:
    """No rule looks at shares: a meter at the clamp among quiet homes is clipped, and that is all."""
    assert isinstance(close(table("hourly", [[1] * 24] * 3 + [[10**9] * 24])), Draw)


def test_a_home_that_demands_a_larger_group_silences_nobody() -> None:
    """Such a home is left out by the plans, from the beginning of the day; here no demand is looked at."""
    held = {who(0): terms(group=99), who(1): terms(), who(2): terms()}
    assert isinstance(close(table("hourly", [[1] * 24] * 3), held), Draw)


def test_who_left_is_in_nothing() -> None:
    rows = [[100] * 24, [200] * 24, [300] * 24, [4_000] * 24]
    held = {who(home): terms() for home in range(3)}
    left = drawn(table("hourly", rows), held)
    assert (values(left), left.withdrawn) == (values(drawn(table("hourly", rows[:3]))), 24)


def test_no_decision_reads_what_homes_told() -> None:
    """Two streets with the same homes and other values get the same answers to all but the values."""
    noise = Given(777)
    here, there = (drawn(table("hourly", [[value] * 24] * 5), noise=noise) for value in (0, 4_000))
    assert replace(here, slice=there.slice, figures=()) == replace(there, figures=())
    assert [figure.span_ms for figure in here.figures] == [figure.span_ms for figure in there.figures]
    assert [figure.standard_error for figure in here.figures] == [figure.standard_error for figure in there.figures]


# missed hours


def test_missed_hours_are_told_by_nobody_and_the_rest_is() -> None:
    """And what was heard of them takes nothing of a home's clip."""
    rows = [[5_000] * 24] * 3
    missed = [(WEEK_BEGAN_MS + 2 * HOUR_MS, WEEK_BEGAN_MS + 23 * HOUR_MS)]
    closed = close(table("hourly", rows), missed=missed)
    assert isinstance(closed, Draw)
    assert [figure.span_ms[0] for figure in closed.figures] == [WEEK_BEGAN_MS + hour * HOUR_MS for hour in (0, 1, 23)]
    assert (closed.struck, closed.suppressed) == (tuple(range(2, 23)), {"partial": 63})
    assert values(closed) == [15.0] * 3


def test_a_day_missed_whole_gives_nothing_and_draws_nothing() -> None:
    noise = Given(0)
    closed = close(table("hourly", [[9] * 24] * 3), noise=noise, missed=[(0, WEEK_BEGAN_MS + DAY_MS)])
    assert isinstance(closed, NoDraw)
    assert (closed.suppressed, noise.asked) == ({"partial": 72}, [])


# levels


def test_coarser_figures_are_sums_of_cells_of_one_draw() -> None:
    noise = Given(*range(1_000, 25_000, 1_000), 0)
    draw = drawn(table("hourly", [[100] * 24] * 5, time="4h"), noise=noise)
    assert values(draw) == [2.0 + sum(range(4 * at + 1, 4 * at + 5)) for at in range(6)]
    assert [figure.span_ms[1] - figure.span_ms[0] for figure in draw.figures] == [4 * HOUR_MS] * 6
    day = drawn(table("hourly", [[100] * 24] * 5, time="day"))
    assert (values(day), day.figures[0].span_ms) == ([12.0], (WEEK_BEGAN_MS, WEEK_BEGAN_MS + DAY_MS))


def test_figures_are_floored_to_the_cohorts_step() -> None:
    """Also below zero, where noise may take them; a step above the first is shown in its middle."""
    assert values(drawn(table("coarse", [[333] * 24] * 3)))[0] == 3.5
    below = drawn(table("coarse", [[0] * 24] * 3), noise=Given(*[-1] * 24, 0))
    assert values(below)[0] == -0.5


def test_means_are_told_from_the_middle_of_the_clamp() -> None:
    """Twenty homes whose loud hours and quiet nights are told to the step; an hour without readings is 60 dB, at worst."""
    level = [450] * 8 + [550] * 16
    draw = drawn(table("levels", [level] * 40))
    assert values(draw) == [45.0] * 8 + [55.0] * 16
    silent = cell_table(POLICIES, cohort_of(POLICIES, "levels", "LAeq"), [[0] * 24] * 40, [[1] + [0] * 23] * 40)
    assert values(drawn(silent)) == [30.0] + [60.0] * 23


def test_a_mean_of_several_cells_is_the_mean_of_theirs() -> None:
    level = [590, 610, 620, 640] * 6
    assert values(drawn(table("levels", [level] * 40, time="4h"))) == [61.5] * 6


def test_a_mean_is_divided_by_the_noisy_number_and_never_by_noise_alone() -> None:
    """Forty homes counted as eighty: half. Counted as three: divided by what that number may well be off by."""
    rows = table("levels", [[700] * 24] * 40)
    assert values(drawn(rows, noise=Given(40 * 100)))[0] == pytest.approx(60 + 10 / 2, abs=0.1)
    few = drawn(rows, noise=Given(-37 * 100))
    assert values(few)[0] == pytest.approx(60 + 10 * 40 / (2.5 * 37.5 / 10), abs=0.1)


# weeks


def test_a_typical_day_is_the_homes_mean_of_each_hour_of_the_week() -> None:
    rows = [[100 * day + hour for day in range(7) for hour in range(24)] for _ in range(40)]
    draw = drawn(table("week", rows))
    assert values(draw) == [(300 + hour) / 1000 for hour in range(24)]
    assert [figure.hour for figure in draw.figures] == list(range(24))
    assert {figure.span_ms for figure in draw.figures} == {(WEEK_BEGAN_MS, WEEK_BEGAN_MS + 7 * DAY_MS)}
    coarse = drawn(table("week", rows, time="4h"))
    assert [figure.hour for figure in coarse.figures] == [0, 4, 8, 12, 16, 20]
    assert values(coarse)[0] == pytest.approx((4 * 300 + 6) / 1000)


def test_an_hour_missed_on_some_days_is_the_mean_of_the_others_and_on_all_it_is_not_told() -> None:
    rows = [[100 * (day + 1) + hour for day in range(7) for hour in range(24)] for _ in range(40)]
    some = [(WEEK_BEGAN_MS + day * DAY_MS, WEEK_BEGAN_MS + day * DAY_MS + HOUR_MS) for day in range(6)]
    closed = close(table("week", rows), missed=some)
    assert values(closed) == [0.7] + [(400 + hour) / 1000 for hour in range(1, 24)]
    never = close(table("week", rows), missed=[*some, (WEEK_BEGAN_MS + 6 * DAY_MS, WEEK_BEGAN_MS + 6 * DAY_MS + HOUR_MS)])
    assert isinstance(never, Draw)
    assert [figure.hour for figure in never.figures] == list(range(1, 24))
    assert never.struck == tuple(24 * day for day in range(7))


# how well


def test_every_home_counts_as_one_whatever_it_told_and_grants() -> None:
    """Presence is never scaled, so the number is right on average: ten at the clamp, half of which grant less, are ten."""
    held = {who(home): terms(0.5 if home % 2 else 2.0) for home in range(10)}
    rows = table("hourly", [[5_000] * 24] * 10)
    assert (drawn(rows, held).told, drawn(rows, held, Given(-1)).told) == (10, 5)


@pytest.mark.parametrize(
    ("flow", "homes", "scale"), [("hourly", 20, 600), ("hourly", 200, 600), ("week", 60, 600), ("levels", 40, 0)]
)
def test_nineteen_of_twenty_intervals_hold_the_clipped_figure(flow: str, homes: int, scale: int) -> None:
    """Figure ± 1.96 standard errors against the same figure with a draw of 0: 93 to 97 of 100."""
    random = Random(17)
    held = 0
    noise = gaussian_noise(Random(18).randbytes)
    rounds = 60
    for _ in range(rounds):
        cells = 168 if flow == "week" else 24
        rows = [
            [int(random.expovariate(1 / scale)) if scale else random.randrange(350, 700) for _ in range(cells)]
            for _ in range(homes)
        ]
        clipped, noisy = drawn(table(flow, rows)), drawn(table(flow, rows), noise=noise)
        for exact, told in zip(clipped.figures, noisy.figures, strict=True):
            held += abs(told.value - exact.value) <= 1.96 * told.standard_error
    assert 0.93 <= held / (24 * rounds) <= 0.97


def test_standard_errors_say_how_wide_the_noise_is() -> None:
    """5 kWh an hour, and twice that over four; by the window √24 times as much; of a mean, that of its number comes on top."""
    assert {figure.standard_error for figure in drawn(table("hourly", [[1] * 24] * 5)).figures} == {5.0}
    assert {figure.standard_error for figure in drawn(table("hourly", [[1] * 24] * 5, time="4h")).figures} == {10.0}
    assert drawn(Slice(table("at-once", [[1] * 24] * 5), 0, 1)).figures[0].standard_error == 24.5
    assert {figure.standard_error for figure in drawn(table("levels", [[600] * 24] * 50)).figures} == {0.75}
    off = drawn(table("levels", [[700] + [600] * 23] * 50)).figures
    assert off[0].standard_error == pytest.approx(0.75 * sqrt(2), abs=0.01)
    assert off[1].standard_error == 0.75


def test_one_draw_is_not_another() -> None:
    """Each recipient's is its own: two slices closed one after the other share no noise."""
    noise = gaussian_noise(Random(5).randbytes)
    here, there = (values(drawn(table("hourly", [[500] * 24] * 9), noise=noise)) for _ in range(2))
    assert all(a != b for a, b in zip(here, there, strict=True))
    assert len({b - a for a, b in pairwise(here)}) == 23
