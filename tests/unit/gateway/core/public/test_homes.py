"""Homes in the public's numbers: counted once a day, by fives, each once however many sensors it has."""

from __future__ import annotations

import pytest

from gateway.core.public.homes import HomesCounted, loudest, survey
from gateway.core.public.tally import DayTally, Homes
from tests.support.gate import DAY_MS, MIDNIGHT_MS, MINUTE_MS, Gate, only, town


def surveyed(gate: Gate) -> DayTally:
    """Count a gate's homes."""
    day = DayTally({}, None, {}, 0, {}, {})
    counted, plans = HomesCounted(), gate.state.by_contributor
    for _ in counted.pieces(list(plans), lambda contributor: plans.get(contributor, ())):
        pass
    survey(day, gate.state.policies, gate.state.registry, counted)
    return day


@pytest.mark.parametrize(("homes", "permitting", "told"), [(4, 4, (0, 0)), (9, 5, (5, 5)), (11, 9, (10, 5)), (10, 0, (10, 0))])
def test_homes_are_told_by_fives(homes: int, permitting: int, told: tuple[int, int]) -> None:
    """Those that a flow could read, and those of them that let it."""
    gate = Gate(only("raw", "street-noise"))
    gate.homes(permitting, "raw")
    gate.homes(homes - permitting)
    assert surveyed(gate).homes == {"raw": Homes(*told), "street-noise": Homes(told[0], 0)}


def test_home_counts_once_however_many_sensors_it_has() -> None:
    """Four homes with five meters each are fewer than five, as homes; as sensors they are twenty."""
    gate = Gate(only("raw"))
    for home in gate.homes(4, "raw"):
        for _ in range(4):
            gate.device(home.subject)
    day = surveyed(gate)
    assert day.homes == {"raw": Homes(0, 0)}
    assert day.sensors == {("mill", "meter"): 20}


def test_sensors_without_a_home_are_no_homes() -> None:
    """They are the city's own, and are not counted here."""
    gate = Gate(only("raw", "street-noise"))
    for _ in range(7):
        gate.device()
    day = surveyed(gate)
    assert (day.homes, day.sensors) == ({"raw": Homes(0, 0), "street-noise": Homes(0, 0)}, {})


def test_homes_are_counted_at_the_beginning_of_a_day_and_stand_until_its_end() -> None:
    """Who changes their mind meanwhile is seen a day later, and by nobody alone."""
    gate = Gate(only("raw"))
    homes = gate.homes(10, "raw")
    gate.to(MIDNIGHT_MS + DAY_MS)
    gate.withdraw(homes[0], "raw")
    for hour in range(1, 24):
        gate.to(MIDNIGHT_MS + DAY_MS + hour * 60 * MINUTE_MS)
        gate.commit()
        day = gate.state.public.shown.days[MIDNIGHT_MS // DAY_MS + 1]
        assert day.homes == {"raw": Homes(10, 10)}
    gate.to(MIDNIGHT_MS + 2 * DAY_MS)
    gate.commit()
    assert gate.state.public.shown.days[MIDNIGHT_MS // DAY_MS + 2].homes == {"raw": Homes(10, 5)}


def test_flow_that_has_come_is_counted_alone() -> None:
    """The others stand: policies that change twice an hour show nothing that a day does not."""
    gate = Gate(only("raw"))
    gate.homes(5, "raw")
    gate.to(MIDNIGHT_MS + DAY_MS)
    gate.homes(5, "raw")
    gate.apply(town())
    gate.to(MIDNIGHT_MS + DAY_MS + 60 * MINUTE_MS)
    homes = gate.state.public.days[MIDNIGHT_MS // DAY_MS + 1].homes
    assert (homes["raw"], homes["hourly"]) == (Homes(5, 5), Homes(10, 0))


def test_loudest_home_is_the_one_whose_readings_give_most_pairs() -> None:
    """All its sensors together, each reading once for each flow that asks for it, since the last time."""
    gate = Gate(only("raw", "daily"))
    quiet, loud = gate.homes(2, "raw")
    second = gate.device(loud.subject)
    street = gate.device()
    gate.send(quiet, kwh=1)
    for turn in range(3):
        for device in (loud, second, street, street):
            gate.send(device, MIDNIGHT_MS + turn * MINUTE_MS, kwh=1)
    assert loudest(gate.state.by_contributor.values()) == 3 * 2 * 2
    assert loudest(gate.state.by_contributor.values()) == 0
    gate.send(quiet, MIDNIGHT_MS + MINUTE_MS, kwh=1)
    assert loudest(gate.state.by_contributor.values()) == 2
