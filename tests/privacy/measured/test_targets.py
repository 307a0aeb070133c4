"""What attacks may come to on our gateway, and how wrong figures may be; what is missed stands in ``docs/limits.md``."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.privacy.measured.__main__ import main
from tests.privacy.measured.cost import Cost
from tests.privacy.measured.findings import Tally, Verdict, finding
from tests.privacy.measured.limits import listed, no_longer_missed, not_listed
from tests.privacy.measured.measure import ATTACKS, Result, measure
from tests.privacy.measured.page.page import page
from tests.support.checkout import ROOT

LIMITS = ROOT / "docs" / "limits.md"


@pytest.mark.slow
def test_targets_are_met_or_stand_in_the_limits_with_their_number(tmp_path: Path) -> None:
    """Every attack wins where it must; ours meets what it promises, or says by how much it does not."""
    result = measure(tmp_path, 1, print)
    text = LIMITS.read_text()
    assert not_listed(result, text) == []
    assert no_longer_missed(result, text) == []
    assert result.held() == []
    assert {found.id for found in result.attacks} == {attack.id for attack in ATTACKS}
    for line in result.utility:
        assert line.coverage is None or 0.93 <= line.coverage <= 0.97, line
    assert result.cost.verdict is Verdict.MET, result.cost
    for found in result.attacks:
        if found.id == "rowspace" and found.gateway == "ours":
            assert found.extra["planted_found"] == found.extra["planted"]
    assert page(result)


def test_folders_that_cannot_be_used_are_told_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three minutes are long to wait for a mistyped name."""
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "records.jsonl").touch()
    for arguments, expected in (
        (["--records", str(tmp_path / "old")], "is not empty"),
        (["--json", str(tmp_path / "none" / "result.json")], "is no folder"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
        assert expected in capsys.readouterr().err


def a_result(p: float) -> Result:
    """Return a result in which an attack was right that often, and .5 is most."""
    found = finding("size", "ours", "", Tally(round(1000 * p), 1000, 0.5, 0.5))
    cost = Cost(subjects=1, table_mib=1, table_mib_target=5, close_s=1, copy_ms=1, take_ms=1, verdict=Verdict.MET)
    return Result(city="", seed=1, attacks=[found], utility=[], cost=cost)


def test_target_that_is_missed_fails_unless_its_number_is_listed() -> None:
    """A number from long ago does not cover a worse one of today."""
    line = "| sizes | what that means. `./dev privacy` misses `size`: .61 | seen |"
    assert listed(line) == {"size": 0.61}
    assert not_listed(a_result(0.61), line) == []
    assert not_listed(a_result(0.7), line) == ["size: 0.700, at most 0.500"]
    assert not_listed(a_result(0.61), "") == ["size: 0.610, at most 0.500"]


def test_target_that_is_met_again_is_listed_no_longer() -> None:
    """The page of limits says what is, not what was."""
    line = "`./dev privacy` misses `size`: 0.61"
    assert no_longer_missed(a_result(0.4), line) == ["size"]
    assert no_longer_missed(a_result(0.61), line) == []


def test_result_of_our_gateway_alone_is_judged() -> None:
    """That others lose is what they are for."""
    lost = msgspec.structs.replace(a_result(0.9).attacks[0], gateway="k-only", verdict=Verdict.LOST)
    assert not_listed(msgspec.structs.replace(a_result(0.4), attacks=[lost]), "") == []
