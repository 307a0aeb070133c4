"""What changed of a use of data, told as more, less or merely otherwise."""

from __future__ import annotations

from consent.core.review.reach import Direction
from consent.portal.changes.flow_rows import asked_rows, decision_rows, ended_rows, rule_rows
from consent.portal.changes.pair import SetsPair
from consent.portal.visit import Visit
from tests.support.changed_rules import rules_after

VISIT = Visit("en")


def _pair(edit: str) -> SetsPair:
    return SetsPair.of(rules_after(), rules_after(edit))


def test_alike_changes_of_two_kinds_of_sensors_share_a_row() -> None:
    pair = _pair("space")
    changes = [change for change in pair.difference.changes if change.flow == "hourly"]
    (row,) = decision_rows(VISIT, pair, [*changes, *changes])
    assert row.about == "of homes that say yes · sensors: Meter"


def test_rules_of_a_flow_are_told_by_their_titles() -> None:
    pair = _pair("purpose")
    rules = [rule for rule in pair.difference.rules if rule.key == "flow.daily.purpose"]
    (row,) = rule_rows(VISIT, pair, "daily", rules)
    assert (row.direction, row.text) == (
        Direction.RISES,
        "It serves another purpose: “Something else”; until then “Planning the grid”.",
    )


def test_new_and_ended_flows_rise_and_fall() -> None:
    flow = rules_after().flows["street"]
    (new,) = asked_rows(VISIT, rules_after(), flow)
    (gone,) = ended_rows(VISIT)
    assert (new.direction, new.about) == (Direction.RISES, "of the city’s own sensors")
    assert gone.direction is Direction.FALLS
