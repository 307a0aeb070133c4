"""Readers of a log and an openings folder, as an outsider finds them (an edge: it reads files).

A log is in a folder, or on a web server (`remote`): either is a `Source` of files by path. A partial file that is gone may
have been replaced by the full one, which begins with it. Whatever cannot be read is a `FileError` that names the file: the
verifier records it and continues. Without a checkpoint, or a server that answers, there is no log to find faults with: that is a
`LogUnreachableError`. Only regular files are read, and none beyond its greatest valid length.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from consent.core.policies.archive import LONGEST_PACKED_BYTES
from gateway.audit.log.entries import MAX_ENTRY_BYTES
from gateway.audit.log.handover import KEYS_NAME
from gateway.audit.log.merkle import HASH_BYTES
from gateway.audit.log.openings import Opening, OpeningError
from gateway.audit.log.tiles import (
    TILE_WIDTH,
    EntryBundleError,
    entries_path,
    labels_path,
    policies_path,
    split_bundle,
    tile_path,
)
from gateway.files import read_regular

CHECKPOINT_NAME: Final = "checkpoint"
VKEY_NAME: Final = "log.vkey"
DESCRIPTION_NAME: Final = ".well-known/sluice.json"
LONGEST_NOTE_BYTES: Final = 1 << 16
LONGEST_TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
LONGEST_BUNDLE_BYTES: Final = TILE_WIDTH * (2 + MAX_ENTRY_BYTES)
LONGEST_LABELS_BYTES: Final = 1 << 24  # a million subjects in one release
LONGEST_POLICIES_BYTES: Final = LONGEST_PACKED_BYTES
ABSENT: Final = "absent"
"""What is wrong with a file that is not there."""
_LONGEST_VKEY_BYTES = 1 << 10
LONGEST_KEYS_BYTES: Final = 1 << 20
LONGEST_OPENING_BYTES: Final = 1 << 27  # a million shares in one release
_INDEX = re.compile(r"0|[1-9][0-9]{0,18}")


class FileError(Exception):
    """A file is absent, unreadable or malformed."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem


class LogUnreachableError(Exception):
    """There is no log to be read: no checkpoint, or no server that answers. It is no finding, since nothing was said."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"the log cannot be reached: {where}: {problem}")


class Tile(NamedTuple):
    """A hash tile as read: the path that it was read from, and its concatenated hashes."""

    where: str
    data: bytes

    def hashes(self) -> list[bytes]:
        """Return the hashes as a list."""
        return [self.data[at : at + HASH_BYTES] for at in range(0, len(self.data), HASH_BYTES)]


class EntryBundle(NamedTuple):
    """An entry bundle as read: the path that it was read from, and its entries."""

    where: str
    entries: list[bytes]


class Source(Protocol):
    """Where the files of a log come from; paths are relative to the log and use `/`."""

    def read(self, path: str, longest_bytes: int) -> bytes:
        """Return a file's bytes.

        Raises:
            FileError: when it is absent, unreadable or longer than that.
            LogUnreachableError: when nobody answers.
        """
        ...

    def names(self, path: str) -> list[str]:
        """Return the names in a folder; none where it is absent or the source cannot list."""
        ...

    def paths(self) -> Iterator[str] | None:
        """Return the paths of all files, in no order; None where the source cannot list."""
        ...


class FolderSource:
    """A log in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prefix = os.path.join(folder, "")  # text, since a path object for each file of a long log is slow

    def read(self, path: str, longest_bytes: int) -> bytes:
        """Return a file's bytes; see `Source`."""
        try:
            return _read_file(self._prefix + path, longest_bytes)
        except OSError as error:
            raise FileError(path, _reason(error, longest_bytes)) from error

    def names(self, path: str) -> list[str]:
        """Return the names in a folder; see `Source`."""
        try:
            return sorted(file.name for file in (self._folder / path).iterdir())
        except OSError:
            return []

    def paths(self) -> Iterator[str]:
        """Return the paths of all files; see `Source`. Links are not followed, and count as files."""
        folders = [""]
        while folders:
            above = folders.pop()
            try:
                with os.scandir(self._prefix + above) as listed:
                    for each in listed:
                        path = above + each.name
                        if each.is_dir(follow_symlinks=False):
                            folders.append(f"{path}/")
                        else:
                            yield path
            except FileNotFoundError:  # a folder of partial files, removed meanwhile
                continue
            except OSError as error:
                raise FileError(above.rstrip("/") or ".", _reason(error)) from error


