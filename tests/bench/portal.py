"""`portal`: what a page of the portal weighs and costs, and that a hundred readers take nothing from the gateway's readings.

Pages are those of a played demo city, each asked for many times, one after another; what counts is the operating system's account
of the portal's process. Then a gateway takes readings in at a steady rate, by turns with a hundred readers of its portal and
without; what counts is the gateway's own CPU time for a reading, with what it answers to the portal in it. At the same rate
households stop everything, each in one tap (``portal_withdrawal``); and a process shows what the previews of ten thousand take
(``portal_previews``).
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil  # type: ignore[import-untyped]

from consent.core.languages import LANGUAGES
from firmware_sim.load import meter_messages
from gateway.service import set_up_logging
from tests.bench import portal_withdrawal
from tests.bench.city import FIRST_READING_MS, bench_gateway
from tests.bench.consumers import BenchError, Gateway
from tests.bench.ingest import SPACING_MS
from tests.bench.portal_previews import HOUSEHOLDS, extra_rss_mib
from tests.bench.report import reported
from tests.bench.timing import Message, cpu_s, measure, say
from tests.support.addresses import MISSING, all_pages, one_of_each
from tests.support.checkout import ROOT
from tests.support.live import LiveGateway
from tests.support.memory import peak_kib
from tests.support.mosquitto import running_mosquitto
from tests.support.still_city import portal_over, still_city
from tests.support.waiting import HANG_S

RATE: Final = 1500
MOST: Final = {
    "max_page_kib": 60.0,
    "max_page_cpu_ms": 20.0,
    "peak_rss_mib": 90.0,
    "lost": 0,
    "failed_pages": 0,
    "intake_ratio": 1.05,
    "withdrawal_ms.p99": 1000.0,
    "in_later_bundles": 0,
    "gateway_extra_rss_mib": 24.0,
}
"""What must hold: no figure is above this; one of several by its name after a dot."""
_PAUSE_S: Final = 5.0
_WARM: Final = 3
_PARTS: Final = re.compile(r'<(?:link rel="(?:stylesheet|icon)" href|script [^>]*?src)="([^"]+)"')
_FONT: Final = re.compile(r"url\(([^)\"']+\.woff2)\)")
_READ: Final = ("/", "/flows/hourly", "/balance", "/check", "/places/quay", "/rules", "/paper")
"""What readers of the second city read."""


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure.

    Attributes:
        requests: Of each page.
        readers: At once.
        rounds: Of a turn with readers and one without.
        turn_s: How long each takes.
        devices: Meters, each of a home of its own.
        withdrawals: Of as many homes.
    """

    requests: int = 60
    readers: int = 100
    rounds: int = 8
    turn_s: int = 6
    devices: int = 2000
    withdrawals: int = 250


# what a page weighs and costs


def measure_pages(folder: Path, options: Options) -> dict[str, Any]:
    """Return the largest page, the dearest one, and the most memory that the portal held."""
    say("playing a small city, for about half a minute")
    with still_city(folder) as city:
        port = int(city.origin.rpartition(":")[2])
        weights = {path: weight(port, path) for path in _in_all_languages(all_pages(city))}
        costs = {}
        for path in one_of_each(city):
            costs[path] = _cost_ms(city.portal_pid, port, path, options.requests) if path != MISSING else 0.0
            say(f"{path:<28} {weights[f'{path}?lang=en'] / 1024:6.1f} KiB {costs[path]:6.2f} ms")
        heaviest, dearest = max(weights, key=weights.__getitem__), max(costs, key=costs.__getitem__)
        return {
            "max_page_kib": round(weights[heaviest] / 1024, 1),
            "max_page": heaviest,
            "max_page_cpu_ms": round(costs[dearest], 2),
            "max_cpu_page": dearest,
            "peak_rss_mib": round(peak_kib(city.portal_pid) / 1024, 1),
            "pages": {
                path: {"kib": round(weights[f"{path}?lang=en"] / 1024, 1), "cpu_ms": round(costs[path], 2)} for path in costs
            },
        }


def _in_all_languages(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        for language in LANGUAGES:
            yield f"{path}?lang={language}"


def weight(port: int, path: str) -> int:
    """Return the bytes that a first visit to a page transfers: bodies as sent, of the page, its style, font, scripts and icon."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANG_S)
    try:
        sent, text = _sent(connection, path)
        for part in dict.fromkeys(_PARTS.findall(text)):
            more, style = _sent(connection, part)
            sent += more
            for font in _FONT.findall(style) if ".css" in part else ():
                sent += _sent(connection, f"{part.rpartition('/')[0]}/{font}")[0]
        return sent
    finally:
        connection.close()


def _sent(connection: http.client.HTTPConnection, path: str) -> tuple[int, str]:
    """Return how many bytes a body takes as sent, and the body as text."""
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
    response = connection.getresponse()
    body = response.read()
    if response.status not in (200, 404):
        raise BenchError(f"`{path}`: status {response.status}")
    plain = gzip.decompress(body) if response.headers["content-encoding"] == "gzip" else body
    return len(body), plain.decode(errors="replace")


def _cost_ms(pid: int, port: int, path: str, requests: int) -> float:
    """Return the CPU time of the portal's process for a page, the mean of many, one after another."""
    process = psutil.Process(pid)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANG_S)
    try:
        for _ in range(_WARM):
            _sent(connection, path)
        before_s = cpu_s(process)
        for _ in range(requests):
            _sent(connection, path)
        return (cpu_s(process) - before_s) / requests * 1000
    finally:
        connection.close()


# what readers take from the gateway


