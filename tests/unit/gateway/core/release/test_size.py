"""The size of publications: reckoned from policies alone, enough for whatever homes permit, and in as few parts as it takes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import product

import pytest

from consent.core.disclosure import TOP, Space, Time, meet
from consent.core.outcome import level_of
from consent.core.policies.policy import PolicySet
from gateway.core.release.formats.port import BundleFormat
from gateway.core.release.publication import draw, next_due, prepare
from gateway.core.release.size import PUBLICATION_SIZES_BYTES, Layout, cohorts, plan
from gateway.core.windows.publications import PublicationKind
from gateway.core.windows.windows import Cohort
from gateway.recipient.records import Record
from gateway.recipient.wire import MAX_BUNDLE_BYTES
from tests.support.city import City
from tests.support.gate import DAY_MS, LATENESS_MS, Gate, limited
from tests.support.publications import FIRST_DAY_MS as T
from tests.support.publications import bare_town, figures, hours_with, joined, noisy_town


def plan_of(built: City, kind: PublicationKind = PublicationKind.DAY, recipient: str = "office") -> Layout:
    """Return how a recipient's publications are laid out."""
    gate = Gate(built.policies())
    return plan(gate.state.policies, recipient, kind, gate.form_of(recipient))


def large_town(flows: int) -> City:
    """Return a city whose office gets hourly figures of many flows."""
    built = bare_town(mu_day=99)
    for number in range(flows):
        built = figures(built, f"a-flow-with-a-long-name-{number:03}", space="block", budget=2)
    return built


def longest(form: BundleFormat, policies: PolicySet, records: int) -> list[bytes]:
    """Return records as long as the noise lets them become."""
    flow = next(iter(policies.flows))
    record = Record(
        flow=flow,
        purpose="energy",
        observed_property="consumption",
        unit="kW.h",
        result=-1234567.891,
        phenomenon_time=(T, T + DAY_MS),
        cell="north",
        identity="aggregate",
        retention_days=365,
        statistic="sum",
        n=1_000_000,
        standard_error=123.456789012345,
        mu=0.6200001,
        clip=10.125001,
        epsilon=11.68859624935,
    )
    return [form.encode(record)] * records


def test_every_cohort_that_a_consent_can_make_is_reckoned_with() -> None:
    """Whatever homes bound, by time, space and step: their cohort has a part."""
    policies = figures(bare_town(mu_day=9), "hourly", space="block", budget=2).policies()
    flow = policies.flows["hourly"]
    listed = set(cohorts(policies, flow, "consumption"))
    steps = (Decimal("0.001"), Decimal("0.01"), Decimal("0.1"), Decimal(1))
    for time, space, step, zone in product(Time, Space, steps, policies.zones):
        if time is Time.NONE or space is Space.NONE:
            continue
        point = meet(flow.ask, replace(TOP, time=time, space=space, precision=(("consumption", step),)))
        level = level_of(policies, "consumption", point, zone)
        assert Cohort("hourly", "consumption", "sum", *level, public=False) in listed
    assert len(listed) == len(list(cohorts(policies, flow, "consumption")))


def test_ceiling_of_the_city_makes_it_smaller() -> None:
    """What nobody may ask needs no room."""
    built = noisy_town()
    few = {
        cohort.time for cohort in cohorts(built.ceiling(time="4h").policies(), built.policies().flows["hourly"], "consumption")
    }
    assert few == {"4h", "day"}


def test_smallest_size_that_holds_all() -> None:
    """A day's figure of the city takes little, hours by district more."""
    small = figures(bare_town(mu_day=9).ceiling(space="city"), "daily", time="day", space="city", budget=2)
    middle = figures(bare_town(mu_day=9).ceiling(space="city"), "hourly", space="city", budget=2)
    found = [plan_of(small), plan_of(middle), plan_of(noisy_town())]
    sizes = [one.padded_to for one in found]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 3
    assert {one.parts for one in found} == {1}
    assert set(sizes) <= set(PUBLICATION_SIZES_BYTES)


