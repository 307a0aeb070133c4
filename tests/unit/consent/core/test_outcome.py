"""Outcome: what follows from a decision, promise by promise; the rules themselves are the oracle's to judge."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import inf

import pytest

from consent.core.consents.book import Book
from consent.core.consents.records import Consent
from consent.core.decide import Decision, decide
from consent.core.disclosure import BOTTOM, TOP, WINDOW_MS, Disclosure, Identity, Space, Time
from consent.core.outcome import (
    NEVER_MS,
    NO_LEVEL,
    WINDOW_MS_BY_LABEL,
    Level,
    Outcome,
    decide_device,
    level_of,
    measured,
    outcome,
    unsupported_reason,
)
from consent.core.policies.policy import PolicySet
from tests.support.gate import MIDNIGHT_MS, Gate, limited, town

T = MIDNIGHT_MS
POLICIES: PolicySet = town()


def said(limits: Disclosure = TOP, flow: str = "hourly", expiry_ms: int | None = None) -> list[Consent | None]:
    """Return what a subject with one resident says about a flow."""
    gate = Gate()
    home = gate.home(flow, limits=limits)
    found = gate.state.registry.book.resolve(home.subject or b"", POLICIES.flows[flow])
    return [None if one is None else replace(one, expiry_ms=expiry_ms) for one in found]


def of(flow: str, consents: list[Consent | None] | None, observed_property: str = "consumption") -> Outcome:
    """Return the outcome of a flow for a meter in the first zone."""
    zone = next(iter(POLICIES.zones))
    decision = decide_device(POLICIES, flow, consents, zone, "meter", T)
    return outcome(POLICIES, POLICIES.flows[flow], observed_property, decision, zone)


def besides(decision: Decision) -> str:
    """Return why an hourly figure of consumption is withheld although it is permitted."""
    return unsupported_reason(POLICIES, POLICIES.flows["hourly"], "consumption", decision)


def test_permitted_figure_is_told_at_the_level_of_its_disclosure() -> None:
    """Level, statistic and group are those that the flow asks for, where nobody lowers them."""
    found = of("hourly", said())
    ask, zone = POLICIES.flows["hourly"].ask, next(iter(POLICIES.zones))
    assert found.reason == ""
    assert (found.identity, found.group, found.expires_ms) == (ask.identity, ask.group, NEVER_MS)
    assert found.level == level_of(POLICIES, "consumption", found.disclosure, zone)
    assert found.level[:3] == (ask.identity.label, ask.time.label, ask.space.label)
    assert found.level.cell == POLICIES.cell(zone, ask.space)
    assert found.statistic == "sum"
    assert not found.is_single


def test_resident_lowers_the_level_and_moves_the_cell() -> None:
    """A consent for the city as a whole has the city told, whatever the flow asks."""
    found = of("hourly", said(limited(space=Space.CITY, time=Time.DAY)))
    assert (found.level.time, found.level.space, found.level.cell) == ("day", "city", POLICIES.city.id)


def test_withheld_tells_nothing_but_its_reason() -> None:
    """What is not permitted has no level, and no disclosure."""
    found = of("hourly", [None])
    assert (found.reason, found.level, found.disclosure, found.statistic) == ("no-consent", NO_LEVEL, BOTTOM, "")


def test_end_of_a_consent_ends_the_outcome() -> None:
    """It holds no longer than the first consent that it rests on."""
    assert of("hourly", said(expiry_ms=T + 5)).expires_ms == T + 5


def test_since_the_latest_of_decision_flow_residents_and_device() -> None:
    """Nothing from before any of them may be told."""
    found = Outcome("", BOTTOM, NO_LEVEL, "", 10, NEVER_MS)
    assert [found.since_ms(0, 0), found.since_ms(11, 0), found.since_ms(0, 12), found.since_ms(0, 0, 13)] == [10, 11, 12, 13]


def test_figure_under_a_former_budget_is_withheld_only_of_subjects() -> None:
    """A budget of an earlier version was an ε, under which no figure of data that have a subject is made."""
    point = replace(POLICIES.flows["hourly"].ask, identity=Identity.AGGREGATE, former_epsilon=1.0)
    consents = tuple(said())
    theirs = Decision(point, "", (), 0, None, consents)
    assert besides(theirs) == "no-noise"
    assert besides(Decision(point, "", (), 0, None)) == ""
    assert besides(Decision(replace(point, former_epsilon=inf), "", (), 0, None, consents)) == ""
    assert besides(Decision(replace(point, identity=Identity.PER_EPOCH), "", (), 0, None, consents)) == ""
    zone = next(iter(POLICIES.zones))
    assert outcome(POLICIES, POLICIES.flows["hourly"], "consumption", theirs, zone).reason == "no-noise"


@pytest.mark.parametrize(("step", "text"), [("0.001", "0.001"), ("5", "5"), ("1E+1", "10"), ("1E-7", "0.0000001")])
def test_step_is_written_without_an_exponent(step: str, text: str) -> None:
    """A step is written as people write it, and as records and the log hold it."""

    known = replace(POLICIES.properties["consumption"], ladder=(Decimal(step),))
    policies = replace(POLICIES, properties={**POLICIES.properties, "consumption": known})
    point = replace(POLICIES.flows["hourly"].ask, precision=())
    assert level_of(policies, "consumption", point, next(iter(policies.zones))).step == text


def test_level_is_of_the_policies_that_are_asked() -> None:
    """Levels are kept with the policies: others with other ladders give others."""
    zone = next(iter(POLICIES.zones))
    point = replace(POLICIES.flows["hourly"].ask, precision=())
    finest = level_of(POLICIES, "consumption", point, zone).step
    known = replace(POLICIES.properties["consumption"], ladder=POLICIES.properties["consumption"].ladder[1:])
    later = replace(POLICIES, properties={**POLICIES.properties, "consumption": known})
    assert level_of(later, "consumption", point, zone).step != finest
    assert level_of(POLICIES, "consumption", point, zone).step == finest


def test_device_that_nobody_knows_or_that_measures_nothing_of_it_gets_a_reason() -> None:
    """An unknown profile, and one that has none of the flow's properties; an unknown flow comes first by ``decide``."""
    zone = next(iter(POLICIES.zones))
    assert decide_device(POLICIES, "hourly", [None], zone, "nothing", T).reason == "unknown-class"
    unread = replace(POLICIES.profiles["meter"], fields={})
    policies = replace(POLICIES, profiles={**POLICIES.profiles, "meter": unread})
    assert measured(policies, "hourly", "meter") == []
    assert decide_device(policies, "hourly", [None], zone, "meter", T).reason == "not-measured"
    assert decide_device(POLICIES, "nowhere", [None], zone, "meter", T).reason == "unknown-flow"
    assert decide_device(POLICIES, "hourly", [None], zone, "meter", T) == decide(
        POLICIES, "hourly", [None], zone, POLICIES.profiles["meter"].cap, T
    )


def test_window_lengths_by_label_are_those_of_the_levels() -> None:
    """One table, under two names."""
    assert {Time.named(label): length_ms for label, length_ms in WINDOW_MS_BY_LABEL.items()} == WINDOW_MS


def test_precision_of_a_level_is_what_records_list() -> None:
    """Time, space and step."""
    assert Level("aggregate", "1h", "district", "0.1", "north").precision == ("1h", "district", "0.1")


def test_departure_settles_what_they_said_and_a_repeated_word_what_it_replaces() -> None:
    """The openings of what no longer counts need be kept no longer."""
    gate = Gate()
    home = gate.home("hourly")
    subject = home.subject or b""
    (resident,) = gate.state.registry.book.residents(subject)
    entries = gate.state.registry.book.entries(subject, resident)
    book = Book()
    book.add_subject(subject, [resident, b"s" * 16])
    first = entries[0].consent
    assert book.apply(first, 3) == []
    assert book.apply(first, 5) == [3]
    assert book.apply(first, 4) == []
    assert book.change_residents(subject, [b"s" * 16], T) == [5]
    assert book.residents_since_ms(subject) == T
    assert book.change_residents(subject, [b"s" * 16, resident], T) == []
    assert book.residents_since_ms(subject) == T + 1
