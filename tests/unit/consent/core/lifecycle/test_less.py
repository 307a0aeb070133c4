"""Less: what needs no more than a session permits nothing that was not permitted just before, however it is said."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.consents.book import Book
from consent.core.consents.records import PURPOSE_PREFIX, SESSION, Consent, Status
from consent.core.decide import decide
from consent.core.disclosure import BOTTOM, TOP, Disclosure, Identity, Space, Time, meet_axes
from consent.core.lifecycle.actor import Actor
from consent.core.lifecycle.less import tells_no_more
from consent.core.policies.policy import PolicySet
from tests.support.consent_samples import ANN, NOW_MS, SUBJECT, agreed, points, policies

CITY = policies()
ASKS_MORE = policies(("retention = 30 }", "retention = 300 }"))
ASKS_LESS = policies(("retention = 365", "retention = 36"))
PURPOSE = PURPOSE_PREFIX + "energy"
DAY_MS = 86_400_000
SOME = Disclosure(Identity.PER_RECORD, Time.HOUR_1, Space.DISTRICT, (("consumption", Decimal("0.01")),), 1, 30, inf)

_TIMES = st.integers(-3, 3).map(lambda day: NOW_MS + day * DAY_MS)
_SCOPES = st.sampled_from(["hourly", "daily", PURPOSE])


def _records(statuses: st.SearchStrategy[Status]) -> st.SearchStrategy[Consent]:
    return st.builds(
        lambda city, scope, limits, status, since_ms, expiry_ms: replace(
            agreed(city, scope, limits), status=status, since_ms=since_ms, expiry_ms=expiry_ms, time_ms=NOW_MS, channel=SESSION
        ),
        st.sampled_from([CITY, ASKS_MORE, ASKS_LESS]),
        _SCOPES,
        points(),
        statuses,
        _TIMES,
        st.none() | _TIMES,
    )


_ANY = _records(st.sampled_from(list(Status)))


def _speaker(*before: Consent) -> Actor:
    book = Book()
    book.add_subject(SUBJECT, (ANN,))
    for index, record in enumerate(before, start=1):
        book.apply(record, index)
    return Actor(book, SUBJECT, ANN, NOW_MS, SESSION)


def _less(record: Consent, *before: Consent, city: PolicySet = CITY) -> bool:
    return tells_no_more(_speaker(*before), city, record)


@given(st.lists(_ANY, max_size=4), _ANY)
def test_whatever_it_says_is_less_opens_nothing_on_any_day_under_any_policies(before: list[Consent], record: Consent) -> None:
    if not _less(record, *before):
        return
    was, now = _speaker(*before).book, _speaker(*before, record).book
    for city in (CITY, ASKS_MORE, ASKS_LESS):
        for flow in city.flows.values():
            if not city.rests_on_consent(flow):
                continue
            for day in range(5):
                earlier, later = (
                    decide(city, flow.id, book.resolve(SUBJECT, flow), "mill", TOP, NOW_MS + day * DAY_MS) for book in (was, now)
                )
                assert later.disclosure.reveals_no_more_than(earlier.disclosure)
                assert later.disclosure.is_bottom or later.since_ms >= earlier.since_ms


@given(
    st.lists(_ANY, max_size=4), _records(st.sampled_from([each for each in Status if each not in (Status.GIVEN, Status.RENEWED)]))
)
def test_every_stop_is_less(before: list[Consent], record: Consent) -> None:
    assert _less(record, *before)


@given(points(), points(), _SCOPES)
def test_meet_of_what_holds_and_anything_is_less_and_what_is_not_below_is_more(
    held: Disclosure, wish: Disclosure, scope: str
) -> None:
    before = agreed(CITY, scope, held)
    assert _less(agreed(CITY, scope, meet_axes(held, wish)), before)
    if not wish.reveals_no_more_than(held) and wish.identity <= Identity.AGGREGATE:
        assert not _less(agreed(CITY, scope, wish), before)


@pytest.mark.parametrize(
    "more",
    [
        {"identity": Identity.PER_EPOCH},
        {"time": Time.MINUTE_15},
        {"space": Space.BLOCK},
        {"precision": (("consumption", Decimal("0.001")),)},
        {"precision": ()},
        {"retention_days": 31},
    ],
)
def test_one_axis_is_enough_to_be_more(more: dict[str, object]) -> None:
    before = agreed(CITY, "daily", SOME)
    assert _less(before, before)
    assert not _less(replace(before, limits=replace(SOME, **more)), before)  # type: ignore[arg-type]
    assert _less(before, replace(before, limits=replace(SOME, **more)))  # type: ignore[arg-type]


def test_smaller_group_or_greater_budget_is_more() -> None:
    wide, narrow = (agreed(CITY, "hourly", replace(SOME, identity=Identity.AGGREGATE, group=group)) for group in (15, 20))
    assert _less(narrow, wide)
    assert not _less(wide, narrow)
    noisy, noisier = (replace(wide, limits=replace(wide.limits, budget=budget)) for budget in (1.0, 0.5))
    assert _less(noisier, noisy)
    assert not _less(noisy, noisier)
    assert not _less(wide, noisy)


def test_demand_for_a_group_is_less_where_it_makes_figures_of_single_readings() -> None:
    """Such a demand binds as `aggregate`, so that what it says of identity beside it permits nothing."""
    figures = agreed(CITY, "hourly", replace(SOME, identity=Identity.AGGREGATE, group=5, budget=inf))
    assert _less(agreed(CITY, "hourly", replace(SOME, identity=Identity.STABLE, group=5, budget=inf)), figures)


def test_longer_is_more() -> None:
    always, month, week = (replace(agreed(CITY, "daily"), expiry_ms=days and NOW_MS + days * DAY_MS) for days in (None, 30, 7))
    for earlier, later in [(week, month), (week, always), (month, always)]:
        assert _less(earlier, later)
        assert not _less(later, earlier)
        assert not _less(replace(later, status=Status.RENEWED), earlier)
    assert _less(replace(month, status=Status.RENEWED), month)


def test_what_counts_from_earlier_is_more() -> None:
    before = agreed(CITY, "daily")
    assert not _less(replace(before, since_ms=before.since_ms - 1), before)
    assert _less(replace(before, since_ms=NOW_MS), before)


def test_what_has_expired_permits_nothing_to_go_on_from() -> None:
    over = replace(agreed(CITY, "daily"), expiry_ms=NOW_MS)
    assert not _less(replace(over, time_ms=NOW_MS), over)


@pytest.mark.parametrize("status", [each for each in Status if each not in (Status.GIVEN, Status.RENEWED)])
def test_after_anything_but_a_yes_every_yes_is_more(status: Status) -> None:
    """Also after a pause, with the same limits: whoever resumes tells more than before."""
    before = replace(agreed(CITY, "daily", SOME), status=status)
    assert not _less(agreed(CITY, "daily", SOME), before)
    assert not _less(agreed(CITY, PURPOSE, SOME), before)


def test_yes_where_nothing_was_said_is_more_unless_it_permits_nothing() -> None:
    assert not _less(agreed(CITY, "daily"))
    assert _less(agreed(CITY, "daily", BOTTOM))


def test_purpose_covers_its_flows_and_a_flow_does_not_cover_its_purpose() -> None:
    whole, one = agreed(CITY, PURPOSE, SOME), agreed(CITY, "daily", SOME)
    assert _less(one, whole)
    assert not _less(whole, one)
    assert _less(replace(whole, limits=BOTTOM), one)


def test_flow_that_was_refused_by_itself_stays_so_under_its_purpose() -> None:
    whole, refused = agreed(CITY, PURPOSE), replace(agreed(CITY, "daily"), status=Status.REFUSED)
    assert _less(whole, whole, refused)


def test_flow_that_ended_by_itself_would_be_opened_again_by_its_purpose() -> None:
    """A yes to the purpose goes before what nobody said, so that the same yes once more is more."""
    whole, ended = agreed(CITY, PURPOSE), replace(agreed(CITY, "daily"), status=Status.EXPIRED)
    assert not _less(whole, whole, ended)


def test_wider_terms_are_more_even_where_the_policies_ask_for_less() -> None:
    """Else the policies could ask for as much later on."""
    before = agreed(CITY, "daily")
    assert not _less(agreed(ASKS_MORE, "daily"), before)
    assert not _less(agreed(ASKS_MORE, "daily"), before, city=ASKS_MORE)
    assert _less(agreed(CITY, "daily"), agreed(ASKS_MORE, "daily"))


def test_terms_of_another_purpose_or_flow_are_more() -> None:
    before = agreed(CITY, "daily")
    (terms,) = before.terms
    for other in ({"purpose": "streets"}, {"recipient": "public"}, {"figures": (("LAeq", "mean"),)}):
        assert not _less(replace(before, terms=(replace(terms, **other),)), before)
