"""The bench of formats itself, on so few readings that its figures mean nothing: every format is taken in, both ways."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consent.core.profiles.profile import Codec
from tests.bench import __main__ as bench
from tests.bench.formats import FORMATS, PACK, Options, Taker, as_text, run


def test_every_format_is_taken_in_whole_by_itself_and_behind_a_hub() -> None:
    """None is lost, and the result has the keys that others read."""
    result = run(Options(readings=2 * PACK, devices=PACK, rounds=1))
    assert result["lost"] == 0
    assert result["formats"].keys() == FORMATS.keys()
    for ways in result["formats"].values():
        assert ways.keys() == {"plain", "hub"}
        for figures in ways.values():
            assert figures["cpu_s_per_100k"] > 0
            assert figures["decode_cpu_s_per_100k"] > 0
            assert figures["readings_per_message"] in (1, PACK)
    assert all(name in as_text(json.loads(json.dumps(result))) for name in FORMATS)


def test_no_format_is_without_a_bench() -> None:
    """A new one is added to both."""
    assert {codec for codec in Codec if not any(f'codec = "{codec}"' in form.profile for form in FORMATS.values())} == set()


def test_bench_of_formats_writes_its_result_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the others do; a reading that was not taken in is a finding."""
    monkeypatch.setattr("tests.bench.formats.FORMATS", {"value": FORMATS["value"]})
    file = tmp_path / "formats.json"
    arguments = ["formats", "--readings", "20", "--devices", "2", "--rounds", "1", "--json", str(file)]
    assert bench.main(arguments) == 0
    assert json.loads(file.read_text())["formats"]["value"]["hub"]["ratio_to_json"] > 0
    take = Taker.take
    monkeypatch.setattr(Taker, "take", lambda taker: take(taker) - 1)
    assert bench.main(arguments) == 1
