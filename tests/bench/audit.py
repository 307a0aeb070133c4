"""`audit`: what the log costs whoever writes it, keeps it, and checks it.

A gateway appends entries as fast as its disk lets it. A simulated day of release ticks tells how the log grows. A log of a
million such entries is verified, and receipts are made from it; a log with a hundred thousand releases of households, each of
which really follows from policies and consents, is replayed. Readers run in fresh processes, one at a time. The million
entries are read once before it counts: not how fast a disk finds half a million small files is measured, but the reading.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gateway.audit.log.entries import Kind
from gateway.audit.log.notes import Signer
from gateway.audit.log.openings import LABEL_BYTES
from gateway.audit.log.tiles import LogWriter, policies_path
from gateway.audit.verify.progress import Progress
from gateway.core.effects import Commit
from gateway.service import set_up_logging
from tests.bench.audit_append import BATCH, appended
from tests.bench.audit_city import (
    RECIPIENTS,
    TICKS_OF_A_DAY,
    Day,
    RecordingGate,
    city_of_minutes,
    many_releases,
    simulated_day,
)
from tests.bench.audit_logs import (
    BareFolder,
    Shape,
    database_bytes,
    remove,
    shape_of,
    sizes_of,
    write_long_log,
    write_rows,
)
from tests.bench.consumers import BenchError
from tests.bench.report import reported
from tests.support.gate import ORIGIN

APPEND_TO_FLOOR = 12
"""Times what it takes to hash the same entries and to store them durably, by turns."""
VERIFY_HASHES = 50
REPLAY_HASHES = 1200
"""CPU time for an entry and a release, in SHA-256 of an entry's length in the same process."""
BYTES_PER_ENTRY = 400

SIGNER = Signer(ORIGIN, bytes(32))
_LEAF_BYTES = 32 * 256 / 255  # of an entry: its hash, and its share of the tiles above
_LENGTH_BYTES = 2
_MOST_LABELS = 64  # of fifty households
_READER_S = 900


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure.

    Attributes:
        appends: Entries in a round.
        rounds: Of appending, and of verifying, of which the median counts.
        ticks: Of the simulated day.
        entries: Of the long log.
        releases: To replay.
        households: In each of those.
        proofs: Receipts to make.
    """

    appends: int = 60_000
    rounds: int = 3
    ticks: int = TICKS_OF_A_DAY
    entries: int = 1_000_000
    releases: int = 100_000
    households: int = 15
    proofs: int = 5_000


def run(options: Options, folder: Path) -> dict[str, Any]:
    """Run the bench in an empty folder; return the result as it is written to the file.

    Raises: BenchError: a reader found something wrong with an honest log.
    """
    result: dict[str, Any] = {"explained": {}}
    for part in (_append(options, folder / "append"), _replay(options, folder / "replay")):
        _merge(result, part)
    day = _day(options)
    _merge(result, _growth(day, folder / "day"))
    _merge(result, _long_log(options, shape_of(day.rows), folder / "long"))
    result["explained"] |= asdict(options)
    return {**result, "holds": _holds(result)}


def _merge(result: dict[str, Any], part: dict[str, Any]) -> None:
    result["explained"] |= part.pop("explained")
    result |= part


def _holds(result: dict[str, Any]) -> dict[str, bool]:
    return {
        "append_to_floor": result["append_to_floor"] <= APPEND_TO_FLOOR,
        "verify_hashes": result["verify_hashes"] <= VERIFY_HASHES,
        "replay_hashes": result["replay_hashes"] <= REPLAY_HASHES,
        "bytes_per_entry": result["bytes_per_entry"] <= BYTES_PER_ENTRY,
    }


# writing


def _append(options: Options, folder: Path) -> dict[str, Any]:
    rounds, floor, sound = appended(folder, options.rounds, options.appends)
    remove(folder)
    if not sound:
        raise BenchError("the log that was appended to does not verify")
    _say("append   " + "  ".join(f"{one.per_s:.0f}/s" for one in rounds))
    return {
        "append_per_s": round(statistics.median(one.per_s for one in rounds)),
        "append_to_floor": round(
            statistics.median(one.seconds / least.seconds for one, least in zip(rounds, floor, strict=True)), 2
        ),
        "explained": {
            "append_floor_per_s": [round(one.per_s) for one in floor],
            "append_rounds_per_s": [round(one.per_s) for one in rounds],
            "append_entries_a_commit": BATCH,
            "append_cpu_s_per_100k": round(statistics.median(one.cpu_s / one.entries * 100_000 for one in rounds), 2),
        },
    }


def _day(options: Options) -> Day:
    progress, total = _progress(), options.ticks
    day = Day(0)
    for number, so_far in enumerate(simulated_day(options.ticks)):
        day = so_far
        progress.show(min(number * 360, total), total, time.monotonic())
    progress.clear()
    return day


def _growth(day: Day, folder: Path) -> dict[str, Any]:
    """Measure what a day takes up: in the public folder, which counts, and in the gateway's own database."""
    write_rows(day.rows, folder / "log", SIGNER)
    public = sizes_of(folder / "log")
    in_database = database_bytes(day.rows, folder / "gateway")
    remove(folder)
    count, times = len(day.rows), TICKS_OF_A_DAY / day.ticks
    releases = [row for row in day.rows if row.kind == "release"]
    labels_bytes = sum(len(row.labels or b"") for row in releases)
    _say(f"day      {count} entries, {len(releases)} of them releases, {public.content_bytes / count:.0f} bytes an entry")
    return {
        "bytes_per_entry": round(public.content_bytes / count, 1),
        "bytes_per_day": round(public.content_bytes * times),
        "explained": {
            "day_entries": round(count * times),
            "day_releases": round(len(releases) * times),
            "day_labels_bytes": round(labels_bytes * times),
            "day_files": round(public.files * times),
            "day_allocated_bytes": round(public.allocated_bytes * times),
            "day_bundle_bytes": round(day.bundle_bytes * times),
            "bytes_per_day_at_most": _at_most(day),
            "database_bytes_per_entry": round(in_database / count, 1),
            "database_bytes_per_day": round(in_database * times),
            "opening_bytes_per_entry": round(sum(len(row.opening.whole()) for row in day.rows) / count, 1),
            "recipients": len(RECIPIENTS),
            "tick_s": 10,
        },
    }


