"""A backup gets its name once the published log has all that is in it: from what is not published nothing could be restored."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from consent.messages import BackedUp, BackupTo
from gateway.control.backup import write
from gateway.control.context import Control


class Publishing:
    """A gateway whose publisher is given entries while the copy is written, and still waits for a witness then.

    Attributes:
        given: Up to where entries were given to the publisher.
        published: Up to where they lie in the log's folder.
    """

    def __init__(self, target: Path) -> None:
        self.given = self.published = 4
        self._target = target
        self.durable = SimpleNamespace(store=self, publisher=self, has_news=lambda: False, published=4)
        self.running = None

    async def copy_into(self, path: Path) -> int:
        """Write a copy, with entries that came just before it."""
        self.given = self.durable.published = 6
        _fill(path, b"copy")
        return 6

    async def commit(self) -> None:
        """Commit nothing new."""

    async def drained(self) -> bool:
        """Publish what was given; nothing has the backup's name before."""
        assert not self._target.exists()
        self.published = self.given
        return True


def _fill(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def back_up(gateway: Publishing, target: Path) -> BackedUp:
    """Write a backup."""
    return asyncio.run(write(cast("Control", gateway), BackupTo(file=str(target))))


def test_backup_has_no_name_before_all_of_it_is_published(tmp_path: Path) -> None:
    """The publisher may have been given the last entries, and wait for a witness with them."""
    target = tmp_path / "backup.db"
    gateway = Publishing(target)
    backed_up = back_up(gateway, target)
    assert (backed_up.log_entries, backed_up.bytes) == (6, 4)
    assert gateway.published == 6
    assert [path.name for path in tmp_path.iterdir()] == ["backup.db"]


def test_draft_of_a_failed_backup_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds what the database does."""
    gateway = Publishing(tmp_path / "backup.db")

    async def fails(path: Path) -> int:
        _fill(path, b"half")
        raise ValueError

    monkeypatch.setattr(gateway, "copy_into", fails)
    with pytest.raises(ValueError):  # noqa: PT011  whatever it is
        back_up(gateway, tmp_path / "backup.db")
    assert list(tmp_path.iterdir()) == []
