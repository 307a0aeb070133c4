"""The portal's bench on so little that its figures mean nothing: readings and readers both get through, and are counted."""

from __future__ import annotations

from pathlib import Path

from tests.bench import portal_withdrawal
from tests.bench.portal import MOST, Options, as_text, figure_of, measure_intake
from tests.bench.portal_previews import extra_rss_mib


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
    plain = {name: 0.0 for name in MOST if "." not in name}
    said = {**plain, "withdrawal_ms": {"p50": 4.0, "p99": 1200.0}, "intake_ratio": 1.2}
    names = {"max_page": "/", "max_cpu_page": "/", "read_pages": 1}
    text = as_text({**said, **names, "holds": {name: figure_of(said, name) <= most for name, most in MOST.items()}})
    assert "FAILS  intake_ratio               1.2" in text
    assert "FAILS  withdrawal_ms.p99       1200.0" in text
    assert text.count("holds") == len(MOST) - 2


def test_households_that_stop_everything_are_in_no_later_bundle(tmp_path: Path) -> None:
    """They were in bundles before; the time of each is taken."""
    found = portal_withdrawal.measure(tmp_path, portal_withdrawal.Options(withdrawals=5, meters=20, rate_per_s=50))
    assert (found["households_in_bundles"], found["in_later_bundles"]) == (5, 0)
    assert 0 < found["withdrawal_ms"]["p50"] <= found["withdrawal_ms"]["p99"]


def test_denser_readings_take_no_more_memory() -> None:
    """Four in a quarter of an hour take what one does, which is less than 24 MiB for ten thousand households."""
    one, four = extra_rss_mib(1000), extra_rss_mib(1000, 4)
    assert 0 < one <= 2.4
    assert four <= 2.4
