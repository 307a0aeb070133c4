"""The demo as a user runs it: one command, and an outcome that adds up."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkout import ROOT
from tests.support.waiting import HANG_S

USERS_ENVIRON = {**os.environ, "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
"""Of a shell in which no environment of ours is active."""
HOUR_MS = 3_600_000
AWAITED = {
    ("consumption", "aggregate", HOUR_MS),
    ("consumption", "aggregate", 4 * HOUR_MS),
    ("consumption", "per-epoch", 24 * HOUR_MS),
    ("totalConsumption", "per-epoch", 24 * HOUR_MS),
    ("waterVolume", "aggregate", 4 * HOUR_MS),
    ("temperature", "per-record", 0),
    ("pm25", "per-record", 0),
}
"""Property, identity and span of all that the city gets sooner or later, on however busy a machine."""
MOST_TOTALS = 90
"""Of so many households at least a day's total comes."""
DAYS = 2
"""Of so many days figures about homes come: of fifty and more, noise alone takes a third out of their intervals once in 10^11."""


def received(folder: Path) -> list[dict[str, Any]]:
    """Return all records that have arrived so far."""
    files = (folder / "received").glob("*/*.jsonl")
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def kind_of(record: dict[str, Any]) -> tuple[str, str, int]:
    """Return a record's property, identity and span."""
    begin_ms, end_ms = record["phenomenonTime"]
    return record["observedProperty"], record["identity"], end_ms - begin_ms