def _at_most(day: Day) -> int:
    """Return what a day would take up if every recipient got a bundle of fifty households at every tick."""
    beside = _LENGTH_BYTES + _LEAF_BYTES
    account, release = (
        beside + max((len(row.content) for row in day.rows if row.kind == kind), default=0) for kind in ("account", "release")
    )
    return round(TICKS_OF_A_DAY * (account + len(RECIPIENTS) * (release + _MOST_LABELS * LABEL_BYTES)))


# reading


def _long_log(options: Options, shape: Shape, folder: Path) -> dict[str, Any]:
    _shown(write_long_log(folder, SIGNER, shape, options.entries), options.entries)
    first, *rounds = (_read("verify", folder) for _ in range(1 + options.rounds))
    verified = sorted(rounds, key=lambda one: float(one["seconds"]))[len(rounds) // 2]
    proved = _read("prove", folder, "--count", str(options.proofs))
    remove(folder)
    if verified["findings"] or verified["entries"] != options.entries:
        raise BenchError("the long log does not verify")
    _say(f"verify   {options.entries} entries in {verified['seconds']:.1f} s")
    labels = [labels_n for kind, labels_n in shape if kind is Kind.RELEASE]
    return {
        "verify_1m_s": round(verified["seconds"] * 1_000_000 / options.entries, 2),
        "verify_hashes": round(statistics.median(one["hashes"] for one in rounds) / options.entries, 1),
        "verify_rss_mib": round(verified["rss_mib"], 1),
        "proofs_per_s": round(proved["proofs"] / proved["seconds"]),
        "explained": {
            "verify_cpu_s": round(verified["cpu_s"], 2),
            "verify_rounds_s": [round(one["seconds"], 2) for one in (first, *rounds)],
            "verify_label_files": round(options.entries * len(labels) / len(shape)),
            "verify_labels_a_file": round(sum(labels) / len(labels), 1) if labels else 0,
            "proof_bytes": proved["longest_bytes"],
        },
    }


def _replay(options: Options, folder: Path) -> dict[str, Any]:
    _write_releases(options, folder)
    replayed = _read("replay", folder / "log", "--openings", str(folder / "openings"))
    remove(folder)
    if replayed["findings"] or replayed["releases"]["match"] != options.releases:
        raise BenchError(f"the replay does not match: {replayed['releases']}, {replayed['findings']} findings")
    _say(f"replay   {options.releases} releases in {replayed['seconds']:.1f} s")
    return {
        "replay_100k_s": round(replayed["seconds"] * 100_000 / options.releases, 2),
        "replay_hashes": round(replayed["hashes"] / options.releases),
        "explained": {
            "replay_cpu_s": round(replayed["cpu_s"], 2),
            "replay_rss_mib": round(replayed["rss_mib"], 1),
            "replay_parts": options.releases * options.households,
        },
    }


def _write_releases(options: Options, folder: Path) -> None:
    log, openings, writer = BareFolder(folder / "log"), BareFolder(folder / "openings"), LogWriter(ORIGIN)

    def record(commit: Commit) -> None:
        for row in commit.log:
            writer.append(row.content)
            openings.put({str(row.index): row.opening.whole()})
        log.put(writer.take_full_files())

    gate = RecordingGate(city_of_minutes().policies(), record)
    _shown(many_releases(gate, options.releases, options.households), options.releases)
    log.put({policies_path(sha256): packed for sha256, packed in gate.policy_sets.items()})
    log.put_head(writer, SIGNER)


def _read(task: str, log: Path, *more: str) -> dict[str, Any]:
    """Have a fresh process do something with a log; return what it says.

    Raises: BenchError: it ends otherwise than well.
    """
    command = [sys.executable, "-m", "tests.bench.audit_reading", task, str(log), SIGNER.vkey(), *more]
    ended = subprocess.run(command, stdout=subprocess.PIPE, timeout=_READER_S, check=False)
    if ended.returncode:
        raise BenchError(f"`{task}` ended with status `{ended.returncode}`")
    outcome: dict[str, Any] = json.loads(ended.stdout)
    return outcome


def _shown(steps: Iterable[int], total: int) -> None:
    """Go through the steps of making a log, and show on a terminal how far it is."""
    progress = _progress()
    for done in steps:
        progress.show(done, total, time.monotonic())
    progress.clear()


def _progress() -> Progress:
    return Progress(sys.stderr if sys.stderr.isatty() else None, time.monotonic())


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def as_text(result: dict[str, Any]) -> str:
    """Return a result as a small table."""
    explained, holds = result["explained"], result["holds"]
    rows = [
        ("", "append, durable", f"{result['append_per_s']}/s", ""),
        ("append_to_floor", "  beside hash and commit alone", f"{result['append_to_floor']:.1f} ×", f"{APPEND_TO_FLOOR} ×"),
        ("", "verify 1,000,000 entries", f"{result['verify_1m_s']:.1f} s", ""),
        ("verify_hashes", "  CPU for an entry", f"{result['verify_hashes']:.0f} hashes", f"{VERIFY_HASHES} hashes"),
        ("verify_rss_mib", "  memory for that", f"{result['verify_rss_mib']:.0f} MiB", ""),
        ("", "replay 100,000 releases", f"{result['replay_100k_s']:.1f} s", ""),
        ("replay_hashes", "  CPU for a release", f"{result['replay_hashes']} hashes", f"{REPLAY_HASHES} hashes"),
        ("proofs_per_s", "receipts made and checked", f"{result['proofs_per_s']}/s", ""),
        ("bytes_per_entry", "public log, an entry", f"{result['bytes_per_entry']:.0f} bytes", f"{BYTES_PER_ENTRY} bytes"),
        ("bytes_per_day", "public log, a day", f"{result['bytes_per_day'] / 1e6:.1f} MB", ""),
        ("", "  every recipient at every tick", f"{explained['bytes_per_day_at_most'] / 1e6:.1f} MB", ""),
        ("", "  in blocks of the disk", f"{explained['day_allocated_bytes'] / 1e6:.1f} MB", ""),
        ("", "database, a day", f"{explained['database_bytes_per_day'] / 1e6:.1f} MB", ""),
    ]
    verdicts = {True: "holds", False: "FAILS", None: ""}
    lines = [f"{name:<34}{figure:>14}{due:>14}  {verdicts[holds.get(key)]}" for key, name, figure, due in rows]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def main(arguments: Sequence[str]) -> int:
    """Run the command; return the exit status: 1 where something does not hold, or an honest log was found wrong."""
    set_up_logging()
    default = Options()
    parser = argparse.ArgumentParser(prog="./dev bench audit", description="what the log costs to write, to keep and to check")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there")
    parser.add_argument("--entries", type=int, default=default.entries, help="of the long log (default %(default)s)")
    parser.add_argument("--releases", type=int, default=default.releases, help="to replay (default %(default)s)")
    parser.add_argument("--ticks", type=int, default=default.ticks, help="of the simulated day (default %(default)s)")
    given = parser.parse_args(arguments)
    result = reported(
        lambda folder: run(Options(entries=given.entries, releases=given.releases, ticks=given.ticks), folder),
        as_text,
        given.json,
    )
    return 0 if result is not None and all(result["holds"].values()) else 1
