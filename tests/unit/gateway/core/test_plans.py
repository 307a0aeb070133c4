"""Plans: which flows a device's properties feed, under which terms, and for which reason others get nothing."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from consent.core.decide import Owner
from consent.core.disclosure import DAY_MS, Identity, Space, Time
from consent.core.outcome import NEVER_MS
from consent.core.periods import Period
from consent.core.policies.parse import parse_policies
from gateway.core.changes import settling
from gateway.core.ingest.memory import DeviceMemory
from gateway.core.ingest.remembered import SharedRoom
from gateway.core.ingest.series import HeldReadings
from gateway.core.plans import Device, DevicePlan, Slot
from gateway.core.windows.cells import CellShape
from gateway.core.windows.targets import CellTarget, RecordTarget, WindowTarget
from tests.support.compiled import compile_all
from tests.support.gate import FILES, HOUR_MS, MIDNIGHT_MS, Gate, limited, only, result_of, town

T = MIDNIGHT_MS


def plan(gate: Gate, device: Device) -> DevicePlan:
    """Return the plan in force for a device."""
    return gate.state.devices[device.topic]


def slot(gate: Gate, device: Device, observed_property: str = "consumption") -> Slot:
    """Return a slot of a device's plan."""
    return plan(gate, device).slots[observed_property]


def flows(found: Slot) -> set[str]:
    """Return the flows that a slot feeds."""
    return {target.cohort.flow for target in found.targets}


def test_consented_flows_are_fed_and_every_other_withheld_with_its_reason() -> None:
    """A subject's device: what it consented to, what it did not, and what rests on no consent at all."""
    gate = Gate()
    home = gate.home("hourly")
    found = slot(gate, home)
    assert (flows(found), found.withheld, len(found.flows)) == ({"hourly"}, ("no-consent", "no-consent"), 3)
    noise = slot(gate, home, "LAeq")
    assert (noise.targets, sorted(noise.withheld)) == ((), ["no-consent", "resident-owned", "resident-owned"])


def test_device_of_nobody_feeds_public_tasks_only() -> None:
    """The city's own device: flows that need a consent get nothing, since nobody can give it."""
    gate = Gate()
    street = gate.device()
    noise = slot(gate, street, "LAeq")
    assert (flows(noise), noise.withheld) == ({"street-noise", "street-hourly"}, ("no-subject-consent",))
    assert all(target.cohort.public and target.contributor == street.id for target in noise.targets)
    assert all(target.terms.consent_entries == () for target in noise.targets)
    assert set(slot(gate, street).withheld) == {"no-subject-consent"}


def test_citys_device_in_a_home_is_read_by_consent_and_for_no_public_task() -> None:
    """The utility's meter: what it measures is about the household, whoever owns it."""
    gate = Gate()
    home = gate.home("hourly")
    meter = gate.device(home.subject, owner=Owner.CITY)
    assert flows(slot(gate, meter)) == {"hourly"}
    assert sorted(slot(gate, meter, "LAeq").withheld) == ["has-subject", "has-subject", "no-consent"]


def test_residents_device_without_a_subject_feeds_nothing() -> None:
    """None can be registered; were one there nevertheless, everything of it would be withheld."""
    gate = Gate()
    stray = gate.device(owner=Owner.RESIDENT)
    assert gate.state.devices[stray.topic].targets() == []
    assert sorted(slot(gate, stray, "LAeq").withheld) == ["no-subject-consent", "resident-owned", "resident-owned"]


def test_subjects_device_contributes_as_its_subject() -> None:
    """Subjects are counted, never devices."""
    gate = Gate()
    home = gate.home("hourly")
    second = gate.device(home.subject)
    targets = [*slot(gate, home).targets, *slot(gate, second).targets]
    assert {target.contributor for target in targets} == {home.subject}
    assert not any(target.cohort.public for target in targets)


@pytest.mark.parametrize("reason", ["refused", "withdrawn", "paused", "expired"])
def test_consent_that_does_not_hold_is_the_reason(reason: str) -> None:
    """What a resident said last is what the ledger says."""
    gate = Gate()
    home = gate.home() if reason == "refused" else gate.home("hourly")
    if reason == "expired":
        gate.grant(home, "hourly", expiry_ms=T + HOUR_MS)
        gate.to(T + HOUR_MS)
    else:
        {"refused": gate.refuse, "withdrawn": gate.withdraw, "paused": gate.pause}[reason](home, "hourly")
    assert sorted(slot(gate, home).withheld) == sorted([reason, "no-consent", "no-consent"])
    assert slot(gate, home).targets == ()


