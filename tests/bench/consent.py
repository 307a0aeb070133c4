"""`consent`: how fast consent is decided, looked up and withdrawn, and how that grows with the citizens.

Four measurements. Every citizen and flow is decided from nothing, beside two policy engines that are asked the same and must give
the same answer. Compiled plans are looked up as the hot path does it. Gateways that know 1,000, 10,000 and 100,000 citizens
compile everyone's plans and take turns in deciding anew. And a running gateway under load is asked to withdraw. Decisions are
counted in CPU time, since they do nothing else; only the ratios mean anything elsewhere.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from consent.core import decide as deciding
from consent.core import disclosure
from consent.core.policies import notice
from consent.core.policies.policy import PolicySet
from gateway.core.state import State
from gateway.service import set_up_logging
from tests.bench import consent_withdrawal
from tests.bench.consent_city import NOW_MS, PROPERTY, bench_policies, gateway_state, topic_of
from tests.bench.consent_growth import Compiled, Grown, Turn, grown
from tests.bench.consent_peers import Engine, Question, cedar, our_answers, questions, rego
from tests.bench.consumers import BenchError
from tests.bench.report import reported
from tests.support.compiled import compile_all

COLD_TO_CEDARPY = 20
LOOKUP_TO_DICT = 12
"""Times a look-up of the same topics in the bare dictionary of plans."""
EVAL_GROWTH = 1.3
WITHDRAWAL_TO_STATUS = 8
"""Times what `status` takes to answer, which commits nothing, under the same load: the p99 of each."""

_PASSES = 5
"""How often every plan is looked up in a round."""


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure.

    Attributes:
        citizens: Whom the engines are asked about.
        rounds: Of which the median counts.
        sizes: Numbers of citizens to compile for; the first and the last are compared.
        evaluations: In a turn of each size.
    """

    citizens: int = 10_000
    rounds: int = 5
    sizes: tuple[int, ...] = (1_000, 10_000, 100_000)
    evaluations: int = 200_000
    withdrawal: consent_withdrawal.Options = field(default_factory=consent_withdrawal.Options)


def run(options: Options, folder: Path) -> dict[str, Any]:
    """Run the bench in an empty folder; return the result as it is written to the file.

    Raises: BenchError: a measurement came to nothing, or the engines disagree.
    """
    state = gateway_state(bench_policies(), options.citizens)
    result = {**decisions(state, options.rounds), **look_ups(state, options.rounds)}
    result |= growth(options.sizes, options.rounds, options.evaluations)
    _say(f"withdrawals under {options.withdrawal.rate_per_s} readings/s")
    result["withdrawal_ms"] = consent_withdrawal.run(options.withdrawal, folder)
    return {**result, "holds": _holds(result)}


# decisions


def decisions(state: State, rounds: int) -> dict[str, Any]:
    """Ask all engines about every citizen and flow, in turns; all must give the same answers."""
    policies, asked = state.policies, questions(state)
    cedarpy, one_rule, regopy = cedar(policies, asked), cedar(policies, asked, one_rule=True), rego(policies, asked)
    ours = our_answers(policies, asked)
    _say(f"{len(asked)} citizens and flows; {sum(ours)} get all that they ask for")
    gc.collect()
    gc.freeze()
    times: dict[str, list[float]] = {name: [] for name in ("cold", "warm", "cedarpy", "one_rule")}
    for number in range(rounds):
        fresh = _forgetting_all(policies)
        times["cold"].append(_cpu_s(lambda fresh=fresh: _decide(fresh, asked)))  # type: ignore[misc]
        times["warm"].append(_cpu_s(lambda fresh=fresh: _decide(fresh, asked)))  # type: ignore[misc]
        times["cedarpy"].append(_answer(cedarpy, ours))
        times["one_rule"].append(_answer(one_rule, ours))
        _say(f"round {number + 1}  " + "  ".join(f"{name} {len(asked) / own[-1]:.0f}/s" for name, own in times.items()))
    regopy_s = _answer(regopy, ours)
    gc.unfreeze()
    per_s = {name: round(len(asked) / statistics.median(own)) for name, own in times.items()}
    return {
        "cold_per_s": per_s["cold"],
        "warm_per_s": per_s["warm"],
        "cedarpy_per_s": per_s["cedarpy"],
        "cedarpy_one_rule_per_s": per_s["one_rule"],
        "regopy_per_s": round(len(asked) / regopy_s),
        "cold_to_cedarpy": _ratio(times["cedarpy"], times["cold"]),
        "cold_to_cedarpy_one_rule": _ratio(times["one_rule"], times["cold"]),
        "cold_to_regopy": _ratio([regopy_s] * rounds, times["cold"]),
        "asked": {"evaluations": len(asked), "allowed": sum(ours), **_distinct(policies, asked)},
        "versions": {name: importlib.metadata.version(name) for name in ("cedarpy", "regopy")},
    }


