"""Durable publication of the log's files (an edge: it writes files, and its calls block; run them in a thread).

A file appears whole or not at all: it is written under a temporary name, forced to the disk, renamed, and its folder
forced too. The checkpoint comes last, so that its readers find everything that it covers. Files of the log
never change; an attempt to change one is an error, and the log must not be published further.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from gateway.audit.log.handover import KEYS_NAME
from gateway.audit.log.paths import parse_path
from gateway.audit.log.reader import CHECKPOINT_NAME, DESCRIPTION_NAME, VKEY_NAME, FolderSource
from gateway.audit.log.tiles import labels_path
from gateway.files import make_folder, replace_file, replace_file_by, sync_folder

_PUBLIC_MODE = 0o644
_PUBLIC_FOLDER_MODE = 0o755
_PRIVATE_MODE = 0o600
_LATEST_TRIED = 100
"""So many names are tried before a folder is listed, which may hold a million."""


class FolderConflictError(Exception):
    """A published file, which must never change, differs from what is to be published."""


class LogFolder:
    """The public folder of one log, written by one process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._prefix = os.path.join(path, "")  # text, since a path object for each labels file of a long log is slow
        if not path.is_dir():
            make_folder(path)
            path.chmod(_PUBLIC_FOLDER_MODE)

    def read_checkpoint(self) -> bytes | None:
        """Return the bytes of the published checkpoint, None before the first."""
        try:
            return (self.path / CHECKPOINT_NAME).read_bytes()
        except FileNotFoundError:
            return None

    def publish(self, files: Mapping[str, bytes], checkpoint_note: bytes) -> None:
        """Publish new files, then the checkpoint that covers them, then remove the partial files they replace.

        Args:
            files: Bytes by path below the folder; label files may be among them.
            checkpoint_note: The signed checkpoint.

        Raises:
            FolderConflictError: when a file exists with other content.
            OSError: when the disk fails; its state is then unknown, and the process should end.
        """
        self._write_new(files)
        replace_file(self.path / CHECKPOINT_NAME, checkpoint_note, _PUBLIC_MODE)
        sync_folder(self.path)
        self._drop_partials(path for path in files if ".p/" not in path)

    def write_labels(self, index: int, data: bytes) -> None:
        """Write the label file of the release at a log index; it must exist before a checkpoint covers the release."""
        self._write_new({labels_path(index): data})

    def write_vkey(self, vkey: str) -> None:
        """Write the log's public key beside it, for convenience: trust needs it from elsewhere."""
        target, data = self.path / VKEY_NAME, f"{vkey}\n".encode()
        if not target.is_file() or target.read_bytes() != data:
            replace_file(target, data, _PUBLIC_MODE)
            sync_folder(self.path)

    def write_handovers(self, data: bytes) -> None:
        """Write the handovers of the log's key, where there are new ones: before any checkpoint that rests on them."""
        if self.read(KEYS_NAME) != data:
            replace_file(self.path / KEYS_NAME, data, _PUBLIC_MODE)
            sync_folder(self.path)

    def write_description(self, data: bytes) -> None:
        """Write the log's description, where it has changed; no checkpoint covers it."""
        if self.read(DESCRIPTION_NAME) != data:
            target = self.path / DESCRIPTION_NAME
            folders = _make_folders(target.parent, self.path)
            replace_file(target, data, _PUBLIC_MODE)
            for folder in sorted({*folders, target.parent}, reverse=True):
                sync_folder(folder)

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a published file, None where it is absent."""
        try:
            return (self.path / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def has(self, path: str) -> bool:
        """Return whether a file is published."""
        return os.path.exists(self._prefix + path)

    def names(self, folder: str) -> set[str]:
        """Return the names in a folder of the log; none where it is absent."""
        try:
            return set(os.listdir(self.path / folder))
        except FileNotFoundError:
            return set()

    def restore(self, files: Mapping[str, bytes]) -> None:
        """Rewrite files that a checkpoint covers and that are gone.

        Raises: as `publish` does.
        """
        self._write_new(files)

    def beyond(self, size: int) -> list[str]:
        """Return the paths of files that no checkpoint of this size covers, as an interrupted publication leaves them."""
        known = ((path, parse_path(path)) for path in FolderSource(self.path).paths())
        return sorted(path for path, file in known if file is not None and not file.is_covered(size))

    def delete(self, paths: Iterable[str]) -> None:
        """Delete files that no signed checkpoint covers, so that others can be published in their place."""
        folders: set[Path] = set()
        for path in paths:
            (self.path / path).unlink(missing_ok=True)
            folders.add((self.path / path).parent)
        for folder in folders:
            sync_folder(folder)

    def _write_new(self, files: Mapping[str, bytes]) -> None:
        """Write the files that do not exist, durably, and compare the others."""
        folders: set[Path] = set()
        for path, data in files.items():
            target = self.path / path
            present = self.read(path)
            if present is None:
                folders |= _make_folders(target.parent, self.path)
                replace_file(target, data, _PUBLIC_MODE)
                folders.add(target.parent)
            elif present != data:
                raise FolderConflictError(f"`{path}` is published with other content")
            else:  # written by an interrupted publication, perhaps before the folders were forced
                folders |= _up_to(target.parent, self.path)
        for folder in sorted(folders, reverse=True):
            sync_folder(folder)

    def _drop_partials(self, full_paths: Iterable[str]) -> None:
        """Remove the partial files of tiles and bundles that now exist in full."""
        for path in full_paths:
            partials = self.path / f"{path}.p"
            if partials.is_dir():
                for file in partials.iterdir():
                    file.unlink()
                partials.rmdir()


class OpeningsFolder:
    """The folder of openings for accredited auditors, which nobody but the gateway's user may enter."""

    def __init__(self, path: Path) -> None:
        self.path = path
        make_folder(path, 0o700)
        path.chmod(0o700)
        with os.scandir(path) as listed:  # which may be a million, so nothing is made of the others
            for each in listed:
                if each.name.startswith(".") and each.name.endswith(".new"):
                    os.unlink(each)  # a crash left it, and it may hold what has been erased since

    def write(self, openings: Mapping[int, bytes]) -> None:
        """Write encoded openings by log index, replacing those that an erasure has shortened."""
        self.write_pieces({index: (data,) for index, data in openings.items()})

    def write_pieces(self, openings: Mapping[int, Iterable[bytes]]) -> None:
        """Write encoded openings as ``write`` does, each of which comes piece by piece."""
        for index, pieces in openings.items():
            replace_file_by(self.path / str(index), pieces, _PRIVATE_MODE)
        sync_folder(self.path)

    def read(self, index: int) -> bytes | None:
        """Return the opening at a log index, None where there is none."""
        try:
            return (self.path / str(index)).read_bytes()
        except FileNotFoundError:
            return None

    def delete(self, indices: Iterable[int]) -> None:
        """Remove the openings at these log indices; one that is gone is not an error."""
        for index in indices:
            with contextlib.suppress(FileNotFoundError):
                (self.path / str(index)).unlink()
        sync_folder(self.path)

    def latest_before(self, end: int) -> int:
        """Return the log index of the latest opening before an index, -1 where there is none."""
        for index in range(end - 1, max(end - 1 - _LATEST_TRIED, -1), -1):
            if (self.path / str(index)).exists():
                return index
        return max((index for index in self.indices() if index < end), default=-1)

    def indices(self) -> set[int]:
        """Return the log indices of the existing openings."""
        return {int(file.name) for file in self.path.iterdir() if file.name.isdecimal()}


def _make_folders(folder: Path, top: Path) -> set[Path]:
    """Create a public folder and those above it, whatever the umask, and return the folders whose listing that changed."""
    missing: list[Path] = []
    while folder != top and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir()
        each.chmod(_PUBLIC_FOLDER_MODE)
    return {each.parent for each in missing}


def _up_to(folder: Path, top: Path) -> set[Path]:
    """Return a folder and those above it, including the topmost."""
    return {folder, *(above for above in folder.parents if above == top or top in above.parents)}
