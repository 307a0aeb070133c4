"""The keys of one gateway, held together: made, loaded, and used for whatever is derived from them."""

from __future__ import annotations

import hmac
import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Final

from gateway.audit.log.notes import KeyFormatError, Signer, Verifier
from gateway.edge.keys.log import LOG_KEY_FILE, LOG_PUBLIC_FILE, SEED_BYTES, read_log_keys
from gateway.edge.keys.root import (
    KEY_BYTES,
    ROOT_KEY_FILE,
    KeptRoots,
    derive,
    destroy_other_kept,
    read_root,
    replace_root_key,
    write_kept,
)
from gateway.edge.keys.sealing import Sealer
from gateway.errors import CorruptionError, KeyFileError
from gateway.files import PUBLIC_MODE, SECRET_MODE, SecretFileError, create_file, sync_folder, unusable

LOOKUP_HASH_BYTES: Final = 16


class GatewayKeys:
    """The loaded keys. None of them appears in its `repr`."""

    __slots__ = ("_kept", "_root", "log_signer", "next_log_signer", "sealer")

    def __init__(
        self, root_key: bytes, log_signer: Signer, next_log_signer: Signer | None = None, kept: KeptRoots | None = None
    ) -> None:
        """Derive the keys from a root key of 32 bytes, and hold the log's signers.

        Args:
            log_signer: The log's key.
            next_log_signer: The key to which the log is being handed over, or was about to be.
            kept: What is needed of the roots before this one; None: it is the first.
        """
        if len(root_key) != KEY_BYTES:
            raise ValueError(f"a root key has {KEY_BYTES} bytes, not {len(root_key)}")
        self._take_root(root_key, kept or KeptRoots.first(root_key))
        self.log_signer = log_signer
        self.next_log_signer = next_log_signer

    def _take_root(self, root_key: bytes, kept: KeptRoots) -> None:
        self._root, self._kept = root_key, kept
        former = [derive(root, "state") for _, root in sorted(kept.former.items(), reverse=True)]
        self.sealer = Sealer(derive(root_key, "state"), *former)

    @property
    def root_generation(self) -> int:
        """The number of the root key; the first was 1."""
        return self._kept.generation

    @property
    def former_generations(self) -> tuple[int, ...]:
        """The numbers of the roots before it that are kept."""
        return tuple(sorted(self._kept.former))

    def device_generation(self) -> int:
        """Return the generation of the keys that devices get now."""
        return self.root_generation - 1

    def keeps_generation(self, generation: int) -> bool:
        """Return whether the root is there from which devices of a generation have their keys."""
        return generation == self.device_generation() or generation + 1 in self._kept.former

    @property
    def log_verifiers(self) -> tuple[Verifier, ...]:
        """The public halves of the keys by which the log may be signed."""
        signers = (self.log_signer, self.next_log_signer)
        return tuple(one.verifier for one in signers if one is not None)

    def device_key(self, device_id: bytes, generation: int) -> bytes:
        """Return a device's 32-byte message authentication key, which the device holds for good.

        Args:
            device_id: Its id.
            generation: As ``device_generation`` was when it was registered; it names the root from which the key is made.

        Raises: CorruptionError: that root is not kept.
        """
        root = self._root if generation == self.device_generation() else self._kept.former.get(generation + 1)
        if root is None:
            raise CorruptionError(f"a device has its key from root key number `{generation + 1}`, which is not there")
        return derive(root, "device", device_id, generation)

    def lookup_hash(self, value: bytes) -> bytes:
        """Return the keyed hash, 16 bytes, by which a row is found without its content being readable on disk."""
        return hmac.digest(self._kept.lookup, value, "sha256")[:LOOKUP_HASH_BYTES]

    def replace_root(self, folder: Path) -> None:
        """Replace the root key; what the former has sealed still opens, and nothing more is sealed under it.

        What the new root keeps is on the disk before the root itself, whose file changes at once: a crash leaves one or the
        other.

        Raises:
            KeyFileError: the root key is no file of this folder.
            OSError: the disk failed.
        """
        root_key = os.urandom(KEY_BYTES)
        kept = KeptRoots(self.root_generation + 1, self._kept.lookup, {**self._kept.former, self.root_generation: self._root})
        replace_root_key(folder, root_key, kept)
        self._take_root(root_key, kept)
        destroy_other_kept(folder, root_key)

    def forget_roots(self, folder: Path, needed: Collection[int]) -> None:
        """Destroy the former roots that are not needed: nothing is sealed under them, and no device has its key from them.

        Raises: OSError: the disk failed.
        """
        former = {generation: root for generation, root in self._kept.former.items() if generation in needed}
        if former != self._kept.former:
            kept = replace(self._kept, former=former)
            write_kept(folder, self._root, kept)
            self._take_root(self._root, kept)
        destroy_other_kept(folder, self._root)


def init_keys(folder: Path, origin: str) -> GatewayKeys:
    """Make the root key and the log's key.

    Args:
        folder: Where to put them; created with mode 0700 if absent.
        origin: The log's origin, which is the name of its key.

    Raises:
        KeyFileError: If any key exists already, the folder cannot be written, or the origin cannot name a key.
    """
    present = [name for name in (ROOT_KEY_FILE, LOG_KEY_FILE, LOG_PUBLIC_FILE) if os.path.lexists(folder / name)]
    if present:
        raise KeyFileError(f"`{folder / present[0]}`: exists already, and keys are never overwritten")
    try:
        signer = Signer(origin, os.urandom(SEED_BYTES))
        _make_folder(folder)
        root_key = os.urandom(KEY_BYTES)
        create_file(folder / ROOT_KEY_FILE, root_key, SECRET_MODE)
        create_file(folder / LOG_KEY_FILE, f"{signer.skey()}\n".encode(), SECRET_MODE)
        create_file(folder / LOG_PUBLIC_FILE, f"{signer.vkey()}\n".encode(), PUBLIC_MODE)
    except (SecretFileError, KeyFormatError) as error:
        raise KeyFileError(str(error)) from error
    return GatewayKeys(root_key, signer)


def load_keys(folder: Path) -> GatewayKeys:
    """Load what `init_keys` made.

    Raises:
        KeyFileError: If a file is absent, a symbolic link, readable by others, or does not hold what it should.
    """
    root_key, kept = read_root(folder)
    return GatewayKeys(root_key, *read_log_keys(folder), kept)


def _make_folder(folder: Path) -> None:
    try:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True)
            sync_folder(folder.parent)
    except OSError as error:
        raise KeyFileError(f"`{folder}`: cannot be made: {unusable(folder, error)}") from error