def _forgetting_all(policies: PolicySet) -> PolicySet:
    """Return the same policies with nothing worked out yet but their terms, and empty every cache of decisions."""
    for module in (deciding, disclosure, notice):
        for each in vars(module).values():
            if hasattr(each, "cache_clear"):
                each.cache_clear()
    fresh = replace(policies)
    assert fresh.terms
    return fresh


def _decide(policies: PolicySet, asked: Sequence[Question]) -> int:
    """Decide everything; return how much is permitted at some level."""
    decide = deciding.decide
    permitted = 0
    for flow, consents, zone, cap, _, _ in asked:
        if not decide(policies, flow, consents, zone, cap, NOW_MS).reason:
            permitted += 1
    return permitted


def _answer(engine: Engine, expected: Sequence[bool]) -> float:
    """Return the CPU seconds that an engine took for its answers.

    Raises: BenchError: they are not those expected.
    """
    answers: list[bool] = []
    cpu_s = _cpu_s(lambda: answers.extend(engine.answer()))
    if answers != expected:
        wrong = sum(answer != wanted for answer, wanted in zip(answers, expected, strict=True))
        raise BenchError(f"`{engine.name}` disagrees on `{wrong}` of `{len(answers)}` questions")
    return cpu_s


def _distinct(policies: PolicySet, asked: Sequence[Question]) -> dict[str, int]:
    """Count what is permitted at some level, how many different voices led to it, and to how many different levels."""
    decided = [(one, deciding.decide(policies, one.flow, one.consents, one.zone, one.cap, NOW_MS)) for one in asked]
    permitted = [(one, decision) for one, decision in decided if not decision.reason]
    voices = {(one.flow, one.zone, one.cap, *(c and c.limits for c in one.consents)) for one, _ in permitted}
    levels = {decision.disclosure for _, decision in permitted}
    return {"permitted": len(permitted), "distinct_voices": len(voices), "distinct_levels": len(levels)}


# look-ups


def look_ups(state: State, rounds: int) -> dict[str, Any]:
    """Look every citizen's plan up as the hot path does: topic, plan, slot, targets."""
    compile_all(state, NOW_MS)
    topics = [topic_of(number) for number in range(len(state.registry.devices))] * _PASSES
    gc.collect()
    turns = [(_cpu_s(lambda: _look_up(state, topics)), _cpu_s(lambda: _bare_look_up(state, topics))) for _ in range(rounds)]
    median_s = statistics.median(ours for ours, _ in turns)
    ratio = statistics.median(ours / bare if bare else 1.0 for ours, bare in turns)
    return {"lookup_per_s": round(len(topics) / median_s), "lookup_to_dict": round(ratio, 2)}


def _bare_look_up(state: State, topics: Sequence[str]) -> None:
    devices = state.devices
    for topic in topics:
        devices.get(topic)


def _look_up(state: State, topics: Sequence[str]) -> int:
    devices, found = state.devices, 0
    for topic in topics:
        plan = devices.get(topic)
        if plan is None:
            continue
        slot = plan.slots.get(PROPERTY)
        if slot is None:
            continue
        if slot.targets:
            found += 1
    return found


# growth


def growth(sizes: Sequence[int], rounds: int, evaluations: int) -> dict[str, Any]:
    """Compile for each number of citizens in a process of its own; then let the processes take turns in deciding."""
    with ExitStack() as stack:
        processes: list[Grown] = []
        for size in sizes:
            processes.append(stack.enter_context(grown(size)))
            _say(_compiled_in_words(processes[-1].compiled))
        turns = [[process.turn(evaluations) for process in processes] for _ in range(rounds)]
    return _grown([process.compiled for process in processes], turns)


