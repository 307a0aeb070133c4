"""How long a household's *stop everything* takes in a gateway under load: from the line at the portal's socket to its answer.

Households come in by their letters, as from a portal; then meters publish at a steady rate, and household after household
withdraws all of its answers by its session. Each meter's readings leave one by one among other flows, so that at every tick a
bundle holds something of the households that have not withdrawn; afterwards each household's own list of releases shows that no
bundle which was formed later holds anything of it.
"""

from __future__ import annotations

import json
import socket
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from firmware_sim.load import Load, meter_messages
from tests.bench.city import FIRST_READING_MS, POLICIES, bench_households
from tests.bench.consumers import BenchError
from tests.support.live import LiveGateway
from tests.support.mosquitto import running_mosquitto
from tests.support.waiting import HANG_S

_SPACING_MS: Final = 300_000
_LONGEST_S: Final = 90
_PORTAL: Final = '\n[portal]\naddress = "http://localhost:8080"\n'
_TICK_MS: Final = 1000
_LOOK_S: Final = 0.05
_SINGLY: Final = """
[flow.readings]
title = { en = "Electricity used, reading by reading" }
why = { en = "To have something of each household in every bundle" }
properties = ["consumption"]
purpose = "energy-planning"
recipient = "city-energy"
ask = { identity = "per-record", time = "15min", space = "district", precision = { consumption = 0.1 }, retention = 30 }
"""


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure.

    Attributes:
        withdrawals: Of as many households.
        pause_s: Between one and the next.
        meters: As many households in all.
        rate_per_s: Of readings.
    """

    withdrawals: int = 250
    pause_s: float = 0.08
    meters: int = 2000
    rate_per_s: int = 1500


class Door:
    """A connection to the portal's socket, of whoever brings a session or none."""

    def __init__(self, path: Path) -> None:
        """Connect."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(HANG_S)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rb")
        self._asked = 0

    def ask(self, method: str, session: str = "", request: str = "", **params: Any) -> dict[str, Any]:
        """Ask, and return the answer.

        Raises: BenchError: it is refused.
        """
        self._asked += 1
        line = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        line |= {key: value for key, value in (("session", session), ("request", request)) if value}
        self._socket.sendall(json.dumps(line).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self._file.readline() or b"{}")
        if "result" not in answer:
            raise BenchError(f"`{method}` was refused: {answer.get('error')}")
        result: dict[str, Any] = answer["result"]
        return result

    def __enter__(self) -> Self:
        """Use as a context."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the connection."""
        self._file.close()
        self._socket.close()


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A household that withdrew: how long that took, by its own clock, and the last of its entries in the record."""

    session: str
    took_ms: float
    log_index: int


def measure(folder: Path, options: Options) -> dict[str, Any]:
    """Measure in a new folder; return the figures as they are written to the file.

    Raises: BenchError: the load ended early, nothing of the households ever left, or something did after they had withdrawn.
    """
    (folder / "broker").mkdir(parents=True)
    policies = {**POLICIES, "city.toml": POLICIES["city.toml"] + _SINGLY}
    with running_mosquitto(folder / "broker") as broker:
        live, letters = bench_households(
            folder / "gateway", broker.port, options.meters, policies=policies, extra=_PORTAL, tick_ms=_TICK_MS
        )
        try:
            live.start().wait_ready()
            with Door(live.place.portal_socket) as door:
                sessions = [_come_in(door, code) for code in letters[: options.withdrawals]]
                with _publishing(broker.port, options) as ended:
                    live.wait_until(lambda shown: _received(shown) >= 2 * options.meters)
                    _wait_until_left(door, sessions)
                    before = live.status()
                    started_s = time.monotonic()
                    found = list(_withdraw(door, sessions, options.pause_s))
                    seconds = time.monotonic() - started_s
                    if ended.is_set():
                        raise BenchError("the readings ended before the withdrawals did")
                    after = live.status()
                    _wait_for_bundles(live, after)
                return {
                    "withdrawal_ms": _figures([one.took_ms for one in found]),
                    "withdrawal_readings_per_s": round((_received(after) - _received(before)) / seconds),
                    **_left(door, found),
                }
        finally:
            live.end()


def _come_in(door: Door, code: str) -> str:
    """Come in by a letter and with a paper code, and return the session; a withdrawal takes no more."""
    looked = door.ask("claim.look", code=code)
    token: str = door.ask("claim.confirm", code=code, challenge=looked["challenge"])["token"]
    return token


def _withdraw(door: Door, sessions: Sequence[str], pause_s: float) -> Iterator[Withdrawn]:
    for number, session in enumerate(sessions):
        request = f"{number:032x}"
        sent_s = time.monotonic()
        answer = door.ask("consent.less", session, request, step="withdraw")
        took_ms = (time.monotonic() - sent_s) * 1000
        if not answer["changes"]:
            raise BenchError("a household had nothing to withdraw")
        yield Withdrawn(session, took_ms, max(change["log_index"] for change in answer["changes"]))
        time.sleep(pause_s)


def _wait_until_left(door: Door, sessions: Sequence[str]) -> None:
    """Wait until something of each household has been in a bundle."""
    deadline_s = time.monotonic() + HANG_S
    for session in sessions:
        while not _releases(door, session):
            if time.monotonic() > deadline_s:
                raise BenchError("nothing of a household left, so that nothing shows")
            time.sleep(_LOOK_S)


def _releases(door: Door, session: str) -> list[int]:
    """Return the numbers of the bundles that held something of a household, of the one that asks whatever is named."""
    told = door.ask("consent.releases", session, subject="00" * 16)["releases"]
    return [one["log_index"] for one in told]


def _wait_for_bundles(live: LiveGateway, after: dict[str, Any]) -> None:
    """Wait until bundles were formed after the last withdrawal."""
    formed = after["ledger"].get("bundles.formed", 0)
    live.wait_until(lambda shown: shown["ledger"].get("bundles.formed", 0) >= formed + 3)


def _left(door: Door, found: Sequence[Withdrawn]) -> dict[str, Any]:
    """Return how many households had something in a bundle, and how many in one that was formed after they withdrew."""
    before = after = 0
    for one in found:
        releases = _releases(door, one.session)
        before += any(index < one.log_index for index in releases)
        after += any(index > one.log_index for index in releases)
    if not before:
        raise BenchError("nothing of any household had left, so that nothing shows")
    return {"households_in_bundles": before, "in_later_bundles": after}


@contextmanager
def _publishing(port: int, options: Options) -> Iterator[threading.Event]:
    """Publish meanwhile; the event says that all has been published."""
    count = options.rate_per_s * _LONGEST_S
    load = Load("127.0.0.1", port, meter_messages(count, options.meters, FIRST_READING_MS, _SPACING_MS), rate=options.rate_per_s)
    ended = threading.Event()

    def run() -> None:
        load.run(2.0 * _LONGEST_S)
        ended.set()

    thread = threading.Thread(target=run, name="meters")
    thread.start()
    try:
        yield ended
    finally:
        load.stop()
        thread.join()


def _received(shown: dict[str, Any]) -> int:
    received: int = shown["ledger"].get("frames.received", 0)
    return received


def _figures(values: Sequence[float]) -> dict[str, float]:
    percentiles = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": round(percentiles[49], 1), "p99": round(percentiles[98], 1)}
