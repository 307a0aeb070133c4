"""The numbers of `docs/privacy.md` are those that the program computes, and what it shows is what the program prints."""

from __future__ import annotations

import re
from math import sqrt

import pytest

from consent.core.spread import DELTA, epsilon, times_in_100
from gateway.check.spread import error_lines, expected_errors, use_line, uses
from tests.docs.pages import pages
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies

PAGE = pages()["docs/privacy.md"]
ROWS = re.findall(r"^\| ([\d.]+) \| ([\d.]+) \| (\d+)(?: in 100)? \| (\d+) \| (\w[\w ]*) \|$", PAGE.text, re.MULTILINE)
RIBERA = load_policies(ROOT / "policies")


def test_page_has_the_odds_of_every_shipped_mu() -> None:
    asked = {f"{float(mechanism.mu):g}" for mechanism in RIBERA.mechanisms.values() if mechanism.mu is not None}
    assert asked | {f"{rung:g}" for rung in RIBERA.limits.mu_rungs} <= {row[0] for row in ROWS}
    assert DELTA == 1e-6


@pytest.mark.parametrize(("mu", "stated", "day", "four", "thirty"), ROWS)
def test_page_states_epsilon_and_odds_as_they_are_computed(mu: str, stated: str, day: str, four: str, thirty: str) -> None:
    value = float(mu)
    assert float(stated) == pytest.approx(epsilon(value), abs=0.005)
    assert (int(day), int(four)) == (times_in_100(value), times_in_100(2 * value))
    month = times_in_100(value * sqrt(30))
    assert thirty == (str(month) if month < 99 else "nearly always")


@pytest.mark.parametrize("page", ["docs/privacy.md", "docs/commands.md"])
def test_page_shows_uses_and_errors_as_check_prints_them(page: str) -> None:
    shown = [line for line in pages()[page].text.splitlines() if line.startswith(("error of", "noise of"))]
    printed = [*map(use_line, uses(RIBERA)), *error_lines(expected_errors(RIBERA, []))]
    examples = [line for line in shown if " in `" not in line]
    assert examples
    assert set(examples) <= set(printed)
