"""Policies in force that ask what is no longer permitted: subjects' data are withheld, all else goes on, old logs replay."""

from __future__ import annotations

import pytest

from consent.core.policies import parse
from consent.core.policies.policy import PolicySet
from gateway.core.plans import Device
from tests.support.earlier_version import earlier_payloads
from tests.support.gate import DAY_MS, LATENESS_MS, MINUTE_MS, Gate, reading, town
from tests.support.replayed import replayed

NIGHTS = 'statistic = { LAeq = "mean" }\npurpose = "quiet"'
STREETS = 'statistic = { LAeq = "mean" }\npurpose = "streets"'
LOUDEST = tuple((piece, piece.replace('"mean"', '"energy-mean"')) for piece in (NIGHTS, STREETS))


def asking() -> PolicySet:
    """Return a town that asks for the energy-mean over homes, and over the city's own devices."""
    return town(*LOUDEST)


def test_homes_are_withheld_and_all_else_goes_on() -> None:
    """The reason is counted, and neither the flow's other data nor the same figure of the city's own devices suffer."""
    gate = Gate(asking())
    gate.to(gate.now_ms)
    homes = gate.homes(3, "nights", "hourly")
    street = [gate.device() for _ in range(10)]
    gate.take(*(reading(device, gate.now_ms + MINUTE_MS, kwh=1, db=50) for device in (*homes, *street)))
    assert gate.count("pairs.withheld.unsupported") == 3
    gate.to(gate.now_ms + DAY_MS + LATENESS_MS)
    left = {(record.flow, record.statistic) for recipient in ("office", "public") for record in gate.records(recipient)}
    assert ("hourly", "sum") in left
    assert ("street-hourly", "energy-mean") in left
    assert "nights" not in {flow for flow, _ in left}
    report = replayed(gate)
    assert (report.exit_status, report.unsupported) == (0, 0), report.to_text()


def test_log_of_an_earlier_version_is_replayed_as_it_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it released under such policies follows from them, is counted, and is held against consents as ever."""
    with earlier_payloads():
        report = replayed(loudest_homes_told(monkeypatch))
    assert report.exit_status == 0, report.to_text()
    assert report.unsupported == report.as_json()["unsupported"] == 2
    assert "no longer ask, as earlier versions made them: 2" in report.to_text()


def test_release_of_what_may_no_longer_be_asked_by_a_version_that_knows_it_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release of a later form was formed by a version that withholds it."""
    report = replayed(loudest_homes_told(monkeypatch))
    assert report.exit_status == 1
    problems = [finding.problem for finding in report.findings]
    assert problems.count("draw 0: it holds what policies may no longer ask") == 2


def loudest_homes_told(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Return a gateway that has told two days of what is no longer permitted."""
    monkeypatch.setattr(parse, "unsupported_in", lambda _policies: ())
    gate = Gate(asking())
    homes = gate.homes(3, "nights")
    days_of_noise(gate, homes, 2)
    monkeypatch.undo()
    return gate


def days_of_noise(gate: Gate, homes: list[Device], count: int) -> None:
    """Let days pass, each with a release."""
    gate.to(gate.now_ms)
    for _ in range(count):
        gate.to(-(-gate.now_ms // DAY_MS) * DAY_MS)
        gate.take(*(reading(home, gate.now_ms + MINUTE_MS, db=50) for home in homes))
        gate.to(gate.now_ms + DAY_MS + LATENESS_MS)
        gate.records()