def test_consent_to_other_terms_invalidated() -> None:
    """A flow that now asks for more than was agreed gets nothing until it is agreed to anew."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly")
    gate.apply(town(("group = 2, retention = 365", "group = 2, retention = 400")))
    assert "invalidated" in slot(gate, home).withheld


def test_class_cap_and_ceiling_are_reasons() -> None:
    """A device profile or a law that permits nothing."""
    gate = Gate()
    assert slot(gate, gate.home("hourly", profile="shy")).withheld == ("class-cap", "no-consent", "no-consent")
    gate.apply(town(('space = "block"\n\n[limits]', 'space = "none"\n\n[limits]')))
    assert slot(gate, gate.home("hourly")).withheld == ("ceiling", "no-consent", "no-consent")


def test_budget_that_somebody_set_withholds_from_figures_without_noise() -> None:
    """Whoever bounds what figures may tell in all is not passed over: consent, law and device profile alike."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly", limits=limited(budget=1.0))
    assert (slot(gate, home).withheld, slot(gate, home).targets) == (("budget",), ())
    gate.send(home, kwh=1.0)
    assert gate.count("pairs.withheld.budget") == gate.count("pairs.considered") == 1
    gate.grant(home, "hourly")
    assert (slot(gate, home).withheld, flows(slot(gate, home))) == ((), {"hourly"})
    gate.apply(town(files={"devices/meter.toml": FILES["devices/meter.toml"] + "[cap]\nbudget = 2.5\n"}))
    assert "budget" in slot(gate, home).withheld
    assert slot(gate, home).targets == ()


def test_flow_without_statistic_lowered_to_figures_not_aggregable() -> None:
    """A consent that permits figures only leaves nothing for a flow of single readings."""
    gate = Gate(only("raw"))
    home = gate.home("raw", limits=limited(group=5))
    assert (slot(gate, home).withheld, slot(gate, home).targets) == (("not-aggregable",), ())


def test_property_that_no_flow_mentions_has_no_slot() -> None:
    """A field may be read and still be nobody's business."""
    gate = Gate()
    assert set(plan(gate, gate.home()).slots) == {"consumption", "totalConsumption", "LAeq"}


def test_terms_hold_since_the_latest_of_policy_consent_and_device() -> None:
    """Whichever came last: nothing of before it is covered."""
    gate = Gate(only("daily"))
    home = gate.home("daily")
    assert slot(gate, home).targets[0].terms.since_ms == T
    gate.now_ms = T + 1
    consented = gate.grant(home, "daily", limited(retention_days=9))
    terms = slot(gate, home).targets[0].terms
    assert (terms.since_ms, terms.disclosure.retention_days, terms.consent_entries) == (T + 1, 9, (consented,))
    gate.now_ms = T + 2
    applied = gate.apply(town())
    terms = slot(gate, home).targets[0].terms
    assert (terms.since_ms, terms.policy_entry) == (T + 1, applied)  # the flow itself is as it was
    gate.now_ms = T + 3
    gate.apply(town(("retention = 30 }", "retention = 20 }")))
    assert slot(gate, home).targets[0].terms.since_ms == T + 3
    gate.now_ms = T + 4
    assert slot(gate, gate.device(home.subject)).targets[0].terms.since_ms == T + 4


def test_renewal_of_the_same_limits_keeps_the_since() -> None:
    """Saying yes again to what is in force interrupts nothing; the newer entry is what it rests on."""
    gate = Gate(only("daily"))
    home = gate.home("daily")
    gate.now_ms = T + 1
    entry = gate.grant(home, "daily")
    terms = slot(gate, home).targets[0].terms
    assert (terms.since_ms, terms.consent_entries) == (T, (entry,))


def test_consent_after_a_stop_counts_from_after_it() -> None:
    """Even if the clock stands, or was set back, a new consent reaches back to nothing before the withdrawal."""
    gate = Gate(only("daily"))
    home = gate.home("daily")
    gate.withdraw(home, "daily")
    gate.now_ms = T - HOUR_MS
    gate.grant(home, "daily")
    assert slot(gate, home).targets[0].terms.since_ms == T + 1


