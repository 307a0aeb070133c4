"""What leaves of the city's own sensors, by the rules alone, and how exact a place of homes' sensors may be told."""

from __future__ import annotations

from decimal import Decimal

from consent.core.disclosure import Space
from consent.portal.sensors.uses import merged, place_of_homes, untold_by, uses_of
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.street_city import street

RIBERA = load_policies(ROOT / "policies")


def test_every_shipped_sign_stands_at_something_that_leaves() -> None:
    """Its page has facts to tell."""
    assert all(uses_of(RIBERA, sign.zone, sign.profile) for sign in RIBERA.signs.values())


def test_use_is_what_the_rules_let_leave() -> None:
    """By the flow's ask, under the profile's cap."""
    policies = street().policies()
    (use,) = uses_of(policies, "mill", "station")
    assert (use.flow.id, use.recipient.id, use.purpose.id, use.retention_days) == ("noise", "office", "streets", 9)
    (told,) = use.told
    assert (told.known.id, told.step, told.outcome.level.space) == ("LAeq", Decimal("0.1"), "block")
    assert [each.id for each in untold_by(policies, "station", (use,))] == ["temperature"]


def test_ceiling_that_lets_nothing_leave_leaves_no_use() -> None:
    """Nothing is told of what cannot be."""
    assert uses_of(street(space="none").policies(), "mill", "station") == ()


def test_meters_of_homes_have_no_use_without_consent() -> None:
    """A public task never reads them."""
    assert uses_of(RIBERA, "north-quay", "meter") == ()


def test_uses_that_are_alike_are_one() -> None:
    """Of two kinds that the same flow reads in the same way, with what both tell."""
    noise, air = uses_of(RIBERA, "north-quay", "noise"), uses_of(RIBERA, "north-quay", "air-station")
    (one,) = merged({"noise": noise, "air-station": air, "again": noise})
    assert one.profiles == ("noise", "air-station", "again")
    assert [each.known.id for each in one.use.told] == ["LAeq", "pm25", "pm10", "no2", "temperature"]


def test_place_of_homes_is_no_finer_than_may_leave() -> None:
    """Of Ribera's meters the district; of what no flow reads, none."""
    assert place_of_homes(RIBERA, "north-quay", "meter") is Space.DISTRICT
    assert place_of_homes(RIBERA, "north-quay", "footfall") is Space.NONE
