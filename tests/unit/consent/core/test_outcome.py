"""Outcome: what follows from a decision, promise by promise; the rules themselves are the oracle's to judge."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import inf

import msgspec
import pytest

from consent.core.consents.book import Book
from consent.core.consents.records import Consent
from consent.core.decide import Decision, decide
from consent.core.disclosure import BOTTOM, DAY_MS, TOP, WINDOW_MS, Disclosure, Identity, Space, Time
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
from consent.core.periods import Period
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


def replace_flows(policies: PolicySet, budget: float = inf, **changes: object) -> PolicySet:
    """Return policies with every flow of figures over subjects changed; a budget is one that it asks for."""
    changed = {
        name: replace(flow, ask=replace(flow.ask, budget=min(budget, flow.ask.budget)), **changes)  # type: ignore[arg-type]
        for name, flow in policies.flows.items()
        if (name, flow.properties[0]) in policies.mechanisms
    }
    return replace(policies, flows={**policies.flows, **changed})


def replace_quantities(policies: PolicySet, presence: Decimal) -> PolicySet:
    """Return policies with another weight of presence."""
    return replace(policies, quantities={name: replace(each, presence=presence) for name, each in policies.quantities.items()})


def replace_since(found: Outcome) -> Outcome:
    """Return an outcome that was decided long ago."""
    return msgspec.structs.replace(found, decided_since_ms=0)


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


NOISY = replace_flows(POLICIES, is_exact=False, budget=2.0)
"""The town with noise in all its figures over subjects."""


def figure(policies: PolicySet, limits: Disclosure = TOP, *, flow: str = "hourly", as_meant: bool = False) -> Outcome:
    """Return what becomes of a home's consumption where it permits so much."""
    asked, zone = policies.flows[flow], next(iter(policies.zones))
    (given,) = said(flow=flow)
    assert given is not None
    given = replace(given, limits=limits, terms=(policies.terms[flow],))
    return outcome(policies, asked, "consumption", decide(policies, flow, [given], zone, TOP, T), zone, as_meant=as_meant)


@pytest.mark.parametrize(("minutes", "days"), [(0, 0), (1, 1), (23 * 60 + 59, 1), (24 * 60, 1), (24 * 60 + 1, 2)])
def test_figures_about_subjects_count_from_the_first_whole_day(minutes: int, days: int) -> None:
    """Whatever changed within a day: nobody joins a figure halfway, and so none can be taken from another."""
    found = figure(NOISY)
    assert (found.reason, found.period) == ("", Period.DAY)
    for since in ((T + 60_000 * minutes, 0, 0), (0, T + 60_000 * minutes, 0), (0, 0, T + 60_000 * minutes)):
        assert replace_since(found).since_ms(*since) == T + days * DAY_MS


def test_figures_of_a_week_count_from_the_first_whole_week() -> None:
    """From Monday."""
    found = replace_since(figure(replace_flows(NOISY, period=Period.WEEK)))
    assert found.period is Period.WEEK
    assert found.since_ms(T + 1, 0) == Period.WEEK.first_whole_ms(T + 1) > T + DAY_MS


def test_records_and_totals_count_at_once() -> None:
    """So do the figures of an old log."""
    daily, raw = figure(NOISY, flow="daily"), figure(NOISY, flow="raw")
    assert (daily.period, raw.period, figure(NOISY, as_meant=True).period) == (None, None, None)
    assert replace_since(daily).since_ms(T + 1, 0) == T + 1


@pytest.mark.parametrize("policies", [POLICIES, NOISY], ids=["exact", "noisy"])
def test_who_demands_more_company_than_the_flow_asks_stands_in_no_figure(policies: PolicySet) -> None:
    """No demand silences others; one that the flow meets anyway changes nothing."""
    asked = policies.flows["hourly"].ask.group
    assert figure(policies, limited(group=asked + 1)).reason == "group"
    assert figure(policies, limited(group=asked)).reason == ""
    assert figure(policies, limited(group=asked + 1), as_meant=True).reason == ""


def test_who_permits_less_retention_than_the_records_state_stands_in_no_figure() -> None:
    """What they state is the least that policies let any of them be kept."""
    assert NOISY.least_retention_days["hourly"] == 365
    assert figure(NOISY, limited(retention_days=364)).reason == "retention"
    assert figure(NOISY, limited(retention_days=364), as_meant=True).reason == ""
    assert figure(NOISY, limited(retention_days=29), flow="daily").reason == ""
    old = replace(NOISY, neighbourhoods={"old": replace(NOISY.neighbourhoods["old"], retention_days=90)})
    assert old.least_retention_days["hourly"] == 90
    assert figure(old, limited(retention_days=90)).reason == ""
    profiles = {**old.profiles, "shy": replace(old.profiles["shy"], cap=replace(TOP, retention_days=7))}
    assert replace(old, profiles=profiles).least_retention_days["hourly"] == 7


def test_who_permits_so_little_that_presence_takes_it_all_stands_in_no_figure() -> None:
    """A quarter of the clip is more than the presence, or less."""
    weighty = replace_quantities(NOISY, presence=Decimal(250))
    assert figure(weighty, limited(budget=1.0)).reason == ""
    assert figure(weighty, limited(budget=0.5)).reason == "budget"
    assert figure(NOISY, limited(budget=0.5)).reason == ""


def test_who_demands_noise_stands_in_no_exact_figure() -> None:
    """There is none in it."""
    assert figure(POLICIES, limited(budget=2.0)).reason == "budget"


def test_budget_of_an_earlier_version_withholds_until_there_is_a_new_answer() -> None:
    """By the rules of then and of now."""
    former = replace(TOP, former_epsilon=2.0)
    assert [figure(NOISY, former, as_meant=as_meant).reason for as_meant in (False, True)] == ["no-noise", "no-noise"]


def test_totals_of_who_permits_figures_only_are_no_figures() -> None:
    """A flow that asks for totals one by one draws none of subjects; before, they were added up."""
    lowered = limited(identity=Identity.AGGREGATE)
    assert figure(NOISY, lowered, flow="daily").reason == "not-aggregable"
    assert figure(NOISY, lowered, flow="daily", as_meant=True).reason == ""


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
