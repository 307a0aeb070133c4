"""The bench of starts: each row is of the installation that it says."""

from __future__ import annotations

from pathlib import Path

from tests.bench.starting import rows


def test_row_of_a_small_city_with_a_longer_log(tmp_path: Path) -> None:
    """It answered, and took time and memory."""
    (row,) = rows(tmp_path, devices=3, entries=600)
    assert (row["devices"], row["entries"]) == (3, 600)
    assert row["s"] > 0
    assert row["mib"] > 0
