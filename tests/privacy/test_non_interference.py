"""Data of those who permit nothing leave no trace in what recipients read: not a digit, not a record more or fewer, not an id.

The same trace is played twice (``two_runs``), with other readings of every household that has not decided, refused, withdrew,
paused, was revoked, let its consent run out or become void, is over a ceiling or a cap, or has a resident who said nothing. They
differ in value, time and number. What leaves, decrypted, must be the same, bundle by bundle.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.privacy.two_runs import OPEN_HOMES, SILENT, Left, Sent, run

Trace = list[tuple[Any, ...]]

SENT = st.builds(
    Sent,
    who=st.integers(0, 40),
    offset_min=st.integers(-90, 90),
    value=st.integers(0, 99),
    place=st.integers(0, 9),
    seq=st.integers(0, 40),
)
THEIRS = st.lists(SENT, max_size=6)


@st.composite
def batches(draw: st.DrawFn) -> tuple[str, list[Sent], list[Sent], list[Sent]]:
    """A batch: what the others send, and what the silent send in the one run and in the other."""
    return "send", draw(st.lists(SENT, max_size=6)), draw(THEIRS), draw(THEIRS)


HOMES = st.integers(0, len(OPEN_HOMES) - 1)
EVERYBODY = len(OPEN_HOMES) + 1
"""Those who permit, and a device of the city's own."""
BEFORE = st.one_of(
    batches(),
    batches(),
    st.tuples(st.just("tick"), st.integers(0, 10)),
    st.sampled_from([("form",), ("void",), ("crash",), ("segment",)]),
)
AFTER = st.one_of(
    batches(),
    batches(),
    st.tuples(st.just("tick"), st.sampled_from([0, 1, 15, 70, 24 * 60])),
    st.sampled_from([("form",), ("void",), ("send_off",), ("crash",), ("send_off",), ("segment",)]),
    st.tuples(st.sampled_from(["withdraw", "grant"]), HOMES),
)


def of(trace: Trace, which: int) -> Trace:
    """Return a trace as one of the two runs has it."""
    return [("send", step[1], step[2 + which]) if step[0] == "send" else step for step in trace]


def both(before: Trace, after: Trace) -> tuple[list[Left], list[Left]]:
    """Return what left in each run."""
    first, second = (run(of(before, which), of(after, which)) for which in (0, 1))
    return first, second


@settings(max_examples=35, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(BEFORE, max_size=6), st.lists(AFTER, max_size=12))
def test_non_interference_of_those_who_permit_nothing(before: Trace, after: Trace) -> None:
    """Whatever they send, and through withdrawals, restarts and voided bundles, every recipient reads the same."""
    first, second = both(before, after)
    assert first == second


def a_day(theirs: list[Sent], others: list[Sent]) -> tuple[Trace, Trace]:
    """Return a trace in which everybody who permits sends often, with a voided bundle, a withdrawal and two restarts.

    Args:
        theirs: What else comes in each time, in the one run; in the other it is nothing.
        others: What the others send beside what they send in any case.
    """
    everybody = [Sent(who, offset_min, 10 + who, 0, offset_min) for who in range(EVERYBODY) for offset_min in (1, 2)]
    send: tuple[Any, ...] = ("send", [*everybody, *others], theirs, [])
    form, void, off, crash, day = ("form",), ("void",), ("send_off",), ("crash",), ("tick", 24 * 60)
    before: Trace = [send, crash, ("tick", 5), send, form, ("tick", 5), send]
    after: Trace = [send, ("tick", 15), form, crash, ("withdraw", 0), ("tick", 70), send, form, void, form, off]
    after += [("grant", 0), ("tick", 0), send, crash, day, send, form, off, send]
    return before, after


@pytest.mark.parametrize("reason", SILENT)
def test_non_interference_of_one_reason_at_a_time(reason: str) -> None:
    """Twenty readings a batch or none at all, before they stopped and after: the same is read."""
    who = SILENT.index(reason)
    first, second = both(*a_day([Sent(who, 3 * n - 30, n, n, n) for n in range(20)], []))
    assert first == second


def test_non_interference_is_said_of_days_on_which_everything_flows() -> None:
    """In the day of the test above figures, daily totals, single readings and open data do leave, in many bundles."""
    left, _ = both(*a_day([], []))
    flows = {record.flow for bundle in left for record in bundle.records}
    assert flows == {"hourly", "daily", "raw", "register", "nights", "street-noise", "street-hourly"}
    assert len(left) > 5


@pytest.mark.parametrize("who", range(EVERYBODY))
def test_non_interference_would_see_a_single_reading_of_those_who_permit(who: int) -> None:
    """The comparison is not blind: one reading more of anybody who permits, and the two differ."""
    plain, more = (run(of(before, 0), of(after, 0)) for before, after in (a_day([], []), a_day([], [Sent(who, 7, 90, 0, 7)])))
    assert plain != more


def test_non_interference_randomness_is_drawn_by_name() -> None:
    """The same trace gives the same records twice, ids and pseudonyms included, and no two records have one id."""
    first, second = both(*a_day([], []))
    assert first == second
    ids = [record.id for bundle in first for record in bundle.records if record.id is not None]
    assert len(set(ids)) == len(ids) > 0
