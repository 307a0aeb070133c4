"""A household is told once, two weeks before an answer runs out, and not at all of one that was meant to be short."""

from __future__ import annotations

from consent.core.disclosure import DAY_MS, TOP
from consent.core.lifecycle import steps
from consent.core.lifecycle.expiry import NOTICE_MS
from gateway.core.changes import changes, subjects
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
