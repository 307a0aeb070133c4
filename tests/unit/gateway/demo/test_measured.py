"""What the demo's meters measured, beside the figures made of it: the right hours, and the right homes."""

from __future__ import annotations

import pytest

from gateway.demo.measured import Compared, Measured, OpenedFigure
from gateway.recipient.records import Record
from tests.support.truths import truth

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MONDAY_MS = 1_777_852_800_000
DISTRICT = {"riverside": {"m/1", "m/2"}}


def record(result: float, from_ms: int, to_ms: int, hour: int | None = None, flow: str = "energy-hourly") -> Record:
    """Return a figure with noise."""
    return Record(
        flow=flow,
        purpose="energy-planning",
        observed_property="consumption",
        unit="kW.h",
        result=result,
        phenomenon_time=(from_ms, to_ms),
        cell="riverside",
        identity="aggregate",
        retention_days=90,
        n=15,
        hour=hour,
        standard_error=0.5,
    )


def compared(measured: Measured, record: Record, *, after: bool = False) -> list[Compared]:
    """Return the figure beside what it was made of."""
    return measured.compared([OpenedFigure(record, log_index=9)], lambda index: after and index == 9)


def test_figure_stands_beside_the_sum_of_its_own_hour_and_of_those_who_permit_it() -> None:
    """Neither another hour, nor another's home, nor a plug, nor a reading that nobody heard."""
    measured = Measured(DISTRICT, "m/1")
    for topic, at_ms, kwh in (
        ("m/1", 0, 1.0),
        ("m/1", HOUR_MS // 2, 0.5),
        ("m/2", 1, 2.0),
        ("m/3", 2, 40.0),
        ("m/2", HOUR_MS, 80.0),
    ):
        measured.take(truth(topic, MONDAY_MS + at_ms, kwh))
    measured.take(truth("m/1", MONDAY_MS, 160.0, kind="shelly-plus-1pm"))
    measured.take(truth("m/1", MONDAY_MS, 320.0, sent=False))
    (one,) = compared(measured, record(3.0, MONDAY_MS, MONDAY_MS + HOUR_MS))
    assert (one.homes, one.true) == (2, 3.5)
    assert one.half_width == pytest.approx(0.98)
    assert one.is_within
    assert one.as_json()["within"] is True
    assert not compared(measured, record(1.0, MONDAY_MS, MONDAY_MS + HOUR_MS))[0].is_within


def test_home_that_withdrew_stands_in_no_figure_that_left_afterwards() -> None:
    """Not even of hours in which it still permitted them."""
    measured = Measured(DISTRICT, "m/1")
    for topic in ("m/1", "m/2"):
        measured.take(truth(topic, MONDAY_MS, 1.0))
    figure = record(1.0, MONDAY_MS, MONDAY_MS + HOUR_MS)
    assert [(one.homes, one.true) for one in compared(measured, figure)] == [(2, 2.0)]
    assert [(one.homes, one.true) for one in compared(measured, figure, after=True)] == [(1, 1.0)]


def test_typical_day_is_the_mean_of_a_week_s_same_hours_by_home() -> None:
    """Of all seven days, whatever else the week's hours hold."""
    measured = Measured(DISTRICT, "m/1")
    for day in range(7):
        for topic in ("m/1", "m/2"):
            measured.take(truth(topic, MONDAY_MS + day * DAY_MS + 5 * HOUR_MS, 1.0 + day))
            measured.take(truth(topic, MONDAY_MS + day * DAY_MS + 6 * HOUR_MS, 70.0))
    week = record(4.2, MONDAY_MS, MONDAY_MS + 7 * DAY_MS, hour=5, flow="energy-typical-week")
    (one,) = compared(measured, week)
    assert (one.homes, one.true) == (2, 4.0)
    assert one.as_json()["hour"] == 5


def test_figures_of_what_is_no_longer_known_and_of_other_flows_stand_beside_nothing() -> None:
    """A demo that plays for long forgets what lies more than a week back."""
    measured = Measured(DISTRICT, "m/1")
    figure = record(1.0, MONDAY_MS, MONDAY_MS + HOUR_MS)
    assert compared(measured, figure) == []
    measured.take(truth("m/1", MONDAY_MS, 1.0))
    assert compared(measured, figure)
    assert compared(measured, record(1.0, MONDAY_MS, MONDAY_MS + HOUR_MS, flow="water-four-hourly")) == []
    measured.take(truth("m/1", MONDAY_MS + 11 * DAY_MS, 1.0))
    assert compared(measured, figure) == []
