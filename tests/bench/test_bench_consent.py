"""The consent bench itself, on so few citizens that its figures mean nothing: its engines agree, and it says what it promises."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from consent.core.consents.records import Status
from gateway.core.state import State
from tests.bench import __main__ as bench
from tests.bench import consent_peers, consent_withdrawal
from tests.bench.consent import Options, as_text, decisions, run
from tests.bench.consent_city import bench_policies, gateway_state
from tests.bench.consent_peers import Engine, cedar, our_answers, questions, rego
from tests.bench.consumers import BenchError

CITIZENS = 200
PROMISED = {
    "cold_per_s",
    "lookup_per_s",
    "lookup_to_dict",
    "cedarpy_per_s",
    "regopy_per_s",
    "eval_us_1k",
    "eval_us_100k",
    "compile_s_100k",
    "rss_mib_100k",
    "withdrawal_ms",
}


@pytest.fixture(scope="module", name="state")
def _state() -> State:
    return gateway_state(bench_policies(), CITIZENS)


@pytest.mark.parametrize("one_rule", [False, True])
def test_engines_cedar_asked_the_same_agrees_on_every_citizen_and_flow(state: State, one_rule: bool) -> None:
    """Whether each voice has a rule of its own or all are in one."""
    asked = questions(state)
    answers = our_answers(state.policies, asked)
    assert 0 < sum(answers) < len(answers) == CITIZENS * 5
    assert cedar(state.policies, asked, one_rule=one_rule).answer() == answers


def test_engines_rego_asked_the_same_agrees_on_every_citizen_and_flow(state: State) -> None:
    """Rego answers as we do."""
    asked = questions(state)
    assert rego(state.policies, asked).answer() == our_answers(state.policies, asked)


def test_city_has_every_status_and_both_sizes_of_household(state: State) -> None:
    """What is measured is mixed: no way of saying yes or no is missing, but for what the gateway itself records."""
    asked = questions(state)
    said = {consent and consent.status for one in asked for consent in one.consents}
    assert said == {None, *Status} - {Status.EXPIRED, Status.INVALIDATED}
    assert {len(one.consents) for one in asked} == {1, 2}


def test_bench_on_few_citizens_gives_all_figures(tmp_path: Path) -> None:
    """The result has the keys that others read, whatever the sizes, and can be shown."""
    for peer in ("cedarpy", "regopy"):
        pytest.importorskip(peer)
    withdrawal = consent_withdrawal.Options(withdrawals=5, pause_s=0.0, meters=50, rate_per_s=500)
    result = run(Options(citizens=20, rounds=1, sizes=(20, 1000), evaluations=500, withdrawal=withdrawal), tmp_path)
    assert {key.replace("100k", "1k") for key in PROMISED} <= result.keys()
    assert {"p50", "p99", "p99_to_status"} <= result["withdrawal_ms"].keys()
    assert result["withdrawal_ms"]["pairs_withdrawn"] > 0
    assert len(result["holds"]) == 4
    assert not any(what.endswith((" ms", "/s")) for what in result["holds"])  # ratios within the run, whatever the machine
    assert "withdrawal to effect" in as_text(json.loads(json.dumps(result)))


def test_bench_where_an_engine_disagrees_ends_with_the_number_of_questions(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of engines that answer differently would compare nothing."""

    def contrary(build: Callable[..., Engine]) -> Callable[..., Engine]:
        def built(*arguments: object, **options: object) -> Engine:
            engine = build(*arguments, **options)
            return replace(engine, answer=lambda: [not answer for answer in engine.answer()])

        return built

    pytest.importorskip("regopy")
    monkeypatch.setattr("tests.bench.consent.cedar", contrary(consent_peers.cedar))
    with pytest.raises(BenchError, match="disagrees on `1000` of `1000` questions"):
        decisions(state, 1)


def test_bench_without_a_peer_says_which_and_exits_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A peer that is not installed is no finding."""
    monkeypatch.setattr("tests.bench.consent.set_up_logging", lambda: None)
    monkeypatch.setitem(sys.modules, "cedarpy", None)
    assert bench.main(["consent", "--citizens", "5"]) == 2
    assert "cedarpy" in capsys.readouterr().err