class LogReader:
    """The files of a log, from a folder or from another source; paths in problems are relative to it."""

    def __init__(self, place: Path | Source) -> None:
        self.source: Source = FolderSource(place) if isinstance(place, Path) else place

    def checkpoint(self) -> bytes:
        """Return the bytes of the checkpoint; see `read_checkpoint`."""
        return read_checkpoint(self.source)

    def vkey(self) -> str | None:
        """Return the key that the log itself offers, if any; that alone is no reason to trust it."""
        try:
            return self.source.read(VKEY_NAME, _LONGEST_VKEY_BYTES).decode(errors="replace").removesuffix("\n")
        except FileError:
            return None

    def handovers(self) -> bytes:
        """Return the handovers of the log's key, unverified; empty where the log has none.

        Raises:
            FileError: when they are there and cannot be read.
            LogUnreachableError: when they cannot be read, nor can its checkpoint.
        """
        try:
            return self.source.read(KEYS_NAME, LONGEST_KEYS_BYTES)
        except FileError as problem:
            if problem.problem == ABSENT:
                return b""
            self.checkpoint()  # whatever answers without one is no log, which is no finding
            raise

    def tile(self, level: int, index: int, width: int) -> Tile:
        """Return the first `width` hashes of a tile."""
        where, data = self._partial_or_full(tile_path(level, index, width), tile_path(level, index), LONGEST_TILE_BYTES)
        if len(data) % HASH_BYTES or len(data) < width * HASH_BYTES:
            raise FileError(where, f"`{len(data)}` bytes are not the tile's {width} hashes")
        if where == tile_path(level, index, width) and len(data) != width * HASH_BYTES:
            raise FileError(where, f"more than the tile's {width} hashes")
        return Tile(where, data[: width * HASH_BYTES])

    def bundle(self, index: int, width: int) -> EntryBundle:
        """Return the first `width` entries of a bundle."""
        where, data = self._partial_or_full(entries_path(index, width), entries_path(index), LONGEST_BUNDLE_BYTES)
        try:
            entries = split_bundle(data)
        except EntryBundleError as error:
            raise FileError(where, str(error)) from error
        if len(entries) < width or (len(entries) > width and where == entries_path(index, width)):
            raise FileError(where, f"`{len(entries)}` entries where {width} are due")
        return EntryBundle(where, entries[:width])

    def labels(self, index: int) -> bytes:
        """Return the label file of the release at that log index."""
        return self.source.read(labels_path(index), LONGEST_LABELS_BYTES)

    def policies(self, digest: bytes) -> bytes:
        """Return the packed policy set of that SHA-256, unverified."""
        return self.source.read(policies_path(digest), LONGEST_POLICIES_BYTES)

    def older_partials(self, path: str, width: int) -> list[tuple[str, int]]:
        """Return path and width of the partial files narrower than `width` that lie beside a file of full width."""
        widths = [int(name) for name in self.source.names(f"{path}.p") if _INDEX.fullmatch(name)]
        return [(f"{path}.p/{count}", count) for count in sorted(widths) if 0 < count < width]

    def partial(self, where: str, longest_bytes: int) -> bytes | None:
        """Return the bytes of such a file, None if its writer has removed it meanwhile, as it does once the full file exists.

        Raises:
            FileError: when it cannot be read, or is longer than that.
        """
        try:
            return self.source.read(where, longest_bytes)
        except FileError as problem:
            if problem.problem == ABSENT:
                return None
            raise

    def _partial_or_full(self, path: str, full: str, longest_bytes: int) -> tuple[str, bytes]:
        """Return path and bytes of a partial file, or of the full one that has replaced it."""
        try:
            return path, self.source.read(path, longest_bytes)
        except FileError:
            if path == full:
                raise
            try:
                return full, self.source.read(full, longest_bytes)
            except FileError:
                pass
            raise


def read_checkpoint(source: Source) -> bytes:
    """Return the bytes of a log's checkpoint, unverified.

    Raises:
        LogUnreachableError: when there is none to be read.
    """
    try:
        return source.read(CHECKPOINT_NAME, LONGEST_NOTE_BYTES)
    except FileError as error:
        raise LogUnreachableError(error.where, error.problem) from error


class OpeningsReader:
    """An openings folder: one file for each opened entry, named by its index."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.indices: set[int] = set()
        self.strangers: list[str] = []
        for name in sorted(file.name for file in folder.iterdir()):
            if _INDEX.fullmatch(name):
                self.indices.add(int(name))
            elif not name.startswith("."):  # a dot marks an unfinished file
                self.strangers.append(name)

    def read(self, index: int) -> bytes | None:
        """Return the bytes of the opening of the entry at that log index, None if it was deleted meanwhile."""
        try:
            return _read_file(os.path.join(self._folder, str(index)), LONGEST_OPENING_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FileError(opening_name(index), _reason(error, LONGEST_OPENING_BYTES)) from error

    def opening(self, index: int, commitment: bytes) -> Opening | None:
        """Return the opening of the entry at that log index, None if there is none.

        Raises:
            FileError: when it cannot be read, is malformed or another entry's, or does not lead to the entry's commitment.
        """
        data = self.read(index) if index in self.indices else None
        if data is None:
            return None
        where = opening_name(index)
        try:
            opening = Opening.decode(data)
        except OpeningError as error:
            raise FileError(where, str(error)) from error
        if opening.index != index:
            raise FileError(where, f"the opening of entry `{opening.index}`")
        if opening.commitment() != commitment:
            raise FileError(where, "does not lead to the commitment in the entry")
        return opening


def _read_file(path: str, most_bytes: int) -> bytes:
    """Return a file's bytes like `read_regular`; in fewer calls, since a log has hundreds of thousands of small ones.

    Raises: OSError: it is absent, no regular file, or longer than that.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # opening a pipe could block for ever
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return read_regular(path, most_bytes)  # which says what it is instead
        if found.st_size > most_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        data = os.read(descriptor, found.st_size + 1)
    finally:
        os.close(descriptor)
    return data if len(data) <= found.st_size else read_regular(path, most_bytes)  # it has grown, or states no size


def opening_name(index: int) -> str:
    """Return the name of an opening in findings."""
    return f"openings/{index}"


def _reason(error: OSError, most_bytes: int = 0) -> str:
    if error.errno == errno.EFBIG:
        return f"longer than `{most_bytes}` bytes"
    return ABSENT if isinstance(error, FileNotFoundError) else (error.strerror or "unreadable").lower()
