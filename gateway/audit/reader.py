"""Reading a log folder and an openings folder, as an outsider finds them (an edge: it reads files).

A partial file that is gone may have been replaced by the full one, whose start it was. Whatever cannot be read is a
`FileError` that names the file: the verifier records it and goes on.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from gateway.audit.merkle import HASH_BYTES
from gateway.audit.tiles import BundleError, entries_path, labels_path, split_bundle, tile_path

CHECKPOINT_NAME = "checkpoint"
VKEY_NAME = "log.vkey"
_INDEX = re.compile(r"0|[1-9][0-9]{0,18}")


class FileError(Exception):
    """A file is absent, unreadable or malformed."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem


class Tile(NamedTuple):
    """A hash tile as read: the path that it was read from, and its hashes one behind the other."""

    where: str
    data: bytes

    def hashes(self) -> list[bytes]:
        """Return the hashes one by one."""
        return [self.data[at : at + HASH_BYTES] for at in range(0, len(self.data), HASH_BYTES)]


class Bundle(NamedTuple):
    """An entry bundle as read: the path that it was read from, and its entries."""

    where: str
    entries: list[bytes]


class LogReader:
    """A log folder; paths in problems are relative to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def checkpoint(self) -> bytes:
        """Return the bytes of the checkpoint."""
        return self._read(CHECKPOINT_NAME)

    def vkey(self) -> str | None:
        """Return the key that the folder itself offers, if any; nobody should trust it for that."""
        try:
            return self._read(VKEY_NAME).decode(errors="replace").removesuffix("\n")
        except FileError:
            return None

    def tile(self, level: int, index: int, width: int) -> Tile:
        """Return the first `width` hashes of a tile."""
        where, data = self._partial_or_full(tile_path(level, index, width), tile_path(level, index))
        if len(data) % HASH_BYTES or len(data) < width * HASH_BYTES:
            raise FileError(where, f"`{len(data)}` bytes are not the tile's {width} hashes")
        if where == tile_path(level, index, width) and len(data) != width * HASH_BYTES:
            raise FileError(where, f"more than the tile's {width} hashes")
        return Tile(where, data[: width * HASH_BYTES])

    def bundle(self, index: int, width: int) -> Bundle:
        """Return the first `width` entries of a bundle."""
        where, data = self._partial_or_full(entries_path(index, width), entries_path(index))
        try:
            entries = split_bundle(data)
        except BundleError as error:
            raise FileError(where, str(error)) from error
        if len(entries) < width or (len(entries) > width and where == entries_path(index, width)):
            raise FileError(where, f"`{len(entries)}` entries where {width} are due")
        return Bundle(where, entries[:width])

    def labels(self, index: int) -> bytes:
        """Return the label file of the release at that log index."""
        return self._read(labels_path(index))

    def older_partials(self, path: str, width: int) -> list[tuple[str, int, bytes]]:
        """Return path, width and bytes of the partial files narrower than `width` that lie beside a file of full width."""
        try:
            files = sorted((self._folder / f"{path}.p").iterdir())
            widths = [(file, int(file.name)) for file in files if _INDEX.fullmatch(file.name)]
            return [(f"{path}.p/{file.name}", count, file.read_bytes()) for file, count in widths if 0 < count < width]
        except FileNotFoundError:  # the writer removes them all once the full file is there
            return []

    def _partial_or_full(self, path: str, full: str) -> tuple[str, bytes]:
        """Return path and bytes of a partial file, or of the full one that has replaced it."""
        try:
            return path, self._read(path)
        except FileError:
            if path == full or not (self._folder / full).exists():
                raise
            return full, self._read(full)

    def _read(self, path: str) -> bytes:
        try:
            return (self._folder / path).read_bytes()
        except OSError as error:
            raise FileError(path, _reason(error)) from error


class OpeningsReader:
    """An openings folder: one file for each opened entry, named by its index."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.indices: set[int] = set()
        self.strangers: list[str] = []
        for name in sorted(file.name for file in folder.iterdir()):
            if _INDEX.fullmatch(name):
                self.indices.add(int(name))
            elif not name.startswith("."):  # a dot marks what a writer has not finished
                self.strangers.append(name)

    def read(self, index: int) -> bytes | None:
        """Return the bytes of the opening of the entry at that log index, None if it has been deleted meanwhile."""
        try:
            return (self._folder / str(index)).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FileError(opening_name(index), _reason(error)) from error


def opening_name(index: int) -> str:
    """Return how findings name an opening."""
    return f"openings/{index}"


def _reason(error: OSError) -> str:
    return "absent" if isinstance(error, FileNotFoundError) else (error.strerror or "unreadable").lower()