def _grown(compiled: Sequence[Compiled], turns: Sequence[Sequence[Turn]]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for at, one in enumerate(compiled):
        label = _label(one.citizens)
        figures[f"eval_us_{label}"] = round(statistics.median(turn[at].in_order_us for turn in turns), 3)
        figures[f"eval_random_us_{label}"] = round(statistics.median(turn[at].random_us for turn in turns), 3)
        figures[f"compile_s_{label}"] = round(one.compile_s, 3)
        figures[f"rss_mib_{label}"] = round(one.rss_mib, 1)
    figures["rss_mib_base"] = round(compiled[0].base_mib, 1)
    figures["eval_growth"] = round(statistics.median(turn[-1].in_order_us / turn[0].in_order_us for turn in turns), 3)
    figures["eval_random_growth"] = round(statistics.median(turn[-1].random_us / turn[0].random_us for turn in turns), 3)
    return figures


def _label(citizens: int) -> str:
    return f"{citizens // 1000}k" if citizens % 1000 == 0 else str(citizens)


def _compiled_in_words(one: Compiled) -> str:
    return f"{one.citizens:>6} citizens  compiled in {one.compile_s:.2f} CPU-s  {one.rss_mib:.0f} MiB"


# the result


def _holds(result: dict[str, Any]) -> dict[str, bool]:
    return {
        f"cold >= {COLD_TO_CEDARPY} x cedarpy": result["cold_to_cedarpy"] >= COLD_TO_CEDARPY,
        f"look-up <= {LOOKUP_TO_DICT} x a dictionary's": result["lookup_to_dict"] <= LOOKUP_TO_DICT,
        f"evaluation grows <= {EVAL_GROWTH} x": result["eval_growth"] <= EVAL_GROWTH,
        f"withdrawal p99 <= {WITHDRAWAL_TO_STATUS} x status": result["withdrawal_ms"]["p99_to_status"] <= WITHDRAWAL_TO_STATUS,
    }


def _ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """Return how many times longer they took, as the median over the rounds."""
    return round(statistics.median(their / our for their, our in zip(theirs, ours, strict=True)), 1)


def _cpu_s(work: Callable[[], object]) -> float:
    gc.collect()
    started_s = time.process_time()
    work()
    return time.process_time() - started_s


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def as_text(result: dict[str, Any]) -> str:
    """Return a result as a small table."""
    asked, withdrawal = result["asked"], result["withdrawal_ms"]
    rows = [
        ("decisions, from nothing", f"{result['cold_per_s']}/s", f"{result['warm_per_s']}/s the second time"),
        ("   citizens and flows", asked["evaluations"], f"{asked['allowed']} get all that they ask for"),
        (
            "   permitted at some level",
            asked["permitted"],
            f"by {asked['distinct_voices']} different sets of voices, at {asked['distinct_levels']} levels",
        ),
        ("cedarpy, a rule each", f"{result['cedarpy_per_s']}/s", f"decisions are {result['cold_to_cedarpy']} × as fast"),
        ("cedarpy, all in one rule", f"{result['cedarpy_one_rule_per_s']}/s", f"{result['cold_to_cedarpy_one_rule']} ×"),
        ("regopy", f"{result['regopy_per_s']}/s", f"{result['cold_to_regopy']} ×"),
        ("look-ups", f"{result['lookup_per_s']}/s", f"{result['lookup_to_dict']} × a bare dictionary's time"),
        *(_size_in_words(result, key.removeprefix("compile_s_")) for key in result if key.startswith("compile_s_")),
        ("growth of an evaluation", f"{result['eval_growth']} ×", f"{result['eval_random_growth']} × at random"),
        (
            "withdrawal to effect",
            f"{withdrawal['p50']} ms",
            (
                f"p99 {withdrawal['p99']} ms, {withdrawal['p99_to_status']} × status; {withdrawal['count']} of them"
                f" under {withdrawal['readings_per_s']} readings/s"
            ),
        ),
    ]
    lines = [f"{name:<28}{figure:>14}   {more}".rstrip() for name, figure, more in rows]
    lines += [f"{'holds' if held else 'FAILS'}  {what}" for what, held in result["holds"].items()]
    return "\n".join(lines) + "\n"


def _size_in_words(result: dict[str, Any], label: str) -> tuple[str, str, str]:
    at_random, compile_s, rss_mib = (result[f"{figure}_{label}"] for figure in ("eval_random_us", "compile_s", "rss_mib"))
    return (
        f"an evaluation of {label}",
        f"{result[f'eval_us_{label}']} µs",
        f"{at_random} µs at random; compiled in {compile_s} CPU-s, {rss_mib} MiB",
    )


def main(arguments: Sequence[str]) -> int:
    """Run the command; return the exit status: 1 when something does not hold, or a measurement came to nothing."""
    set_up_logging()
    default = Options()
    parser = argparse.ArgumentParser(
        prog="./dev bench consent", description="how fast consent is decided, looked up and withdrawn, and how that grows"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there")
    parser.add_argument("--citizens", type=int, default=default.citizens, help="asked about (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=default.rounds, help="of which the median counts (default %(default)s)")
    given = parser.parse_args(arguments)
    result = reported(
        lambda folder: run(replace(default, citizens=given.citizens, rounds=given.rounds), folder), as_text, given.json
    )
    return 0 if result is not None and all(result["holds"].values()) else 1
