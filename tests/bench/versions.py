"""`ingest --against REV`: what it costs to take readings in, by the source tree as it stands and by an earlier revision.

Each version is a gateway of its own, with a broker of its own, in an environment that both share: the earlier one runs from
files of its revision in a temporary folder, and is set up by its own bench, so that neither module layout nor stored formats
need agree. Both get the same messages, and take turns in one run, each beginning every other round, so that what else goes on
in the machine meets both alike.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from consent.control import AwayError, ControlClient
from gateway.config import load_config
from tests.bench.consumers import BenchError, Turn
from tests.bench.timing import Message, Sample, in_words, measure, say
from tests.support.archives import extract
from tests.support.checkout import ROOT
from tests.support.mosquitto import running_mosquitto

NOT_SLOWER = 1.05
"""More than this share of the earlier version's CPU time, by the median of the rounds, is a finding."""

_SET_UP = """\
import sys
from pathlib import Path
from tests.bench.city import bench_gateway
from gateway.service import set_up_logging
set_up_logging()
print(bench_gateway(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])).config)
"""
"""Run by each version within its own tree: all that is asked of a revision is that its bench has this function."""

_SET_UP_S = 300.0
_START_S = 60.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Comparison:
    """What each version took, round by round, in bursts and at a steady rate."""

    new: list[Sample]
    old: list[Sample]
    steady_new: list[Sample]
    steady_old: list[Sample]


class Version:
    """A gateway that runs from a source tree."""

    def __init__(self, name: str, tree: Path, folder: Path, port: int) -> None:
        """Name it; ``running`` sets it up and starts it."""
        self.name = name
        self.port = port
        self._tree = tree
        self._folder = folder
        self._config = Path()
        self._socket = Path()
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self, devices: int) -> Iterator[Version]:
        """Run it with ``devices`` meters for the length of the context."""
        self._config = self._set_up(devices)
        self._socket = load_config(self._config).control_socket
        command = [sys.executable, "-m", "gateway.cli", "run", "--config", str(self._config)]
        with (
            (self._folder / "gateway.log").open("ab") as log,
            subprocess.Popen(command, cwd=self._tree, env=self._environment(), stdout=log, stderr=log) as process,
        ):
            self._process = process
            try:
                self._until(lambda shown: shown["broker"]["dry"], _START_S)
                yield self
            finally:
                process.kill()

    def _set_up(self, devices: int) -> Path:
        command = [sys.executable, "-c", _SET_UP, str(self._folder), str(self.port), str(devices)]
        done = subprocess.run(
            command, cwd=self._tree, env=self._environment(), capture_output=True, text=True, timeout=_SET_UP_S, check=False
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
            raise BenchError(f"`{self.name}` cannot be set up: {reason}")
        return Path(done.stdout.splitlines()[-1])

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self._tree)}

    @contextmanager
    def turn(self, count: int) -> Iterator[Turn]:
        """Leave it running as it is; a message has come when the ledger counts it, which is after its commit."""
        assert self._process is not None
        wanted = self.received() + count
        yield Turn(
            psutil.Process(self._process.pid),
            lambda timeout_s: self._until(lambda shown: shown["ledger"].get("frames.received", 0) >= wanted, timeout_s),
        )

    def received(self) -> int:
        """Return how many frames it has taken in."""
        return int(self._status()["ledger"].get("frames.received", 0))

    def counted(self) -> int:
        """Return how many pairs it has put into windows."""
        return int(self._status()["ledger"].get("pairs.contributed", 0))

    def _status(self) -> dict[str, Any]:
        with ControlClient(self._socket) as client:
            return client.call("status")

    def _until(self, condition: Any, timeout_s: float) -> None:
        assert self._process is not None
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                if condition(self._status()):
                    return
            except AwayError:
                if self._process.poll() is not None:
                    raise BenchError(f"`{self.name}` ended: {self._last_line()}") from None
            if time.monotonic() > deadline_s:
                raise BenchError(f"`{self.name}` was not done within {timeout_s:.0f} s")
            time.sleep(_POLL_S)

    def _last_line(self) -> str:
        return ((self._folder / "gateway.log").read_text(errors="replace").splitlines() or [""])[-1]


def commit_of(revision: str) -> str:
    """Return the short hash of a revision.

    Raises: BenchError: there is none of that name, or no repository.
    """
    return _git("rev-parse", "--short", "--verify", "--end-of-options", f"{revision}^{{commit}}").strip()


