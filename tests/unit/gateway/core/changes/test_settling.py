"""Settling: between two pieces of it nothing leaves that the new policies forbid, and nothing is taken in by the old ones."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from consent.core.consents.records import Status
from consent.core.policies.policy import PolicySet
from consent.messages import Id
from gateway.core.changes import changes, settling
from gateway.core.mqtt.events import Frame
from gateway.core.plans import Device
from tests.support.gate import DAY_MS, HOUR_MS, LATENESS_MS, MIDNIGHT_MS, MINUTE_MS, Gate, only, reading, town
from tests.support.hubs import HUB, behind, hub_gate, message, reasons, with_profiles
from tests.support.killed_gate import KilledGate

T = MIDNIGHT_MS
STRICTER = partial(town, ("group = 2, retention = 365", "group = 3, retention = 365"))


@pytest.fixture(autouse=True)
def _one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settle one contributor in each piece, so that a few homes show what thousands would."""
    monkeypatch.setattr(settling, "PIECE", 1)


def waiting(gate: Gate, *scopes: str) -> list[Device]:
    """Return four homes of which something waits to be released."""
    homes = gate.homes(4, *scopes)
    for home in homes:
        gate.send(home, kwh=1, total=5)
    return homes


def test_no_plan_of_former_policies_is_left() -> None:
    """From the moment on in which policies are in force, nothing is done by others."""
    gate = Gate()
    waiting(gate, "hourly")
    gate.begin(only("daily"))
    assert not gate.state.is_settled
    assert (gate.state.devices, gate.state.by_contributor) == ({}, {})


def test_former_plans_are_freed_though_the_journal_has_numbered_them() -> None:
    """Its segment may stay open for hours, and policies change often in it."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly")
    gate.send(home, kwh=1)
    slot = gate.state.devices[home.topic].slots["consumption"]
    assert slot.ref >= gate.state.journal.first_ref
    gate.apply(only("daily"))
    references = sys.getrefcount(slot)
    assert references == len(("this test", "the call"))


def test_tick_between_two_pieces_releases_nothing() -> None:
    """What was not looked at yet is withheld, windows, publications and records alike; at the end the permitted rest leaves."""
    gate = Gate(only("hourly", "daily", "raw"))
    waiting(gate, "hourly", "daily", "raw")
    gate.to(T + DAY_MS + LATENESS_MS)
    ticks = 0
    for _ in gate.begin(only("daily")):
        gate.to(gate.now_ms)
        assert gate.form() is None
        ticks += 1
    assert ticks > len("home")
    assert {record.flow for record in gate.records()} == {"daily"}
    assert gate.count("pairs.withdrawn") == 4
    assert gate.count("pairs.open") == gate.count("pairs.waiting") == 0


def test_no_baseline_is_left_of_what_is_about_to_be_removed() -> None:
    """A window that ends meanwhile hands no last reading on: one from a time that is no longer permitted would be told later."""
    told = 'office"\nask = { identity = "%s", time = "%s", space = "district", %sretention = 365 }\n'
    gate = Gate(
        town(
            (
                told % ("aggregate", "1h", "group = 2, ") + 'noise = "none"\n\n[flow.nights]',
                told % ("per-epoch", "day", "") + "[flow.nights]",
            )
        )
    )
    homes = gate.homes(4, "register", "daily")
    gate.now_ms = T + MINUTE_MS
    for home in homes:
        gate.send(home, kwh=1, total=5)
    assert "register" in [cohort.flow for cohort, _ in gate.state.windows.open]
    pieces = gate.begin(only("daily"))
    gate.to(T + DAY_MS + LATENESS_MS)
    for _ in pieces:
        gate.to(gate.now_ms)
    gate.to(gate.now_ms)
    windows = gate.state.windows
    assert windows.watermark_ms >= T + DAY_MS
    assert [list(windows.baselines(home.contributor)) for home in homes] == [[]] * 4


def test_bundle_that_was_ready_is_voided_before_the_first_piece() -> None:
    """What was formed under other policies, and has not left, never does."""
    gate = Gate(only("raw"))
    waiting(gate, "raw")
    assert gate.form() is not None
    gate.begin(only("daily"))
    assert not gate.state.inflight.ready


def test_device_that_is_heard_is_settled_first() -> None:
    """Its reading is taken by what is in force, and others wait for their turn."""
    gate = Gate(only("hourly", "daily"))
    homes = waiting(gate, "hourly", "daily")
    gate.now_ms = T + MINUTE_MS
    gate.begin(only("daily"))
    gate.send(homes[2], kwh=2)
    assert gate.state.devices.keys() == {homes[2].topic}
    assert homes[2].contributor not in gate.state.unsettled
    assert gate.count("pairs.withdrawn") == 1
    assert gate.count("pairs.contributed") == 4 * 2 + 1


def test_unknown_topic_settles_nobody() -> None:
    """A publisher that makes topics up does no work in others' names."""
    gate = Gate()
    homes = waiting(gate, "hourly")
    gate.begin(town())
    gate.take(reading(replace(homes[0], topic="made/up"), gate.now_ms, kwh=1))
    assert len(gate.state.unsettled) == len(homes)
    assert gate.count("frames.rejected") == 1


