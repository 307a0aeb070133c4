"""Household: what would come of an answer is decided with what the others of the household say, and what they may is theirs."""

from __future__ import annotations

from consent.core.disclosure import TOP, Time
from gateway.core.plans import Device
from gateway.core.previews.household import Household
from tests.support.gate import Gate, limited


def asked(gate: Gate, *devices: Device, flow: str = "daily") -> Household:
    """Return a household before a flow; its first resident is asked."""
    state, subject = gate.state, devices[0].subject or b""
    resident = state.registry.book.residents(subject)[0]
    return Household(state.policies, state.policies.flows[flow], state.registry.book, subject, resident, devices, gate.now_ms)


def test_answer_that_is_tried_comes_to_what_the_same_answer_comes_to_in_force() -> None:
    """Decision for decision, in the plans that are compiled."""
    gate = Gate()
    limits = limited(time=Time.DAY)
    home = gate.home()
    (tried,) = asked(gate, home).told(asked(gate, home).answering(limits))
    gate.grant(home, "daily", limits)
    plan = gate.state.plan_of(home)
    assert plan is not None
    (target,) = plan.targets()
    assert target.terms.disclosure == tried.found.disclosure
    assert target.cohort.level == tried.found.level
    (said,) = asked(gate, home).told(asked(gate, home).said)
    assert said.found.disclosure == tried.found.disclosure


def test_nothing_said_tells_nothing_and_why() -> None:
    """`undecided` until somebody says something, then why that does not hold."""
    gate = Gate()
    home = gate.home()
    assert asked(gate, home).own_fault == "undecided"
    assert {each.found.reason for each in asked(gate, home).told(asked(gate, home).said)} == {"no-consent"}
    gate.grant(home, "daily")
    assert asked(gate, home).own_fault == ""
    gate.pause(home, "daily")
    assert asked(gate, home).own_fault == "paused"


def test_only_sensors_that_the_flow_reads_are_asked_of_and_no_property_twice() -> None:
    """A household with two meters has one question about them."""
    gate = Gate()
    home = gate.home()
    other = gate.device(home.subject)
    household = asked(gate, home, other, flow="nights")
    assert household.properties == ["LAeq"]
    assert [each.device for each in household.told(household.said)] == [home, other]


def test_exposure_of_an_answer_counts_all_flows_together() -> None:
    """And a no leaves what the others tell."""
    gate = Gate()
    home = gate.home("daily")
    household = asked(gate, home, flow="raw")
    (with_yes,), (with_no,) = household.exposures(household.answering(TOP)), household.exposures(household.answering(None))
    assert (with_yes.telling.value, with_no.telling.value) == ("made-up-name", "made-up-name")
    alone = asked(gate, gate.home(), flow="raw")
    assert [each.telling.value for each in alone.exposures(alone.answering(TOP))] == ["singly"]
    assert alone.exposures(alone.answering(None)) == []