def all_came(folder: Path) -> bool:
    """Return whether every kind of record has arrived, a day's totals of most households, and figures of enough days."""
    records = received(folder)
    totals = {record["pseudonym"] for record in records if record["identity"] == "per-epoch"}
    days = {record["phenomenonTime"][0] // (24 * HOUR_MS) for record in records if record["identity"] == "aggregate"}
    return {*map(kind_of, records)} >= AWAITED and len(totals) >= MOST_TOTALS and len(days) >= DAYS


def seen_by_the_public(folder: Path) -> str:
    """Return the first page of the demo's portal."""
    (port,) = re.findall(r"(?m)^port = (\d+)$", (folder / "portal.toml").read_text())
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/?lang=en", timeout=HANG_S) as answer:
        return str(answer.read().decode())


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Play the demo until all has come, end it as a user does, and return what it wrote."""
    folder = tmp_path_factory.mktemp("the demo's")
    command = [sys.executable, "-m", "gateway.cli", "demo"]
    command += ["--json", str(folder / "out.json"), "--dir", str(folder / "city")]
    with subprocess.Popen(
        command, cwd=ROOT, env=USERS_ENVIRON, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        try:
            deadline_s = time.monotonic() + HANG_S
            while not all_came(folder / "city"):
                assert demo.poll() is None, "the demo ended"
                assert time.monotonic() < deadline_s, {*map(kind_of, received(folder / "city"))}
                time.sleep(0.2)
            page = seen_by_the_public(folder / "city")
            demo.send_signal(signal.SIGINT)
            printed, complaints = demo.communicate(timeout=HANG_S)
        finally:
            demo.terminate()
    assert demo.returncode == 0, printed + complaints
    assert complaints == ""
    result: dict[str, Any] = json.loads((folder / "out.json").read_text())
    return {**result, "folder": folder / "city", "printed": printed, "page": page}


def test_demo_printed_command_runs_as_printed(outcome: dict[str, Any]) -> None:
    """Whoever pastes the last line into the same shell, where nothing of the checkout is on the path, gets the verdict."""
    line = outcome["printed"].partition("Check it yourself:")[2].strip()
    done = subprocess.run(["sh", "-c", line], cwd=ROOT, env=USERS_ENVIRON, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "audit: ok" in done.stdout


def test_demo_pairs_all_end_in_one_account(outcome: dict[str, Any]) -> None:
    """Frames and pairs balance, as the design's ledger says."""
    assert outcome["received"] == outcome["admitted"] + outcome["rejected"] + outcome["ignored"] > 500
    assert outcome["considered"] == sum(
        outcome[account] for account in ("withheld", "contributed", "recorded", "late", "duplicate")
    )
    assert outcome["contributed"] == sum(outcome[account] for account in ("aggregated", "suppressed", "withdrawn", "open"))
    assert outcome["recorded"] == sum(outcome[account] for account in ("released", "withheld_at_release", "waiting"))
    assert outcome["ledger"] == "balanced"


def test_demo_public_readings_reach_the_city_exactly_once(outcome: dict[str, Any]) -> None:
    """What the broker acknowledged to the sensors is what the city opened, by the counts of neither gateway nor log.

    On a machine that is too busy for its clock some come late, which is told; never does anything come twice.
    """
    assert outcome["published"] == outcome["received"]
    assert outcome["city_public"] == outcome["city_public_records"] > 0
    assert 0 <= outcome["published_public"] - outcome["city_public"] <= outcome["late"]


def test_demo_passes_over_what_is_no_reading(outcome: dict[str, Any]) -> None:
    """Plugs that say they are online and nodes that join are no readings and no faults; a frame that comes twice counts once."""
    assert outcome["ignored"] > 0
    assert outcome["repeated"] > 0
    assert outcome["rejected"] < outcome["received"] / 50


def test_demo_releases_figures_and_daily_totals(outcome: dict[str, Any]) -> None:
    """Figures by hour and by four, of meters and water, single readings, and a whole day's totals under pseudonyms."""
    records = received(outcome["folder"])
    assert {*map(kind_of, records)} >= AWAITED
    figures = [record for record in records if record["identity"] == "aggregate"]
    assert all(record["n"] >= 15 and record["standard_error"] > 0 and record["mu"] == 2 for record in figures)
    assert len({record["pseudonym"] for record in records if record["identity"] == "per-epoch"}) >= MOST_TOTALS


def test_demo_figures_hold_what_they_were_made_of(outcome: dict[str, Any]) -> None:
    """By the simulator's word, each hour of a day and each four hours, of the homes that permit them and of no other.

    95 in 100 intervals hold the truth; a third is missed by no gateway that takes the right homes, however few days were played.
    """
    compared = outcome["compared"]
    assert outcome["figures_compared"] == len(compared) >= 30
    assert outcome["figures_within"] == sum(one["within"] for one in compared) >= 2 / 3 * len(compared)
    assert {(one["cell"], one["homes"]) for one in compared} <= {("riverside", 80), ("riverside", 79), ("ribera", 24)}
    assert outcome["figures_with_noise"] >= len(compared)


def test_demo_withdrawal_is_in_force_at_once(outcome: dict[str, Any]) -> None:
    """The household that withdrew stands in no figure afterwards, and the command came back quickly."""
    assert outcome["withdrawn"] > 0
    assert 0 <= outcome["withdrawal_ms"] < 5000


def test_demo_bundles_open_with_the_second_key_of_their_recipient(outcome: dict[str, Any]) -> None:
    """Each that has come since the policies name it, and a line of the outcome says so."""
    key = outcome["second_key"]
    assert key["opened"] == key["bundles"] > 0
    text = " ".join(outcome["printed"].split())
    assert (
        f"a second key since log entry {key['log_index']}: {key['opened']} of {key['bundles']} bundles since open with it" in text
    )


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
    assert outcome["audit"] == outcome["replay"] == "ok"


def test_demo_shows_the_public_what_it_may_know(outcome: dict[str, Any]) -> None:
    """Its portal answers over the running gateway, where the screen and the outcome say, and ends with it."""
    assert f"what the public sees: {outcome['portal']}\n" in outcome["printed"]
    assert "What is sensed here" in outcome["page"]
    assert "Open for about 100 of 120 homes" in outcome["page"]
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(outcome["portal"], timeout=HANG_S)  # noqa: S310  our own


def test_demo_refuses_a_folder_in_use(outcome: dict[str, Any]) -> None:
    """A folder that holds something is never written over."""
    command = [sys.executable, "-m", "gateway.cli", "demo", "--dir", str(outcome["folder"])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=HANG_S, check=False)
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert done.stderr.count("\n") == 1