def test_withdrawal_meanwhile_touches_its_subject_alone() -> None:
    """It is settled and then withdrawn; nobody waits for the others."""
    gate = Gate(only("hourly", "daily"))
    homes = waiting(gate, "hourly", "daily")
    gate.begin(only("hourly", "daily"))
    gate.withdraw(homes[1], "hourly")
    assert gate.state.unsettled.keys() == {home.contributor for home in homes} - {homes[1].contributor}
    assert [cohort.flow for cohort, _ in gate.state.windows.open] == ["daily"]
    assert all(homes[1].contributor not in table.rows for table in gate.state.windows.tables.values())
    assert all(homes[0].contributor in table.rows for table in gate.state.windows.tables.values())


@pytest.mark.parametrize("change", ["add", "own", "move", "revoke", "erase"])
def test_change_of_a_device_meanwhile_leaves_what_the_policies_permit(change: str) -> None:
    """What a household's other device gave stays, although its plan was not compiled when the change came."""
    gate = Gate(only("hourly"))
    home, other = gate.homes(2, "hourly")
    second = gate.device(home.subject)
    for device in (home, second, other):
        gate.send(device, kwh=1)
    pieces = gate.begin(only("hourly"))
    made: dict[str, Callable[[], object]] = {
        "add": lambda: gate.device(home.subject),
        "own": lambda: changes.own_device(gate.state, second, second.owner, gate.now_ms),
        "move": lambda: changes.move_device(gate.state, second, other.contributor, gate.now_ms),
        "revoke": lambda: changes.revoke_device(gate.state, second.place, gate.now_ms),
        "erase": lambda: gate.erase(other),
    }
    made[change]()
    for _ in pieces:
        pass
    assert gate.state.is_settled
    standing = {contributor for table in gate.state.windows.tables.values() for contributor in table.rows}
    assert standing == {home.contributor, other.contributor} - ({other.contributor} if change == "erase" else set())


def test_consents_to_less_end_when_their_subject_is_settled() -> None:
    """A household that is asked for more is told once, and its answer does not count before that either."""
    gate = Gate()
    homes = waiting(gate, "hourly")
    pieces = gate.begin(_asking_more())
    gate.send(homes[3], kwh=1)
    statuses = [gate.state.registry.book.for_subject(home.contributor)[-1].consent.status for home in homes]
    assert statuses == [Status.GIVEN] * 3 + [Status.INVALIDATED]
    gate.to(T + DAY_MS + LATENESS_MS)
    assert gate.form() is None
    for _ in pieces:
        pass
    statuses = [gate.state.registry.book.for_subject(home.contributor)[-1].consent.status for home in homes]
    assert statuses == [Status.INVALIDATED] * 4
    assert [len(gate.state.registry.subjects[home.contributor].messages) for home in homes] == [1] * 4
    assert gate.records() == []


def _asking_more() -> PolicySet:
    return town(
        ('space = "district", precision = { consumption = 0.001 }', 'space = "block", precision = { consumption = 0.001 }')
    )


def test_second_change_has_to_wait_for_the_first() -> None:
    """Or consents that the first one ends would hold again under the second."""
    gate = Gate()
    waiting(gate, "hourly")
    gate.begin(_asking_more())
    with pytest.raises(AssertionError):
        gate.apply(town())


def test_devices_behind_a_hub_are_settled_when_they_are_heard() -> None:
    """Those alone, and no reading of theirs counts as nobody's."""
    gate = hub_gate()
    homes = [behind(gate, hub_id) for hub_id in ("a", "b", "c")]
    gate.begin(gate.state.policies)
    parts = [{"id": hub_id, "t": gate.now_ms, "kwh": 1} for hub_id in ("a", "c", "x")]
    gate.take(Frame(HUB, message(*parts), 0, duplicate=False, retain=False, generation=1))
    assert gate.state.unsettled.keys() == {homes[1].contributor}
    assert (reasons(gate, "readings")["admitted"], reasons(gate, "readings.rejected")) == (2, {"unknown_device": 1})


