"""The ingest bench itself, on so few readings that its figures mean nothing: it runs, loses nothing and says what it promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firmware_sim.load import meter_messages
from tests.bench import __main__ as bench
from tests.bench.city import FIRST_READING_MS
from tests.bench.ingest import Options, as_text, run
from tests.bench.versions import compare, comparison_text

PEERS = ("mosquitto_sub", "paho", "mosquitto_bridge")


def test_ingest_on_few_readings_counts_each_once_and_gives_all_figures(tmp_path: Path) -> None:
    """All four consumers get every message, and the result has the keys that others read."""
    result = run(Options(readings=400, devices=40, rounds=1, steady_s=1), tmp_path)
    gateway = result["gateway"]
    assert gateway.keys() == {"cpu_s_per_100k", "readings_per_s", "peak_rss_mib", "lost", "duplicated"}
    assert gateway["lost"] == gateway["duplicated"] == 0
    assert gateway["readings_per_s"] > 0
    assert gateway["peak_rss_mib"] > 10
    assert all(result[peer].keys() == {"cpu_s_per_100k"} for peer in PEERS)
    assert {"ratio_to_mosquitto_sub", "ratio_to_paho", "ratio_to_bridge"} <= result.keys()
    assert result["steady_1000"].keys() == {"gateway", "mosquitto_sub"}
    assert all(name in as_text(json.loads(json.dumps(result))) for name in ("gateway", *PEERS))


def test_ingest_against_a_revision_alternates_and_gives_ratios(tmp_path: Path) -> None:
    """The revision runs from files of its own, and both take every reading in."""
    messages = meter_messages(400, 20, FIRST_READING_MS)
    result = compare("HEAD", tmp_path, 20, [messages[:100], messages[100:200]], [messages[200:300], messages[300:]], 1000)
    assert result["holds"].keys() == {"both take all readings in, alike", "burst"}
    assert result["holds"]["both take all readings in, alike"]
    assert [len(costs) for costs in result["burst"]["rounds"].values()] == [2, 2]
    assert result["steady"]["ratio"] > 0
    assert result["against"] in comparison_text(json.loads(json.dumps(result)))


def test_ingest_against_an_unknown_revision_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong name is a usage error in one line."""
    monkeypatch.setattr("tests.bench.ingest.set_up_logging", lambda: None)
    assert bench.main(["ingest", "--against", "no-such", "--readings", "10", "--devices", "1", "--rounds", "1"]) == 1
    assert capsys.readouterr().err.startswith("git rev-parse: ")


@pytest.mark.parametrize("arguments", [[], ["unheard-of"]])
def test_bench_without_a_known_name_names_those_there_are(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong name is a usage error, not a traceback."""
    assert bench.main(arguments) == 2
    assert "there are: ingest" in capsys.readouterr().err