def test_terms_end_with_the_first_consent_that_ends() -> None:
    """Without an expiry they end never."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly")
    assert slot(gate, home).targets[0].terms.expires_ms == NEVER_MS
    gate.grant(home, "hourly", expiry_ms=T + 5)
    assert slot(gate, home).targets[0].terms.expires_ms == T + 5


def test_cohort_names_flow_level_and_cell() -> None:
    """Who may stand together: the same figure at the same level in the same place."""
    gate = Gate(only("hourly"))
    (target,) = slot(gate, gate.home("hourly")).targets
    assert target.cohort == (
        "hourly", "consumption", "sum", "aggregate", "1h", "district", "0.001", "north", False,
    )  # fmt: skip
    assert target.terms.disclosure.group == 2
    assert isinstance(target, CellTarget)
    assert target.shape == CellShape(HOUR_MS, Period.DAY, DAY_MS)


@pytest.mark.parametrize(
    ("limits", "zone", "expected"),
    [
        ({"time": Time.DAY}, "mill", ("day", "district", "0.001", "north")),
        ({"space": Space.CITY}, "mill", ("1h", "city", "0.001", "town")),
        ({"precision": (("consumption", Decimal("0.1")),)}, "mill", ("1h", "district", "0.1", "north")),
        ({}, "chapel", ("4h", "city", "0.001", "town")),
        ({}, "dock", ("1h", "district", "0.001", "south")),
    ],
)
def test_cohort_level_is_that_of_the_effective_disclosure(
    limits: dict[str, object], zone: str, expected: tuple[str, ...]
) -> None:
    """Consents and neighbourhoods lower the level, and a cohort of its own follows from it."""
    gate = Gate(only("hourly"))
    (target,) = slot(gate, gate.home("hourly", limits=limited(**limits), zone=zone)).targets
    assert (target.cohort.time, target.cohort.space, target.cohort.step, target.cohort.cell) == expected


def test_group_of_a_consent_beyond_what_the_flow_asks_leaves_its_home_out() -> None:
    """So no demand silences others."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly", limits=limited(group=20))
    assert (slot(gate, home).withheld, slot(gate, home).targets) == (("group",), ())


def test_identity_decides_records_windows_or_cells() -> None:
    """Single readings become records, totals of one household come from windows, and figures about several from cells."""
    gate = Gate(only("hourly", "daily", "raw"))
    kinds = {target.cohort.flow: type(target) for target in slot(gate, gate.home("purpose:energy")).targets}
    assert kinds == {"hourly": CellTarget, "daily": WindowTarget, "raw": RecordTarget}
    figures = limited(identity=Identity.AGGREGATE)
    assert flows(slot(gate, gate.home("purpose:energy", limits=figures))) == {"hourly"}


def test_repeats_are_remembered_as_long_as_their_windows() -> None:
    """A phenomenon time is kept as long as a reading of it could still be taken."""
    hourly, raw = Gate(only("hourly")), Gate(only("raw"))
    assert slot(hourly, hourly.home("hourly")).keep_ms == DAY_MS + 1
    assert slot(raw, raw.home("raw")).keep_ms == 2 * DAY_MS


def test_unknown_class_has_no_plan() -> None:
    """A device whose class is in no policy is as good as unknown."""
    gate = Gate()
    home = gate.home("hourly", profile="numbered")
    gate.state.registry.keep_device(replace(home, profile="gone"))
    gate.apply(town())
    assert home.topic not in gate.state.devices


def test_class_with_numbers_or_keys_needs_a_sequence() -> None:
    """Authentication brings a number with it; a plain class has none."""
    gate = Gate()
    needs = {name: plan(gate, gate.device(profile=name)).needs_sequence for name in ("meter", "numbered", "sealed")}
    assert needs == {"meter": False, "numbered": True, "sealed": True}
    assert plan(gate, gate.device(profile="sealed")).key is not None


def test_memory_state_round_trip() -> None:
    """What is remembered of a device survives the snapshot's encoding."""
    memory = DeviceMemory(SharedRoom(), HeldReadings())
    memory.sequences.admit("b", 5)
    for t_ms in (3, 1):
        memory.times("LAeq").add(t_ms)
    assert not memory.times("consumption")
    restored = DeviceMemory(SharedRoom(), HeldReadings())
    restored.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(memory.state())))
    assert {name: list(times) for name, times in restored.seen.items()} == {"LAeq": [1, 3]}
    assert not restored.sequences.admit("b", 5)


def test_consent_to_a_step_that_the_ladder_no_longer_has_is_told_to_the_next_coarser_one() -> None:
    """A ladder that begins later neither breaks the next reading nor tells more finely than was permitted."""
    gate = Gate(only("raw"))
    home = gate.home("raw", limits=limited(precision=(("consumption", Decimal("0.001")),)))
    files = only("raw").files
    text = files["city.toml"].decode()
    coarser = text.replace("ladder = [0.001, 0.01, 0.1, 1]", "ladder = [0.1, 1]").replace(
        "consumption = 0.001", "consumption = 0.1"
    )
    gate.apply(parse_policies({**files, "city.toml": coarser.encode()}))
    gate.send(home, kwh=0.57)
    gate.to(gate.now_ms + 1)
    assert result_of(gate.records(), "raw") == [0.5]


def test_alike_homes_share_what_was_decided_for_them() -> None:
    """Each has a plan, its slots and a small target for each flow, 1,500 bytes; with decisions of its own it would have 2,400."""
    gate, count = Gate(), 200
    gate.homes(count, "purpose:energy")
    compile_all(gate.state, gate.now_ms)  # what is remembered of devices stays, and is no part of the plans
    settling.unsettle(gate.state)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        settling.settle_all(gate.state, {}, gate.now_ms)
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(list(gate.state.plans())) == count
    assert len(gate.state.windows.lanes) <= 10
    assert taken / count < 1_800