def check_out(revision: str, folder: Path) -> Path:
    """Write the files of a revision into an empty folder; return it."""
    archive = folder.with_suffix(".tar")
    _git("archive", "--format=tar", f"--output={archive}", revision)
    extract(archive, folder)
    archive.unlink()
    return folder


def _git(*arguments: str) -> str:
    try:
        return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True).stdout
    except OSError as error:
        raise BenchError(f"git cannot be run: {(error.strerror or str(error)).lower()}") from error
    except subprocess.CalledProcessError as failed:
        reason = (failed.stderr.strip().splitlines() or [""])[-1]
        raise BenchError(f"git {arguments[0]}: {reason}") from failed


def compare(
    revision: str, folder: Path, devices: int, rounds: list[list[Message]], steady: list[list[Message]], rate: float
) -> dict[str, Any]:
    """Run both versions by turns in an empty folder; return the result as it is written to the file.

    Args:
        revision: Of this repository.
        folder: Empty.
        devices: Meters, each with a subject of its own.
        rounds: The messages of each round, which are sent as fast as they are taken.
        steady: Those of rounds at a steady rate.
        rate: Messages per second in the latter.
    """
    commit = commit_of(revision)
    tree = check_out(commit, folder / "tree")
    with ExitStack() as stack:
        versions = []
        for name, source in (("new", ROOT), (commit, tree)):
            (folder / f"broker-{name}").mkdir()
            broker = stack.enter_context(running_mosquitto(folder / f"broker-{name}"))
            versions.append(stack.enter_context(Version(name, source, folder / name, broker.port).running(devices)))
            say(f"{name} is set up: {devices} devices and subjects")
        new, old = versions
        bursts = _alternating(new, old, rounds, None)
        steadies = _alternating(new, old, steady, rate)
        sent = sum(map(len, [*rounds, *steady]))
        unequal = new.received() != sent or old.received() != sent or new.counted() != old.counted()
    return _result(commit, Comparison(*bursts, *steadies), unequal=unequal)


def _alternating(
    new: Version, old: Version, rounds: list[list[Message]], rate: float | None
) -> tuple[list[Sample], list[Sample]]:
    samples: dict[str, list[Sample]] = {new.name: [], old.name: []}
    for number, messages in enumerate(rounds):
        for version in (new, old) if number % 2 else (old, new):
            sample = measure(version, messages, rate)
            samples[version.name].append(sample)
            say(f"{'steady' if rate else 'round'} {number + 1}  {version.name:<10} {in_words(sample)}")
    return samples[new.name], samples[old.name]


def _result(commit: str, compared: Comparison, *, unequal: bool) -> dict[str, Any]:
    burst = _figures(compared.new, compared.old)
    steady = _figures(compared.steady_new, compared.steady_old) if compared.steady_new else None
    holds = {"both take all readings in, alike": not unequal, "burst": burst["ratio"] <= NOT_SLOWER}
    return {"against": commit, "burst": burst, "steady": steady, "at_most": NOT_SLOWER, "holds": holds}


def _figures(new: list[Sample], old: list[Sample]) -> dict[str, Any]:
    ratios = [ours.cpu_s / theirs.cpu_s for ours, theirs in zip(new, old, strict=True)]
    costs = {name: [sample.cpu_s_per_100k for sample in samples] for name, samples in (("new", new), ("old", old))}
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    medians = {name: statistics.median(values) for name, values in costs.items()}
    return {
        "new_cpu_s_per_100k": round(medians["new"], 3),
        "old_cpu_s_per_100k": round(medians["old"], 3),
        "ratio": round(medians["new"] / medians["old"], 3),
        "quartiles": [round(low, 3), round(high, 3)],
        "rounds": {name: [round(value, 3) for value in values] for name, values in costs.items()},
    }


def comparison_text(result: dict[str, Any]) -> str:
    """Return a result as a small table."""
    lines = [f"CPU-s per 100k readings   {'now':>8}{result['against']:>10}{'ratio':>8}   middle half of the rounds"]
    for name in ("burst", "steady"):
        if (part := result[name]) is None:
            continue
        low, high = part["quartiles"]
        spread = f"{low:.2f} to {high:.2f}"
        lines.append(
            f"{name:<26}{part['new_cpu_s_per_100k']:>8.3f}{part['old_cpu_s_per_100k']:>10.3f}{part['ratio']:>7.2f}x   {spread}"
        )
    verdicts = "  ".join(f"{what}: {'holds' if well else 'FAILS'}" for what, well in result["holds"].items())
    lines.append(f"at most {result['at_most']:.2f}x: {verdicts}")
    return "\n".join(lines) + "\n"
