"""Files that are put in place whole: what a failing disk leaves behind, and who may read them."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.files import SecretFileError, create_file, read_regular, read_secret_file, replace_file, unusable, write_whole

NOBODY = 65_534
_AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")


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


def as_nobody(ask: Callable[[], str]) -> str:
    """Return what a function returns in a process of another user."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(writing, ask().encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading, "rb") as answer:
        return answer.read().decode()


@_AS_ROOT
@pytest.mark.parametrize("hidden", [False, True])
def test_secret_file_of_another_user_says_whose_it_is_and_what_to_type(hidden: bool) -> None:
    """A key that root has made for a gateway that runs as another user; in the second case its whole folder."""
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder, "keys")
        keys.mkdir(0o700 if hidden else 0o755)
        Path(folder).chmod(0o755)
        create_file(keys / "root.key", b"secret")

        def read() -> str:
            with pytest.raises(SecretFileError) as caught:
                read_secret_file(keys / "root.key")
            return str(caught.value)

        line = as_nobody(read)
    held, how = (keys, f"chown -R nobody: {keys}") if hidden else (keys / "root.key", f"chown nobody: {keys / 'root.key'}")
    assert line.startswith(f"`{keys / 'root.key'}`: cannot be read: `{held}` belongs to `root`, and this is `nobody`; ")
    assert f"`{how}`" in line


@_AS_ROOT
def test_folder_that_this_user_may_not_make_says_what_root_types() -> None:
    """The line makes it this user's, whether it is there or not."""
    refused, full = PermissionError(errno.EACCES, "Permission denied"), OSError(errno.ENOSPC, "No space left on device")
    asked = as_nobody(lambda: unusable(Path("/srv/a b"), refused))
    assert asked == "permission denied; as root type `install -d -o nobody -m 0700 '/srv/a b'`"
    assert unusable(Path("/srv"), full) == "no space left on device"
