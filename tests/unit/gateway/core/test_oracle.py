"""The compiled plans beside an oracle: for any town, household and history, they give each flow what the rules give it.

``oracle`` works it out from the tables and the words alone. First the plans are compared with it, target by target; then whole
days of readings, record by record: every citizen stands in figures of their own level only, and together with enough others.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from decimal import Decimal
from math import inf

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.core.consents.book import Book
from consent.core.consents.records import Consent, Status
from consent.core.decide import Owner
from consent.core.policies.policy import PolicySet
from gateway.core.ingest.memory import DeviceMemory
from gateway.core.ingest.remembered import SharedRoom
from gateway.core.ingest.series import HeldReadings
from gateway.core.plans import Device, InForce, Slot, compile_slots
from gateway.core.windows.targets import RecordTarget, Target
from gateway.core.windows.windows import Windows
from tests.support.consent_samples import NOW_MS, SUBJECT, consent
from tests.support.generated import CLASSES, DAY_MS, DISTRICTS, LADDERS, RESIDENTS, Town, bounds, point, towns
from tests.support.oracle import NEVER_MS, Answer, Home, Said, may_leave

CHANGES = [*[""] * 4, "gone", "keeps longer", "keeps shorter", "finer", "coarser", "other purpose", "steps"]
STATUSES = ["Given"] * 9 + list(Status)


@st.composite
def changed(draw: st.DrawFn, town: Town) -> Town:
    """The town as it was when somebody was asked: as it is, or with a flow that asked for something else, or did not exist."""
    city = copy.deepcopy(town.city)
    name = draw(st.sampled_from(sorted(city["flow"])))
    flow, ask = city["flow"][name], city["flow"][name]["ask"]
    match draw(
        st.sampled_from([*[""] * 4, "gone", "keeps longer", "keeps shorter", "finer", "coarser", "other purpose", "steps"])
    ):
        case "gone" if len(city["flow"]) > 1:
            del city["flow"][name]
        case "keeps longer":
            ask["retention"] += 1
        case "keeps shorter":
            ask["retention"] = max(1, ask["retention"] - 1)
        case "finer" | "coarser" as way:
            scale = {"finer": ("district", "exact"), "coarser": ("block", "city")}[way]
            ask["space"] = scale[ask["space"] == scale[0]]
        case "other purpose" if flow["purpose"] != "streets":
            flow["purpose"] = {"energy": "quiet", "quiet": "energy"}[flow["purpose"]]
        case "steps":
            ask["precision"] = {each: step for each, step in ask["precision"].items() if draw(st.booleans())}
    return replace(town, city=city)


@st.composite
def words(draw: st.DrawFn, town: Town) -> list[Said]:
    """What two residents said over time: mostly yes at first, then of a flow or its purpose, to the present terms or others."""
    flow = draw(st.sampled_from(town.by_consent()))
    said = [draw(words_of(who, flow, town, ["Given"])) for who in RESIDENTS[:2] for _ in range(draw(st.integers(0, 2)))]
    for _ in range(draw(st.integers(0, 3))):
        told = draw(changed(town))
        flows = told.by_consent()
        if flows:
            about = flow if flow in flows else draw(st.sampled_from(flows))
            said.append(draw(words_of(draw(st.sampled_from(RESIDENTS[:2])), about, told, STATUSES)))
    return said


@st.composite
def words_of(draw: st.DrawFn, who: bytes, flow: str, told: Town, statuses: list[str]) -> Said:
    """What one resident said once, having been told of the town as it was."""
    until_ms = draw(st.sampled_from([*[NEVER_MS] * 6, NOW_MS + DAY_MS, NOW_MS + 1, NOW_MS, NOW_MS - 1]))
    return Said(
        who=who,
        scope=draw(st.sampled_from([flow, f"purpose:{told.city['flow'][flow]['purpose']}"])),
        status=draw(st.sampled_from(statuses)),
        limits=draw(st.one_of(st.just({}), bounds(closing=False, noisy=False), bounds(closing=False))),
        told=told,
        since_ms=NOW_MS - draw(st.integers(0, 3)) * DAY_MS,
        until_ms=until_ms,
    )


@st.composite
def homes(draw: st.DrawFn) -> Home:
    """A device of the city's own, or of a household of one or two."""
    residents = draw(st.sampled_from([None, *[RESIDENTS[:1]] * 4, RESIDENTS[:2]]))
    added_ms = NOW_MS - draw(st.integers(0, 4)) * DAY_MS
    return Home(draw(st.sampled_from(sorted(DISTRICTS))), draw(st.sampled_from(CLASSES)), residents, added_ms)


