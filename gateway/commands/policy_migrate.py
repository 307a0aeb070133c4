"""`sluice policy migrate`: shows, and with `--write` makes, the edits to a policies folder that this version asks for."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from consent.core.migrations.migrations import Migrated, migrate
from consent.errors import PolicyError
from consent.policy_files import read_policy_files
from gateway.commands.output import show
from gateway.edge.policies import parse_compilable
from gateway.errors import OperatorError
from gateway.files import write_whole

NOTHING, LEFT = 0, 1


def run(args: argparse.Namespace) -> int:
    """`sluice policy migrate`: 1 where an edit is left to make, or to make by hand."""
    folder: Path = args.folder
    try:
        files = read_policy_files(folder)
        migrated = migrate(files)
        parse_compilable(migrated.files)  # proves that the result reads, before anything is written
    except PolicyError as error:
        raise OperatorError(f"`{folder}`: {error}") from error
    written = bool(args.write and migrated.edits)
    if written:
        _write(folder, files, migrated)
    show(args, _as_data(migrated, written=written), "".join(_lines(files, migrated, written=written)))
    return LEFT if migrated.by_hand or (migrated.edits and not written) else NOTHING


def _write(folder: Path, files: Mapping[str, bytes], migrated: Migrated) -> None:
    """Write the files that have changed, each whole or not at all, under the owner and mode that it had.

    Raises: OperatorError: one of them is a link, or cannot be written.
    """
    changed = [path for path in files if files[path] != migrated.files[path]]
    for path in changed:
        if (folder / path).is_symlink():
            raise OperatorError(f"`{folder / path}`: is a link: edit what it leads to")
    for path in changed:
        target = folder / path
        try:
            before = target.stat()
            write_whole(target, migrated.files[path], stat.S_IMODE(before.st_mode))
            with contextlib.suppress(PermissionError):
                os.chown(target, before.st_uid, before.st_gid)
        except OSError as error:
            why = (error.strerror or "unknown error").lower()
            raise OperatorError(f"`{target}`: cannot be written: {why}") from error


def _as_data(migrated: Migrated, *, written: bool) -> dict[str, Any]:
    return {
        "edits": [step.as_data() for step in migrated.edits],
        "by_hand": [step.as_data() for step in migrated.by_hand],
        "suggestions": [{"file": note.file, "key": note.key, "message": note.message} for note in migrated.suggestions],
        "written": written,
    }


def _lines(files: Mapping[str, bytes], migrated: Migrated, *, written: bool) -> Iterator[str]:
    """Yield a unified diff, then what is left to people."""
    for path, before in files.items():
        old, new = before.decode().splitlines(keepends=True), migrated.files[path].decode().splitlines(keepends=True)
        yield from difflib.unified_diff(old, new, f"a/{path}", f"b/{path}")
    for step in migrated.by_hand:
        change = step.change
        yield f"by hand: `{change.file}`, line {step.line}: `{change.key}`: {change.why}\n"
    for note in migrated.suggestions:
        yield f"suggested: `{note.file}`: `{note.key}`: {note.message}\n"
    if written:
        yield f"written: {_counted(migrated)}; the policies read, and count from `sluice policy apply` on\n"
    elif migrated.edits:
        yield f"not written: {_counted(migrated)}; `--write` makes them\n"


def _counted(migrated: Migrated) -> str:
    count = len(migrated.edits)
    return f"{count} edit" if count == 1 else f"{count} edits"
