"""Among how many homes one hides: what the gateway counted, and nothing where it says nothing."""

from __future__ import annotations

import pytest

from consent.portal.visit import Visit
from consent.portal.ways.hidden import hidden_view, rounded_error
from consent.portal.ways.most_told import most_told
from tests.support.ways import hidden, served, shipped


@pytest.mark.parametrize(
    ("flow", "days", "kind"),
    [
        ("energy-hourly", hidden((15, 30), (20, 40)), "figures"),
        ("energy-hourly", [], "none-yet"),
        ("energy-hourly", None, "away"),
        ("energy-daily-totals", [], "names"),
        ("city-sensors", [], "nobody"),
    ],
)
def test_kind_follows_what_leaves_and_what_is_known(flow: str, days: list[object] | None, kind: str) -> None:
    """Nobody is told of a number of homes that nobody counted."""
    known = shipped().flows[flow]
    said = None if days is None else served(flow, days=days)  # type: ignore[arg-type]
    view = hidden_view(Visit("en"), shipped(), known, most_told(shipped(), known)[0], said)
    assert view.kind == kind
    assert bool(view.summary) == bool(view.days) == (kind == "figures")


def test_fewest_of_all_days_is_said_and_the_usual_of_the_latest() -> None:
    """The fewest is what a home can count on."""
    known = shipped().flows["energy-hourly"]
    view = hidden_view(
        Visit("en"), shipped(), known, most_told(shipped(), known)[0], served("energy-hourly", days=hidden((20, 35), (15, 40)))
    )
    assert "never fewer than 15 homes" in view.summary[0]
    assert "35" in view.summary[1]


def test_error_has_three_digits_at_most() -> None:
    """More would be digits that nobody knows."""
    assert [rounded_error(Visit("en"), error) for error in (12.345, 0.56789, 1234.0)] == ["12.3", "0.568", "1,230"]
