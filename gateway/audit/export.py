"""Export of a log to a folder with all that anyone needs to verify it, the program included (an edge: it writes files).

What one checkpoint covers is copied byte for byte and not checked, so a damaged log can be passed on as evidence. The program
beside it, ``verify.py``, needs only Python.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Final

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.entries import Entry, EntryError, Kind
from gateway.audit.log.handover import KEYS_NAME
from gateway.audit.log.notes import split_note
from gateway.audit.log.reader import (
    CHECKPOINT_NAME,
    LONGEST_BUNDLE_BYTES,
    LONGEST_KEYS_BYTES,
    LONGEST_LABELS_BYTES,
    LONGEST_NOTE_BYTES,
    LONGEST_POLICIES_BYTES,
    LONGEST_TILE_BYTES,
    VKEY_NAME,
    FileError,
    LogReader,
    Source,
    read_checkpoint,
)
from gateway.audit.log.tiles import (
    TILE_WIDTH,
    EntryBundleError,
    entries_path,
    labels_path,
    policies_path,
    split_bundle,
    tile_path,
    tile_spans,
    top_tile,
)
from gateway.audit.verify.report import Finding
from gateway.audit.verify.stored_tree import LONG_LOG, MOST_FAULTS
from gateway.files import refuse_anothers

VERIFIER_NAME: Final = "verify.py"


@dataclass(slots=True)
class Exported:
    """The contents of an export.

    Attributes:
        origin: The log's name, as its checkpoint gives it.
        size: How many entries the checkpoint covers.
        files: How many files of the log were copied.
        missing: The files that could not be copied.
    """

    origin: str
    size: int
    files: int = 0
    missing: list[Finding] = field(default_factory=list)


class Export:
    """Copies one log to one new folder.

    Args:
        source: The log.
        target: A folder that does not exist yet, or is empty.

    Raises:
        FileExistsError: when the target is not empty, or no folder.
    """

    def __init__(self, source: Source, target: Path) -> None:
        if target.exists() and not target.is_dir():
            raise FileExistsError(f"`{target}` is no folder")
        refuse_anothers(target, for_reader=True)
        target.mkdir(parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise FileExistsError(f"`{target}` is not empty")
        self._source = source
        self._target = target
        self._policies: set[bytes] = set()

    def run(self) -> Exported:
        """Copy what the present checkpoint covers, and return a summary.

        Raises:
            LogUnreachableError: when there is no checkpoint, or the server goes away.
            FileError: when nothing shows that the log is as long as its checkpoint says.
            NoteError, CheckpointError: when it is malformed.
            OSError: when the target cannot be written.
        """
        note = read_checkpoint(self._source)
        checkpoint = Checkpoint.parse(split_note(note)[0])
        if checkpoint.size >= LONG_LOG:
            LogReader(self._source).tile(*top_tile(checkpoint.size))
        done = Exported(checkpoint.origin, checkpoint.size)
        self._copy_optional(VKEY_NAME, LONGEST_NOTE_BYTES, done)
        self._copy_optional(KEYS_NAME, LONGEST_KEYS_BYTES, done)
        for level in range(8):
            for index, width in tile_spans(checkpoint.size, level):
                self._copy_wide(tile_path(level, index, width), tile_path(level, index), LONGEST_TILE_BYTES, done)
        for index, width in tile_spans(checkpoint.size, 0):
            data = self._copy_wide(entries_path(index, width), entries_path(index), LONGEST_BUNDLE_BYTES, done)
            self._copy_what_entries_name(index, width, data, done)
        for sha256 in sorted(self._policies):
            self._copy_wide(policies_path(sha256), policies_path(sha256), LONGEST_POLICIES_BYTES, done)
        self._write(CHECKPOINT_NAME, note)  # last, as the log's own writer does
        self._write(VERIFIER_NAME, verifier_program())
        done.files += 1
        return done

    def _copy_wide(self, path: str, full: str, longest_bytes: int, done: Exported) -> bytes:
        """Copy a tile or bundle, or the full one that has replaced it; return its bytes, empty if it is missing."""
        try:
            return self._copy(path, longest_bytes, done)
        except FileError as problem:
            if path != full:
                try:
                    return self._copy(full, longest_bytes, done)
                except FileError:
                    pass
            done.missing.append(Finding(problem.where, problem.problem))
            if len(done.missing) > MOST_FAULTS:
                raise FileError("log", f"`{len(done.missing)}` files cannot be read, and no more are looked for") from problem
            return b""

    def _copy_what_entries_name(self, index: int, width: int, bundle: bytes, done: Exported) -> None:
        """Copy the label files of the releases in a bundle, and record which policies came into force."""
        try:
            entries = split_bundle(bundle)[:width]
        except EntryBundleError:
            return  # copied nevertheless, so that `verify.py` can report it
        for number, data in enumerate(entries, index * TILE_WIDTH):
            try:
                entry = Entry.decode(data)
            except EntryError:
                continue
            if entry.kind is Kind.POLICY:
                self._policies.add(entry.policy)
            elif entry.kind is Kind.RELEASE:
                self._copy_wide(labels_path(number), labels_path(number), LONGEST_LABELS_BYTES, done)

    def _copy_optional(self, path: str, longest_bytes: int, done: Exported) -> None:
        try:
            self._copy(path, longest_bytes, done)
        except FileError:
            return

    def _copy(self, path: str, longest_bytes: int, done: Exported) -> bytes:
        data = self._source.read(path, longest_bytes)
        self._write(path, data)
        done.files += 1
        return data

    def _write(self, path: str, data: bytes) -> None:
        file = self._target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def verifier_program() -> bytes:
    """Return the bytes of the verifier, which needs only Python's standard library."""
    return files("gateway.audit.standalone").joinpath(VERIFIER_NAME).read_bytes()
