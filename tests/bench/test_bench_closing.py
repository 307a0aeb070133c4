"""The bench of closing: it forms what it says that it measures, also where a household withdraws meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

from tests.bench import closing


def test_bench_of_a_small_city(tmp_path: Path) -> None:
    """Every run has a part that was formed; the last one had a withdrawal in it."""
    assert closing.main(["--homes", "120", "--runs", "2", "--json", str(tmp_path / "found.json")]) == 0
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["homes"] == 120
    for kind in ("noisy", "exact"):
        assert [each["withdrawal_s"] > 0 for each in found[kind]["each"]] == [False, False, True]
        assert all(0 < each["apply_s"] <= each["blocked_s"] for each in found[kind]["each"])
