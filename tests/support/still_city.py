"""A small city a few days in, whose clock stands: what its portal shows can be recounted at leisure, for nothing moves.

The demo is played until two days' figures have reached the city's offices, and ended as a user ends it. Then gateway and portal
are started over what it left, with a clock that stands where the demo's ended.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from consent.control import AwayError, ControlClient
from gateway.audit.log.notes import Verifier
from gateway.audit.log.reader import LogReader
from gateway.audit.verify.trust import Anchors, open_checkpoint
from gateway.config import Installation, load_config
from tests.support.checkout import ROOT
from tests.support.counted_log import counted_log
from tests.support.mosquitto import running_mosquitto
from tests.support.ports import free_port
from tests.support.waiting import HANG_S

DAYS: Final = 2
"""Of so many days figures have left."""
_DAY_MS: Final = 86_400_000
_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class StillCity:
    """The city.

    Attributes:
        folder: As `sluice demo --dir` keeps it, with `portal.toml` and `gateway.toml`.
        place: The gateway's.
        vkey: Of its log.
        origin: Of its portal, without a slash at its end.
        portal_pid: Of the portal's process.
    """

    folder: Path
    place: Installation
    vkey: str
    origin: str
    portal_pid: int

    def call(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask at the operator's door."""
        with ControlClient(self.place.control_socket) as client:
            return client.call(method, params)


@contextmanager
def still_city(folder: Path) -> Iterator[StillCity]:
    """Play a city in an empty folder, and keep it as it is for the length of the context."""
    vkey = _play(folder / "city", folder / "outcome.json")
    place = _stopped_clock(folder / "city")
    broker = folder / "broker"
    broker.mkdir()
    with (
        running_mosquitto(broker, port=place.config.broker.port),
        running(folder / "city", "run", "--config", str(place.file)),
        portal_over(folder / "city", place) as (origin, pid),
    ):
        city = StillCity(folder / "city", place, vkey, origin, pid)
        _wait(city)
        yield city


def _play(folder: Path, outcome: Path) -> str:
    """Play the demo until figures of enough days have arrived; return the log's key."""
    command = [sys.executable, "-m", "gateway.cli", "demo", "--dir", str(folder), "--json", str(outcome)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        try:
            deadline_s = time.monotonic() + HANG_S
            while len(_days_of_figures(folder)) < DAYS:
                assert demo.poll() is None, "the demo ended"
                assert time.monotonic() < deadline_s, f"figures came of {_days_of_figures(folder)} alone"
                time.sleep(_LOOK_S)
            demo.send_signal(signal.SIGINT)
            printed, _ = demo.communicate(timeout=HANG_S)
        finally:
            if demo.poll() is None:
                demo.terminate()
    assert demo.returncode == 0, printed
    said: dict[str, Any] = json.loads(outcome.read_text())
    return str(said["log_vkey"])


def _days_of_figures(folder: Path) -> set[int]:
    """Return the days of which figures about homes have arrived."""
    found = set()
    for file in (folder / "received").glob("*/*.jsonl"):
        for line in file.read_text().splitlines():
            record = json.loads(line)
            if record["identity"] == "aggregate":
                found.add(record["phenomenonTime"][0] // _DAY_MS)
    return found


def _stopped_clock(folder: Path) -> Installation:
    """Have the clock stand at the log's latest time, as the gateway resumes it, and no entry come only because time passes."""
    config = folder / "gateway.toml"
    text, changed = re.subn(r"(?m)^rate = .*$", "rate = 0", config.read_text())
    text, silenced = re.subn(r"(?m)^\[audit\]$", "[audit]\nheartbeat_s = 86_400", text)
    assert changed == silenced == 1
    config.write_text(text)
    return load_config(config)


@contextmanager
def running(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command of `sluice` for the length of the context; what it complains of goes to a file named after it."""
    with (folder / f"{words[0]}.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(HANG_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def portal_over(folder: Path, place: Installation) -> Iterator[tuple[str, int]]:
    """Run a portal over a gateway's log and door; yield its origin and its process id."""
    port = free_port()
    values = {"log_folder": str(place.log), "door": str(place.portal_socket), "address": f"http://127.0.0.1:{port}", "port": port}
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    config = folder / "portal.toml"
    config.write_text("\n".join([*lines, "requests_per_minute = 0", ""]))
    with running(folder, "portal", "--config", str(config)) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        said = re.fullmatch(r"the portal is at (http://\S+)/\n", line)
        assert said is not None, line + (folder / "portal.log").read_text()
        yield said[1], process.pid


def _wait(city: StillCity) -> None:
    """Wait until the gateway has subscribed and the city's broker takes its bundles, and nothing waits to leave or be entered."""
    deadline_s = time.monotonic() + HANG_S
    while True:
        try:
            shown = city.call("status")
        except AwayError:
            shown = None
        if shown is not None and _is_at_rest(shown) and _published(city) >= shown["log"]["size"] and _is_booked(city, shown):
            return
        assert time.monotonic() < deadline_s, f"{shown}\n{(city.folder / 'run.log').read_text()[-2000:]}"
        time.sleep(_LOOK_S)


def _is_booked(city: StillCity, shown: dict[str, Any]) -> bool:
    """Return whether the log's latest books are those of the gateway, so that no entry is still to come."""
    assert city.place.openings is not None
    books = counted_log(city.place.log, city.place.openings, city.vkey, until_ms=0).books
    return bool(books) and books[-1][1] == {account: n for account, n in shown["ledger"].items() if n}


def _is_at_rest(shown: dict[str, Any]) -> bool:
    is_connected: bool = shown["broker"]["dry"] and all(sink["connected"] for sink in shown["sinks"].values())
    return is_connected and shown["outbox_rows"] == shown["bundles_under_way"] == 0


def _published(city: StillCity) -> int:
    """Return how many entries the published checkpoint covers."""
    checkpoint, _ = open_checkpoint(LogReader(city.place.log).checkpoint(), Anchors(Verifier.parse(city.vkey)))
    return checkpoint.size