def test_more_than_the_largest_bundle_in_parts() -> None:
    """Each cohort is whole in one of them, and what is in a part always fits, however long its numbers."""
    built = large_town(12)
    gate, policies = Gate(built.policies()), built.policies()
    found = plan_of(built)
    assert found.padded_to == MAX_BUNDLE_BYTES
    assert found.parts > 2
    assert set(found.part_of.values()) == set(range(found.parts))
    form = gate.form_of("office")
    for part in range(found.parts):
        hours = {"1h": 24, "4h": 6, "day": 1}
        records = sum(hours[cohort.time] for cohort, its in found.part_of.items() if its == part)
        assert len(form.seal(longest(form, policies, records), 2**40, found.padded_to)) == found.padded_to


def test_parts_of_a_large_publication_leave_one_after_another() -> None:
    """As many as the policies say, all of one size, and every figure in exactly one of them."""
    gate, homes = joined(large_town(12), 30, "purpose:energy")
    hours_with(gate, homes, hours=2)
    gate.to(T + DAY_MS + LATENESS_MS)
    sizes, flows = [], list[str]()
    parts = []
    while (ready := gate.form()) is not None:
        sizes.append(len(ready.content))
        payload = gate.release_payload(ready.index)
        assert payload.publication is not None
        parts.append((payload.publication.part, payload.publication.parts))
        flows += [one.flow for one in payload.draws]
        gate.deliver(ready)
    expected = plan_of(large_town(12)).parts
    assert parts == [(part, expected) for part in range(expected)]
    assert set(sizes) == {MAX_BUNDLE_BYTES}
    assert len(flows) == len(set(flows)) == 12


def test_void_of_a_part_leaves_the_others_as_they_are() -> None:
    """What was handed over stands; the part that was not is drawn anew, of the same size."""
    gate, homes = joined(large_town(12), 30, "purpose:energy")
    hours_with(gate, homes, hours=2)
    gate.to(T + DAY_MS + LATENESS_MS)
    second = gate.form()
    assert second is not None
    while not (second.publication and second.publication.part and gate.stood_in(second.index)):
        gate.deliver(second)
        second = gate.form()
        assert second is not None
    gate.withdraw(homes[0], "purpose:energy")
    again = gate.form()
    assert again is not None
    assert again.publication == second.publication
    assert len(again.content) == len(second.content)
    assert homes[0].subject in gate.stood_in(second.index) - gate.stood_in(again.index)


def test_open_data_has_the_most_and_no_padding() -> None:
    """All of it is public."""
    built = figures(bare_town(mu_day=9), "daily", recipient="public", time="day", budget=2)
    assert plan_of(built, recipient="public").padded_to == MAX_BUNDLE_BYTES
    assert plan_of(built, recipient="public").parts == 1


@pytest.mark.parametrize("homes", [0, 25])
def test_plan_reads_no_data(homes: int) -> None:
    """It is the same whoever has joined."""
    gate, devices = joined(noisy_town(), homes, "hourly")
    hours_with(gate, devices, hours=3)
    gate.to(T + DAY_MS + LATENESS_MS)
    due = next_due(gate.state, "office")
    assert due is not None
    task = prepare(gate.state, due, gate.now_ms, gate.form_of("office"))
    assert task.plan == plan_of(noisy_town())
    assert len(draw(task, gate.state.log.size).records) in (0, 24)


def test_narrow_consents_stand_where_they_are_reckoned() -> None:
    """A home that permits less stands in a coarser cohort, which has its own room."""
    gate = Gate(noisy_town().policies())
    gate.to(gate.now_ms)
    limits = limited(time=Time.DAY, space=Space.CITY)
    homes = [*gate.homes(20, "hourly"), *gate.homes(20, "hourly", limits=limits)]
    gate.to(T + LATENESS_MS)
    gate.records()
    hours_with(gate, homes, hours=4)
    gate.to(T + DAY_MS + LATENESS_MS)
    records = gate.records()
    assert {(record.cell, record.phenomenon_time[1] - record.phenomenon_time[0]) for record in records} == {
        ("north", 3_600_000),
        ("town", DAY_MS),
    }
