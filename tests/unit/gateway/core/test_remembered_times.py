"""Phenomenon times are remembered only of devices that do not number their messages, also by the memory made at a start."""

from __future__ import annotations

import pytest

from gateway.core import recovery
from gateway.core.changes import changes
from gateway.core.state import State
from tests.support.gate import Gate, only


@pytest.mark.parametrize(("profile", "remembers"), [("meter", True), ("numbered", False)])
def test_times_of_readings_are_remembered_where_no_number_tells_a_repeat(profile: str, remembers: bool) -> None:
    """A numbered reading leaves no time behind, before a crash or after it; memory would only grow by it."""
    gate = Gate(only("hourly"))
    home = gate.home("hourly", profile=profile)
    gate.send(home, kwh=1, **({} if remembers else {"boot": 1, "seq": 1}))
    gate.commit()
    assert gate.state.force is not None
    again = State(gate.state.identity)
    changes.put_in_force(again, gate.state.force)
    fold = recovery.restore(again, gate.snapshot)
    for batch in gate.batches:
        fold.batch(*batch)
    fold.end()
    for state in (gate.state, again):
        assert any(state.memories[home.id].seen.values()) is remembers
    assert standing_pairs(again) == standing_pairs(gate.state) == 1


def standing_pairs(state: State) -> int:
    """Return how many pairs stand in windows."""
    return sum(window.pairs() for window in state.windows)
