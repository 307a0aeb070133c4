"""The policies that come with the project: they load, speak every language, and serve what they are there for."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import pytest

from consent.core.consents.records import Consent
from consent.core.decide import Owner, decide
from consent.core.disclosure import TOP, Identity, Space, Time
from consent.core.periods import Period
from consent.core.policies.accounting import spent
from consent.core.policies.policy import PolicySet
from consent.core.profiles.profile import Texts
from tests.support.checkout import ROOT
from tests.support.consent_samples import NOW_MS, agreed, limits_of
from tests.support.policy_folder import load_policies

FOLDER = ROOT / "policies"


@pytest.fixture(scope="module")
def ribera() -> PolicySet:
    """The shipped city."""
    return load_policies(FOLDER)


def _all_texts(city: PolicySet) -> Iterator[Texts]:
    for named in (city.purposes, city.recipients, city.flows, city.properties, city.quantities, city.zones, city.profiles):
        yield from (each.title for each in named.values())
    yield from (flow.why for flow in city.flows.values())
    yield from city.districts.values()
    yield from city.neighbourhood_titles.values()


def test_shipped_policies_say_everything_in_every_language(ribera: PolicySet) -> None:
    """Every title and reason stands in English, Spanish and Portuguese, and is a translation, not a copy of the English."""
    assert ribera.city.languages == ("en", "es", "pt")
    for texts in _all_texts(ribera):
        assert set(texts) == {"en", "es", "pt"}
        assert texts["en"] not in (texts["es"], texts["pt"])


def test_shipped_policies_have_the_limits_that_the_city_promises(ribera: PolicySet) -> None:
    """Figures about households: noise by which all of a day add up to little, of fifteen or, for everybody, fifty of them."""
    assert ribera.ceiling.group == 10
    assert (ribera.limits.mu_day, ribera.limits.mu_rungs, ribera.limits.exact_group) == (Decimal("2.1"), (0.5, 1, 2), 50)
    figures = [flow for flow in ribera.flows.values() if flow.ask.identity is Identity.AGGREGATE]
    told = {(flow.recipient, flow.ask.group, flow.ask.budget, flow.period) for flow in figures}
    assert told == {
        ("city-energy", 15, 2, Period.DAY),
        ("city-environment", 15, 2, Period.DAY),
        ("open-data", 50, 0.62, Period.WEEK),
    }
    assert all(mechanism.mu is not None for mechanism in ribera.mechanisms.values())
    assert spent(ribera, "electricity") == Fraction("2") ** 2 + Fraction("0.62") ** 2
    assert spent(ribera, "noise-at-home") == 4


def test_shipped_flows_ask_no_more_than_the_law_permits(ribera: PolicySet) -> None:
    """The city does not ask for what its own ceiling denies; a group below the floor is raised to it."""
    for flow in ribera.flows.values():
        decision = decide(ribera, flow.id, _everyone(ribera, flow.id), "north-quay", TOP, NOW_MS, Owner.CITY)
        assert decision.reason == ""
        assert decision.disclosure.identity is flow.ask.identity


def test_shipped_flows_are_fed_by_some_device_class(ribera: PolicySet) -> None:
    """Every property that a flow asks for is read from some class of devices."""
    read = {name for profile in ribera.profiles.values() for name in profile.fields}
    assert {name for flow in ribera.flows.values() for name in flow.properties} <= read


def test_shipped_energy_flow_serves_coarser_consents_at_their_level(ribera: PolicySet) -> None:
    """A household that permits 4h and city level contributes there, with the meter's own cap."""
    limits = limits_of(time=Time.HOUR_4, space=Space.CITY)
    cap = ribera.profiles["meter"].cap
    decision = decide(ribera, "energy-hourly", [agreed(ribera, "purpose:energy-planning", limits)], "garden-row", cap, NOW_MS)
    assert (decision.reason, decision.disclosure.time, decision.disclosure.space) == ("", Time.HOUR_4, Space.CITY)
    assert (decision.disclosure.group, decision.disclosure.step("consumption")) == (15, Decimal("0.1"))
    daily = decide(ribera, "energy-daily-totals", [agreed(ribera, "purpose:energy-planning", limits)], "garden-row", cap, NOW_MS)
    assert (daily.disclosure.identity, daily.disclosure.time, daily.disclosure.space) == (
        Identity.PER_EPOCH,
        Time.DAY,
        Space.CITY,
    )


def test_shipped_neighbourhoods_lower_what_the_city_permits(ribera: PolicySet) -> None:
    """In the old town the city's own sensors are told by the hour and the district."""
    decision = decide(ribera, "city-sensors", None, "market-hall", ribera.profiles["noise"].cap, NOW_MS, Owner.CITY)
    assert (decision.disclosure.time, decision.disclosure.space) == (Time.HOUR_1, Space.DISTRICT)
    assert dict(decision.bounds)["time"] == ("neighbourhood:old-town",)


def test_shipped_class_cap_keeps_meters_at_district_level(ribera: PolicySet) -> None:
    """No flow, present or future, learns the block of a meter."""
    for name in ("meter", "secure-meter"):
        assert ribera.profiles[name].cap.space is Space.DISTRICT


def _everyone(city: PolicySet, flow: str) -> list[Consent | None] | None:
    return None if city.purposes[city.flows[flow].purpose].legal_basis == "public-task" else [agreed(city, flow)]