def measure_intake(folder: Path, options: Options) -> dict[str, Any]:
    """Return what a reading costs the gateway with readers and without, in turns, and whether any was lost."""
    (folder / "broker").mkdir(parents=True)
    say(f"{options.devices} homes; {RATE} readings/s, by turns with {options.readers} readers and without")
    with running_mosquitto(folder / "broker") as broker:
        live = bench_gateway(folder / "gateway", broker.port, options.devices)
        try:
            live.start().wait_ready()
            with portal_over(live.folder, live.place) as (origin, pid):
                return _turns(Gateway(live, broker), live, (int(origin.rpartition(":")[2]), pid), options)
        finally:
            live.end()


def _turns(gateway: Gateway, live: LiveGateway, portal: tuple[int, int], options: Options) -> dict[str, Any]:
    port, pid = portal
    size = RATE * options.turn_s
    messages = meter_messages(2 * options.rounds * size + size // 4, options.devices, FIRST_READING_MS, SPACING_MS)
    parts = (messages[at : at + size] for at in range(size // 4, len(messages), size))
    measure(gateway, messages[: size // 4], rate=RATE)  # what a first reading alone costs
    rounds: list[dict[str, float]] = []
    pages, failures = 0, 0
    for number in range(options.rounds):
        found: dict[str, float] = {}
        for with_readers in (True, False) if number % 2 else (False, True):
            part: Sequence[Message] = next(parts)
            if with_readers:
                with reading(port, options.readers) as got:
                    found["with"] = measure(gateway, part, rate=RATE).cpu_s_per_100k
                pages, failures = pages + got["pages"], failures + sum(got["failures"].values())
            else:
                found["without"] = measure(gateway, part, rate=RATE).cpu_s_per_100k
        rounds.append(found)
        say(f"round {number + 1}  with {found['with']:.2f}  without {found['without']:.2f} CPU-s per 100k  {pages} pages so far")
    received = live.status()["ledger"]["frames.received"]
    return {
        "readers": options.readers,
        "readings_per_s": RATE,
        "intake_ratio": round(statistics.median(one["with"] / one["without"] for one in rounds), 3),
        "lost": len(messages) - received,
        "read_pages": pages,
        "failed_pages": failures,
        "peak_rss_mib": round(peak_kib(pid) / 1024, 1),
        "rounds": [{name: round(cost, 3) for name, cost in one.items()} for one in rounds],
    }


@contextmanager
def reading(port: int, readers: int) -> Iterator[dict[str, Any]]:
    """Have readers read for the length of the context; what they got stands in the mapping afterwards."""
    command = [sys.executable, "-m", "tests.bench.portal_readers", str(port), str(readers), str(_PAUSE_S), *_READ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    got: dict[str, Any] = {}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()  # they have begun
            yield got
        finally:
            process.terminate()
            said, _ = process.communicate(timeout=HANG_S)
        got.update(json.loads(said))


# the command


def run(options: Options, folder: Path) -> dict[str, Any]:
    """Run the bench in an empty folder; return the result as it is written to the file."""
    (folder / "played").mkdir()
    pages = measure_pages(folder / "played", options)
    intake = measure_intake(folder / "intake", options)
    say(f"{options.withdrawals} homes stop everything while {RATE} readings/s come in")
    withdrawals = portal_withdrawal.measure(
        folder / "withdrawals", portal_withdrawal.Options(options.withdrawals, meters=options.devices, rate_per_s=RATE)
    )
    say(f"previews of {HOUSEHOLDS} homes")
    result = {
        **pages,
        **intake,
        "peak_rss_mib": max(pages["peak_rss_mib"], intake["peak_rss_mib"]),
        **withdrawals,
        "gateway_extra_rss_mib": extra_rss_mib(),
    }
    return {**result, "holds": {name: figure_of(result, name) <= most for name, most in MOST.items()}}


def figure_of(result: dict[str, Any], name: str) -> float:
    """Return a figure of a result; of one that is several, the one that is named after a dot."""
    name, _, part = name.partition(".")
    figure: float = result[name][part] if part else result[name]
    return figure


def as_text(result: dict[str, Any]) -> str:
    """Return a result as a few lines."""
    lines = [
        f"{'holds' if result['holds'][name] else 'FAILS'}  {name:<21} {figure_of(result, name):>8}   at most {most:g}"
        for name, most in MOST.items()
    ]
    lines.append(
        f"largest page {result['max_page']}, dearest {result['max_cpu_page']}; {result['read_pages']} pages read meanwhile"
    )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Run the command; return the exit status: 1 where something does not hold."""
    set_up_logging()
    default = Options()
    parser = argparse.ArgumentParser(
        prog="./dev bench portal", description="what pages weigh and cost, and readers beside readings"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there")
    parser.add_argument("--requests", type=int, default=default.requests, help="of each page (default %(default)s)")
    parser.add_argument("--readers", type=int, default=default.readers, help="at once (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=default.rounds, help="with readers and without (default %(default)s)")
    parser.add_argument("--turn-s", type=int, default=default.turn_s, help="how long each is (default %(default)s)")
    parser.add_argument("--devices", type=int, default=default.devices, help="meters (default %(default)s)")
    parser.add_argument("--withdrawals", type=int, default=default.withdrawals, help="of homes (default %(default)s)")
    given = parser.parse_args(arguments)
    options = Options(given.requests, given.readers, given.rounds, given.turn_s, given.devices, given.withdrawals)
    result = reported(lambda folder: run(options, folder), as_text, given.json)
    return 0 if result is not None and all(result["holds"].values()) else 1
