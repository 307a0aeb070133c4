"""What `sluice check` says of noise: a wrong error would have a city publish figures that say nothing, or none at all."""

from __future__ import annotations

import json
from math import sqrt
from typing import Any

import pytest

from consent.core.policies.policy import PolicySet
from gateway.check.spread import EXAMPLES, Home, error_lines, expected_errors, homes_in, notes_on_errors, use_line, uses
from gateway.commands.check_report import Checked, as_json, as_text
from tests.support.city import City, city

FLOW: dict[str, Any] = {"purpose": "energy", "recipient": "office", "identity": "aggregate", "space": "district", "retention": 30}


def town() -> City:
    """Return a town of two districts, in one of which a neighbourhood permits four hours only."""
    built = city().limits(mu_day=2.1, exact_group=50).district("north").district("south").purpose("energy").recipient("office")
    built = built.zone("mill", "north").zone("quay", "south", neighbourhood="old").neighbourhood("old", time="4h")
    built = built.measures("consumption", 0, 5).measures("LAeq", 30, 90).device("meter", {"consumption": "kwh", "LAeq": "db"})
    return built.quantity("electricity", "consumption", clip=10, presence=2).quantity("noise", "LAeq", clip=75, presence=10)


def hourly(publish: str = "day", **more: Any) -> PolicySet:
    """Return a town with an hourly sum at μ = 2."""
    asked = FLOW | {"time": "1h", "group": 15, "budget": 2} | more
    return town().flow("hourly", "consumption", statistic="sum", publish=publish, **asked).policies()


def homes(number: int, zone: str = "mill") -> list[Home]:
    """Return households with a meter each."""
    return [Home("meter", zone, f"{zone} {n}") for n in range(number)]


def test_errors_without_a_gateway_are_of_examples_that_the_flow_would_tell() -> None:
    assert [error.homes for error in expected_errors(hourly(), [])] == list(EXAMPLES)
    assert [error.homes for error in expected_errors(hourly(group=50), [])] == [50, 200, 1000]


def test_errors_by_the_day_and_by_the_window_are_those_of_the_mechanism() -> None:
    """σ = C/μ = 5 kWh an hour; twenty-four draws a day share the same μ."""
    first = expected_errors(hourly(), [])[0]
    assert first.by_day is not None
    assert first.by_window is not None
    assert first.by_day.total == pytest.approx(5)
    assert first.by_day.mean == pytest.approx(0.25)
    assert first.by_window.total == pytest.approx(5 * sqrt(24))
    assert first.by_window.mean == pytest.approx(0.25 * sqrt(24))


def test_errors_of_a_gateway_are_told_for_the_homes_of_each_cell_at_its_own_level() -> None:
    """Four hours are a sum of four cells: twice the error of one."""
    errors = expected_errors(hourly(), [*homes(30), *homes(20, "quay"), Home("meter", "mill", "mill 0")])
    assert [(error.cell, error.time, error.homes) for error in errors] == [("south", "4h", 20), ("north", "1h", 30)]
    assert errors[0].by_day is not None
    assert errors[0].by_day.total == pytest.approx(10)
    assert errors[0].by_day.mean == pytest.approx(0.5)


def test_errors_of_means_are_of_the_homes_mean_alone() -> None:
    """A sum of levels means nothing; the mean of four cells is told better than that of one."""
    asked = FLOW | {"group": 15, "budget": 2}
    errors = {}
    for time in ("1h", "4h"):
        (errors[time], *_) = expected_errors(town().flow("noise", "LAeq", statistic="mean", time=time, **asked).policies(), [])
    assert errors["1h"].by_day is not None
    assert errors["4h"].by_day is not None
    assert errors["1h"].by_day.total is None
    assert errors["1h"].by_day.mean == pytest.approx(37.5 / 20)
    assert errors["4h"].by_day.mean == pytest.approx(37.5 / 40)


def test_typical_day_of_a_week_is_drawn_once_and_never_by_the_window() -> None:
    asked = FLOW | {"time": "1h", "group": 50, "budget": 0.62}
    policies = town().flow("week", "consumption", statistic="typical-day", period="week", clip=8, **asked).policies()
    first = expected_errors(policies, [])[0]
    assert first.by_day is not None
    assert first.by_day.mean == pytest.approx(8 / 0.62 / 50)
    assert first.by_window is None
    assert next(error_lines([first])).startswith("error of `week`, `consumption` by `1h`: drawn by the week: mean of homes")


def test_gateway_with_too_few_homes_for_a_flow_is_warned_of() -> None:
    """Where one cell has enough, the flow is told there."""
    (note,) = notes_on_errors(expected_errors(hourly(), [*homes(14), *homes(3, "quay")]))
    assert (note.key, "`14` homes" in note.message, "`15`" in note.message) == ("flow.hourly.ask.group", True, True)
    assert not list(notes_on_errors(expected_errors(hourly(), [*homes(14), *homes(40, "quay")])))


def test_gateway_whose_homes_are_too_few_for_the_error_is_warned_of_as_the_flow_is_published() -> None:
    """By the day thirty are enough, by the window they are not."""
    assert not list(notes_on_errors(expected_errors(hourly(), homes(30))))
    (note,) = notes_on_errors(expected_errors(hourly("window"), homes(30)))
    assert "± `0.816 kW.h`" in note.message


def test_exact_figures_have_no_error_and_want_their_own_group() -> None:
    policies = town().flow("exact", "consumption", statistic="sum", time="1h", group=15, **FLOW).policies()
    (error,) = expected_errors(policies, homes(49))
    assert (error.by_day, error.wanted) == (None, 50)
    (note,) = notes_on_errors([error])
    assert "`50`" in note.message
    assert list(error_lines([error])) == [
        "error of `exact`, `consumption` by `1h` in `north`: none, the figures are exact; 49 homes of 50 wanted"
    ]


def test_examples_are_no_homes_to_warn_of() -> None:
    assert not list(notes_on_errors(expected_errors(hourly("window"), [])))


def test_uses_add_up_over_flows_and_recipients() -> None:
    asked = FLOW | {"time": "1h", "group": 15}
    both = town().flow("one", "consumption", statistic="sum", budget=2, **asked)
    policies = both.flow("other", "consumption", statistic="sum", budget=0.5, **asked).policies()
    (use,) = uses(policies)
    assert use.mu == pytest.approx(sqrt(4.25))
    assert use_line(use) == "noise of `quantity.electricity`: μ 2.062 of `2.1` a day"


def test_homes_are_the_subjects_of_the_registry() -> None:
    rows = [{"profile": "meter", "zone": "mill", "subject": subject} for subject in ("a", "a", None, "b")]
    assert [home.subject for home in homes_in(rows)] == ["a", "a", "b"]


def test_report_has_uses_and_errors_in_lines_and_as_json() -> None:
    policies = hourly()
    checked = Checked((), policies, uses=tuple(uses(policies)), errors=tuple(expected_errors(policies, homes(30))))
    line = (
        "error of `hourly`, `consumption` by `1h` in `north`: drawn by the day: sum ± 5 kW.h, mean of homes in kW.h ± 0.167 of 30"
    )
    assert line in as_text(checked)
    found = json.loads(as_json(checked))
    assert found["uses"] == [{"quantity": "electricity", "mu": 2.0, "mu_day": 2.1}]
    (error,) = found["expected_errors"]
    assert (error["homes"], error["wanted"], error["published"]) == (30, 15, "day")
    assert error["by_day"] == {"total": pytest.approx(5), "mean": pytest.approx(1 / 6)}
