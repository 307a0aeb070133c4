"""A log behind a URL is verified like one in a folder, whatever the server is like; and an earlier check is gone on from."""

from __future__ import annotations

import io
import json
import socket
import threading
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.audit import command
from gateway.audit.log.handover import LogKeys
from gateway.audit.log.notes import Signer, sign_note
from gateway.audit.log.reader import FileError, FolderSource, LogReader, LogUnreachableError
from gateway.audit.log.remote import RemoteSource, source_of
from gateway.audit.log.tiles import LogWriter
from gateway.audit.log.witness_policy import parse_policy
from gateway.audit.verify.progress import Progress
from gateway.audit.verify.report import Report
from gateway.audit.verify.saved_checkpoint import KeptError, SavedCheckpoint, kept_file
from gateway.audit.verify.trust import Anchors
from gateway.audit.verify.verify import Verification
from tests.support.log import ORIGIN, SIGNER, SampleLog, sample
from tests.support.logs import COSIGNERS, MemorySource, cosign, grown, policy_text, publish_quickly

ANCHORS = Anchors(SIGNER.verifier)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def _serving(handler: Any) -> Iterator[str]:
    """Serve on a free port of this machine, and say where."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answering(status: int, headers: dict[str, str], body: bytes, pause: threading.Event | None = None) -> Any:
    """Return a handler that always answers the same; with `pause`, it waits for that before the body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if pause is not None:
                pause.wait(2)
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    return Handler


def _verify(place: Any, **given: Any) -> Report:
    return Verification(LogReader(place), ANCHORS, **given).run()


# from a URL


def test_verify_from_a_url_says_what_it_says_of_the_folder(tmp_path: Path) -> None:
    """Step by step, also where something is wrong; but that nothing else lies there, a web server does not tell."""
    log = sample(tmp_path)
    with _serving(partial(_Quiet, directory=str(log.log.path))) as url:
        remote = _verify(RemoteSource(url))
        assert (remote.ok, remote.steps[:10]) == (True, _verify(log.log.path).steps[:10])
        assert (remote.steps[10].status, remote.steps[10].detail) == (
            "not checkable",
            "a web server does not list its files; those that entries name were read",
        )
        (log.log.path / "labels/9").unlink()
        tile = log.log.path / "tile/0/000.p/15"
        tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
        policies = next((log.log.path / "policies").iterdir())
        policies.write_bytes(b"other policies")
        remote = _verify(RemoteSource(url + "/"))
    assert remote.steps[:10] == _verify(log.log.path).steps[:10]
    assert {finding.where for finding in remote.findings} == {"labels/9", "tile/0/000.p/15", f"policies/{policies.name}"}


def test_verify_from_a_url_takes_the_full_tile_for_a_partial_one_that_is_gone(tmp_path: Path) -> None:
    """The log has grown on between the checkpoint and the tiles."""
    log = grown(tmp_path, 200)
    note = (log.log.path / "checkpoint").read_bytes()
    source = MemorySource.of(grown(tmp_path / "later", 256).log.path)
    source.files["checkpoint"] = note
    report = _verify(source)
    assert report.ok, report.to_text()
    assert report.size == 200


@pytest.mark.parametrize(
    ("status", "headers", "body", "problem"),
    [
        (404, {}, b"", "absent"),
        (410, {}, b"", "absent"),
        (403, {}, b"", "the server answers `403`"),
        (200, {}, bytes(101), "longer than `100` bytes"),
    ],
)
def test_read_of_a_file_that_the_server_does_not_give_is_a_finding(
    status: int, headers: dict[str, str], body: bytes, problem: str
) -> None:
    """It was asked for a file of the log, and answered about it."""
    with _serving(_answering(status, headers, body)) as url, pytest.raises(FileError) as caught:
        RemoteSource(url).read("tile/0/000", 100)
    assert caught.value.where == "tile/0/000"
    assert caught.value.problem.startswith(problem)


