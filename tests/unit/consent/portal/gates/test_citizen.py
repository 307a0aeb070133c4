"""What pages ask for a person is what the door to the gateway answers."""

from __future__ import annotations

import inspect
from pathlib import Path

from consent.portal.gates.citizen import CitizenGate
from consent.portal.gates.citizen_door import CitizenDoor
from tests.support.portal import SaidHome


def test_door_and_stand_in_are_gates() -> None:
    """By their types: mypy reads this; and by what they take."""
    gates: list[CitizenGate] = [CitizenDoor(Path("portal.sock")), SaidHome()]
    wanted = list(inspect.signature(CitizenGate.ask).parameters)
    assert all(list(inspect.signature(type(gate).ask).parameters) == wanted for gate in gates)
