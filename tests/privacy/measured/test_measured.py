"""What the suite stands on: bounds, households, recordings, the reckoning of errors, the page."""

from __future__ import annotations

import re
from fractions import Fraction
from html import escape
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import numpy as np
import pytest

from gateway.core.figures.clip import clip
from tests.privacy.measured import households, mechanism
from tests.privacy.measured.cost import Cost
from tests.privacy.measured.findings import Finding, Tally, Verdict, auc_bounds, best_guess, finding, wilson
from tests.privacy.measured.gateways.policies import policies_for
from tests.privacy.measured.gateways.port import Permits, averages
from tests.privacy.measured.measure import GATEWAYS, Result, attack_of, told, trials
from tests.privacy.measured.page.page import page
from tests.privacy.measured.recording import Line, Members, Owner, write
from tests.privacy.measured.scenarios import EXACT, HOURLY, LIVE, SCENARIOS, START_MS, TOTALS, TYPICAL, town
from tests.privacy.measured.utility import HOMES, Utility
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies


def test_wilson_bounds_are_those_of_the_tables() -> None:
    """Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for k, n, bounds in (
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ):
        assert wilson(k, n) == pytest.approx(bounds, abs=6e-5)
    assert wilson(0, 0) == (0, 1)


def test_auc_bounds_narrow_with_more_homes() -> None:
    """Hanley and McNeil 1982, table II: an area of .893 of 51 and 58 images has a standard error of .032."""
    lo, hi = auc_bounds(0.893, 51, 58)
    assert (hi - lo) / 2 / 1.96 == pytest.approx(0.032, abs=0.001)


def test_best_guess_is_that_of_the_promise() -> None:
    """84 in 100 at μ = 2, 62 at .62, a coin at 0."""
    assert [round(100 * best_guess(mu)) for mu in (2, 0.62, 0)] == [84, 62, 50]


def test_households_without_the_data_set_are_generated_and_say_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The suite runs without any data of others."""
    monkeypatch.setenv("SLUICE_TEST_DATA", str(tmp_path))
    households.ten_homes.cache_clear()
    try:
        source, ten = households.ten_homes()
        assert "generated" in source
        assert ten.shape == (10, 28, 24)
        assert 0.3 < ten.mean() < 1.0
        assert households.population(30, 3, np.random.default_rng(1)).min() >= 0
    finally:
        households.ten_homes.cache_clear()


