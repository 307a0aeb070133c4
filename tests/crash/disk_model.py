"""A disk that loses power: what was done to its files in order, and what can be left of that at any moment.

The pessimistic reading of POSIX. A write that no later sync of the same file covers is kept, lost or torn, each by itself and
in any order; a name that was made, changed or removed is so for certain only once its folder has been synced, and until then
each change counts or does not, by itself.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

SECTOR_BYTES = 512


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes put into a file."""

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """A file made so long or short."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """A file's content forced to the disk."""

    file: int


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a folder that from now on stands for a file, or for none."""

    path: Path
    file: int | None


@dataclass(frozen=True, slots=True)
class Rename:
    """A file that takes another name of the same folder, from whatever had it."""

    old: Path
    new: Path
    file: int


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder made, or removed."""

    path: Path
    present: bool


@dataclass(frozen=True, slots=True)
class SyncFolder:
    """A folder's names forced to the disk."""

    path: Path


@dataclass(frozen=True, slots=True)
class Told:
    """Something that the world outside has been told, which no power cut may take back."""

    what: str
    value: int | bytes


Event = Write | Truncate | Sync | Name | Rename | Folder | SyncFolder | Told


@dataclass(slots=True)
class RecordedDisk:
    """What has been done to the files below a folder.

    Attributes:
        top: The folder, which is there and stays.
        events: In order.
    """

    top: Path
    events: list[Event] = field(default_factory=list)
    _names: dict[Path, int] = field(default_factory=dict)
    _files: int = 0

    def file(self, path: Path) -> int:
        """Return the number of the file that a name stands for, which is made if there is none."""
        if path not in self._names:
            self._files += 1
            self._names[path] = self._files
            self.events.append(Name(path, self._files))
        return self._names[path]

    def knows(self, path: Path) -> bool:
        """Say whether a name stands for a file."""
        return path in self._names

    def rename(self, old: Path, new: Path) -> None:
        """Record a rename."""
        self._names[new] = file = self._names.pop(old)
        self.events.append(Rename(old, new, file))

    def unlink(self, path: Path) -> None:
        """Record that a name is gone."""
        if self._names.pop(path, None) is not None:
            self.events.append(Name(path, None))

    def image(self, cut: int, chance: random.Random) -> dict[Path, bytes]:
        """Return what may lie on the disk after a power cut, by path; empty folders are not told of.

        Args:
            cut: How many events had happened.
            chance: Decides what became of everything that was not synced.
        """
        return _Remains(self.events[:cut], chance).files(self.top)


class _Remains:
    """One outcome of a power cut."""

    def __init__(self, events: Sequence[Event], chance: random.Random) -> None:
        self._chance = chance
        self._content: dict[int, bytearray] = {}
        self._names: dict[Path, int | None] = {}
        self._folders: dict[Path, bool] = {}
        last_sync = {event.file: at for at, event in enumerate(events) if isinstance(event, Sync)}
        last_folder_sync = {event.path: at for at, event in enumerate(events) if isinstance(event, SyncFolder)}
        for at, event in enumerate(events):
            if isinstance(event, Write | Truncate):
                self._put(event, at < last_sync.get(event.file, -1))
            elif isinstance(event, Name | Rename | Folder):
                folder = (event.new if isinstance(event, Rename) else event.path).parent
                if at < last_folder_sync.get(folder, -1) or chance.random() < 0.5:
                    self._enter(event)

    def _put(self, event: Write | Truncate, synced: bool) -> None:
        content = self._content.setdefault(event.file, bytearray())
        fate = "kept" if synced else self._chance.choice(("kept", "lost", "torn"))
        if fate == "lost":
            return
        if isinstance(event, Truncate):
            if fate == "kept":
                _resize(content, event.size)
            return
        for start in range(0, len(event.data), SECTOR_BYTES) if fate == "torn" else (0,):
            if fate == "kept" or self._chance.random() < 0.5:
                piece = event.data[start : start + SECTOR_BYTES] if fate == "torn" else event.data
                _put_at(content, event.offset + start, piece)

    def _enter(self, event: Name | Rename | Folder) -> None:
        if isinstance(event, Folder):
            self._folders[event.path] = event.present
        elif isinstance(event, Rename):
            self._names[event.old] = None
            self._names[event.new] = event.file
        else:
            self._names[event.path] = event.file

    def files(self, top: Path) -> dict[Path, bytes]:
        return {
            path: bytes(self._content.get(file, b""))
            for path, file in self._names.items()
            if file is not None and self._is_reached(path.parent, top)
        }

    def _is_reached(self, folder: Path, top: Path) -> bool:
        return folder == top or (self._folders.get(folder, False) and self._is_reached(folder.parent, top))


def _resize(content: bytearray, size: int) -> None:
    del content[size:]
    content.extend(bytes(size - len(content)))


def _put_at(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset + len(data):
        _resize(content, offset + len(data))
    content[offset : offset + len(data)] = data
