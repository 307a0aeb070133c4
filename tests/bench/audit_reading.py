"""What an auditor does with a log, in a process of its own: verify it, replay it, prove entries of it. Prints one line of JSON.

Run as a module by the audit bench, so that neither caches nor memory of whoever made the log count.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.handover import LogKeys
from gateway.audit.log.inclusion_proofs import proven_entry
from gateway.audit.log.notes import Verifier, open_note
from gateway.audit.log.reader import LogReader, OpeningsReader
from gateway.audit.proof import EntryProof
from gateway.audit.replay.replay import Replay
from gateway.audit.verify.progress import Progress
from gateway.audit.verify.trust import Anchors
from gateway.audit.verify.verify import Verification
from tests.support.memory import peak_kib

Outcome = dict[str, Any]

_ENTRY_BYTES = 137
_HASHES = 200_000


def verify(reader: LogReader, verifier: Verifier, _: argparse.Namespace) -> Outcome:
    """Verify the log."""
    report = Verification(reader, Anchors(verifier), progress=_progress()).run()
    return {"entries": report.size, "findings": len(report.findings)}


def replay(reader: LogReader, verifier: Verifier, given: argparse.Namespace) -> Outcome:
    """Replay the log with its openings."""
    checkpoint = Checkpoint.parse(open_note(reader.checkpoint(), [verifier]).text)
    openings = OpeningsReader(given.openings)
    report = Replay(reader, checkpoint, LogKeys(verifier), openings, progress=_progress()).run()
    return {"releases": report.as_json()["releases"], "findings": len(report.findings)}


def prove(reader: LogReader, verifier: Verifier, given: argparse.Namespace) -> Outcome:
    """Make a receipt for entries here and there, and check each as whoever is given it does."""
    note = reader.checkpoint()
    checkpoint = Checkpoint.parse(open_note(note, [verifier]).text)
    chosen, longest = random.Random(1), 0
    for _ in range(given.count):
        index = chosen.randrange(checkpoint.size)
        entry, hashes = proven_entry(reader, checkpoint, index)
        receipt = EntryProof(index, tuple(hashes), note, entry).encode()
        EntryProof.parse(receipt).check(Anchors(verifier))
        longest = max(longest, len(receipt))
    return {"proofs": given.count, "longest_bytes": longest}


TASKS: dict[str, Callable[[LogReader, Verifier, argparse.Namespace], Outcome]] = {
    "verify": verify,
    "replay": replay,
    "prove": prove,
}


def _progress() -> Progress:
    return Progress(sys.stderr if sys.stderr.isatty() else None, time.monotonic())


def _rss_mib() -> float:
    """Return the most memory that this process ever held, and with it its largest helper, if it had one."""
    return (peak_kib() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def _cpu_s() -> float:
    """Return what this process and its helpers have used."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _hash_s() -> float:
    """Return the CPU seconds of one SHA-256 of an entry's length: the unit in which reading is judged, on a busy machine too."""
    entry, started_s = bytes(_ENTRY_BYTES), time.process_time()
    for _ in range(_HASHES):
        hashlib.sha256(entry).digest()
    return (time.process_time() - started_s) / _HASHES


def main() -> int:
    """Do one thing, and say what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("log", type=Path)
    parser.add_argument("vkey")
    parser.add_argument("--openings", type=Path)
    parser.add_argument("--count", type=int, default=0)
    given = parser.parse_args()
    before_s = _hash_s()
    started_s, cpu_s = time.perf_counter(), _cpu_s()
    outcome = TASKS[given.task](LogReader(given.log), Verifier.parse(given.vkey), given)
    seconds = time.perf_counter() - started_s
    cpu_s = _cpu_s() - cpu_s
    hashes = cpu_s / ((before_s + _hash_s()) / 2)
    print(json.dumps({"seconds": seconds, "cpu_s": cpu_s, "hashes": hashes, "rss_mib": _rss_mib(), **outcome}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