@pytest.mark.parametrize(
    ("status", "headers", "body", "problem"),
    [
        (500, {}, b"", "the server answers `500`"),
        (429, {}, b"", "the server answers `429`"),
        (200, {"Content-Length": "50"}, bytes(20), "the server broke off"),
        (200, {"Transfer-Encoding": "chunked"}, b"5\r\nab", "the server broke off"),
        (200, {"Content-Encoding": "gzip"}, bytes(20), "the server compresses its files"),
        (302, {"Location": "ftp://127.0.0.1/x"}, b"", "unknown url type: ftp"),
        (302, {"Location": "file:///etc/hostname"}, b"", "the server answers `302`"),
        (302, {"Location": "/again"}, b"", "the server answers `302`"),
    ],
)
def test_read_of_a_server_that_does_not_serve_is_no_finding(
    status: int, headers: dict[str, str], body: bytes, problem: str
) -> None:
    """It has said nothing about the file; and no other protocol is spoken."""
    with _serving(_answering(status, headers, body)) as url, pytest.raises(LogUnreachableError) as caught:
        RemoteSource(url).read("tile/0/000", 100)
    assert str(caught.value).startswith(f"the log cannot be reached: tile/0/000: {problem}")


def test_read_of_a_server_that_is_silent_slow_or_away_ends() -> None:
    """Nobody can hold an auditor for ever."""
    release = threading.Event()
    with _serving(_answering(200, {}, b"x", release)) as url:
        with pytest.raises(LogUnreachableError, match=r"said nothing for `0\.05` s"):
            RemoteSource(url, silence_s=0.05).read("checkpoint", 100)
        release.set()
        with pytest.raises(LogUnreachableError, match="took longer than `0` s"):
            RemoteSource(url, file_s=0).read("checkpoint", 100)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(LogUnreachableError, match="cannot be reached: checkpoint: connection refused"):
        RemoteSource(f"http://127.0.0.1:{port}").read("checkpoint", 100)


@pytest.mark.parametrize("url", ["ftp://a/b", "file:///etc", "http://", "https://a/b?c", "https://a/b#c", "://x"])
def test_place_that_is_no_web_address_is_refused(url: str) -> None:
    """Only http and https, and nothing behind the path."""
    with pytest.raises(ValueError, match="is not the address of a log"):
        source_of(url)


def test_read_of_a_folder_is_bounded_too(tmp_path: Path) -> None:
    """A file that is longer than it could be is not read to its end."""
    (tmp_path / "checkpoint").write_bytes(bytes(101))
    with pytest.raises(FileError, match="longer than `100` bytes"):
        FolderSource(tmp_path).read("checkpoint", 100)
    assert FolderSource(tmp_path).names("absent") == []


# incremental


def _kept(log: SampleLog, checked: bool = True) -> SavedCheckpoint:
    note = (log.log.path / "checkpoint").read_bytes()
    return SavedCheckpoint.parse(kept_file(note) if checked else note, LogKeys(SIGNER.verifier))


@pytest.mark.parametrize(("older", "newer"), [(1, 2), (255, 256), (256, 256), (256, 257), (300, 700), (512, 700), (700, 700)])
def test_verify_since_a_checked_checkpoint_reads_only_what_is_new(tmp_path: Path, older: int, newer: int) -> None:
    """The blocks before the last known entry stay unread, and the whole is still bound to the kept root."""
    log = grown(tmp_path, older)
    since = _kept(log)
    while log.writer.size < newer:
        log.account()
    publish_quickly(log)
    source = MemorySource.of(log.log.path)
    report = _verify(source, since=since)
    assert report.ok, report.to_text()
    assert report.steps[3].detail.startswith(f"{newer - older} entries")
    assert report.steps[8].detail == f"{older} entries then, {newer} now"
    blocks = {path.partition(".p/")[0] for path in source.reads if path.startswith("tile/entries")}
    assert len(blocks) == (newer + 255) // 256 - (older - 1) // 256


def test_verify_since_a_bare_checkpoint_or_with_openings_reads_everything(tmp_path: Path) -> None:
    """A checkpoint out of a newspaper says nothing about who checked the entries; and openings change."""
    log = sample(tmp_path)
    for since, openings in ((_kept(log, checked=False), None), (_kept(log), log.openings_folder.path)):
        report = _verify(log.log.path, since=since, openings=openings)
        assert report.ok, report.to_text()
        assert report.steps[3].detail.startswith("15 entries")
        assert report.steps[8].status == "passed"