def record_of(word: Said) -> Consent:
    """Return the record that stands for what was said."""
    terms = word.told.policies().terms_for(word.scope)
    made = consent(terms, word.scope, point(word.limits), word.who)
    expiry_ms = None if word.until_ms == NEVER_MS else word.until_ms
    return replace(made, status=Status(word.status), since_ms=word.since_ms, time_ms=word.since_ms, expiry_ms=expiry_ms)


def slots_of(policies: PolicySet, home: Home, said: list[Said], flow_since_ms: dict[str, int]) -> dict[str, Slot]:
    """Compile a device's slots."""
    residents = home.residents or ()
    book = Book()
    book.add_subject(SUBJECT, residents)
    for index, word in enumerate(said):
        if word.who in residents:
            book.apply(record_of(word), index)
    subject = None if home.residents is None else SUBJECT
    owner = Owner.CITY if subject is None else Owner.RESIDENT
    device = Device(b"d" * 16, "t", home.profile, home.zone, subject, 0, home.added_ms, owner)
    return compile_slots(
        device, DeviceMemory(SharedRoom(), HeldReadings()), InForce(policies, 1, flow_since_ms), book, Windows({}), NOW_MS
    )


def answer_of(target: Target, policies: PolicySet) -> Answer:
    """Return what a target gives its flow, in the oracle's words; a figure over households states one retention for them all."""
    cohort, terms = target.cohort, target.terms
    is_figure_of_homes = cohort.identity == "aggregate" and not cohort.public
    retention_days = terms.disclosure.retention_days
    assert not is_figure_of_homes or retention_days >= policies.least_retention_days[cohort.flow]
    step = terms.disclosure.step(cohort.observed_property)
    assert terms.disclosure.budget == inf or cohort.public or cohort.identity != "aggregate"
    assert isinstance(target, RecordTarget) is (cohort.identity == "per-record" and not cohort.statistic)
    assert (cohort.identity, cohort.time) == (terms.disclosure.identity.label, terms.disclosure.time.label)
    assert step is None or f"{step:f}" == cohort.step
    return Answer(
        identity=cohort.identity,
        time=cohort.time,
        space=cohort.space,
        cell=cohort.cell,
        step=Decimal(cohort.step),
        group=terms.disclosure.group,
        retention=policies.least_retention_days[cohort.flow] if is_figure_of_homes else retention_days,
        since_ms=terms.since_ms,
        until_ms=terms.expires_ms,
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[Town, Home, list[Said], dict[str, int]]:
    """A town, a device, all that was said, and since when each flow has been as it is."""
    ends = st.sampled_from([False, False, False, True])
    town = draw(towns(closing=draw(ends), noisy=draw(ends)))
    since_ms = {flow: NOW_MS - draw(st.integers(0, 4)) * DAY_MS for flow in town.city["flow"]}
    return town, draw(homes()), draw(words(town)), since_ms


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_oracle_compiled_plans_give_each_flow_what_the_rules_give_it(
    history: tuple[Town, Home, list[Said], dict[str, int]],
) -> None:
    """For every property and flow: the same level, place, step, group, retention, beginning and end, or nothing in both."""
    town, home, said, flow_since_ms = history
    policies = town.policies()
    slots = slots_of(policies, home, said, flow_since_ms)
    for name in LADDERS:
        flows = [flow for flow, asked in town.city["flow"].items() if name in asked["properties"]]
        answers = {flow: may_leave(town, home, name, flow, said, flow_since_ms[flow], NOW_MS) for flow in flows}
        slot = slots.get(name)
        compiled = {} if slot is None else {target.cohort.flow: answer_of(target, policies) for target in slot.targets}
        assert compiled == {flow: answer for flow, answer in answers.items() if answer is not None}
        if slot is not None:
            assert len(slot.flows) == len(flows) == len(slot.targets) + len(slot.withheld)
            assert all(target.cohort.public is (home.residents is None) for target in slot.targets)
