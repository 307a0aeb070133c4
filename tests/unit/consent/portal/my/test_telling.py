"""How an answer is said: by the reader's own word, and never as more than counts."""

from __future__ import annotations

import asyncio

import pytest

from consent.core.consents.records import Status
from consent.portal.gates.citizen import SessionEndedError
from consent.portal.my.telling import (
    from_when,
    gate_now_ms,
    gate_of,
    in_fours,
    is_unanswered,
    recipient_title,
    scope_title,
    signed_in,
    state_of,
)
from consent.portal.visit import Visit
from consent.texts.portal import page_sentences
from tests.support.portal import NOW_MS, SaidGate, SaidRecord, said_site, said_state
from tests.support.questions import permitted, row
from tests.support.ways import shipped

STATES = page_sentences("my")["en"]


@pytest.mark.parametrize("status", ["", *Status])
@pytest.mark.parametrize("counts", ["permits", "undecided"])
def test_every_status_has_its_words(status: str, counts: str) -> None:
    """A status without words would be an error page in the middle of somebody's answers."""
    assert f"state.{state_of(row(own=status, answer='', counts=counts))}" in STATES


@pytest.mark.parametrize(
    ("answer", "counts", "held", "state", "gate"),
    [
        ("yes", "permits", False, "yes", "gate-open"),
        ("yes", "permits", True, "yes", "gate-half"),
        ("less", "permits", False, "less", "gate-half"),
        ("fine", "permits", False, "fine", "gate-half"),
        ("yes", "undecided", False, "waits", "gate-shut"),
    ],
)
def test_gate_is_as_far_open_as_the_word_lets_it(answer: str, counts: str, held: bool, state: str, gate: str) -> None:
    """A gate that is drawn open while nothing goes would mislead, and the other way round even more so."""
    one = permitted(answer=answer, counts=counts, held_back_by_another=held)
    assert (state_of(one), gate_of(one)) == (state, gate)


@pytest.mark.parametrize("status", ["", *sorted(set(Status) - {Status.GIVEN, Status.RENEWED})])
def test_gate_is_shut_without_a_word_that_permits(status: str) -> None:
    """Whatever else the gateway says of it."""
    assert gate_of(row(own=status, answer="yes", counts="permits")) == "gate-shut"


def test_only_what_nobody_answered_is_unanswered() -> None:
    """A no is an answer, and is not hidden."""
    assert [is_unanswered(row(own=own)) for own in ("", "Requested", "Refused", "Expired")] == [True, True, False, False]


def test_titles_are_those_of_the_rules_or_what_stands_there() -> None:
    """Rules that know a use no more must not break the page that says it has ended."""
    visit = Visit("en")
    assert scope_title(visit, shipped(), "energy-hourly") == "Electricity used, by the hour"
    assert scope_title(visit, shipped(), "purpose:energy-planning") == "Planning the electricity grid"
    assert scope_title(visit, shipped(), "gone") == "gone"
    assert recipient_title(visit, shipped(), "energy-hourly") == "City energy office"
    assert recipient_title(visit, shipped(), "gone") == ""


def test_without_a_session_nothing_is_shown() -> None:
    """No handler goes on without one, whatever the route says."""
    with pytest.raises(SessionEndedError):
        signed_in(Visit("en"))


def test_tomorrow_is_said_as_such() -> None:
    """A yes counts from tomorrow, and the page says so; what is further off has its date alone."""
    assert from_when(Visit("en"), NOW_MS + 3_600_000 * 24, NOW_MS).startswith("tomorrow (")
    assert "tomorrow" not in from_when(Visit("en"), NOW_MS, NOW_MS)


def test_clock_is_the_gates_where_it_answers() -> None:
    """A simulated city has days of its own."""
    gate = SaidGate(said_state(now_ms=5))
    site = said_site(gate, SaidRecord(shipped()))
    assert asyncio.run(gate_now_ms(site)) == 5
    gate.away = True
    assert asyncio.run(gate_now_ms(site)) == NOW_MS


def test_hash_is_shown_in_groups_of_four() -> None:
    """As on the printed receipt, so that both can be compared; nothing of nothing."""
    assert in_fours(bytes.fromhex("0123456789abcdef")) == "0123 4567 89ab cdef"
    assert in_fours(b"") == ""
