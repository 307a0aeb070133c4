"""The seeded run gives the same bytes as when it was last accepted."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.support.checkout import ROOT
from tests.upgrade.seeded_run import EXPECTED, Digests, changed
from tests.upgrade.surroundings import HASH_SEED


def seeded_run() -> subprocess.CompletedProcess[str]:
    """Run the seeded run in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tests.upgrade.seeded_run"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": HASH_SEED},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_seeded_run_writes_the_bytes_that_are_expected() -> None:
    """Log, openings, journal, rows, bundles, ledger, labels, checkpoints and answers are what they were, each kind by itself."""
    done = seeded_run()
    assert done.stderr == ""
    assert done.returncode == 0
    assert json.loads(done.stdout) == json.loads(EXPECTED.read_text())


def test_digests_tell_pieces_and_kinds_apart() -> None:
    """Bytes that move from one piece to the next, come in another order or under another kind are a difference."""
    found = []
    for pieces in (
        (("log", b"a", b"bc"), ("log", b"d")),
        (("log", b"ab", b"c"), ("log", b"d")),
        (("log", b"d"), ("log", b"a", b"bc")),
    ):
        digests = Digests()
        for kind, *parts in pieces:
            digests.add(kind, *parts)
        found.append(digests.all())
    first, *others = found
    assert [changed(first, other) for other in others] == [["log"], ["log"]]
    assert changed(first, first) == []
    assert changed(first, {}) == changed({}, first) == ["log"]
