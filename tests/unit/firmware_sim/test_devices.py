"""What the simulated sensors measure: the same each time, with days and nights, and households that are alike enough."""

from __future__ import annotations

from itertools import pairwise
from statistics import fmean

import pytest

from firmware_sim.devices import (
    DAY_MS,
    HOUR_MS,
    MODELS,
    AirQuality,
    Climate,
    DustSensor,
    Footfall,
    NoiseMeter,
    Plug,
    SmartMeter,
    WaterMeter,
    drift,
    gaussian,
)

FRIDAY_MS = 1_773_964_800_000  # 2026-03-20T00:00Z
KINDS = tuple(MODELS)


def at(hour: float, day: int = 0) -> int:
    """Return a moment of a day, counted from a Friday."""
    return FRIDAY_MS + day * DAY_MS + int(hour * HOUR_MS)


@pytest.mark.parametrize("kind", KINDS)
def test_reading_of_same_seed_and_time_is_the_same(kind: str) -> None:
    """Two models of one seed agree at every moment, in whatever order they are asked."""
    first, second = MODELS[kind](seed="a"), MODELS[kind](seed="a")
    moments = [at(hour) for hour in range(48)]
    assert [first.reading(t) for t in moments] == [second.reading(t) for t in reversed(moments)][::-1]


@pytest.mark.parametrize("kind", KINDS)
def test_reading_of_other_seed_differs(kind: str) -> None:
    """Another seed is another device."""
    one, other = MODELS[kind](seed="a"), MODELS[kind](seed="b")
    assert [one.reading(at(hour)) for hour in range(24)] != [other.reading(at(hour)) for hour in range(24)]


def mean_of(kind: str, name: str, hours: tuple[float, ...]) -> float:
    """Return the mean of one value over thirty devices at some hours."""
    models = [MODELS[kind](seed=str(number)) for number in range(30)]
    return fmean(model.reading(at(hour))[name] for model in models for hour in hours)


@pytest.mark.parametrize(
    ("kind", "name", "rise"),
    [("meter", "kwh", 3.0), ("footfall", "count", 20.0), ("noise", "LAeq", 1.2), ("air-quality", "no2", 1.5)],
)
def test_reading_in_the_evening_exceeds_that_at_night(kind: str, name: str, rise: float) -> None:
    """Each kind follows the city's day: much more in the evening than at four in the morning."""
    assert mean_of(kind, name, (19.0, 19.5, 20.0)) > rise * mean_of(kind, name, (3.5, 4.0, 4.5))


def test_temperature_in_the_afternoon_exceeds_that_before_dawn() -> None:
    """The sun warms the air station."""
    station = AirQuality(seed="a")
    assert station.reading(at(15))["temperature"] > station.reading(at(3))["temperature"] + 3


@pytest.mark.parametrize("seed", range(12))
def test_hourly_shares_of_fifteen_to_twenty_households_stay_below_the_limit(seed: int) -> None:
    """Of no hour's sum, nor of any four hours', does one household hold 15 %; of twenty households', not even 12.5 %."""
    homes = [SmartMeter(seed=f"{seed}/{number}") for number in range(20)]
    for hours in (1, 4):
        for start in range(0, 24, hours):
            ends = [at(start + (half + 1) / 2) for half in range(2 * hours)]
            used = [sum(home.reading(end)["kwh"] for end in ends) for home in homes]
            assert max(used) < 0.125 * sum(used)
            for group in (15, 16, 19):
                largest_first = sorted(used[:group])
                assert largest_first[-1] < 0.15 * sum(largest_first)


@pytest.mark.parametrize("seed", range(20))
def test_meter_register_is_the_sum_of_what_was_used(seed: int) -> None:
    """The register never falls and rises by exactly the energy of each interval."""
    home = SmartMeter(seed=str(seed))
    readings = [home.reading(at(0) + half * HOUR_MS // 2) for half in range(97)]
    for before, after in pairwise(readings):
        assert after["kwh"] > 0
        assert round(after["total_kwh"] - before["total_kwh"], 3) == after["kwh"]


def test_meter_uses_its_daily_energy() -> None:
    """Over many homes a day's intervals add up to the daily mean that was set."""
    homes = [SmartMeter(seed=str(number), daily_kwh=10) for number in range(100)]
    daily = [sum(home.reading(at(0) + half * HOUR_MS // 2)["kwh"] for half in range(1, 49)) for home in homes]
    assert 9.3 < fmean(daily) < 11.2


def test_noise_maximum_lies_above_the_mean_level() -> None:
    """A maximum below the mean would be no sound."""
    meter = NoiseMeter(seed="a")
    assert all(meter.reading(at(h))["LAmax"] > meter.reading(at(h))["LAeq"] for h in range(24))


def test_footfall_is_a_whole_number_and_less_at_the_weekend() -> None:
    """People are counted, and fewer pass on Saturday than on Friday."""
    gates = [Footfall(seed=str(number)) for number in range(20)]
    friday, saturday = (sum(gate.reading(at(h, day))["count"] for gate in gates for h in range(24)) for day in (0, 1))
    assert isinstance(friday, int)
    assert saturday < friday


def test_gaussian_never_passes_its_limit() -> None:
    """Chance is cut off, since a single outlier would be most of a sum."""
    drawn = [gaussian("seed", "channel", slot, 2.0) for slot in range(5000)]
    assert -2 <= min(drawn) < -1.9
    assert 1.9 < max(drawn) <= 2
    assert abs(fmean(drawn)) < 0.05


def test_drift_between_two_points_goes_evenly() -> None:
    """Half-way between two moments of the grid stands their mean."""
    here, middle, there = (drift("seed", "weather", t, HOUR_MS) for t in (0, HOUR_MS // 2, HOUR_MS))
    assert middle == pytest.approx((here + there) / 2)


@pytest.mark.parametrize(("model", "register"), [(Plug(seed="s"), "total_kwh"), (WaterMeter(seed="s"), "total_m3")])
def test_register_of_a_plug_or_water_meter_never_falls(model: Plug | WaterMeter, register: str) -> None:
    """Over a week, and a day's use is of the size that it is set to."""
    shown = [
        model.reading(FRIDAY_MS + slot * model.interval_s * 1000)[register] for slot in range(7 * 86_400 // model.interval_s)
    ]
    assert shown == sorted(shown)
    a_day = model.daily_kwh if isinstance(model, Plug) else model.daily_l / 1000
    assert 0.4 * a_day < (shown[-1] - shown[0]) / 7 < 2.5 * a_day


def test_power_of_a_plug_is_what_its_register_grew_by() -> None:
    """The mean over the interval."""
    plug = Plug(seed="s", interval_s=1800)
    before, now = plug.reading(FRIDAY_MS), plug.reading(FRIDAY_MS + 1_800_000)
    assert abs(now["power_w"] - (now["total_kwh"] - before["total_kwh"]) * 2000) < 0.1


@pytest.mark.parametrize("model", [Climate(seed="s"), DustSensor(seed="s")])
def test_outdoor_sensor_measures_what_its_make_has_a_sensor_for(model: Climate | DustSensor) -> None:
    """And nothing else, within what a city's air is like."""
    values = model.reading(FRIDAY_MS)
    assert values.keys() == {"temperature", "humidity"} | ({"pm10", "pm25"} if isinstance(model, DustSensor) else set())
    assert -20 < values["temperature"] < 45
    assert 15 <= values["humidity"] <= 98