def test_device_with_a_filter_is_settled_when_it_is_heard() -> None:
    """Its topic matches, and others' filters do not."""
    gate = Gate(with_profiles(only("hourly")))
    home, other = gate.homes(2, "hourly")
    for device, pattern in ((home, "wide/+/up"), (other, "far/#")):
        changes.revoke_device(gate.state, device.place, gate.now_ms)
        changes.add_device(gate.state, replace(device, topic=pattern), gate.now_ms)
    gate.begin(gate.state.policies)
    gate.take(reading(replace(home, topic="wide/7/up"), gate.now_ms, kwh=1))
    assert gate.state.unsettled.keys() == {other.contributor}
    assert gate.count("pairs.contributed") == 1
    changes.revoke_device(gate.state, ("far/#", ""), gate.now_ms)
    assert gate.state.filters.find("far/1") is None


def test_hour_turns_once_everybody_is_settled() -> None:
    """A number that the public is shown counts all homes, or waits."""
    gate = Gate()
    waiting(gate, "hourly")
    pieces = gate.begin(town())
    assert not gate.state.turn(gate.now_ms + HOUR_MS)
    for _ in pieces:
        pass
    assert gate.state.turn(gate.now_ms + HOUR_MS)


def test_consent_that_runs_out_meanwhile_is_ended_afterwards() -> None:
    """Whether it was ended by the policies has to be known first; nothing leaves by it either way."""
    gate = Gate()
    home = gate.home()
    gate.grant(home, "hourly", expiry_ms=T + MINUTE_MS)
    pieces = gate.begin(town())
    gate.to(T + 2 * MINUTE_MS)
    assert gate.state.registry.book.for_subject(home.contributor)[-1].consent.status is Status.GIVEN
    for _ in pieces:
        pass
    gate.to(T + 2 * MINUTE_MS)
    assert gate.state.registry.book.for_subject(home.contributor)[-1].consent.status is Status.EXPIRED


def test_table_of_tomorrow_is_of_the_new_shape() -> None:
    """A device whose clock is ahead has opened it in the old one, and another device comes first."""
    gate = Gate(only("hourly"))
    early, later = gate.homes(2, "hourly")
    gate.now_ms = T + 23 * HOUR_MS
    gate.send(early, T + DAY_MS + HOUR_MS, kwh=1)
    gate.begin(_in_half_hours())
    gate.send(later, T + DAY_MS + HOUR_MS, kwh=1)
    (table,) = [table for (_, start_ms), table in gate.state.windows.tables.items() if start_ms == T + DAY_MS]
    assert set(table.rows) == {later.contributor}


def _in_half_hours() -> PolicySet:
    return town(('cell = "1h"', 'cell = "15min"'))


@pytest.mark.parametrize("done", range(6))
def test_killed_between_two_pieces_ends_as_if_it_had_not_been(done: int) -> None:
    """A start finishes what was under way: the same windows, consents and accounts."""
    gates = [KilledGate(only("hourly", "daily", "register")) for _ in range(2)]
    standings = []
    for gate, kill in zip(gates, (False, True), strict=True):
        waiting(gate, "hourly", "daily", "register")
        gate.now_ms = T + MINUTE_MS
        pieces = gate.begin(STRICTER())
        gate.commit()
        for _, _ in zip(range(done), pieces, strict=False):
            gate.commit()
        if kill:
            gate.crash()
        else:
            for _ in pieces:
                gate.commit()
        gate.state.log.checkpoint(gate.state.ledger, gate.now_ms)
        gate.commit()
        assert gate.audited() == []
        standings.append(gate.standing())
    assert standings[0] == standings[1]


def test_subject_that_a_request_names_is_settled_under_its_own_id() -> None:
    """A request's id is a type of its own, and what is journalled is not."""
    gate = Gate(only("hourly", "daily"))
    home, other = waiting(gate, "hourly", "daily")[:2]
    gate.begin(only("daily"))
    settling.settle(gate.state, [Id(home.contributor)], gate.now_ms)
    assert gate.commit().journal
    assert other.contributor in gate.state.unsettled
    assert home.contributor not in gate.state.unsettled
