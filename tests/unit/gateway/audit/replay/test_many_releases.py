"""Among ten thousand releases of one gateway four wrongs are planted: the replay finds these four and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from gateway.audit.replay.report import ReplayVerdict
from gateway.core import recovery
from gateway.core.changes import changes
from gateway.core.plans import Device
from tests.support.gate import Gate, only
from tests.support.planted import Plant, days, extra_release, planted_consent, wrong_decision
from tests.support.replayed import replayed

RELEASES = 10_000
HOMES = 4


def policies(least_group: int) -> PolicySet:
    """Return the town with its hourly sum, and a law on how many households a figure has to be about."""
    files = dict(only("hourly").files)
    ceiling = f"[ceiling]\ngroup = {least_group}".encode()
    files["city.toml"] = files["city.toml"].replace(b"[ceiling]", ceiling, 1)
    return parse_policies(files)


def policy_swap(gate: Gate, homes: list[Device]) -> str:
    """Decide one hour by laxer policies than those in the log."""
    honest = gate.state.force
    assert honest is not None
    for force in (replace(honest, policies=policies(2)), honest):
        gate.state.force = force
        changes.compile_all(gate.state, gate.now_ms)
        if force is not honest:
            days(gate, homes, 1)
    return "a subject's disclosure is not what policies and consents give"


PLANTS: tuple[Plant, ...] = (wrong_decision, policy_swap, planted_consent, extra_release)


@pytest.mark.slow
def test_replay_of_ten_thousand_releases_finds_the_four_planted_wrongs_alone() -> None:
    """Each wrong is found in the entries that it made, and every other release matches."""
    gate = Gate(policies(3))
    homes = gate.homes(HOMES, "hourly")
    planted: list[tuple[range, str]] = []
    for plant in (*PLANTS, None):
        for _ in range(RELEASES // (len(PLANTS) + 1)):
            days(gate, homes, 1)
            recovery.prune(gate.state)
        if plant is not None:
            begun = gate.state.log.size
            expected = plant(gate, homes)
            planted.append((range(begun, gate.state.log.size), expected))
    found = replayed(gate)
    by_plant: list[set[str]] = [set() for _ in planted]
    for finding in found.findings:
        index = int(finding.where.removeprefix("entry "))
        (number,) = (number for number, (entries, _) in enumerate(planted) if index in entries)
        assert planted[number][1] in finding.problem
        by_plant[number].add(finding.where)
    assert [len(entries) for entries in by_plant] == [1] * len(PLANTS)
    assert found.verdicts[ReplayVerdict.MATCH] >= RELEASES
    assert found.verdicts[ReplayVerdict.MISMATCH] == len(PLANTS) - 1  # a planted consent is no release
    assert sum(found.verdicts.values()) == found.verdicts[ReplayVerdict.MATCH] + found.verdicts[ReplayVerdict.MISMATCH]
    assert found.exit_status == 1
