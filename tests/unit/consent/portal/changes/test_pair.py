"""Two sets of rules side by side, as a page tells them."""

from __future__ import annotations

from consent.core.review.diff import Side, diff
from consent.portal.changes.pair import SetsPair, readable_before
from consent.portal.record import RulesChange
from tests.support.changed_rules import rules_after


def test_the_difference_is_that_of_the_review_and_computed_once() -> None:
    old, new = rules_after(), rules_after("time")
    pair = SetsPair.of(old, new)
    assert pair.difference == diff(Side(old, {}), Side(new, {}))
    assert SetsPair.of(old, new).difference is pair.difference
    assert SetsPair.of(new, old).difference is not pair.difference


def test_a_set_that_cannot_be_read_is_passed_over() -> None:
    one, gone, two = [RulesChange(at, at, bytes(32), None if at == 1 else rules_after()) for at in range(3)]
    assert readable_before([one, gone, two], 2) is one
    assert readable_before([gone, two], 1) is None
    assert readable_before([one, gone, two], 0) is None
