"""How long a withdrawal takes to bite in a gateway under load: from asking its control socket to the answer.

The answer comes when the withdrawal is committed and in force: the household is out of the open windows, and no bundle formed
afterwards holds anything of it. Meters go on publishing at a steady rate meanwhile. Each household grants again at once, so that
every withdrawal finds something to take out.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from firmware_sim.load import Load, meter_messages
from gateway.control.socket import ControlClient
from tests.bench.city import FIRST_READING_MS, bench_gateway
from tests.bench.consumers import BenchError
from tests.support.live import LiveGateway
from tests.support.mosquitto import running_mosquitto

SCOPE: Final = "purpose:energy-planning"
_SPACING_MS: Final = 300_000
_LONGEST_S: Final = 60


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure.

    Attributes:
        withdrawals: How many, each followed by a grant.
        pause_s: Between one pair and the next.
        meters: As many households.
        rate_per_s: Of readings.
    """

    withdrawals: int = 250
    pause_s: float = 0.08
    meters: int = 2000
    rate_per_s: int = 1500


def run(options: Options, folder: Path) -> dict[str, Any]:
    """Measure in an empty folder; return the figures as they are written to the file.

    Raises: BenchError: the load ended early, or nothing was withdrawn.
    """
    (folder / "broker").mkdir()
    with running_mosquitto(folder / "broker") as broker:
        live = bench_gateway(folder / "gateway", broker.port, options.meters)
        try:
            live.start().wait_ready()
            subjects = [device["subject"] for device in live.call("device.list")["devices"]]
            with _publishing(broker.port, options) as load:
                before = live.wait_until(lambda shown: _received(shown) >= options.meters)  # each household is in a window
                started_s = time.monotonic()
                withdrawals, grants, statuses = _ask(live, subjects, options)
                seconds = time.monotonic() - started_s
                if load.ended:
                    raise BenchError("the readings ended before the withdrawals did")
                received = _received(live.status()) - _received(before)
            withdrawn = live.status()["ledger"].get("pairs.withdrawn", 0)
        finally:
            live.end()
    if not withdrawn:
        raise BenchError("no withdrawal took anything out of an open window")
    return {
        "p50": _percentile(withdrawals, 50),
        "p99": _percentile(withdrawals, 99),
        "max": round(max(withdrawals), 1),
        "count": len(withdrawals),
        "status_p50": _percentile(statuses, 50),
        "status_p99": _percentile(statuses, 99),
        "p99_to_status": round(_percentile(withdrawals, 99) / _percentile(statuses, 99), 2),
        "grant_p50": _percentile(grants, 50),
        "grant_p99": _percentile(grants, 99),
        "readings_per_s": round(received / seconds),
        "pairs_withdrawn": withdrawn,
    }


class _Publishing:
    """Meters that publish in a thread of their own."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.ended = False

    def run(self) -> None:
        self.load.run(2.0 * _LONGEST_S)
        self.ended = True


@contextmanager
def _publishing(port: int, options: Options) -> Iterator[_Publishing]:
    count = options.rate_per_s * _LONGEST_S
    messages = meter_messages(count, options.meters, FIRST_READING_MS, _SPACING_MS)
    publishing = _Publishing(Load("127.0.0.1", port, messages, rate=options.rate_per_s))
    thread = threading.Thread(target=publishing.run, name="meters")
    thread.start()
    try:
        yield publishing
    finally:
        publishing.load.stop()
        thread.join()


def _ask(live: LiveGateway, subjects: Sequence[str], options: Options) -> tuple[list[float], list[float], list[float]]:
    """Withdraw, ask how things are and grant again, by turns; return what each took, in ms.

    Ends early rather than outlast the readings.
    """
    withdrawals: list[float] = []
    grants: list[float] = []
    statuses: list[float] = []
    deadline_s = time.monotonic() + _LONGEST_S * 0.8
    with ControlClient(live.place.control_socket) as client:
        for number in range(options.withdrawals):
            if time.monotonic() > deadline_s:
                break
            scope = {"subject": subjects[number * 7 % len(subjects)], "scope": SCOPE}
            turns: tuple[tuple[str, dict[str, Any], list[float]], ...] = (
                ("consent.withdraw", scope, withdrawals),
                ("status", {}, statuses),
                ("consent.grant", scope, grants),
            )
            for method, parameters, times in turns:
                sent_s = time.monotonic()
                client.call(method, parameters)
                times.append((time.monotonic() - sent_s) * 1000)
            time.sleep(options.pause_s)
    return withdrawals, grants, statuses


def _received(shown: dict[str, Any]) -> int:
    received: int = shown["ledger"].get("frames.received", 0)
    return received


def _percentile(values: Sequence[float], percent: int) -> float:
    return round(statistics.quantiles(values, n=100, method="inclusive")[percent - 1], 1)
