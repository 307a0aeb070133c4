"""`ingest`: what it costs to take readings in, for the gateway and for processes that merely receive, on the same messages.

Meters publish JSON readings at QoS 1 to a real Mosquitto. The gateway decides, accounts and commits each of them for three
flows before it acknowledges it; `mosquitto_sub`, a bare paho subscriber and Mosquitto's own bridge receive and acknowledge. What
counts is the operating system's account of each process between just before the first message and when all are through; the
rounds are interleaved, so that what else goes on in the machine meets all alike. Only the ratios mean anything elsewhere.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware_sim.load import meter_messages
from gateway.service import set_up_logging
from tests.bench.city import FIRST_READING_MS, FLOWS, bench_gateway
from tests.bench.consumers import LOG_SUBSCRIPTIONS, Bridge, Consumer, Gateway, MosquittoSub, Paho
from tests.bench.report import reported
from tests.bench.timing import Message, Sample, in_words, measure, say
from tests.bench.versions import compare, comparison_text
from tests.support.live import LiveGateway
from tests.support.memory import peak_kib
from tests.support.mosquitto import running_mosquitto

SPACING_MS = 300_000
"""From one reading of a meter to its next: some begin an hour's window, most go on in one."""

STEADY_RATE = 1000


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure.

    Attributes:
        readings: In a round.
        devices: Meters, each with a subject of its own.
        rounds: Of which the median counts.
        steady_s: How long to send at a steady rate at the end; 0: not at all.
    """

    readings: int = 100_000
    devices: int = 10_000
    rounds: int = 3
    steady_s: int = 20


def run(options: Options, folder: Path) -> dict[str, Any]:
    """Run the bench in an empty folder; return the result as it is written to the file."""
    for name in ("gateway-broker", "broker"):
        (folder / name).mkdir()
    with (
        running_mosquitto(folder / "gateway-broker") as own,
        running_mosquitto(folder / "broker", extra=LOG_SUBSCRIPTIONS) as broker,
    ):
        say(f"{options.devices} devices and subjects, {FLOWS} flows each")
        live = bench_gateway(folder / "gateway", own.port, options.devices)
        messages = _messages(options)
        try:
            live.start().wait_ready()
            consumers: list[Consumer] = [Gateway(live, own), MosquittoSub(broker), Paho(broker), Bridge(broker, folder)]
            rounds = _rounds(consumers, messages, options)
            steady = _steady(consumers[:2], messages[options.rounds * options.readings :])
            return {**_result(rounds, _outcome(live, len(messages)), options), "steady_1000": steady}
        finally:
            live.end()


def _messages(options: Options) -> list[Message]:
    """Return the readings of all rounds: a meter's sequence goes on from one to the next, so that none is a replay."""
    count = options.rounds * options.readings + options.steady_s * STEADY_RATE
    return meter_messages(count, options.devices, FIRST_READING_MS, SPACING_MS)


def _rounds(consumers: list[Consumer], messages: list[Message], options: Options) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = {consumer.name: [] for consumer in consumers}
    for number in range(options.rounds):
        part = messages[number * options.readings : (number + 1) * options.readings]
        for consumer in consumers:
            sample = measure(consumer, part)
            samples[consumer.name].append(sample)
            say(f"round {number + 1}  {consumer.name:<16} {in_words(sample)}")
    return samples


def _steady(consumers: Iterable[Consumer], messages: list[Message]) -> dict[str, Any]:
    """Measure at a steady rate, where every message is a wake-up of its own."""
    figures: dict[str, Any] = {}
    for consumer in consumers if messages else ():
        sample = measure(consumer, messages, rate=STEADY_RATE)
        say(f"steady   {consumer.name:<16} {in_words(sample)}")
        figures[consumer.name] = {"cpu_s_per_100k": round(sample.cpu_s_per_100k, 3)}
    return figures


