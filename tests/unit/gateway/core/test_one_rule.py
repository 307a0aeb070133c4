"""One rule: plans, replay and review rest on the same outcome, and a change of residents is entered in one way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import consent.core.outcome as rule
from consent.core.consents.records import Consent
from consent.core.decide import Decision
from consent.core.disclosure import TOP, Disclosure
from consent.core.lifecycle import steps
from consent.core.policies.policy import Flow, PolicySet
from consent.core.review.reach import reach_of
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.openings import Opening
from gateway.audit.replay.report import ReplayReport
from gateway.core.changes import subjects
from gateway.core.plans import Device
from gateway.core.registry import Subject
from gateway.core.restoration import LogTail
from tests.support.compiled import compile_all
from tests.support.gate import HOUR_MS, Gate, only
from tests.support.planted import days
from tests.support.replayed import replayed

honest_level = rule._new_level


def south_only(policies: PolicySet, observed_property: str, point: Disclosure, zone: str) -> rule.Level:
    """Tell everything of the south, wherever it was measured."""
    return honest_level(policies, observed_property, point, zone)._replace(cell="south")


def nothing_supported(_policies: PolicySet, _flow: Flow, _property: str, _decision: Decision) -> str:
    """Support nothing."""
    return "no-noise"


def problems(report: ReplayReport) -> Iterator[str]:
    """Yield what a replay found."""
    return (finding.problem for finding in report.findings)


def lived() -> tuple[Gate, list[Device]]:
    """Return a gateway that has released some hours of three homes."""
    gate = Gate(only("hourly"))
    homes = gate.homes(3, "hourly")
    days(gate, homes, 2)
    return gate, homes


def recompiled_cells(gate: Gate) -> set[str]:
    """Compile every plan anew; return the cells that they tell of."""
    gate.state.policies.levels.clear()
    compile_all(gate.state, gate.now_ms)
    return {target.cohort.cell for plan in gate.state.devices.values() for target in plan.targets()}


def test_broken_level_changes_plans_and_replay_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """An honest log no longer replays under another rule of levels; one made under that rule does, though only there."""
    gate, _ = lived()
    assert not list(problems(replayed(gate)))
    monkeypatch.setattr(rule, "_new_level", south_only)
    assert recompiled_cells(gate) == {"south"}
    assert any("told at another level" in problem for problem in problems(replayed(gate)))
    crooked, _ = lived()
    assert recompiled_cells(crooked) == {"south"}
    assert not list(problems(replayed(crooked)))
    monkeypatch.undo()
    assert any("told at another level" in problem for problem in problems(replayed(crooked)))


def test_broken_reason_changes_plans_and_replay_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the rule does not support is withheld by the plans, and accused by the replay of a log that has it."""
    gate, homes = lived()
    monkeypatch.setattr(rule, "unsupported_reason", nothing_supported)
    assert recompiled_cells(gate) == set()
    withheld = gate.state.devices[homes[0].topic].slots["consumption"].withheld
    assert withheld == ("no-noise",)
    assert any("withheld from it: no-noise" in problem for problem in problems(replayed(gate)))


def test_broken_since_changes_plans_and_replay_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where terms hold from later, the plans say so, and a log with earlier hours is accused."""
    gate, homes = lived()
    later_ms = gate.now_ms + HOUR_MS
    monkeypatch.setattr(rule.Outcome, "since_ms", lambda *_: later_ms)
    recompiled_cells(gate)
    assert {target.terms.since_ms for target in gate.state.devices[homes[0].topic].targets()} == {later_ms}
    assert any("reaches back" in problem for problem in problems(replayed(gate)))


def test_broken_step_changes_review(monkeypatch: pytest.MonkeyPatch) -> None:
    """A review of policies shows the step that the rule gives."""
    gate, homes = lived()
    device = homes[0]
    said: list[Consent | None] = gate.state.registry.book.resolve(device.subject or b"", gate.state.policies.flows["hourly"])
    gate.state.policies.levels.clear()
    monkeypatch.setattr(rule, "_new_level", lambda *asked: honest_level(*asked)._replace(step="7"))
    assert "consumption 7 " in reach_of(gate.state.policies, "hourly", device.profile, device.zone, said).label


def household() -> tuple[Gate, Subject, bytes]:
    """Return a gateway, the same each time, with a subject of two residents who both consented, and the one who will leave."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly")
    subject = home.subject or b""
    joined = subjects.claim(gate.state, subjects.invite(gate.state, subject, gate.now_ms), None, gate.now_ms)
    gate.grant(home, "hourly")
    gate.say(grant_of_the_second(gate, home))
    gate.commit()
    return gate, gate.state.registry.subjects[subject], joined.resident


def grant_of_the_second(gate: Gate, home: Device) -> Consent:
    """Return the consent of a subject's second resident."""
    return steps.grant(gate.speaker(home, 1), gate.state.policies, "hourly", TOP)


def test_residents_are_changed_alike_in_daily_work_and_from_the_log() -> None:
    """Who is left, since when, under which label key, and what is settled: the same from a backup and the log's tail."""
    daily, before, gone = household()
    daily.now_ms += 5
    subjects.leave(daily.state, before.id, gone, daily.now_ms)
    settled = list(daily.state.commit.openings_settled)
    after = daily.state.registry.subjects[before.id]
    (row,) = [row for row in daily.state.commit.log if row.index == after.key_entries[-1]]
    restored, _, _ = household()
    tail = LogTail(restored.state)
    entry = Entry.decode(row.content)
    assert entry.kind is Kind.KEY
    tail.take(entry, Opening.decode(row.opening.whole()))
    same = restored.state.registry.subjects[before.id]
    assert (same.residents, same.since_ms, same.label_generation) == (after.residents, after.since_ms, after.label_generation)
    assert same.label_generation == before.label_generation + 1
    assert same.key_entries == after.key_entries
    assert restored.state.commit.openings_settled == settled
    assert len(settled) == 2  # what they said, and the entry that let them in
