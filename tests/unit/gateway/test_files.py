"""Files that are put in place whole: what a failing disk leaves behind, and who may read them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from gateway.files import read_regular, replace_file, write_whole


def test_write_whole_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    """With the permissions that are asked for, whatever the umask, and nothing beside it."""
    target = tmp_path / "checkpoint"
    former = os.umask(0o077)
    try:
        for data in (b"one", b"another"):
            write_whole(target, data, 0o644)
    finally:
        os.umask(former)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"another", 0o644)


def test_replace_file_on_a_failing_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no half a file: on a full disk it would take the room that is missing."""
    target = tmp_path / "checkpoint"
    target.write_bytes(b"before")

    def fail(*_: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        replace_file(target, b"after", 0o644)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
    assert target.read_bytes() == b"before"


def test_read_regular_refuses_what_could_keep_its_reader(tmp_path: Path) -> None:
    """A pipe and a device are refused unread, a file that is too long after one byte too many; each error names the file."""
    pipe, long = tmp_path / "pipe", tmp_path / "long"
    os.mkfifo(pipe)
    long.write_bytes(b"12345")
    assert read_regular(long, 5) == b"12345"
    for path, problem in ((pipe, "no regular file"), (Path("/dev/zero"), "no regular file"), (long, "longer than 4 bytes")):
        with pytest.raises(OSError, match=problem) as caught:
            read_regular(path, 4)
        assert caught.value.filename == str(path)
    with pytest.raises(IsADirectoryError):
        read_regular(tmp_path, 4)
