"""What the pages ask is what the door to the gateway answers."""

from __future__ import annotations

from pathlib import Path

from consent.portal.gates.public import Gate
from consent.portal.gates.public_door import PublicGate
from tests.support.portal import SaidGate, said_state


def test_door_and_stand_in_are_gates() -> None:
    """By their types: mypy reads this."""
    gates: list[Gate] = [PublicGate(Path("portal.sock")), SaidGate(said_state())]
    questions = {name for name in vars(Gate) if not name.startswith("_")}
    assert questions == {"state", "sensors", "flows", "balance", "place", "entry"}
    assert all(callable(getattr(gate, question)) for gate in gates for question in questions)
