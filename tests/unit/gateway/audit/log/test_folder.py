"""Publication of files, and what a reader finds at each moment."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gateway.audit.log.folder import FolderConflictError, LogFolder, OpeningsFolder
from gateway.audit.log.notes import sign_note
from gateway.audit.log.tiles import LogWriter
from gateway.audit.verify.verify import verify_folder
from tests.support.log import SIGNER, SampleLog


def _publish(log: LogFolder, writer: LogWriter, published: int) -> dict[str, bytes]:
    files = writer.files_since(published)
    log.publish(files, sign_note(writer.checkpoint().text(), SIGNER))
    return files


def test_publish_writes_each_file_whole_and_leaves_no_temporary_ones(tmp_path: Path) -> None:
    """Paths and bytes are those handed over, readable by everybody."""
    writer, log = LogWriter(SIGNER.name), LogFolder(tmp_path / "a" / "log")
    assert log.read_checkpoint() is None
    for n in range(300):
        writer.append(b"%d" % n)
    files = _publish(log, writer, 0)
    found = {str(path.relative_to(log.path)): path.read_bytes() for path in log.path.rglob("*") if path.is_file()}
    assert found == files | {"checkpoint": sign_note(writer.checkpoint().text(), SIGNER)}
    assert log.read_checkpoint() == found["checkpoint"]


def test_publish_under_a_strict_umask_everybody_may_still_read(tmp_path: Path) -> None:
    """The service runs with umask 0077, and a web server under another user serves the log."""
    before = os.umask(0o077)
    try:
        writer, log = LogWriter(SIGNER.name), LogFolder(tmp_path / "log")
        writer.append(b"x")
        _publish(log, writer, 0)
    finally:
        os.umask(before)
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in (log.path, *log.path.rglob("*"))}
    assert modes == {(True, 0o755), (False, 0o644)}


def test_publish_replaces_partial_files_once_the_full_one_is_there(tmp_path: Path) -> None:
    """Older partial files stay while the tile grows and go when it is full."""
    writer, log = LogWriter(SIGNER.name), LogFolder(tmp_path)
    published = 0
    for size in (5, 9, 256, 258):
        while writer.size < size:
            writer.append(b"x")
        _publish(log, writer, published)
        published = size
        if size == 9:
            assert sorted(os.listdir(tmp_path / "tile/0/000.p")) == ["5", "9"]
    assert not (tmp_path / "tile/0/000.p").exists()
    assert not (tmp_path / "tile/entries/000.p").exists()
    assert os.listdir(tmp_path / "tile/0/001.p") == ["2"]


def test_publish_again_after_an_interruption_completes_it(tmp_path: Path) -> None:
    """Files that are there already are compared, leftovers overwritten."""
    writer, log = LogWriter(SIGNER.name), LogFolder(tmp_path)
    writer.append(b"x")
    files = writer.files_since(0)
    (tmp_path / "tile/0/000.p").mkdir(parents=True)
    (tmp_path / "tile/0/000.p/1").write_bytes(files["tile/0/000.p/1"])
    (tmp_path / ".checkpoint.new").write_bytes(b"half a check")
    _publish(log, writer, 0)
    _publish(log, writer, 0)
    assert sorted(os.listdir(tmp_path)) == ["checkpoint", "tile"]


def test_publish_of_other_content_for_a_published_file_is_refused(tmp_path: Path) -> None:
    """The past is fixed: the checkpoint stays the old one."""
    log = LogFolder(tmp_path)
    log.publish({"tile/0/000.p/1": b"a" * 32}, b"first")
    with pytest.raises(FolderConflictError, match="tile/0/000"):
        log.publish({"tile/0/000.p/1": b"b" * 32}, b"second")
    assert log.read_checkpoint() == b"first"
    log.write_labels(4, b"l" * 16)
    log.write_labels(4, b"l" * 16)
    with pytest.raises(FolderConflictError, match="labels/4"):
        log.write_labels(4, b"m" * 16)


def test_openings_folder_is_closed_to_others_and_forgets_what_is_deleted(tmp_path: Path) -> None:
    """Modes 0700 and 0600; an opening that is gone already is no error."""
    folder = OpeningsFolder(tmp_path / "openings")
    folder.write({3: b"three", 12: b"twelve"})
    folder.write({3: b"shortened"})
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder.path / "3").stat().st_mode) == 0o600
    assert (folder.path / "3").read_bytes() == b"shortened"
    assert folder.indices() == {3, 12}
    folder.delete([3, 99])
    assert folder.indices() == {12}


def test_latest_opening_is_found_near_the_end_and_far_before_it(tmp_path: Path) -> None:
    """However long the openings since have been deleted; those of later entries do not count."""
    folder = OpeningsFolder(tmp_path / "openings")
    assert folder.latest_before(500) == -1
    folder.write({3: b"three", 12: b"twelve", 600: b"later"})
    assert folder.latest_before(13) == 12
    assert folder.latest_before(12) == 3
    assert folder.latest_before(500) == 12
    assert folder.latest_before(0) == -1


def test_every_published_moment_of_a_growing_log_verifies(tmp_path: Path) -> None:
    """Checkpoint and files fit after each publication, across the borders of tiles."""
    log = SampleLog(tmp_path)
    log.begin()
    for size in (5, 6, 255, 256, 257, 300, 511, 512, 513):
        while log.writer.size < size - 1:
            log.account()
        if log.writer.size < size:
            log.release()
        log.publish()
        report = verify_folder(log.log.path, SIGNER.vkey(), log.openings_folder.path)
        assert report.ok, report.to_text()
        assert report.size == size
