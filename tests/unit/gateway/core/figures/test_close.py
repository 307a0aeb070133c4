"""How a window of the city's own devices ends: who stands in the figure, why others do not, and the figure itself."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.disclosure import TOP
from consent.core.outcome import NEVER_MS
from consent.core.policies.policy import PolicySet
from gateway.core.figures import close as closing
from gateway.core.figures.table import Conditions, Figure, Suppressed, TermsOf, Totals, stand
from gateway.core.ingest.minimise import energy
from gateway.core.windows.accumulators import new_contribution
from gateway.core.windows.targets import Terms
from gateway.core.windows.windows import Cohort, Window, window_state
from tests.support.gate import HOUR_MS, MIDNIGHT_MS, town

T = MIDNIGHT_MS
POLICIES = town()
COHORT = Cohort("hourly", "consumption", "sum", "aggregate", "1h", "district", "0.001", "north", public=True)


def cohort(statistic: str = "sum", observed_property: str = "consumption", step: str = "0.001") -> Cohort:
    """Return a cohort of devices of the city's own."""
    return COHORT._replace(statistic=statistic, observed_property=observed_property, step=step)


def terms(group: int = 1, since_ms: int = 0) -> Terms:
    """Return terms that demand a group."""
    return Terms(replace(TOP, group=group), since_ms, NEVER_MS, 0, ())


def window(of: Cohort, *readings: list[int]) -> Window:
    """Return a window with one member for each list of readings, in first steps."""
    made = Window(of, T, T + HOUR_MS)
    for number, ns in enumerate(readings):
        member = made.members[who(number)] = new_contribution(of.statistic, POLICIES.properties[of.observed_property].ladder[0])
        for t_ms, n in enumerate(ns, T):
            member.add(b"m", t_ms, n)
    return made


def who(number: int) -> bytes:
    """Return a contributor."""
    return number.to_bytes(16, "big")


class Closed(NamedTuple):
    """What became of a window."""

    figure: float | None
    members: list[bytes]
    suppressed: dict[str, int]
    withdrawn: int


def close_by(ending: Window, terms_of: TermsOf, policies: PolicySet = POLICIES, whole_since_ms: int = 0) -> Closed:
    """Close a window by terms of its members."""
    (outcome,) = closing.close([ending], Conditions(policies, terms_of, whole_since_ms))
    assert isinstance(outcome, Figure | Suppressed)
    value = outcome.value if isinstance(outcome, Figure) else None
    return Closed(value, list(outcome.row.members), dict(outcome.row.suppressed), outcome.row.withdrawn)


def close(ending: Window, groups: list[int] | None = None, policies: PolicySet = POLICIES, whole_since_ms: int = 0) -> Closed:
    """Close a window whose members demand some groups, or none."""
    demanded = {who(number): terms(group) for number, group in enumerate(groups or [1] * len(ending.members))}
    return close_by(ending, lambda contributor, _: demanded.get(contributor), policies, whole_since_ms)


# who stands in it


def test_everybody_stands_whatever_group_is_asked_of_households() -> None:
    """One device of the city's own is enough."""
    closed = close(window(COHORT, [1]), [10])
    assert (closed.figure, len(closed.members), closed.suppressed) == (0.001, 1, {})
    street = close(window(cohort("mean", "LAeq", "1"), [600, 620]), [10])
    assert (street.figure, street.suppressed) == (61.5, {})


def test_window_of_households_of_an_earlier_version_gives_nothing() -> None:
    """Figures about households come from tables of cells, with noise or behind the guard; nothing bypasses them."""
    closed = close(window(COHORT._replace(public=False), [1], [2, 3]))
    assert (closed.figure, closed.members, closed.suppressed) == (None, [], {"partial": 3})


def test_member_without_terms_withdrawn() -> None:
    """Whoever may no longer stand there is counted as withdrawn and not as a subject."""
    ending = window(COHORT, [1], [2, 2], [4])
    closed = close_by(ending, lambda c, _: None if c == who(1) else terms(2))
    assert (closed.figure, closed.withdrawn) == (0.005, 2)


