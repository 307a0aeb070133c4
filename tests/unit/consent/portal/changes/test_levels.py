"""The levels at which something leaves before and after a change of the rules."""

from __future__ import annotations

import pytest

from consent.core.review.reach import AxisStep
from consent.core.review.rows import Change, Whose
from consent.portal.changes.levels import level_text, reach_in, told_text
from consent.portal.changes.pair import SetsPair
from consent.portal.visit import Visit
from tests.support.changed_rules import rules_after


@pytest.mark.parametrize(
    ("axis", "step", "text"),
    [
        ("identity", AxisStep(1, "aggregate"), "only in joint figures"),
        ("time", AxisStep(3, "1h"), "by the hour"),
        ("space", AxisStep(2, "district"), "by the district"),
        ("precision.consumption", AxisStep(-0.001, "0.001 kW.h"), "in steps of 0.001 kWh"),
        ("precision.LAeq", AxisStep(-100.0, "100 dB"), "in steps of 100 dB"),
        ("group", AxisStep(-1500, "1500"), "1,500"),
        ("retention", AxisStep(365, "365 days"), "1 year"),
        ("retention", AxisStep(30, "30 days"), "30 days"),
        ("budget", AxisStep(0.5, "μ 0.5 a day"), "μ 0.5 a day"),
        ("budget", AxisStep(float("inf"), "no noise"), "no noise"),
    ],
)
def test_levels_are_words_made_of_numbers(axis: str, step: AxisStep, text: str) -> None:
    assert level_text(Visit("en"), rules_after(), "hourly", axis, step) == text


def _changes(edit: str) -> list[Change]:
    return list(SetsPair.of(rules_after(), rules_after(edit)).difference.changes)


@pytest.mark.parametrize("edit", ["time", "ceiling", "neighbourhood", "zone", "cap", "properties", "basis"])
def test_reach_has_the_levels_that_the_review_compares(edit: str) -> None:
    """What the page writes in words is what the review writes for operators."""
    changes = _changes(edit)
    assert changes
    for change in changes:
        for policies, written in ((rules_after(), change.old), (rules_after(edit), change.new)):
            reach = reach_in(policies, change)
            steps = {axis: step.label for axis, step in reach.steps} | {"all": reach.label}
            assert steps.get(change.axis, "nothing") == written


def test_what_leaves_is_told_in_a_list() -> None:
    (change,) = [change for change in _changes("zone") if change.flow == "hourly" and change.whose is Whose.AGREEING][:1]
    assert told_text(Visit("en"), rules_after(), reach_in(rules_after(), change)) == (
        "Electricity used; only in joint figures; time by the hour; place by the district; kept for 30 days at most"
    )
