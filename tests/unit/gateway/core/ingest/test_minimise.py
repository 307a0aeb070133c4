"""Flooring values and times, and the laws that make coarsening safe."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ingest.minimise import MAX_STEPS, coarsen_steps, energy, floor_steps, floor_time_ms, level_db, shown_value

STEPS = st.sampled_from([Decimal(text) for text in ("0.001", "0.01", "0.1", "0.2", "0.25", "0.5", "1", "5", "10", "1000")])
RATIOS = st.integers(1, 10_000)
WINDOWS_MS = [1, 60_000, 900_000, 3_600_000, 14_400_000, 86_400_000]


@pytest.mark.parametrize(
    ("value", "step", "steps"),
    [
        (0.3, 0.1, 3),
        (0.7, 0.1, 7),
        (1.15, 0.01, 115),
        (69.90000000000001, 0.1, 699),
        (0.29, 0.1, 2),
        (0.0, 0.1, 0),
        (-0.3, 0.1, -3),
        (-0.31, 0.1, -4),
        (-0.05, 0.1, -1),
        (123_456.789, 0.001, 123_456_789),
        (4.9999, 5.0, 0),
        (5.0, 5.0, 1),
    ],
)
def test_floor_steps_of_decimals_is_what_decimals_mean(value: float, step: float, steps: int) -> None:
    """Down, below zero too, and never one lower for want of binary digits."""
    assert floor_steps(value, step) == steps


@given(st.integers(-2_000_000_000, 2_000_000_000), STEPS)
def test_floor_steps_finds_every_multiple_of_a_step(n: int, step: Decimal) -> None:
    """Also where the value was scaled by the device's unit first, which adds one rounding more."""
    assert floor_steps(float(n * step), float(step)) == n
    assert floor_steps(float(n * step * 1000) * 0.001, float(step)) == n


@given(st.decimals(-100_000, 100_000, places=4), STEPS.filter(lambda step: step <= 10))
def test_floor_steps_agrees_with_exact_arithmetic(value: Decimal, step: Decimal) -> None:
    """For every decimal that is not within a millionth of a step below a whole number, which four places of ten never are."""
    assert floor_steps(float(value), float(step)) == value // step - (value % step < 0)


@pytest.mark.parametrize("value", [1e300, 1.7e308, float(MAX_STEPS * 2), float("inf"), float("nan")])
def test_floor_steps_beyond_what_sums_hold_is_marked_by_its_size(value: float) -> None:
    """The caller refuses it as out of range; no value raises."""
    assert floor_steps(value, 0.5) > MAX_STEPS
    assert floor_steps(-value, 0.5) < -MAX_STEPS or value != value


@given(st.integers(), RATIOS, RATIOS)
def test_precision_coarsened_twice_is_coarsened_once(n: int, finer: int, coarser: int) -> None:
    """Coherence, T_d∘T_e = T_d: a coarse level says the same whether or not a finer one was taken before."""
    assert coarsen_steps(coarsen_steps(n, finer), coarser) == coarsen_steps(n, finer * coarser)


@given(st.integers(-1_000_000, 1_000_000), STEPS, st.integers(1, 100))
def test_precision_of_a_shown_figure_floors_to_the_same_step(n: int, first: Decimal, ratio: int) -> None:
    """What leaves says no more than its step: floored again, by anyone, it is the step that it came from."""
    step = first * ratio
    shown = shown_value(n, step, is_first_step=ratio == 1)

    assert floor_steps(shown, float(step)) == n


@given(st.integers(0, 2**53), st.sampled_from(WINDOWS_MS), st.sampled_from(WINDOWS_MS))
def test_time_coarsened_twice_is_coarsened_once(time_ms: int, one_ms: int, other_ms: int) -> None:
    """Coherence of windows: each length divides the next."""
    finer, coarser = sorted((one_ms, other_ms))

    assert floor_time_ms(floor_time_ms(time_ms, finer), coarser) == floor_time_ms(time_ms, coarser)


@given(st.integers(0, 2**53), st.sampled_from(WINDOWS_MS))
def test_time_floor_is_the_start_of_its_window(time_ms: int, window_ms: int) -> None:
    """Windows stand on whole days of UTC."""
    start = floor_time_ms(time_ms, window_ms)

    assert start <= time_ms < start + window_ms
    assert start % window_ms == 0


@pytest.mark.parametrize(
    ("n", "step", "is_first_step", "shown"),
    [(123, "0.1", True, 12.3), (12, "0.5", False, 6.25), (-3, "0.5", False, -1.25), (7, "5", False, 37.5)],
)
def test_shown_value_is_the_middle_of_coarse_steps_only(n: int, step: str, *, is_first_step: bool, shown: float) -> None:
    """Readings come in the first step: there, nothing has been cut off."""
    assert shown_value(n, Decimal(step), is_first_step=is_first_step) == shown


def test_energy_doubles_every_three_decibels() -> None:
    """Known points of the definition."""
    assert energy(0, Decimal("0.1")) == 2**20
    assert energy(600, Decimal("0.1")) == 10**6 * 2**20
    assert energy(120, Decimal("0.5")) == 10**6 * 2**20
    assert energy(-300, Decimal("0.1")) == 1049
    assert abs(energy(301, Decimal("0.1")) / energy(271, Decimal("0.1")) - 10**0.3) < 1e-9


@pytest.mark.parametrize("steps", [10_000, 2**53])
def test_energy_of_absurd_levels_is_bounded(steps: int) -> None:
    """A hostile level costs no more than a loud one."""
    assert energy(steps, Decimal(1)) == 10**30 * 2**20
    assert energy(-steps, Decimal(1)) == 1


@given(st.integers(140, 2000), st.integers(1, 50))
def test_level_of_equal_energies_is_the_level(level_steps: int, count: int) -> None:
    """The mean of n equal levels floors to their step again."""
    step = Decimal("0.1")
    mean = Fraction(energy(level_steps, step) * count, count)

    assert floor_steps(level_db(mean), float(step)) == level_steps


def test_level_of_a_mean_is_the_energy_mean() -> None:
    """60 dB and silence make 57 dB: half the energy."""
    mean = Fraction(energy(600, Decimal("0.1")) + energy(0, Decimal("0.1")), 2)

    assert level_db(mean) == pytest.approx(10 * log10((10**6 + 1) / 2))