def test_member_with_younger_terms_withdrawn() -> None:
    """Terms that took force after the window began cover nothing in it."""
    ending = window(COHORT, [1], [2])
    closed = close_by(ending, lambda c, _: terms(since_ms=T + 1 if c == who(1) else T))
    assert (closed.figure, closed.withdrawn) == (0.001, 1)


def test_window_from_before_the_session_partial() -> None:
    """A window of which readings may have been lost gives no figure."""
    closed = close(window(COHORT, [1], [2, 3]), whole_since_ms=T + 1)
    assert (closed.figure, closed.suppressed) == (None, {"partial": 3})
    assert close(window(COHORT, [1], [2]), whole_since_ms=T).figure == 0.003


def test_counter_without_value_suppressed_with_its_reason() -> None:
    """A reset and a missing baseline are told apart; those who have a value stand."""
    register = cohort("delta", "totalConsumption")
    ending = window(register, [5, 9], [9, 5, 6], [5, 6])
    for number in (0, 1):
        ending.members[who(number)].meters[b"m"][2] = 4  # type: ignore[attr-defined]
    closed = close(ending)
    assert (closed.figure, closed.suppressed) == (0.005, {"reset": 2, "no_baseline": 2})


def test_nobody_left_no_figure() -> None:
    """A window that all have left gives no figure and suppresses nothing."""
    closed = close_by(window(COHORT, [1]), lambda *_: None)
    assert (closed.figure, closed.members, closed.suppressed, closed.withdrawn) == (None, [], {}, 1)


# clamp


def test_clamp_bounds_a_subjects_value_and_not_its_readings() -> None:
    """A household that claims a million counts as the most that a household can be: 100 kWh."""
    assert close(window(COHORT, [60_000, 60_000], [1_000])).figure == 101.0
    assert close(window(COHORT, [150_000, -120_000], [1_000])).figure == 31.0
    assert close(window(COHORT, [-5_000], [1_000])).figure == 1.0


def test_clamp_leaves_counts_and_unbounded_properties_alone() -> None:
    """How many readings there were is no amount, and a property without bounds has none."""
    bounded = town(("clamp = [0, 100]", "clamp = [0, 0.001]"))
    assert close(window(cohort("count"), [1, 1, 1]), policies=bounded).figure == 3
    assert close(window(cohort("sum", "totalConsumption"), [10**9])).figure == 1_000_000.0


def test_clamp_of_levels_in_energies() -> None:
    """A microphone that claims 300 dB counts as 140."""
    assert close(window(cohort("energy-mean", "LAeq", "0.1"), [3_000])).figure == 140.0
    assert close(window(cohort("energy-mean", "LAeq", "0.1"), [-100])).figure == 20.0


# the figure


def test_figure_floored_once_and_not_by_member() -> None:
    """Two halves of a step make one step."""
    assert close(window(cohort(step="0.1"), [60], [60])).figure == pytest.approx(0.15)
    assert close(window(cohort(step="0.1"), [60])).figure == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("statistic", "step", "expected"),
    [
        ("sum", "0.001", 0.123),
        ("sum", "0.01", 0.125),
        ("sum", "0.1", 0.15),
        ("sum", "1", 0.5),
        ("count", "0.001", 2),
        ("count", "1", 2),
    ],
)
def test_figure_middle_above_the_first_step_and_never_for_counts(statistic: str, step: str, expected: float) -> None:
    """The first step is how readings come; above it the middle stands for the step; a count is whole."""
    shown = close(window(cohort(statistic, step=step), [100], [23])).figure
    assert shown == expected
    assert type(shown) is type(expected)


@pytest.mark.parametrize(
    ("statistic", "expected"), [("sum", 0.016), ("mean", 0.004), ("min", 0.001), ("max", 0.01), ("count", 5)]
)
def test_figure_combines_subjects_values(statistic: str, expected: float) -> None:
    """Each contributor has one value: a mean is the mean of their means, so who reports often weighs no more."""
    assert close(window(cohort(statistic), [1, 1, 1], [10], [3])).figure == expected


