"""A household is told once, two weeks before an answer runs out, and not at all of one that was meant to be short."""

from __future__ import annotations

import pytest

from consent.core.disclosure import DAY_MS, TOP
from consent.core.lifecycle import steps
from consent.core.lifecycle.expiry import NOTICE_MS
from gateway.core.changes import changes, notices, subjects
from gateway.core.changes.notices import tell_of_endings
from tests.support.gate import Gate

FLOW = "purpose:energy"


def test_household_is_told_once_two_weeks_before() -> None:
    """Also where the gateway was away at that moment; and again of the next answer."""
    gate = Gate()
    subject = subjects.add_subject(gate.state, gate.now_ms)
    began_ms = gate.now_ms

    def grant(days: int) -> None:
        actor = steps.Actor(gate.state.registry.book, subject.id, subject.residents[0].id, gate.now_ms, "operator")
        record = steps.grant(actor, gate.state.policies, FLOW, TOP, gate.now_ms + days * DAY_MS)
        changes.change_consents(gate.state, [record], gate.now_ms)

    def told() -> list[tuple[str, str]]:
        return [(one.kind, one.scope) for one in gate.state.registry.subjects[subject.id].messages]

    grant(30)
    tell_of_endings(gate.state, gate.now_ms)
    assert gate.state.notices_next_ms == began_ms + 30 * DAY_MS - NOTICE_MS
    gate.now_ms = gate.state.notices_next_ms - 1
    tell_of_endings(gate.state, gate.now_ms)
    assert told() == []
    gate.now_ms += DAY_MS
    for _ in range(2):
        tell_of_endings(gate.state, gate.now_ms)
    gate.state.notices_next_ms = 0  # as after a start
    tell_of_endings(gate.state, gate.now_ms)
    assert told() == [("expires-soon", FLOW)]
    grant(13)
    gate.state.notices_next_ms = 0
    tell_of_endings(gate.state, gate.now_ms)
    assert told() == [("expires-soon", FLOW)], "it was made to be short"
    grant(20)
    assert gate.state.notices_next_ms == gate.now_ms + 6 * DAY_MS
    gate.now_ms += 6 * DAY_MS
    tell_of_endings(gate.state, gate.now_ms)
    assert told() == [("expires-soon", FLOW)] * 2


def test_in_pieces_everybody_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also who is erased meanwhile, or permits something that ends soon, changes nothing for the others."""
    monkeypatch.setattr(notices, "LOOKED_AT", 1)
    gate = Gate()
    homes = gate.homes(4)
    ends_ms = gate.now_ms + 30 * DAY_MS
    for home in homes:
        gate.grant(home, FLOW, expiry_ms=ends_ms)
    gate.now_ms = ends_ms - NOTICE_MS
    pieces = notices.telling(gate.state, lambda: gate.now_ms)
    next(pieces)
    gate.erase(homes[1])
    gate.grant(homes[2], FLOW, expiry_ms=gate.now_ms + 20 * DAY_MS)
    for _ in pieces:
        pass
    tell_of_endings(gate.state, gate.now_ms)
    told = [len(gate.state.registry.subjects[home.contributor].messages) for home in (homes[0], homes[2], homes[3])]
    assert told == [1, 0, 1]
    assert gate.state.notices_next_ms == gate.now_ms + 6 * DAY_MS
