"""How far a gate is open: never wider and never closer than the gateway's rounded numbers prove."""

from __future__ import annotations

import pytest

from consent.portal.visit import Visit
from consent.portal.ways.most_told import most_told
from consent.portal.ways.opening import HowFarOpen, how_far_open
from consent.public_messages import FlowServed
from tests.support.ways import changed, served, shipped


def said(flow: str, what: FlowServed | None) -> HowFarOpen:
    """Return what is said of a flow of the shipped rules, in English."""
    policies = shipped()
    return how_far_open(Visit("en"), policies, policies.flows[flow], most_told(policies, policies.flows[flow]), what)


@pytest.mark.parametrize(
    ("flow", "what", "drawing", "text"),
    [
        ("energy-hourly", served("energy-hourly", 40, 30, 720), "gate-half", "Open for about 30 of 40 homes"),
        ("energy-hourly", served("energy-hourly", 40, 40, 720), "gate-open", "Open for about 40 of 40 homes"),
        ("energy-hourly", served("energy-hourly", 1040, 1000, 720), "gate-half", "Open for about 1,000 of 1,040 homes"),
        ("energy-hourly", served("energy-hourly", 40, 10), "gate-shut", "Shut"),
        ("energy-hourly", served("energy-hourly", 40, 10, 720), "gate-half", "Open for about 10 of 40 homes"),
        ("energy-hourly", served("energy-hourly", 40, 0, 720), "gate-half", "Open for fewer than 5 homes"),
        ("energy-hourly", served("energy-hourly", 40, 30), "gate-half", "Open for about 30 of 40 homes"),
        ("energy-daily-totals", served("energy-daily-totals", 40, 0), "gate-half", "Open for fewer than 5 homes"),
        ("energy-daily-totals", served("energy-daily-totals"), "gate-half", "Open for fewer than 5 homes"),
        ("city-sensors", served("city-sensors"), "gate-open", "Open by law"),
        ("city-sensors", None, "gate-open", "Open by law"),
        ("energy-hourly", None, "why", "How far it is open, only the gate can say"),
    ],
)
def test_gate_is_drawn_as_far_open_as_is_proven(flow: str, what: FlowServed | None, drawing: str, text: str) -> None:
    """A number of homes one by one that is rounded down to none never shuts the gate; only figures that never left do."""
    assert (said(flow, what).icon, said(flow, what).text) == (drawing, text)


def test_nothing_left_is_said_of_figures_alone() -> None:
    """What left of homes one by one is rounded so far that none cannot be told from a few."""
    assert said("energy-hourly", served("energy-hourly", 40, 30)).more == "Nothing has left by it in the last 30 days."
    assert said("energy-hourly", served("energy-hourly", 40, 30, 720)).more == ""
    assert said("energy-daily-totals", served("energy-daily-totals", 40, 30)).more == ""


def test_rules_that_shut_a_way_out_are_named() -> None:
    """Whatever people answer, and also without the gateway."""
    policies = changed('identity = "per-epoch"                          # nobody', 'identity = "aggregate"   # nobody')
    flow = policies.flows["energy-daily-totals"]
    for what in (None, served("energy-daily-totals", 40, 30, 900)):
        told = how_far_open(Visit("en"), policies, flow, most_told(policies, flow), what)
        assert (told.icon, told.text) == ("gate-shut", "Shut by the rules")
