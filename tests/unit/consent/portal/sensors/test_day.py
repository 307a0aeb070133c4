"""What left yesterday: the numbers that the gateway told, in local hours, and nothing where it told nothing."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.languages import LANGUAGES
from consent.portal.gates.public import GateRefusedError
from consent.portal.sensors.day import PlaceDay, day_of, yesterday
from consent.portal.sensors.uses import uses_of
from consent.portal.visit import Visit
from consent.public_messages import HourTold, PlaceTold, SeriesTold
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.portal import SaidGate, said_state

RIBERA = load_policies(ROOT / "policies")
USES = uses_of(RIBERA, "north-quay", "noise")
MADRID = Visit("en", zone=ZoneInfo("Europe/Madrid"))


def told(*hours: tuple[int, float, int], name: str = "LAeq", flow: str = "city-sensors") -> PlaceTold:
    """Return a day with (hour, mean, readings) of one property."""
    series = SeriesTold(
        flow=flow,
        observed_property=name,
        hours=[HourTold(hour=hour, mean=mean, readings=readings) for hour, mean, readings in hours],
    )
    return PlaceTold(zone="north-quay", day="2026-11-27", series=[series])


def test_day_is_told_in_local_hours() -> None:
    """Midnight of world time is one o'clock in Madrid; least and most are named with both."""
    day = day_of(told((0, 45.04, 12), (7, 62.0, 12), (8, 50.0, 11)), USES, MADRID)
    assert (day.day, day.begins) == ("27 November 2026", "01:00")
    (chart,) = day.charts
    assert chart.title == "Noise level"
    assert chart.sentence == (
        "Least from 01:00: 45.0\N{NO-BREAK SPACE}dB. Most from 08:00: 62.0\N{NO-BREAK SPACE}dB. Of 35 readings."
    )
    assert [(row.time, row.mean, row.readings) for row in chart.rows] == [
        ("01:00", "45.0", "12"),
        ("08:00", "62.0", "12"),
        ("09:00", "50.0", "11"),
    ]
    assert chart.chart.count('role="img"') == 2, "one for wide and one for narrow screens"
    assert chart.sentence in chart.chart, "the drawing has a name that says the same"


def test_day_that_was_alike_says_so_once() -> None:
    """Also where means differ by less than is shown."""
    (chart,) = day_of(told((0, 45.01, 1), (1, 45.04, 1)), USES, Visit("es")).charts
    assert chart.sentence == "45,0\N{NO-BREAK SPACE}dB en todas las horas. De 2 lecturas."


def test_what_may_not_leave_is_not_shown() -> None:
    """A series that no use of the sensor names is passed over, and one without hours is none."""
    assert day_of(told((0, 1.0, 1), name="pm25"), USES, MADRID).charts == ()
    assert day_of(told((0, 1.0, 1), flow="another"), USES, MADRID).charts == ()
    assert day_of(told(), USES, MADRID).charts == ()
    assert day_of(told((24, 1.0, 1)), USES, MADRID).charts == ()


def test_gate_that_is_away_or_knows_no_such_day_tells_nothing() -> None:
    """The one is unknown, the other nothing."""
    gate = SaidGate(said_state(), away=True)
    assert asyncio.run(yesterday(gate, "north-quay", USES, MADRID)) is None

    class Refusing(SaidGate):
        async def place(self, zone: str, day: str = "") -> PlaceTold:
            raise GateRefusedError

    assert asyncio.run(yesterday(Refusing(said_state()), "north-quay", USES, MADRID)) == PlaceDay("", "", ())


_HOURS = st.dictionaries(
    st.integers(0, 23), st.tuples(st.floats(-1e6, 1e6, allow_nan=False), st.integers(1, 10**6)), min_size=1, max_size=24
)


@pytest.mark.parametrize("language", LANGUAGES)
@given(hours=_HOURS)
def test_any_day_can_be_shown(language: str, hours: dict[int, tuple[float, int]]) -> None:
    """Whatever the sensors told: as many rows as hours, in their order."""
    day = day_of(told(*((hour, *each) for hour, each in hours.items())), USES, Visit(language))
    (chart,) = day.charts
    assert [row.time for row in chart.rows] == [f"{hour:02}:00" for hour in sorted(hours)]