def test_population_is_the_same_in_each_run_and_another_with_another_seed() -> None:
    """All is seeded."""
    one, same, other = (households.population(20, 7, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_clipped_vectors_are_those_of_the_gateway() -> None:
    """Errors are reckoned with what the gateway does, to the Wh a cell and home."""
    vectors = np.random.default_rng(1).lognormal(-0.3, 1.0, (200, 24)).round(3)
    expected = mechanism.clipped(vectors, 10)
    for vector, bounded in zip(vectors, expected, strict=True):
        steps = [min(round(1000 * used), 5000) for used in vector]
        theirs = np.array(clip(steps, (10_000**2 - 2_000**2))) / 1000
        assert np.abs(theirs - bounded).max() <= 0.0011


def test_policies_of_ours_are_those_of_the_shipped_city_where_it_says_how_noisy_figures_are() -> None:
    """What is measured is what is shipped."""
    shipped = load_policies(ROOT / "policies")
    ours = policies_for(("a",), (HOURLY, TYPICAL, TOTALS))
    for flow in (HOURLY, TYPICAL):
        theirs, mine = shipped.mechanisms[flow, "consumption"], ours.mechanisms[flow, "consumption"]
        assert (theirs.mu, theirs.clip, theirs.period, theirs.publish) == (mine.mu, mine.clip, mine.period, mine.publish)
        assert theirs.quantity.presence == mine.quantity.presence
        assert shipped.flows[flow].ask.group == ours.flows[flow].ask.group
    assert shipped.limits.mu_day == ours.limits.mu_day
    assert shipped.limits.exact_group == ours.limits.exact_group


@pytest.mark.parametrize("flows", [(HOURLY, LIVE), (HOURLY, TOTALS, EXACT), (TYPICAL,)])
def test_policies_of_every_scenario_can_be_put_in_force(flows: tuple[str, ...]) -> None:
    """None of them asks for what is refused."""
    assert policies_for(("a", "b"), flows).unsupported == ()


@pytest.mark.parametrize(("make", "times"), SCENARIOS)
def test_scenario_says_all_in_order_and_of_its_own_homes(make: object, times: int) -> None:
    """Words follow one another, and districts have homes."""
    scenario = make(5)  # type: ignore[operator]
    later = [one.at for one in scenario.said if not one.is_first]
    assert later == sorted(later)
    assert {one.home for one in scenario.said} <= set(scenario.homes)
    assert len(scenario.homes) == len(scenario.cells) == len(scenario.kwh)


def test_permits_count_from_the_word_until_the_next() -> None:
    """The gateways that must lose follow every word at once."""
    scenario = town(3)
    permits = Permits(scenario)
    leaver = next(one for one in scenario.said if one.does == "withdraw" and one.flow == HOURLY)
    home = scenario.homes.index(leaver.home)
    assert permits.throughout(HOURLY, home, START_MS, START_MS + 1)
    assert permits.throughout(HOURLY, home, leaver.at, leaver.at + 1) is None


def test_averages_begin_with_one_hour_and_skip_silent_ones() -> None:
    """As a moving average does."""
    assert list(averages([1.0, 3.0, None, 5.0], 2)) == [(0, 1, 1.0), (0, 2, 2.0)]


def test_recording_gives_back_what_was_written(tmp_path: Path) -> None:
    """An empty bundle is there with its size, and no record."""
    record = Line(
        bundle=1, pos=0, at=5, bytes=128, recipient="energy", flow=TOTALS, cell="a", result=3.0, span=(0, 9), pseudonym="00"
    )
    empty = Line(bundle=2, at=6, bytes=256, recipient="energy")
    scenario = town(3)
    recording = write(
        tmp_path / "ours" / "town-3",
        [record, empty],
        [*scenario.truth(), Owner(1, 0, "home-001")],
        [Members(1, HOURLY, "a", (0, 9), ["x"])],
    )
    assert recording.lines == [record]
    assert [line.bytes for line in recording.bundles] == [128, 256]
    assert recording.owners == {(1, 0): "home-001"}
    assert recording.gateway == "ours"
    assert recording.members[0].homes == ["x"]
    assert len(recording.said) + len(recording.permitted_first) == len(scenario.said)
    assert b'"phenomenonTime":[0,9]' in (tmp_path / "ours" / "town-3" / "records.jsonl").read_bytes()


@pytest.fixture
def result() -> Result:
    """Return a result with a finding of each attack and gateway, and lines of errors."""
    attacks = [finding(attack.id, gateway.name, attack.part("Attacker"), Tally(3, 10, 0.1, 0.7)) for attack, gateway in trials()]
    lines = [
        Utility(mechanism=mechanism, publish=publish, homes=homes, hours=1, rel_error=2 / homes, released=1.0)
        for mechanism, publish in (("contracted", "day"), ("open", "week"), ("contracted", "window"), ("exact", "day"))
        for homes in HOMES
    ]
    cost = Cost(subjects=10, table_mib=1.0, table_mib_target=5.0, close_s=0.1, copy_ms=1.0, take_ms=1.0, verdict=Verdict.MET)
    return Result(city="ten homes <of paper>", seed=1, attacks=attacks, utility=lines, cost=cost)


def test_page_is_one_file_without_scripts_that_tells_every_attack(result: Result) -> None:
    """It can be mailed, printed, and read without colours."""
    text = page(result)
    for forbidden in ("<script", "<link", "<img", "src=", "@import", "url("):
        assert forbidden not in text
    assert set(re.findall(r"https?://[^\"']+", text)) <= {"http://www.w3.org/2000/svg"}
    assert "@media print" in text
    assert "ten homes &lt;of paper&gt;" in text
    for found in result.attacks:
        assert escape(attack_of(found).title) in text
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ET.fromstring(svg)  # noqa: S314  it is our own
    assert len(re.findall("<svg", text)) == len({found.id for found in result.attacks}) + 1


def test_page_says_what_was_missed(result: Result) -> None:
    """In words, not in a colour alone."""
    missed = [msgspec.structs.replace(found, verdict=Verdict.MISSED) for found in result.attacks]
    assert "The target is MISSED." in page(msgspec.structs.replace(result, attacks=missed))
    assert "MISSED" not in page(result)


def test_result_names_what_the_issue_names(result: Result) -> None:
    """Others read the JSON."""
    read = msgspec.json.decode(msgspec.json.encode(result))
    assert {"attacks", "utility", "cost"} <= set(read)
    assert set(Finding.__struct_fields__) >= {
        "id",
        "gateway",
        "attacker",
        "k",
        "n",
        "p",
        "lo",
        "hi",
        "control",
        "target",
        "verdict",
    }
    assert set(read["utility"][0]) >= {"mechanism", "publish", "homes", "hours", "rel_error", "released"}
    assert {found["gateway"] for found in read["attacks"]} == {gateway.name for gateway in GATEWAYS}
    assert told(result.attacks[0]).startswith(result.attacks[0].id)
    assert result.missed() == []
    assert result.held() != []


def test_variance_of_the_figures_is_that_of_the_policies() -> None:
    """σ = C/μ, by the window times the windows of a day."""
    policies = policies_for(("a",), (HOURLY, LIVE))
    day, window = (policies.mechanisms[flow, "consumption"].variance(3_600_000) for flow in (HOURLY, LIVE))
    assert day == Fraction(25)
    assert window == Fraction(20) ** 2 * 24
