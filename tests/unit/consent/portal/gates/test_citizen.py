"""What the pages ask for a person is what the citizens' door answers."""

from __future__ import annotations

from inspect import signature
from pathlib import Path

from consent.portal.gates.citizen import CitizenGate
from consent.portal.gates.citizen_door import CitizenDoor
from consent.portal.sessions.taking import WatchedGate
from tests.support.portal import SaidHome


def test_door_watcher_and_stand_in_are_gates() -> None:
    """By their types: mypy reads this."""
    gates: list[CitizenGate] = [CitizenDoor(Path("portal.sock")), WatchedGate(SaidHome()), SaidHome()]
    asked = list(signature(CitizenGate.ask).parameters)[1:]
    assert [list(signature(gate.ask).parameters) for gate in gates] == [asked] * 3
