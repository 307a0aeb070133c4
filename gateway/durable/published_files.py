"""The files of a published log, compared with those that the entries in the database make.

An entry is known in three ways: from the database, from its bundle, and by its hash in a tile; where they differ, two agree,
and the third was changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from consent.core.policies.archive import pack_files
from gateway.audit.log.folder import LogFolder
from gateway.audit.log.merkle import HASH_BYTES, leaf_hash
from gateway.audit.log.tiles import (
    TILE_WIDTH,
    EntryBundleError,
    entries_path,
    labels_path,
    policies_path,
    split_bundle,
    tile_path,
)
from gateway.core.changes.changes import StoredPolicies
from gateway.errors import CorruptionError


class PublishedFiles:
    """Compares the files of one log; what is absent it remembers.

    Attributes:
        absent: Tiles and bundles that the folder does not have, each with the size of the log that first has it.
    """

    def __init__(self, database: Path, folder: LogFolder) -> None:
        """Name the database, for what is changed in it, and take the folder."""
        self._database = database
        self._folder = folder
        self.absent: dict[str, int] = {}

    def compare(self, files: Mapping[str, bytes], block: Sequence[bytes], size: int) -> None:
        """Compare tiles and bundles with those in the folder.

        Args:
            files: What the entries make.
            block: The entries of the last tile, up to ``size``.
            size: Of the log, of which these are the latest files.
        Raises: CorruptionError: one was changed; the message names it.
        """
        for path, data in files.items():
            present = self._folder.read(path)
            if present is None:
                self.absent[path] = size
            elif present != data:
                self._blame(path, data, present, block, size)

    def compare_narrower(self, files: Mapping[str, bytes], block: Sequence[bytes]) -> None:
        """Compare what earlier checkpoints have left of tiles and bundles that are not yet full.

        Raises: CorruptionError: one was changed.
        """
        for path, data in files.items():
            folder, _, width = path.rpartition("/")
            for name in self._folder.names(folder):
                if not name.isdecimal() or int(name) >= int(width):
                    continue
                whole = data[: int(name) * HASH_BYTES]
                if path.startswith("tile/entries/"):
                    whole = b"".join(len(entry).to_bytes(2, "big") + entry for entry in block[: int(name)])
                if self._folder.read(f"{folder}/{name}") != whole:
                    raise CorruptionError(f"`{self._folder.path}`: `{folder}/{name}` was changed")

    def lacks_labels(self, index: int, data: bytes) -> bool:
        """Return whether the labels file of the release at a log index is absent.

        Raises: CorruptionError: it was changed.
        """
        return self._lacks(labels_path(index), data)

    def lost_policies(self, row: bytes) -> dict[str, bytes]:
        """Return the file of a stored row of policies, by its path, where it is absent.

        Raises: CorruptionError: the policies in the file are not those of its name.
        """
        packed = pack_files(msgspec.msgpack.decode(row, type=StoredPolicies).files)
        path = policies_path(sha256(packed).digest())
        return {path: packed} if self._lacks(path, packed) else {}

    def _lacks(self, path: str, data: bytes) -> bool:
        present = self._folder.read(path)
        if present is not None and present != data:
            raise CorruptionError(f"`{self._folder.path}`: `{path}` was changed")
        return present is None

    def _blame(self, path: str, data: bytes, present: bytes, block: Sequence[bytes], size: int) -> None:
        """Refuse, and name what was changed: a hash of an upper tile, or the entry, its copy in the bundle, or its hash.

        Raises: CorruptionError: always.
        """
        if not is_lowest(path):
            wrong = next((n for n in range(len(data) // HASH_BYTES) if _hash(data, n) != _hash(present, n)), 0)
            raise CorruptionError(f"`{self._folder.path}`: `{path}`: hash `{wrong}` was changed")
        start, width = size - len(block), len(block)
        tile = self._folder.read(tile_path(0, start // TILE_WIDTH, width)) or b""
        bundle = self._folder.read(entries_path(start // TILE_WIDTH, width)) or b""
        published = _entries(bundle)
        for place, entry in enumerate(block):
            copy = published[place] if place < len(published) else None
            hash_ = _hash(tile, place)
            if copy is not None and copy != entry and leaf_hash(copy) == hash_:
                raise CorruptionError(f"`{self._database}`: log entry `{start + place}` was changed")
            if path.startswith("tile/0/") and hash_ != leaf_hash(entry):
                raise CorruptionError(f"`{self._folder.path}`: `{path}`: the hash of entry `{start + place}` was changed")
            if path.startswith("tile/entries/") and copy != entry:
                raise CorruptionError(f"`{self._folder.path}`: `{path}`: entry `{start + place}` was changed")
        raise CorruptionError(f"`{self._folder.path}`: `{path}`: something was added to it")


def is_lowest(path: str) -> bool:
    """Return whether a path is that of a bundle, or of a tile with the hashes of entries."""
    return path.startswith(("tile/0/", "tile/entries/"))


def _hash(tile: bytes, place: int) -> bytes:
    return tile[place * HASH_BYTES : (place + 1) * HASH_BYTES]


def _entries(bundle: bytes) -> list[bytes]:
    """Return the entries of a published bundle, as far as it can be decoded."""
    try:
        return split_bundle(bundle)
    except EntryBundleError:
        return []
