"""A backup of the running gateway's database: one file, consistent, without anything deleted, and never more than the log has.

What is in it and not in the published log could not be restored, so a checkpoint is published first.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from pathlib import Path

from gateway.control.params import MethodError, Params, no_more, take
from gateway.durable.state import Answer, Durable
from gateway.files import SECRET_MODE, sync_folder


async def backup(durable: Durable, params: Params) -> Answer:
    """Write the database, as it is committed and published now, into a new file that only the gateway's user can read."""
    path = Path(take(params, "file", str))
    no_more(params)
    if not path.is_absolute():
        raise MethodError(f"`{path}`: name the file by its whole path")
    _refuse_existing(path)
    if durable.has_news():
        durable.checkpoint()
    if durable.must_commit():
        await durable.commit()
    await durable.publisher.drained()
    try:
        size_bytes = await _write(durable, path)
    except OSError as error:
        raise MethodError(f"`{path}`: {(error.strerror or 'cannot be written').lower()}") from error
    return {"file": str(path), "bytes": size_bytes, "log_entries": durable.state.log.size}


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(path):
        raise MethodError(f"`{path}`: exists already, and a backup overwrites nothing")


async def _write(durable: Durable, path: Path) -> int:
    """Write beside the file, and give it its name once it is whole and on the disk; return its size."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, SECRET_MODE))
    try:
        await durable.store.copy_into(draft)
        descriptor = os.open(draft, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            size_bytes = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        _refuse_existing(path)
        os.link(draft, path)  # unlike a rename, a link never replaces
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN):
            raise
        raise MethodError(f"`{path}`: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)
    return size_bytes
