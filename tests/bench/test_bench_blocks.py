"""The bench of blocks: a tick and a burst of records really happen in it, with readings and withdrawals beside them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.bench import blocks


def test_bench_of_a_small_city(tmp_path: Path) -> None:
    """Each action has its row; what it measures took time, and the gateway's books balanced in it."""
    file = tmp_path / "found.json"
    chosen = ["--action", "tick", "--action", "records"]
    assert blocks.main(["--households", "40", *chosen, "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    tick, records = found["actions"]
    assert (tick["action"], tick["households"], found["start"]) == ("tick", 40, [])
    assert tick["intake_ms"] > 0
    assert tick["peak_mib"] > 10
    assert records["records_per_s"] > 0


def test_bench_of_what_asks_about_everybody(tmp_path: Path) -> None:
    """What grows with the households has a row each, and a day closes with consents that expire."""
    file = tmp_path / "found.json"
    names = ["close of a day", "export", "device list", "policy diff"]
    chosen = [word for name in names for word in ("--action", name)]
    assert blocks.main(["--households", "40", *chosen, "--json", str(file)]) == 0
    rows = json.loads(file.read_text())["actions"]
    assert [row["action"] for row in rows] == names
    assert all(row["held_cpu_ms"] >= 0 and row["intake_ms"] > 0 for row in rows)
