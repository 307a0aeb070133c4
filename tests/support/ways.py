"""The shipped rules with a gateway that has something to say of each of their ways out, for tests of the portal's pages."""

from __future__ import annotations

from functools import cache

from consent.core.decide import Owner
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from consent.policy_files import read_policy_files
from consent.public_messages import FlowServed, HiddenAmong, PublicFlows, PublicSensors, SensorsAt
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.portal import NOW_MS, SaidGate, said_state

DAY = "2026-11-28"
HOUR_MS = 3_600_000
LAST_MS = NOW_MS // HOUR_MS * HOUR_MS


@cache
def shipped() -> PolicySet:
    """Return the shipped rules."""
    return load_policies(ROOT / "policies")


def changed(old: str, new: str) -> PolicySet:
    """Return the shipped rules with one text replaced, wherever it stands in any of their files."""
    files = read_policy_files(ROOT / "policies")
    assert any(old.encode() in text for text in files.values())
    return parse_policies({name: text.replace(old.encode(), new.encode()) for name, text in files.items()})


def hidden(*numbers: tuple[int, int]) -> list[HiddenAmong]:
    """Return days with (least, usual), newest first, the newest being the day before ``DAY``."""
    return [
        HiddenAmong(day=f"2026-11-{27 - back:02}", least=least, usual=usual, figures=48)
        for back, (least, usual) in enumerate(numbers)
    ]


def served(flow: str, asked: int = 0, permitted: int = 0, records: int = 0, days: list[HiddenAmong] | None = None) -> FlowServed:
    """Return what the gateway says of a flow; where it gave records, in thirty bundles, the last in the present hour."""
    bundles, last_ms = (30, LAST_MS) if records else (0, 0)
    return FlowServed(
        flow=flow, asked=asked, permitted=permitted, days=days or [], bundles=bundles, records=records, last_ms=last_ms
    )


def speaking_gate(*flows: FlowServed) -> SaidGate:
    """Return a gateway that says something of some flows, and that there are sensors."""
    gate = SaidGate(said_state())
    gate.says_flows = PublicFlows(day=DAY, flows=list(flows))
    gate.says_sensors = PublicSensors(
        sensors=[
            SensorsAt(zone="north-quay", profile="meter", owner=Owner.RESIDENT, count=25),
            SensorsAt(zone="garden-row", profile="secure-meter", owner=Owner.RESIDENT, count=15),
            SensorsAt(zone="north-quay", profile="noise", owner=Owner.CITY, count=7),
            SensorsAt(zone="north-quay", profile="air-quality", owner=Owner.CITY, count=1),
        ]
    )
    return gate
