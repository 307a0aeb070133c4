"""The portal's bench on so little that its figures mean nothing: readings and readers both get through, and are counted."""

from __future__ import annotations

from pathlib import Path

from tests.bench.portal import MOST, Options, as_text, measure_intake


def test_readers_and_readings_get_through_beside_each_other(tmp_path: Path) -> None:
    """None is lost, pages were read meanwhile, and what a round came to has both its turns."""
    found = measure_intake(tmp_path, Options(readers=5, rounds=1, turn_s=1, devices=20))
    assert (found["lost"], found["failed_pages"]) == (0, 0)
    assert found["read_pages"] > 0
    assert found["peak_rss_mib"] > 10
    (one,) = found["rounds"]
    assert min(one["with"], one["without"]) > 0


def test_result_says_what_does_not_hold() -> None:
    """Each bound by its name, and the figure beside it."""
    said = dict.fromkeys(MOST, 0.0) | {"intake_ratio": 1.2}
    names = {"max_page": "/", "max_cpu_page": "/", "read_pages": 1}
    text = as_text({**said, **names, "holds": {name: said[name] <= most for name, most in MOST.items()}})
    assert "FAILS  intake_ratio          1.2" in text
    assert text.count("holds") == len(MOST) - 1
