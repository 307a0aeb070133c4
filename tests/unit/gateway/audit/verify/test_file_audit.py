"""Every file of a log's folder is accounted for: changed or absent policies are findings, what no entry names is named."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.audit.log.notes import sign_note
from gateway.audit.log.reader import LogReader, LogUnreachableError
from gateway.audit.standalone import verify as standalone
from gateway.audit.verify.report import Report
from gateway.audit.verify.saved_checkpoint import SavedCheckpoint
from gateway.audit.verify.trust import Anchors
from gateway.audit.verify.verify import Verification, verify_folder
from tests.support.log import SIGNER, SUBJECTS, SampleLog, sample

POLICIES = f"policies/{hashlib.sha256(b'policy').hexdigest()}"


@pytest.fixture
def log(tmp_path: Path) -> SampleLog:
    """A published log with one policy set."""
    return sample(tmp_path)


def _verified(log: SampleLog) -> Report:
    return verify_folder(log.log.path, SIGNER.vkey(), log.openings_folder.path)


def _standalone(log: SampleLog) -> tuple[list[str], list[str]]:
    """Return where the verifier of exports finds something wrong, and its lines about what it has read."""
    _, wrong, what = standalone.verify(log.log.path, standalone.parse_key(SIGNER.vkey()), [])
    return [each.where for each in wrong], what


def _edit(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1] + b"?")


@pytest.mark.parametrize("harm", [_edit, Path.unlink], ids=["edited", "deleted"])
def test_policies_that_are_not_what_their_entry_put_in_force_are_a_finding(log: SampleLog, harm: Callable[[Path], None]) -> None:
    """Both verifiers name the file, and exit with 1."""
    harm(log.log.path / POLICIES)
    report = _verified(log)
    assert ([finding.where for finding in report.findings], report.exit_status) == ([POLICIES], 1)
    assert report.steps[9].status == "failed"
    assert _standalone(log)[0] == [POLICIES]


@pytest.mark.parametrize("name", [POLICIES, "labels/5", "tile/0/000.p/15", "tile/entries/000.p/15", "log.vkey"])
def test_pipe_in_the_place_of_a_file_keeps_no_verifier_waiting(log: SampleLog, name: str) -> None:
    """Whoever is handed a folder opens what is in it, and would wait for a writer without end."""
    target = log.log.path / name
    target.unlink(missing_ok=True)
    os.mkfifo(target)
    found = [finding.where for finding in _verified(log).findings]
    expected = [] if name == "log.vkey" else [name]  # nobody needs the key that a log offers
    assert (found[:1], _standalone(log)[0][:1]) == (expected, expected)


def test_pipe_in_the_place_of_the_checkpoint_is_no_log(log: SampleLog) -> None:
    """Nobody waits for it either, and nothing was signed that could be wrong."""
    target = log.log.path / "checkpoint"
    target.unlink()
    os.mkfifo(target)
    with pytest.raises(LogUnreachableError, match="checkpoint: no regular file"):
        _verified(log)
    with pytest.raises(standalone.Unreachable, match="checkpoint: it is no regular file"):
        _standalone(log)


def test_pipe_in_the_place_of_an_opening_is_a_finding(log: SampleLog) -> None:
    """The folder of openings is somebody else's as well."""
    target = log.openings_folder.path / "5"
    target.unlink()
    os.mkfifo(target)
    assert [(one.where, one.problem) for one in _verified(log).findings] == [("openings/5", "no regular file")]


def test_files_that_no_entry_names_are_named_and_are_no_finding(log: SampleLog) -> None:
    """Whatever it is: notes beside the log, policies that were never in force, labels of what is no release, odd numbers."""
    strange = [
        ".well-known/sluice.json",
        "labels/3",
        "labels/05",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "notes.txt",
        f"policies/{'0' * 64}",
        "tile/0/000.p/300",
        "tile/0/0",
        "tile/0/x000/001",
        "tile/8/x/000",
        "tile/entries/000~",
        "verify.py",
    ]
    for path in strange:
        (log.log.path / path).parent.mkdir(parents=True, exist_ok=True)
        (log.log.path / path).write_bytes(b"?")
    (log.log.path / "elsewhere").symlink_to(log.log.path.parent)
    (log.log.path / "a\x1b[2J").touch()
    expected = sorted([r"a\u001b[2J", "elsewhere", *strange])
    report = _verified(log)
    assert report.ok, report.to_text()
    assert list(report.steps[10].unknown) == expected
    assert f"  `{expected[-1]}` is named by no entry\n" in report.to_text()
    wrong, what = _standalone(log)
    assert (wrong, what[1]) == ([], f"files: {len(expected)} named by no entry, 0 beyond the checkpoint")
    assert sorted(what[2:]) == [f"  {path} is named by no entry" for path in expected]


def test_files_beyond_the_checkpoint_are_counted_and_say_nothing(log: SampleLog) -> None:
    """A publication under way has written them, or one that was interrupted: no signature is over them yet."""
    before = (log.log.path / "checkpoint").read_bytes()
    log.release(SUBJECTS[:1])
    log.publish()
    (log.log.path / "checkpoint").write_bytes(before)
    report = _verified(log)
    assert report.ok, report.to_text()
    assert report.steps[10].detail == "10 files read, 0 that no entry names, 3 beyond the checkpoint"
    assert report.steps[5].detail.endswith("1 openings beyond the checkpoint")
    assert _standalone(log)[1][1] == "files: 0 named by no entry, 3 beyond the checkpoint"


def test_files_of_before_the_kept_checkpoint_are_not_taken_for_unknown(log: SampleLog) -> None:
    """Their entries are not read again; the policies in force are, and so is what is new."""
    kept = SavedCheckpoint(log.writer.checkpoint(), checked=True)
    new = log.release(SUBJECTS[:1])
    log.publish()
    (log.log.path / f"labels/{new - 1}").write_bytes(b"?")
    (log.log.path / f"labels/{new + 1}").write_bytes(b"?")

    def run() -> Report:
        return Verification(LogReader(log.log.path), Anchors(SIGNER.verifier), since=kept).run()

    report = run()
    assert report.ok, report.to_text()
    assert report.steps[10].unknown == ()
    assert report.steps[10].detail.endswith("1 beyond the checkpoint, 4 of before the kept checkpoint")
    _edit(log.log.path / POLICIES)
    assert [finding.where for finding in run().findings] == [POLICIES]


def test_folder_that_cannot_be_listed_is_a_finding(log: SampleLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than a folder in which nothing lies."""

    def refuse(_path: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gateway.audit.log.reader.os.scandir", refuse)
    assert [(finding.where, finding.problem) for finding in _verified(log).findings] == [(".", "permission denied")]
    monkeypatch.undo()
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: refuse("") if path == log.log.path else listed(path))
    assert _standalone(log)[0] == ["."]


def test_empty_log_has_no_policies(tmp_path: Path) -> None:
    """Nothing is in force, and nothing is asked for."""
    log = SampleLog(tmp_path)
    log.log.publish({}, sign_note(log.writer.checkpoint().text(), SIGNER))
    assert _verified(log).ok