def test_verify_since_finds_what_is_wrong_in_the_new_entries(tmp_path: Path) -> None:
    """The thread from the last known entry is not dropped."""
    log = SampleLog(tmp_path)
    log.begin()
    publish_quickly(log)
    since = _kept(log)
    log.chain.consent_head = 2  # a gateway that forgets the last consent
    log.account()
    publish_quickly(log)
    report = _verify(log.log.path, since=since)
    assert [(one.where, one.problem) for one in report.findings] == [("entry 5", "consent_head is `2`, not `4`")]


@pytest.mark.parametrize("checked", [True, False])
def test_rollback_is_found_by_the_verifier_that_kept_a_checkpoint(tmp_path: Path, checked: bool) -> None:
    """A restored old card serves an old, rightly signed log."""
    log = grown(tmp_path, 300)
    old = MemorySource.of(log.log.path)
    while log.writer.size < 400:
        log.account()
    publish_quickly(log)
    assert _verify(old).ok
    report = _verify(old, since=_kept(log, checked))
    assert [finding.problem for finding in report.findings] == ["size `300` falls behind the `400` of the kept one: a rollback"]


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize(("kept_size", "size"), [(5, 5), (5, 300), (300, 300), (300, 700), (256, 700), (600, 700)])
def test_split_view_is_found_by_the_verifier_that_kept_a_checkpoint(
    tmp_path: Path, kept_size: int, size: int, checked: bool
) -> None:
    """Another history, just as rightly signed, is not the one that was seen."""
    kept = grown(tmp_path / "kept", kept_size)
    other = SampleLog(tmp_path / "other")
    other.begin()
    while other.writer.size < size:
        other.account()
    publish_quickly(other)
    assert _verify(other.log.path).ok
    report = _verify(other.log.path, since=_kept(kept, checked))
    assert {finding.where for finding in report.findings} == {"checkpoint"}
    assert "the log has split" in report.findings[-1].problem


def test_kept_checkpoint_of_another_log_or_hand_is_refused(tmp_path: Path) -> None:
    """It counts only with the pinned key's signature, for the pinned name."""
    note = (grown(tmp_path, 3).log.path / "checkpoint").read_bytes()
    assert SavedCheckpoint.parse(note, LogKeys(SIGNER.verifier)).checked is False
    with pytest.raises(KeptError):
        SavedCheckpoint.parse(note, LogKeys(Signer(ORIGIN, bytes(32)).verifier))
    with pytest.raises(KeptError):
        SavedCheckpoint.parse(b"sluice: something else\n" + note, LogKeys(SIGNER.verifier))
    with pytest.raises(KeptError, match="a checkpoint of log"):
        SavedCheckpoint.parse(sign_note(LogWriter("other.example").checkpoint().text(), SIGNER), LogKeys(SIGNER.verifier))


# the command


def _run(log: SampleLog, **given: Any) -> tuple[int, str]:
    args = {
        "key": SIGNER.vkey(),
        "witnesses": None,
        "no_key": False,
        "openings": None,
        "since": None,
        "keep": None,
        "json": False,
    }
    out = io.StringIO()
    return command.run("verify", Namespace(**({"place": str(log.log.path)} | args | given)), out), out.getvalue()