def test_figure_of_means_floored_from_the_exact_fraction() -> None:
    """(1/3 + 2/3 + 2) / 3 is one step exactly, which no binary fraction says."""
    assert close(window(cohort("mean"), [0, 0, 1], [0, 0, 2], [2])).figure == 0.001


@given(st.integers(200, 1_400), st.integers(1, 30))
def test_energy_mean_of_equal_levels_is_that_level(level: int, n: int) -> None:
    """For every level that is a step of the ladder: no rounding moves it into the step below."""
    loud = window(cohort("energy-mean", "LAeq", "0.1"), *([level] for _ in range(n)))
    assert close(loud).figure == float(level * Decimal("0.1"))


@given(st.lists(st.lists(st.integers(200, 1_400), min_size=1, max_size=5), min_size=1, max_size=8), st.randoms())
def test_energy_mean_exact_in_any_order(readings: list[list[int]], shuffled: Any) -> None:
    """The level is that of the exact mean of the subjects' mean energies."""
    means = [Fraction(sum(energy(n, Decimal("0.1")) for n in ns), len(ns)) for ns in readings]
    mean = sum(means, Fraction(0)) / len(means)
    shown = {close(window(cohort("energy-mean", "LAeq", "0.1"), *readings)).figure}
    shuffled.shuffle(readings)
    shown.add(close(window(cohort("energy-mean", "LAeq", "0.1"), *readings)).figure)
    level_db = 10 * math.log10(mean / 2**20)
    assert len(shown) == 1
    assert shown.pop() == pytest.approx(math.floor(level_db * 10 + 1e-5) / 10)


def test_energy_mean_shows_the_middle_of_a_coarser_step() -> None:
    """At half a decibel, 61.2 dB lies in the step whose middle is 61.25."""
    assert close(window(cohort("energy-mean", "LAeq", "0.5"), [612], [612])).figure == 61.25


# what is missed, and totals of one


def test_public_window_is_partial_like_any_other() -> None:
    """Lost readings spoil the city's own figures too, and a device that was struck off leaves."""
    street = window(cohort("mean", "LAeq", "1"), [600])
    assert close(street, whole_since_ms=T + 1).suppressed == {"partial": 1}
    closed = close_by(street, lambda *_: None)
    assert (closed.figure, closed.withdrawn) == (None, 1)


def test_totals_keep_every_member_with_terms() -> None:
    """Totals that go out one by one need no group, and nobody is asked before their turn."""
    ending = window(COHORT._replace(identity="per-epoch", public=False), [1], [2], [3])
    conditions = Conditions(POLICIES, lambda c, _: None if c == who(1) else terms(9), 0)
    assert list(closing.close([ending], conditions)) == [Totals(ending)]
    row = stand(ending, conditions)
    assert (list(row.members), row.withdrawn, row.values()) == ([who(0), who(2)], 1, [1, 3])
    assert row.members[who(0)] == terms(9)
    partial = stand(ending, replace(conditions, terms_of=lambda *_: terms(), whole_since_ms=T + 1))
    assert (dict(partial.members), partial.suppressed) == ({}, {"partial": 3})


# all windows at once


def test_every_window_has_its_outcome_in_its_place_and_nothing_is_changed() -> None:
    """Figures, suppressions and totals come out in the order in which windows went in, and the windows stay as they were."""
    met, gone = window(COHORT, [1], [2]), window(COHORT._replace(cell="south"), [4])
    each = window(COHORT._replace(identity="per-record", public=False), [8])
    later = window(COHORT._replace(cell="west"), [16], [32])
    before = [window_state(one) for one in (gone, met, each, later)]
    held = Conditions(POLICIES, lambda _, cohort: None if cohort.cell == "south" else terms(2), 0)
    outcomes = list(closing.close([gone, met, each, later], held))
    assert [type(outcome) for outcome in outcomes] == [Suppressed, Figure, Totals, Figure]
    assert [outcome.value for outcome in outcomes if isinstance(outcome, Figure)] == [0.003, 0.048]
    assert [window_state(one) for one in (gone, met, each, later)] == before


def test_nothing_ended_nothing_closed() -> None:
    """Without windows there is no outcome."""
    assert list(closing.close([], Conditions(POLICIES, lambda *_: terms(), 0))) == []
