"""A backup of the running gateway's database: one file, consistent, without anything deleted, and never more than the log has.

What is in it and not in the published log could not be restored, so a checkpoint is published first.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import sqlite3
from functools import partial
from pathlib import Path

from consent.messages import BackedUp, BackupTo
from consent.printable import one_line
from gateway.control.context import Caller, Control, MethodError
from gateway.durable.state import Action, answer_of
from gateway.files import SECRET_MODE, reason_of, sync_folder, unusable


async def write(control: Control, params: BackupTo) -> BackedUp:
    """Write the database, as it is committed, while the loop goes on; then have published whatever of it was not."""
    path = Path(params.file)
    if not path.is_absolute() or "\0" in params.file:
        raise MethodError(f"`{one_line(params.file)}`: name the file by its whole path")
    _refuse_existing(path)
    _make_folder(path.parent)
    await _publish(control)
    try:
        written = await _write(control, path)
    except OSError as error:
        raise MethodError(_unwritten(path, error)) from error
    return written


def backup(control: Control, caller: Caller, params: BackupTo, written: BackedUp) -> BackedUp:
    """Write the database, as it is committed and published now, into a new file that only the gateway's user can read."""
    return written


async def _publish(control: Control) -> None:
    """Have everything published that is committed, as far as the log may be signed."""

    action: Action[None] = partial(_commit, control)
    if control.running is None:
        await answer_of(action)
    else:
        await control.running.ask(action)
    await control.durable.publisher.drained()


async def _commit(control: Control) -> None:
    if control.durable.has_news():
        control.durable.checkpoint()
    await control.commit()


def _unwritten(path: Path, error: OSError) -> str:
    """Return why a backup could not be written, and what to do where the reason is the place."""
    why = f"`{path}`: {reason_of(error)}"
    if error.errno in (errno.EROFS, errno.EACCES):
        return f"{why}; the gateway writes it, so the folder has to be its user's, and in `ReadWritePaths` of its unit file"
    return why


def _make_folder(folder: Path) -> None:
    """Make the folder of a backup, but not the one that it lies in: that may be a medium that is not mounted.

    Raises: MethodError: it cannot be made; the line says which folder is missing, and what to type.
    """
    if folder.is_dir():
        return
    if not folder.parent.is_dir():
        missing = next(each for each in folder.parents if each.parent.is_dir())
        raise MethodError(f"`{missing}`: there is no such folder; make it, or mount what belongs there")
    try:
        folder.mkdir(mode=0o700)
        sync_folder(folder.parent)
    except OSError as error:
        why = f"there is no such folder, and it cannot be made: {unusable(folder, error)}"
        raise MethodError(f"`{folder}`: {why}; `ReadWritePaths` of the gateway's unit file has to name it too") from error


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(path):
        raise MethodError(f"`{path}`: exists already, and a backup overwrites nothing")


async def _write(control: Control, path: Path) -> BackedUp:
    """Write beside the file, and give it its name once it is whole, on the disk and no more than the log has."""
    durable, draft = control.durable, path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, SECRET_MODE))
    try:
        entries = await durable.store.copy_into(draft)
        size_bytes = await asyncio.to_thread(_sync, draft)
        if entries > durable.published:
            await _publish(control)
        else:
            await durable.publisher.drained()  # what it was given may wait for witnesses
        _refuse_existing(path)
        os.link(draft, path)  # unlike a rename, a link never replaces
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN):
            raise
        raise MethodError(f"`{path}`: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)
    return BackedUp(file=str(path), bytes=size_bytes, log_entries=entries)


def _sync(path: Path) -> int:
    """Have a file on the disk; return its size."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
