"""Files that are put in place whole: what a failing disk leaves behind, and who may read them."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.files import (
    SecretFileError,
    create_file,
    destroy_secret,
    read_regular,
    read_secret_file,
    replace_file,
    replace_secret,
    unusable,
    write_whole,
)

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


@pytest.mark.parametrize("change", [lambda path: replace_secret(path, b"new"), destroy_secret], ids=["replaced", "destroyed"])
def test_secret_is_overwritten_before_its_bytes_lose_their_name(
    change: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The noughts are on the disk before whatever comes next, also in a file that its owner had taken care not to write."""
    key, bytes_of_it, forced = tmp_path / "root.key", tmp_path / "the same bytes", []
    key.write_bytes(b"secret")
    key.chmod(0o400)
    os.link(key, bytes_of_it)
    force = os.fsync

    def fsync(descriptor: int) -> None:
        force(descriptor)
        if os.path.samestat(os.fstat(descriptor), bytes_of_it.stat()):
            forced.append(bytes_of_it.read_bytes())

    monkeypatch.setattr(os, "fsync", fsync)
    change(key)
    assert forced == [bytes(len(b"secret"))]
    assert bytes_of_it.read_bytes() == bytes(len(b"secret"))
    assert not key.exists() or (key.read_bytes(), key.stat().st_mode & 0o777) == (b"new", 0o600)


def test_secret_without_a_former_is_written(tmp_path: Path) -> None:
    replace_secret(tmp_path / "root.key", b"new")
    assert read_secret_file(tmp_path / "root.key") == b"new"


def test_secret_that_cannot_be_replaced_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is overwritten of a key whose successor is not on the disk."""
    key = tmp_path / "root.key"
    key.write_bytes(b"secret")

    def fail(*_: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        replace_secret(key, b"new")
    assert key.read_bytes() == b"secret"


def test_link_among_secrets_is_deleted_and_what_it_leads_to_kept(tmp_path: Path) -> None:
    """It is not one of the program's own files."""
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "root-0a0b0c0d.kept").symlink_to(tmp_path / "precious")
    destroy_secret(tmp_path / "root-0a0b0c0d.kept")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("precious", b"precious")]


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
def test_secret_that_its_owner_may_not_write_goes_all_the_same() -> None:
    """Whoever is careful makes a key 0400; the gateway, which is no root, still puts another in its place."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)

        def change() -> str:
            key = Path(folder, "root.key")
            key.write_bytes(b"secret")
            key.chmod(0o400)
            replace_secret(key, b"new")
            key.chmod(0o400)
            destroy_secret(key)
            return "" if key.exists() else "gone"

        assert as_nobody(change) == "gone"


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
