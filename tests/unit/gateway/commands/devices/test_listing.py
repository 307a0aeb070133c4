"""What the crew reads of devices: which are silent, since when anything is counted, and what was refused."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from gateway.commands.devices import listing

ROW: dict[str, Any] = {
    "device": "62" * 16,
    "profile": "meter",
    "zone": "mill",
    "owner": "resident",
    "owner_assumed": False,
    "subject": "e5" * 16,
    "heard_ms": 1_774_050_000_000,
    "reading_ms": 1_774_047_600_000,
    "readings": 12,
    "rejected": {"bad_mac": 3, "replayed": 1},
    "expect_every_ms": 600_000,
    "silent": True,
}
STARTED_MS = 1_774_040_000_000


def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str, answer: dict[str, Any]) -> str:
    """Return what a verb prints of an answer."""
    monkeypatch.setattr(listing, "load_config", lambda config: None)
    monkeypatch.setattr(listing, "call_gateway", lambda place, method, params, reading: answer)
    args = argparse.Namespace(config=None, method=f"device.{verb}", params=lambda args: {}, json=False)
    assert {"list": listing.show_list, "show": listing.show_one}[verb](args) == 0
    return capsys.readouterr().out


def test_list_says_how_many_are_silent_and_since_when_it_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A device that still sends, and nothing good, is told from one that sends nothing."""
    quiet = {**ROW, "device": "00" * 16, "heard_ms": None, "reading_ms": None, "readings": 0, "rejected": {}, "subject": None}
    well = {**ROW, "device": "11" * 16, "silent": False, "rejected": {}, "owner_assumed": True, "unmatched": True}
    unsaid = {**well, "device": "22" * 16, "silent": None, "owner_assumed": False}
    answer = {"devices": [ROW, quiet, well, unsaid], "running_since_ms": STARTED_MS, "now_ms": STARTED_MS}
    lines = printed(monkeypatch, capsys, "list", answer).splitlines()
    assert lines[0] == "4 devices, 2 silent; since the gateway's start, 2026-03-20T20:53:20Z"
    assert lines[1:5] == [
        f"{'62' * 16}  meter",
        f"  mill  resident  subject {'e5' * 16}",
        "  SILENT, but for what is refused, last reading 2026-03-20T23:00:00Z, 12",
        "    readings, refused: 3 bad_mac, 1 replayed",
    ]
    assert lines[5:8] == [f"{'00' * 16}  meter", "  mill  resident", "  SILENT, no reading yet"]
    assert "  mill  resident (owner_assumed)  subject" in lines[9]
    assert lines[10:12] == [
        "  as expected, last reading 2026-03-20T23:00:00Z, 12 readings",
        "  unmatched: no filter matches its topic",
    ]
    assert "as expected" not in lines[14]
    assert max(len(line) for line in lines) <= 80


def test_list_without_a_gateway_says_that_nothing_is_heard(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And counts nothing."""
    answer = {"devices": [{**ROW, "silent": None}], "running_since_ms": None, "now_ms": STARTED_MS}
    text = printed(monkeypatch, capsys, "list", answer)
    assert "no gateway is running, so nothing is heard" in text
    assert "readings" not in text
    assert "-" not in [line.strip() for line in text.splitlines()], "a dash stands for something that is missing"


def test_one_device_is_told_in_full(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With how often a reading is expected, as the profile says it."""
    answer = {**ROW, "added_ms": STARTED_MS, "running_since_ms": STARTED_MS, "now_ms": STARTED_MS}
    text = printed(monkeypatch, capsys, "show", answer)
    assert "expected       a reading every 10min\n" in text
    assert "refused        3 bad_mac, 1 replayed\n" in text
    assert "state          SILENT, but for what is refused\n" in text
    text = printed(monkeypatch, capsys, "show", {**answer, "expect_every_ms": None, "silent": None, "unmatched": True})
    assert "expected       its profile does not say how often\n" in text
    assert "no filter of the configuration matches its topic" in text
