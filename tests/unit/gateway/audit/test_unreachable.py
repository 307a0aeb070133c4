"""A log that cannot be reached is no finding: exit 2 in one line; what was found before it went away is one."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.audit import command
from gateway.audit.log.reader import LogUnreachableError
from tests.support.audits import run_audit
from tests.support.hostile_web import answering, saying
from tests.support.log import SampleLog, sample
from tests.support.logs import MemorySource, grown

_VERBS = pytest.mark.parametrize("verb", ["verify", "replay", "prove", "explain", "find", "export"])


class _GoesAway(MemorySource):
    """A server that answers some requests, and none after those."""

    def __init__(self, log: SampleLog, answers: int) -> None:
        super().__init__(MemorySource.of(log.log.path).files)
        self._left = answers

    def read(self, path: str, longest_bytes: int) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise LogUnreachableError(path, "connection refused")
        return super().read(path, longest_bytes)

    def paths(self) -> Iterator[str]:
        raise LogUnreachableError("", "connection refused")


def _openings(verb: str, log: SampleLog) -> Path | None:
    return log.openings_folder.path if verb == "replay" else None


@_VERBS
def test_nobody_at_the_address_is_no_finding(tmp_path: Path, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused at once."""
    log = sample(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    assert run_audit(verb, url, tmp_path, openings=_openings(verb, log)) == (2, "")
    assert capsys.readouterr().err.endswith(": connection refused\n")


@_VERBS
@pytest.mark.parametrize("status", [b"404 Not Found", b"500 Oops", b"403 Forbidden"])
def test_server_without_a_log_is_no_finding(tmp_path: Path, verb: str, status: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """It answers, and has no checkpoint."""
    log = sample(tmp_path)
    with answering(saying(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")) as url:
        assert run_audit(verb, url, tmp_path, openings=_openings(verb, log)) == (2, "")
    said = capsys.readouterr().err
    assert said.startswith(f"sluice: `{url}`: the log cannot be reached: ")
    assert said.count("\n") == 1


@_VERBS
@pytest.mark.parametrize("place", ["ftp://log.example", "http://", "https://[::", "http://log.example/?a"])
def test_address_of_no_web_server_is_refused(tmp_path: Path, verb: str, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line."""
    log = sample(tmp_path)
    assert run_audit(verb, place, tmp_path, openings=_openings(verb, log)) == (2, "")
    assert capsys.readouterr().err.count("\n") == 1


@_VERBS
def test_folder_that_is_not_there_is_no_finding(tmp_path: Path, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """To a program too."""
    log = sample(tmp_path)
    status, text = run_audit(verb, str(tmp_path / "none"), tmp_path, openings=_openings(verb, log), json=True)
    problem = f"`{tmp_path / 'none'}`: the log cannot be reached: folder: there is no such folder"
    assert (status, json.loads(text)) == (2, {"audit": "unreachable", "problem": problem})
    assert capsys.readouterr().err == f"sluice: {problem}\n"


@_VERBS
def test_folder_without_a_log_is_no_finding(tmp_path: Path, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """There, and empty."""
    log, empty = sample(tmp_path), tmp_path / "empty"
    empty.mkdir()
    assert run_audit(verb, str(empty), tmp_path, openings=_openings(verb, log)) == (2, "")
    assert capsys.readouterr().err == f"sluice: `{empty}`: the log cannot be reached: checkpoint: absent\n"


@_VERBS
@pytest.mark.parametrize("answers", range(1, 3))
def test_server_that_goes_away_contradicts_nothing(
    tmp_path: Path, verb: str, answers: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was read of it was well."""
    log = sample(tmp_path)
    monkeypatch.setattr(command, "source_of", lambda _: _GoesAway(log, answers))
    assert run_audit(verb, "http://log.example", tmp_path, openings=_openings(verb, log)) == (2, "")
    said = capsys.readouterr().err
    assert said.startswith("sluice: `http://log.example`: the log cannot be reached: ")
    assert said.endswith(": connection refused\n")


@pytest.mark.parametrize("verb", ["verify", "replay"])
def test_server_that_goes_away_once_it_is_caught_is_caught(tmp_path: Path, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By then a finding was there, and falling silent does not undo it."""
    log = grown(tmp_path, 300)
    (log.log.path / "tile/entries/000").unlink()
    source = _GoesAway(log, 5)  # up to those entries, and not to the second block
    monkeypatch.setattr(command, "source_of", lambda _: source)
    status, text = run_audit(verb, "http://log.example", tmp_path, openings=_openings(verb, log), json=True)
    answer = json.loads(text)
    assert status == 1
    assert "connection refused" in text
    if verb == "verify":
        assert answer["audit"] == "failed"
        assert answer["unreachable"].startswith("the log cannot be reached: ")
        assert {step["status"] for step in answer["steps"][1:]} == {"failed", "not checkable"}


def test_kept_checkpoint_stays_where_the_log_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was not verified."""
    log, kept = sample(tmp_path), tmp_path / "kept"
    kept.write_bytes(b"as it was")
    monkeypatch.setattr(command, "source_of", lambda _: _GoesAway(log, 3))
    assert run_audit("verify", "http://log.example", tmp_path, keep=kept)[0] == 2
    assert kept.read_bytes() == b"as it was"
