"""The demo as a user runs it: one command, and an outcome that adds up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkout import ROOT
from tests.support.waiting import HANG_S

SECONDS = 20
USERS_ENVIRON = {**os.environ, "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
"""Of a shell in which no environment of ours is active."""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Play the demo once, and return what it wrote."""
    folder = tmp_path_factory.mktemp("the demo's")
    command = [sys.executable, "-m", "gateway.cli", "demo", "--for", f"{SECONDS}s"]
    command += ["--json", str(folder / "out.json"), "--dir", str(folder / "city")]
    done = subprocess.run(command, cwd=ROOT, env=USERS_ENVIRON, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    result: dict[str, Any] = json.loads((folder / "out.json").read_text())
    return {**result, "folder": folder / "city", "printed": done.stdout}


def test_demo_printed_command_runs_as_printed(outcome: dict[str, Any]) -> None:
    """Whoever pastes the last line into the same shell, where nothing of the checkout is on the path, gets the verdict."""
    line = outcome["printed"].partition("Check it yourself:")[2].strip()
    done = subprocess.run(["sh", "-c", line], cwd=ROOT, env=USERS_ENVIRON, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "audit: ok" in done.stdout


def test_demo_pairs_all_end_in_one_account(outcome: dict[str, Any]) -> None:
    """Frames and pairs balance, as the design's ledger says."""
    assert outcome["received"] == outcome["admitted"] + outcome["rejected"] > 500
    assert outcome["considered"] == sum(
        outcome[account] for account in ("withheld", "contributed", "recorded", "late", "duplicate")
    )
    assert outcome["contributed"] == sum(outcome[account] for account in ("aggregated", "suppressed", "withdrawn", "open"))
    assert outcome["recorded"] == sum(outcome[account] for account in ("released", "withheld_at_release", "waiting"))
    assert outcome["ledger"] == "balanced"


def test_demo_public_readings_reach_the_city_exactly_once(outcome: dict[str, Any]) -> None:
    """What the broker acknowledged to the sensors is what the city opened, by the counts of neither gateway nor log."""
    assert outcome["published"] == outcome["received"]
    assert 0 < outcome["published_public"] == outcome["city_public"] == outcome["city_public_records"]


def test_demo_releases_figures_and_daily_totals(outcome: dict[str, Any]) -> None:
    """Hourly and four-hourly figures, and a whole day's totals under pseudonyms, arrive within the time."""
    lines = [
        json.loads(line)
        for file in (outcome["folder"] / "received" / "city-energy").glob("*.jsonl")
        for line in file.read_text().splitlines()
    ]
    spans = {(r["identity"], r["phenomenonTime"][1] - r["phenomenonTime"][0]) for r in lines}
    assert {("aggregate", 3_600_000), ("aggregate", 14_400_000), ("per-epoch", 86_400_000)} <= spans
    assert all(record["n"] >= 15 for record in lines if record["identity"] == "aggregate")
    first_day = {record["pseudonym"] for record in lines if record["identity"] == "per-epoch"}
    assert len(first_day) >= 30


def test_demo_withdrawal_is_in_force_at_once(outcome: dict[str, Any]) -> None:
    """The household that withdrew stands in no figure afterwards, and the command came back quickly."""
    assert outcome["withdrawn"] > 0
    assert 0 <= outcome["withdrawal_ms"] < 5000


def test_demo_keeps_its_state_where_it_was_told(outcome: dict[str, Any]) -> None:
    """Database, log, openings, bundles as received and keys lie in the folder that `--dir` names."""
    folder: Path = outcome["folder"]
    assert Path(outcome["log_dir"]).is_relative_to(folder)
    for name in ("state/sluice.db", "state/log/checkpoint", "state/openings", "received", "recipients", "gateway.pid"):
        assert (folder / name).exists(), name


def test_demo_log_verifies_again_with_the_printed_key(outcome: dict[str, Any]) -> None:
    """An outsider who has the folder and the key comes to the same verdict."""
    command = [sys.executable, "-m", "gateway.cli", "audit", "verify", outcome["log_dir"], "--key", outcome["log_vkey"]]
    command += ["--openings", outcome["openings_dir"], "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=HANG_S, check=False)
    assert done.returncode == 0, done.stdout
    assert outcome["audit"] == "ok"


def test_demo_refuses_a_folder_in_use(outcome: dict[str, Any]) -> None:
    """A folder that holds something is never written over."""
    command = [sys.executable, "-m", "gateway.cli", "demo", "--dir", str(outcome["folder"])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=HANG_S, check=False)
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert done.stderr.count("\n") == 1
