"""`sluice sim run|load` from its arguments to its exit status."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from firmware_sim.arguments import add_arguments, run
from tests.support.mosquitto import running_mosquitto
from tests.support.ports import free_port

SCENARIO = {
    "clock": {"start": "2026-03-20T23:00:00Z", "rate": 10_800},
    "devices": [
        {"topic": "home/{n}", "kind": "meter", "count": 10},
        {"topic": "gate/{n}", "kind": "footfall", "count": 5, "public": True},
    ],
}


def sim(*arguments: str) -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(arguments))


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    """A scenario file."""
    path = tmp_path / "city.json"
    path.write_text(json.dumps(SCENARIO))
    return str(path)


def test_sim_run_until_a_time_says_what_was_published(scenario: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two simulated hours give two hours' readings of every device, all acknowledged."""
    with running_mosquitto(tmp_path) as broker:
        until = ("--until", "2026-03-21T01:00:00Z")
        assert sim("run", "--broker", f"127.0.0.1:{broker.port}", "--scenario", scenario, *until, "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert 5 * 23 <= figures["published_public"] <= 5 * 24
    assert 10 * 3 <= figures["published"] - figures["published_public"] <= 10 * 4
    assert figures["unacknowledged"] == 0


def test_sim_run_writes_the_truth_about_each_measurement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was published reconciles with it to the last frame, and what was lost stands there too."""
    faults = {"loss": {}, "duplicates": {"share": 0.5}}
    devices = [{"topic": "z/{n}", "kind": "wmbusmeters-water", "count": 20, "settings": {"interval_s": 300}, "faults": faults}]
    path, truth_file = tmp_path / "city.json", tmp_path / "truth.ndjson"
    path.write_text(json.dumps({"clock": {"start": "2026-03-20T23:00:00Z", "rate": 20_000}, "devices": devices}))
    with running_mosquitto(tmp_path) as broker:
        options = ("--until", "2026-03-21T03:00:00Z", "--truth", str(truth_file), "--json")
        assert sim("run", "--broker", f"127.0.0.1:{broker.port}", "--scenario", str(path), *options) == 0
    figures = json.loads(capsys.readouterr().out)
    truths = [json.loads(line) for line in truth_file.read_text().splitlines()]
    until_ms = 1_774_062_000_000
    sent = [at_ms for truth in truths for at_ms in truth["sent_ms"]]
    assert figures["published"] == sum(at_ms < until_ms for at_ms in sent)
    assert any(truth["faults"] == ["loss"] and not truth["sent_ms"] for truth in truths)
    assert len({(truth["topic"], truth["measured_ms"]) for truth in truths}) == len(truths)


def test_sim_run_that_cannot_write_the_truth_says_so(scenario: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is published."""
    with pytest.raises(SystemExit) as caught:
        sim("run", "--broker", "127.0.0.1:1", "--scenario", scenario, "--truth", str(tmp_path))
    assert caught.value.code == 2
    assert capsys.readouterr().err == f"`{tmp_path}`: is a directory\n"


def test_sim_run_with_a_broken_scenario_says_so_and_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, with file and key."""
    path = tmp_path / "city.json"
    path.write_text('{"devices": [{"topic": "a", "kind": "toaster"}]}')
    assert sim("run", "--broker", "127.0.0.1:1", "--scenario", str(path)) == 2
    assert capsys.readouterr().err.startswith(f"`{path}`: `devices[0].kind`: unknown kind `toaster`")


def test_sim_run_without_a_broker_stops_after_its_time(scenario: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An absent broker means that nothing was published."""
    assert sim("run", "--broker", f"127.0.0.1:{free_port()}", "--scenario", scenario, "--for", "0.2s") == 0
    assert "published 0" in capsys.readouterr().out


def test_sim_load_says_what_was_acknowledged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A thousand readings of a hundred meters."""
    with running_mosquitto(tmp_path) as broker:
        arguments = ("--messages", "1000", "--devices", "100", "--connections", "2", "--json")
        assert sim("load", "--broker", f"127.0.0.1:{broker.port}", *arguments) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["acknowledged"], figures["missing"]) == (1000, 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--scenario", "x"),
        ("run", "--broker", "localhost", "--scenario", "x"),
        ("load", "--broker", "localhost:99999", "--messages", "1", "--devices", "1"),
        ("load", "--broker", "localhost:1883", "--messages", "0", "--devices", "1"),
        ("load", "--broker", "localhost:1883", "--messages", "1", "--devices", "1", "--rate", "0"),
        ("run", "--broker", "localhost:1883", "--scenario", "x", "--for", "soon"),
        ("run", "--broker", "localhost:1883", "--scenario", "x", "--until", "noon"),
    ],
)
def test_sim_with_wrong_arguments_exits_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """The parser says what is wrong."""
    with pytest.raises(SystemExit) as caught:
        sim(*arguments)
    assert caught.value.code == 2
    assert "error: " in capsys.readouterr().err