def test_verify_keeps_a_checkpoint_only_of_a_log_that_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From one run to the next; a finding leaves the kept file as it was."""
    log, kept = grown(tmp_path, 3), tmp_path / "kept"
    assert _run(log, keep=kept)[0] == 0
    first = kept.read_bytes()
    while log.writer.size < 9:
        log.account()
    publish_quickly(log)
    bundle = log.log.path / "tile/entries/000.p/9"
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert _run(log, since=kept, keep=kept)[0] == 1
    assert kept.read_bytes() == first
    bundle.write_bytes(whole)
    status, text = _run(log, since=kept, keep=kept)
    assert status == 0
    assert "9 log has only grown since the kept checkpoint: passed (3 entries then, 9 now)" in text
    assert kept.read_bytes() == kept_file((log.log.path / "checkpoint").read_bytes())
    kept.write_bytes(b"x")
    assert _run(log, since=kept)[0] == 2
    assert _run(log, since=tmp_path / "absent")[0] == 2
    assert str(kept) in capsys.readouterr().err


def test_verify_without_a_key_from_elsewhere_must_be_asked_for_and_says_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody takes a log's own word by forgetting an option."""
    log = sample(tmp_path)
    assert _run(log, key=None)[0] == 2
    assert _run(log, no_key=True)[0] == 2
    status, text = _run(log, key=None, no_key=True)
    assert status == 0
    assert text.splitlines()[1] == f"trust: NONE: the key comes from the log itself, {SIGNER.vkey()}"
    assert "1 checkpoint signed by the key that the log offers: passed" in text
    assert json.loads(_run(log, key=None, no_key=True, json=True)[1])["trust"]["pinned"] is False
    (log.log.path / "log.vkey").unlink()
    assert _run(log, key=None, no_key=True)[0] == 2
    assert "offers no key" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("signed", "quorum", "status"), [(3, "all", 0), (2, "all", 1), (2, "2", 0), (0, "any", 1), (1, "any", 0)]
)
def test_verify_with_a_policy_says_how_many_witnesses_and_asks_for_the_quorum(
    tmp_path: Path, signed: int, quorum: str, status: int
) -> None:
    """k of n with their times; without the quorum step 8 fails."""
    log, policy = sample(tmp_path), tmp_path / "policy"
    cosign(log, COSIGNERS[:signed])
    policy.write_text(policy_text(quorum, vkey=SIGNER.vkey()))
    ended, text = _run(log, key=None, witnesses=policy)
    assert ended == status
    assert f"witnesses: {signed} of 3" in text
    assert ("w1 at 2026-09-21T14:15:00Z" in text) is (signed > 0)
    assert f"8 witnesses have cosigned the checkpoint: {'failed' if status else 'passed'} ({signed} of 3)" in text


def test_verify_with_a_policy_that_does_not_settle_the_key_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No log of that name, two of it, or another one than `--key`."""
    log, policy = sample(tmp_path), tmp_path / "policy"
    stranger = Signer("other.example", bytes(32)).vkey()
    twin = Signer(ORIGIN, bytes(32)).vkey()
    for logs, key, problem in (
        ([stranger], None, "lists no keys for the log"),
        ([SIGNER.vkey(), twin], None, "lists 2 keys for the log"),
        ([stranger], SIGNER.vkey(), "lists logs, and not the one of `--key`"),
        ([], None, "name the log's public key"),
    ):
        policy.write_text("".join(f"log {vkey}\n" for vkey in logs) + policy_text("any"))
        assert _run(log, key=key, witnesses=policy)[0] == 2
        assert problem in capsys.readouterr().err
    policy.write_text("quorum none\n")
    assert _run(log, witnesses=policy)[0] == 0


def test_verify_with_a_wrong_cosignature_or_a_witness_in_place_of_the_log_stops(tmp_path: Path) -> None:
    """A known key's bad signature refuses the checkpoint; and a witness's word is none for the log's."""
    log = sample(tmp_path)
    cosign(log, COSIGNERS[:1])
    anchors = Anchors(SIGNER.verifier, policy=parse_policy(policy_text("any").encode(), "policy"))
    file = log.log.path / "checkpoint"
    lines = file.read_text().splitlines(keepends=True)
    lines[-1] = lines[-1][:-6] + ("AAAA" if lines[-1][-6:-2] != "AAAA" else "BBBB") + lines[-1][-2:]
    whole = file.read_bytes()
    file.write_text("".join(lines))
    report = Verification(LogReader(log.log.path), anchors).run()
    assert [finding.where for finding in report.findings] == ["checkpoint"]
    file.write_text("".join(whole.decode().splitlines(keepends=True)[:-2]) + whole.decode().splitlines(keepends=True)[-1])
    problems = [finding.problem for finding in Verification(LogReader(log.log.path), anchors).run().findings]
    assert problems == ["the log's own key has not signed this"]


def test_progress_is_drawn_only_when_it_is_slow_and_taken_away() -> None:
    """Nothing in the first second; one line after it."""
    terminal = io.StringIO()
    progress = Progress(terminal, 10.0)
    progress.show(0, 1000, 10.0)
    progress.show(100, 1000, 10.9)
    progress.clear()
    assert terminal.getvalue() == ""
    progress.show(500, 1000, 11.1)
    progress.show(510, 1000, 11.2)
    progress.show(750, 1000, 11.4)
    progress.clear()
    drawn = terminal.getvalue().split("\r")[1:]
    assert [line.split("] ")[1] for line in drawn[:2]] == [" 50 %  500 of 1000 entries", " 75 %  750 of 1000 entries"]
    assert drawn[2] == "\x1b[K"
    Progress(None).show(1, 2, 99.0)
