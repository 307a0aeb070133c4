"""What a receipt says in words: for every status and every version of what it describes, in every language."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consent.core.consents.records import Status
from consent.core.languages import LANGUAGES
from consent.core.policies.notice import notice_of
from consent.portal.afterwards.agreed import MOST_FLOWS, agreed_in
from consent.portal.visit import Visit
from tests.support.consent_samples import agreed
from tests.support.receipt_samples import CASES, CITY, receipt_of, said, signed


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_every_receipt_is_told(case: str, language: str) -> None:
    """Also one that describes nothing: then its ids stand for titles."""
    answer = agreed_in(CASES[case], Visit(language))
    assert answer.title
    assert answer.rights
    assert answer.uses
    assert all(use.title and use.who and use.kept and use.measured for use in answer.uses)


def test_yes_says_what_may_leave_at_most_and_no_that_nothing_does() -> None:
    """By the household's own limits, not by what was asked."""
    uses = {use.flow: use for use in agreed_in(CASES[Status.GIVEN.value], Visit("en")).uses}
    assert uses["hourly"].title == "To plan"
    assert uses["hourly"].who == "Office"
    assert uses["hourly"].purpose == "Energy"
    assert "four hours" in uses["hourly"].what
    assert "at least 15" in uses["hourly"].what
    assert "in steps of 1 kWh" in uses["hourly"].what
    assert uses["hourly"].kept == "30 days"
    assert all(not use.what for use in agreed_in(CASES[Status.REFUSED.value], Visit("en")).uses)


def test_limits_are_those_that_the_household_set() -> None:
    """And none where it set none."""
    limits = dict(agreed_in(CASES[Status.GIVEN.value], Visit("en")).limits)
    assert limits["Time"] == "in stretches of four hours"
    assert limits["Kept for"] == "30 days"
    assert agreed_in(receipt_of(signed(agreed(CITY, "hourly"))), Visit("en")).limits == ()
    assert agreed_in(CASES[Status.REFUSED.value], Visit("en")).limits == ()


def test_titles_are_the_readers_or_the_citys_first() -> None:
    """The small city has English and Portuguese."""
    assert agreed_in(CASES["a flow without statistic"], Visit("pt")).title == "Para testar"
    assert agreed_in(CASES["a flow without statistic"], Visit("es")).title == "To test"


def test_receipt_without_descriptions_speaks_by_ids() -> None:
    """As one whose policies are not known any more does."""
    answer = agreed_in(CASES["policies unknown"], Visit("en"))
    assert answer.title == "energy"
    assert answer.city is None
    assert {use.who for use in answer.uses} == {"office"}


def test_what_was_under_way_and_the_search_key_are_told_where_the_receipt_has_them() -> None:
    """A bare receipt has neither."""
    full, bare = agreed_in(CASES[Status.WITHDRAWN.value], Visit("en")), agreed_in(CASES["bare"], Visit("en"))
    assert (full.handed_over, full.has_search_key) == ((3, 4), True)
    assert (bare.handed_over, bare.has_search_key) == (None, False)


def test_many_uses_are_counted() -> None:
    """A purpose may have any number."""
    terms = CITY.terms_for("purpose:energy")
    many = tuple(replace(terms[0], flow=f"flow-{n:03d}") for n in range(MOST_FLOWS + 3))
    answer = agreed_in(receipt_of(signed(replace(said(Status.GIVEN), terms=many, notice=notice_of(many)))), Visit("en"))
    assert (len(answer.uses), answer.more) == (MOST_FLOWS, 3)
