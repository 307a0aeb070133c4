"""The register for programs: titles from the rules, numbers from the gate, and no number where there is none."""

from __future__ import annotations

import json

import msgspec

from consent.core.decide import Owner
from consent.portal.pages.register import PublicRegister
from consent.public_messages import FlowServed, PublicFlows, PublicSensors, SensorsAt
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.portal import SaidGate, SaidRecord, portal_client, said_head, said_state

POLICIES = load_policies(ROOT / "policies")


def gate() -> SaidGate:
    """Return a gate with some sensors and one flow that is open."""
    zone, profile, flow = next(iter(POLICIES.zones)), "meter", next(iter(POLICIES.flows))
    sensors = [
        SensorsAt(zone=zone, profile=profile, owner=Owner.RESIDENT, count=40),
        SensorsAt(zone=zone, profile="gone", owner=Owner.CITY, count=2),
    ]
    served = FlowServed(flow=flow, asked=40, permitted=30, days=[], bundles=7, records=21, last_ms=0)
    return SaidGate(
        said_state(), says_sensors=PublicSensors(sensors=sensors), says_flows=PublicFlows(day="2026-11-28", flows=[served])
    )


def test_register_tells_everything_of_the_rules() -> None:
    """Every kind, place, flow, recipient and purpose, with its titles, and the numbers beside them."""
    answer = portal_client(gate(), SaidRecord(POLICIES, said_head())).get("/register.json")
    register = msgspec.json.decode(answer.content, type=PublicRegister)
    assert register.policies == POLICIES.sha256.hex()
    assert [one.id for one in register.kinds] == list(POLICIES.properties)
    assert [one.id for one in register.places] == list(POLICIES.zones)
    assert [one.id for one in register.flows] == list(POLICIES.flows)
    assert [one.id for one in register.recipients] == list(POLICIES.recipients)
    assert [one.id for one in register.purposes] == list(POLICIES.purposes)
    titles = [one.title for one in register.places] + [one.title for one in register.flows]
    assert all(titles + [one.title for one in register.recipients] + [one.title for one in register.purposes])
    first = register.flows[0]
    assert (first.homes_asked, first.homes_permitting, first.records_30_days) == (40, 30, 21)
    here = register.places[0].sensors
    assert here is not None
    assert [(one.profile, one.owner, one.count) for one in here] == [("meter", "resident", 40), ("gone", "city", 2)]
    assert here[0].kinds
    assert here[1].kinds == []
    assert register.places[1].sensors == []


def test_register_has_no_numbers_while_the_gate_is_away() -> None:
    """Null, not 0; and the rules stand."""
    asked = gate()
    asked.away = True
    register = msgspec.json.decode(
        portal_client(asked, SaidRecord(POLICIES, said_head())).get("/register.json").content, type=PublicRegister
    )
    assert {one.homes_asked for one in register.flows} == {None}
    assert {one.records_30_days for one in register.flows} == {None}
    assert {one.sensors is None for one in register.places} == {True}
    assert len(register.flows) == len(POLICIES.flows)


def test_register_before_there_are_rules_says_so() -> None:
    """Empty, and in the same form."""
    answer = portal_client(gate(), SaidRecord(None)).get("/register.json")
    register = msgspec.json.decode(answer.content, type=PublicRegister)
    assert (register.policies, register.city, register.flows) == ("", None, [])
    assert answer.headers["access-control-allow-origin"] == "*"


def test_budget_without_noise_is_null_and_not_infinite() -> None:
    """JSON has no word for it."""
    text = portal_client(gate(), SaidRecord(POLICIES, said_head())).get("/register.json").text
    assert "Infinity" not in text
    assert {one["ask"]["budget"] is None for one in json.loads(text)["flows"]} == {True, False}
