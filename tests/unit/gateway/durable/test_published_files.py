"""The files of a published log compared; what each kind of change is called is in tests/crash/test_log_recovery.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.log.folder import LogFolder
from gateway.audit.log.tiles import LogWriter
from gateway.durable.published_files import PublishedFiles
from gateway.errors import CorruptionError


def test_absent_files_are_remembered_with_the_size_that_has_them(tmp_path: Path) -> None:
    """And are no difference."""
    writer, block = LogWriter("o"), [b"%d" % n for n in range(256)]
    for entry in block:
        writer.append(entry)
    files = PublishedFiles(tmp_path / "sluice.db", LogFolder(tmp_path / "log"))
    files.compare(writer.take_full_files(), block, 256)
    assert files.absent == {"tile/0/000": 256, "tile/entries/000": 256}


def test_labels_file_is_absent_as_it_should_be_or_changed(tmp_path: Path) -> None:
    """One that is longer has changed as well."""
    folder = LogFolder(tmp_path / "log")
    folder.write_labels(3, b"l" * 16)
    files = PublishedFiles(tmp_path / "sluice.db", folder)
    assert files.lacks_labels(1, b"l" * 16)
    assert not files.lacks_labels(3, b"l" * 16)
    with pytest.raises(CorruptionError, match="`labels/3` was changed"):
        files.lacks_labels(3, b"l" * 15)
