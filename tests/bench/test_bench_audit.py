"""The audit bench itself, on so little that its figures mean nothing: honest logs are found sound, and all figures are there."""

from __future__ import annotations

import json
from pathlib import Path

from tests.bench.audit import Options, as_text, run

RATIOS = {"append_to_floor", "verify_hashes", "replay_hashes"}
KEYS = {
    *RATIOS,
    "append_per_s",
    "verify_1m_s",
    "verify_rss_mib",
    "replay_100k_s",
    "proofs_per_s",
    "bytes_per_entry",
    "bytes_per_day",
}


def test_audit_of_little_gives_all_figures_and_finds_nothing_wrong(tmp_path: Path) -> None:
    """Every part runs, on logs that verify and replay, and leaves nothing behind."""
    few = Options(appends=2000, rounds=1, ticks=500, entries=2000, releases=40, households=15, proofs=20)
    result = run(few, tmp_path)
    assert result.keys() == {*KEYS, "explained", "holds"}
    assert all(result[key] > 0 for key in KEYS)
    assert result["holds"].keys() == {*RATIOS, "bytes_per_entry"}  # no verdict is a number of seconds
    explained = result["explained"]
    assert explained["day_releases"] < explained["day_entries"]
    assert explained["verify_label_files"] > 0
    assert result["bytes_per_entry"] < explained["database_bytes_per_entry"]
    assert result["bytes_per_day"] < explained["bytes_per_day_at_most"]
    assert "bytes" in as_text(json.loads(json.dumps(result)))
    assert list(tmp_path.iterdir()) == []
