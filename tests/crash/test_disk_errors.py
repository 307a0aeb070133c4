"""A failing disk, system call by system call: each write, sync, rename, truncation and removal of a process that writes a log
fails once, for want of room or for good, or is the last thing that the process does.

The tracer (``strace``) lets the call fail and says so; then the process is started again, and all that it had said or published
must be there.
"""

from __future__ import annotations

import asyncio
import functools
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.audit.verify.verify import verify_folder
from gateway.config import load_config
from gateway.durable.configured import start
from tests.crash.published import check_heads, published_head
from tests.crash.town import POLICIES
from tests.support.checking import check_here
from tests.support.checkout import ROOT
from tests.support.live import LiveGateway
from tests.support.waiting import HANG_S

CALLS = ("pwrite64", "write", "fsync", "fdatasync", "rename", "unlink", "ftruncate", "mkdir", "rmdir", "fallocate")
KILL = "signal=SIGKILL"
FAULTS = (KILL, "error=EIO", "error=ENOSPC")
AT_ONCE = 2
NOT_TOLD = re.compile(r"unlink\(|fdatasync\(\d+<[^>]*/state>|-shm>")
"""Failures that SQLite keeps to itself, and that cost nothing: it removes files that are done with when it closes the database,
syncs the folder, which the store does once more, and tries again to get the memory that it shares with itself."""
NOT_WAITED_FOR = re.compile(r"sync\(|truncate\(|mkdir\(|-journal[>\"]|-shm>|log\.vkey|/sluice.db>, \"SQLite format")
"""Where even want of room ends the process: what a failed sync has kept nobody knows, and a first start waits for nothing."""
SAMPLED_EVERY = 61


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a traced run ended.

    Attributes:
        said: The log's sizes that it said were durable.
        printed: What it printed besides.
        trace: What the tracer saw.
    """

    status: int
    said: list[int]
    printed: str
    trace: str


@functools.cache
def why_not() -> str:
    """Return why this machine lets nobody trace, empty where it does."""
    if shutil.which("strace") is None:
        return "no strace here"
    tried = subprocess.run(["strace", "-f", "true"], capture_output=True, text=True, timeout=HANG_S, check=False)
    return "" if tried.returncode == 0 else f"tracing is not permitted here: {tried.stderr.strip().splitlines()[-1]}"


@pytest.fixture
def fresh(tmp_path: Path) -> LiveGateway:
    """Return a gateway that has never run; skip where nobody may trace."""
    if reason := why_not():
        pytest.skip(reason)
    return LiveGateway(tmp_path / "fresh", 1, policies=POLICIES)


def traced(folder: Path, *inject: str) -> Outcome:
    """Run the process that writes a log, under the tracer."""
    trace = folder / "trace"
    tracer = ["strace", "-f", "-y", "-o", str(trace), "-e", f"trace={','.join(CALLS)}", *inject]
    command = [*tracer, sys.executable, "-B", "-m", "tests.crash.log_writer", str(folder / "gateway.toml")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=HANG_S, check=False)
    return Outcome(ran.returncode, [int(line) for line in ran.stdout.splitlines()], ran.stderr, trace.read_text())


def points(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield each call of a whole run: its name, and which of its thread's it is."""
    trace = traced(folder).trace
    by_thread = Counter(tuple(line.split("(")[0].split()) for line in trace.splitlines() if "(" in line)
    for call in CALLS:
        for number in range(max((n for (_, name), n in by_thread.items() if name == call), default=0)):
            yield call, number + 1


def fail_at(fresh: LiveGateway, folder: Path, call: str, number: int, fault: str) -> Outcome:
    """Let one call fail, start again, and check that nothing said or published is lost; return how the first run ended."""
    shutil.copytree(fresh.folder, folder)
    log, state = folder / "state" / "log", folder / "state"
    at_those_alone = [] if fault == KILL else ["--seccomp-bpf"]  # a third of the time, but then no signal is injected
    outcome = traced(folder, *at_those_alone, "-e", f"inject={call}:{fault}:when={number}")
    where = f"{call} {number}, {fault}: exit {outcome.status}\n{outcome.printed}"
    injected = "killed by SIGKILL" if fault == KILL else "(INJECTED)"
    assert injected in outcome.trace, f"nothing was injected: {where}"
    _check_end(outcome, fault, where)
    head = published_head(log, fresh.vkey)
    try:
        entries = asyncio.run(_started_again(fresh, folder))
    except Exception as error:
        error.add_note(where)
        raise
    assert len(entries) >= max(outcome.said, default=0), where
    check_heads([] if head is None else [head], entries)
    report = verify_folder(log, fresh.vkey, state / "openings")
    assert report.ok, f"{where}\n{report.to_text()}"
    assert report.size == len(entries), where
    shutil.rmtree(folder)
    return outcome


async def _started_again(fresh: LiveGateway, folder: Path) -> list[bytes]:
    """Start a gateway on what a run has left, and end it in order; return the log's entries."""
    place = load_config(folder / "gateway.toml")
    durable = await start(place, fresh.keys, check=check_here)
    try:
        return [entry async for entry in durable.store.reader.entries()]
    finally:
        await durable.close()


def _check_end(outcome: Outcome, fault: str, where: str) -> None:
    """Check that the process ended as it must: killed, or with one line of reason, or, for want of room, well."""
    if fault == KILL:
        return
    assert "Traceback" not in outcome.printed, where
    failed = next(line for line in outcome.trace.splitlines() if "(INJECTED)" in line)
    if outcome.status == 0:
        assert fault == "error=ENOSPC" or NOT_TOLD.search(failed), f"{where}{failed}"
    else:
        assert (outcome.status, outcome.printed.splitlines()[-1][:8]) == (2, "sluice: "), where
        assert fault == "error=EIO" or NOT_WAITED_FOR.search(failed), f"{where}{failed}"


def sweep(fresh: LiveGateway, tmp_path: Path, fault: str, every: int) -> dict[str, Counter[int]]:
    """Let each call fail, or one of so many; return how often runs ended how, by call."""
    trial = tmp_path / "trial"
    shutil.copytree(fresh.folder, trial)
    chosen = list(points(trial))[::every]
    ended: dict[str, Counter[int]] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [
            (call, pool.submit(fail_at, fresh, tmp_path / f"{call}-{number}", call, number, fault)) for call, number in chosen
        ]
        for call, run in runs:
            ended.setdefault(call, Counter())[run.result().status] += 1
    return ended


@pytest.mark.parametrize("fault", FAULTS)
def test_disk_failure_at_some_calls_loses_nothing_that_was_said_or_published(
    fresh: LiveGateway, tmp_path: Path, fault: str
) -> None:
    """A sample of the calls; all of them take minutes."""
    assert sweep(fresh, tmp_path, fault, SAMPLED_EVERY)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_disk_failure_at_every_call_loses_nothing_that_was_said_or_published(
    fresh: LiveGateway, tmp_path: Path, fault: str
) -> None:
    """Each write, sync, rename, truncation and removal of a first run, from the empty folder to the last publication."""
    ended = sweep(fresh, tmp_path, fault, 1)
    print(ended)
    assert sum(ended["pwrite64"].values()) > 100
    assert {"write", "fsync", "fdatasync", "rename", "unlink"} <= ended.keys()
