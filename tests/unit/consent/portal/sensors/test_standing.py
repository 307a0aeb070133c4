"""Where sensors stand: homes' are never counted finer than in fives, or for a finer place than may leave."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from consent.core.decide import Owner
from consent.portal.sensors.standing import standing, standing_now
from consent.public_messages import HOMES_STEP, PublicSensors, SensorsAt
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.portal import SaidGate, said_state

RIBERA = load_policies(ROOT / "policies")


def registered(*rows: tuple[str, str, Owner, int]) -> PublicSensors:
    """Return what a gateway answers."""
    return PublicSensors(sensors=[SensorsAt(zone=zone, profile=p, owner=owner, count=n) for zone, p, owner, n in rows])


def test_own_sensors_stand_in_zones_and_homes_in_districts() -> None:
    """Meters of two streets are one number of their district."""
    there = standing(
        RIBERA,
        registered(
            ("north-quay", "noise", Owner.CITY, 2),
            ("north-quay", "meter", Owner.RESIDENT, 30),
            ("garden-row", "meter", Owner.RESIDENT, 25),
            ("market-hall", "meter", Owner.RESIDENT, 5),
        ),
    )
    assert there.own == {"north-quay": {"noise": 2}}
    assert there.homes == {"riverside": {"meter": 55}, "historic-centre": {"meter": 5}}
    assert (there.own_in("north-quay", "noise"), there.own_in("garden-row", "noise")) == (2, 0)


def test_meter_that_the_city_owns_is_counted_as_homes_are() -> None:
    """It is about a home, whoever owns it: no exact number, and no street."""
    assert standing(RIBERA, registered(("north-quay", "meter", Owner.CITY, 7))).homes == {"riverside": {"meter": 5}}
    assert standing(RIBERA, registered(("north-quay", "meter", Owner.CITY, 4))).homes == {}


def test_sensor_of_a_home_that_no_flow_reads_is_counted_for_the_whole_city() -> None:
    """Nothing of it may leave, so no place may be told."""
    assert standing(RIBERA, registered(("north-quay", "footfall", Owner.RESIDENT, 5))).homes == {"ribera": {"footfall": 5}}


def test_what_the_rules_do_not_know_is_left_out() -> None:
    """A gateway may have other rules than the record for a moment."""
    there = standing(RIBERA, registered(("moon", "noise", Owner.CITY, 1), ("north-quay", "radar", Owner.CITY, 1)))
    assert (there.own, there.homes) == ({}, {})


def test_gate_that_is_away_tells_of_no_sensor() -> None:
    """That is not the same as none."""
    gate = SaidGate(said_state(), away=True)
    assert asyncio.run(standing_now(gate, RIBERA)) is None
    gate.away = False
    assert asyncio.run(standing_now(gate, RIBERA)) == standing(RIBERA, PublicSensors(sensors=[]))


_ROWS = st.lists(
    st.tuples(
        st.sampled_from([*RIBERA.zones, "moon"]),
        st.sampled_from([*RIBERA.profiles, "radar"]),
        st.sampled_from(Owner),
        st.integers(-3, 500),
    ),
    max_size=20,
)


@given(_ROWS)
def test_homes_are_in_fives_and_in_no_street(rows: list[tuple[str, str, Owner, int]]) -> None:
    """Whatever the gateway answers."""
    there = standing(RIBERA, registered(*rows))
    assert all(count > 0 and count % HOMES_STEP == 0 for counts in there.homes.values() for count in counts.values())
    assert not there.homes.keys() & RIBERA.zones.keys()
    assert there.own.keys() <= RIBERA.zones.keys()
    assert not any("meter" in profile for counts in there.own.values() for profile in counts)