def _outcome(live: LiveGateway, published: int) -> dict[str, Any]:
    """Return what became of the readings by the gateway's ledger, and the most memory that it ever held."""
    ledger = live.status()["ledger"]
    assert live.process is not None
    received = ledger.get("frames.received", 0) - ledger.get("frames.rejected.redelivered", 0)
    contributed = ledger.get("pairs.contributed", 0)
    return {
        "peak_rss_mib": round(peak_kib(live.process.pid) / 1024, 1),
        "lost": max(0, published - received, published - contributed // FLOWS),
        "duplicated": max(0, received - published, -(-contributed // FLOWS) - published),
    }


def _result(rounds: dict[str, list[Sample]], outcome: dict[str, Any], options: Options) -> dict[str, Any]:
    cost = {name: statistics.median(sample.cpu_s_per_100k for sample in samples) for name, samples in rounds.items()}
    speed = statistics.median(sample.readings / sample.seconds for sample in rounds["gateway"])
    figures = {name: {"cpu_s_per_100k": round(cpu_s, 3)} for name, cpu_s in cost.items()}
    return {
        **figures,
        "gateway": {**figures["gateway"], "readings_per_s": round(speed), **outcome},
        "ratio_to_mosquitto_sub": _ratio(cost["gateway"], cost["mosquitto_sub"]),
        "ratio_to_paho": _ratio(cost["gateway"], cost["paho"]),
        "ratio_to_bridge": _ratio(cost["gateway"], cost["mosquitto_bridge"]),
        "readings": options.readings,
        "devices": options.devices,
        "rounds": {name: [round(sample.cpu_s_per_100k, 3) for sample in samples] for name, samples in rounds.items()},
    }


def _ratio(ours: float, theirs: float) -> float | None:
    """Return a ratio; None where there was so little to do that the operating system's clock did not see it."""
    return round(ours / theirs, 3) if theirs else None


def as_text(result: dict[str, Any]) -> str:
    """Return a result as a small table."""
    gateway = result["gateway"]
    ratios = {"mosquitto_sub": "ratio_to_mosquitto_sub", "paho": "ratio_to_paho", "mosquitto_bridge": "ratio_to_bridge"}
    lines = [f"{'':<18}{'CPU-s per 100k':>16}{'gateway is':>14}   rounds"]
    for name, rounds in result["rounds"].items():
        ratio = result[ratios[name]] if name in ratios else None
        against = f"{ratio:.2f} ×" if ratio is not None else ""
        lines.append(
            f"{name:<18}{result[name]['cpu_s_per_100k']:>16.2f}{against:>14}   {' '.join(f'{cpu_s:.2f}' for cpu_s in rounds)}"
        )
    lines += [f"{name + ' at 1000/s':<26}{steady['cpu_s_per_100k']:>8.2f}" for name, steady in result["steady_1000"].items()]
    lines.append(
        f"gateway: {gateway['readings_per_s']} readings/s, peak {gateway['peak_rss_mib']} MiB, "
        f"{gateway['lost']} lost, {gateway['duplicated']} duplicated"
    )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Run the command; return the exit status: 1 when readings were lost or counted twice, or a round came to nothing."""
    set_up_logging()
    default = Options()
    parser = argparse.ArgumentParser(
        prog="./dev bench ingest", description="what taking readings in costs, against what merely receives"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there")
    parser.add_argument("--readings", type=int, default=default.readings, help="in a round (default %(default)s)")
    parser.add_argument("--devices", type=int, default=default.devices, help="meters and subjects (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=default.rounds, help="of which the median counts (default %(default)s)")
    parser.add_argument(
        "--steady-s", type=int, default=default.steady_s, help="seconds at 1,000 readings/s (default %(default)s)"
    )
    parser.add_argument("--against", metavar="REV", help="compare with an earlier revision instead, both by turns in one run")
    given = parser.parse_args(arguments)
    options = Options(given.readings, given.devices, given.rounds, given.steady_s)
    if given.against is not None:
        return _against(given.against, options, given.json)
    result = reported(lambda folder: run(options, folder), as_text, given.json)
    return 1 if result is None or result["gateway"]["lost"] or result["gateway"]["duplicated"] else 0


def _against(revision: str, options: Options, file: Path | None) -> int:
    """Compare with an earlier revision; return the exit status: 1 when the present one takes more, or either lost something."""
    messages, size = _messages(options), options.readings
    bursts = [messages[n * size : (n + 1) * size] for n in range(options.rounds)]
    rest = messages[options.rounds * size :]
    share = len(rest) // options.rounds
    steady = [rest[n * share : (n + 1) * share] for n in range(options.rounds)] if share else []
    result = reported(
        lambda folder: compare(revision, folder, options.devices, bursts, steady, STEADY_RATE), comparison_text, file
    )
    return 0 if result is not None and all(result["holds"].values()) else 1
