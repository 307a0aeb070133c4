"""The root key and its generations: the file that holds it, what is derived from it, and what it keeps of the roots before it.

Each root has a file of its own for what it keeps, and finds no other's: a crash while a root is replaced leaves one or the other.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from gateway.edge.keys.sealing import SealedRowError, Sealer
from gateway.errors import KeyFileError
from gateway.files import SecretFileError, destroy_secret, read_secret_file, replace_secret, sync_folder

ROOT_KEY_FILE: Final = "root.key"
CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
"""In this variable systemd names the folder of a service's credentials; a root key in it takes the place of the file's."""
KEY_BYTES: Final = 32
_VERSION: Final = "sluice 1"
_KEPT: Final = "kept"
_FORBIDDEN: Final = 0o077
_FORBIDDEN_TO_CREDENTIALS: Final = 0o027
"""systemd lets the service's user read a credential by an access list, which shows in the bits of the group."""


def derive(root_key: bytes, use: str, *of: bytes | int) -> bytes:
    """Return a key of 32 bytes for one use, by HKDF (RFC 5869) over the use and what it is for."""
    info = cbor2.dumps([_VERSION, use, *of], canonical=True)
    return HKDFExpand(hashes.SHA256(), KEY_BYTES, info).derive(root_key)


@dataclass(frozen=True, slots=True)
class KeptRoots:
    """What a root key keeps of those before it.

    Attributes:
        generation: The number of the present root; the first was 1.
        lookup: The key by which rows are found, which stays that of the first.
        former: By generation, the roots before it that are still needed. Not in its `repr`, as no key is.
    """

    generation: int
    lookup: bytes = field(repr=False)
    former: dict[int, bytes] = field(repr=False)

    @classmethod
    def first(cls, root_key: bytes) -> KeptRoots:
        """Return what the first root keeps: nothing but the key that is made from it."""
        return cls(1, derive(root_key, "look-up"), {})

    @classmethod
    def unseal(cls, root_key: bytes, sealed: bytes) -> KeptRoots:
        """Return what lies in a root's file.

        Raises: ValueError: it was changed, or is another root's.
        """
        generation, lookup, former = cbor2.loads(Sealer(derive(root_key, "former")).open(_KEPT, b"", sealed))
        return cls(generation, lookup, dict(former))

    def seal(self, root_key: bytes) -> bytes:
        """Return the bytes of the root's file."""
        content = cbor2.dumps([self.generation, self.lookup, sorted(self.former.items())], canonical=True)
        return Sealer(derive(root_key, "former")).seal(_KEPT, b"", content)


def root_key_file(folder: Path) -> Path:
    """Return where the root key lies: among the service's credentials where it is one of them, else in the folder of the keys."""
    credentials = os.environ.get(CREDENTIALS)
    if credentials and os.path.lexists(os.path.join(credentials, ROOT_KEY_FILE)):
        return Path(credentials) / ROOT_KEY_FILE
    return folder / ROOT_KEY_FILE


def read_root(folder: Path) -> tuple[bytes, KeptRoots | None]:
    """Return the root key, 32 bytes, and what it keeps; None: it is the first.

    Raises:
        KeyFileError: If a file is absent, a symbolic link, readable by others, or does not hold what it should.
    """
    path = root_key_file(folder)
    try:
        root_key = read_secret_file(path, _FORBIDDEN if path.parent == folder else _FORBIDDEN_TO_CREDENTIALS)
    except SecretFileError as error:
        raise KeyFileError(str(error)) from error
    if len(root_key) != KEY_BYTES:
        raise KeyFileError(f"`{path}`: has `{len(root_key)}` bytes, not {KEY_BYTES}: the root key is damaged")
    return root_key, _read_kept(_kept_file(folder, root_key), root_key)


def _read_kept(path: Path, root_key: bytes) -> KeptRoots | None:
    if not os.path.lexists(path):
        return None
    try:
        return KeptRoots.unseal(root_key, read_secret_file(path))
    except SecretFileError as error:
        raise KeyFileError(str(error)) from error
    except (ValueError, SealedRowError) as error:
        raise KeyFileError(f"`{path}`: is damaged: put your copy of the keys back") from error


def replace_root_key(folder: Path, root_key: bytes, kept: KeptRoots) -> None:
    """Put another root key in place, with what it keeps before it.

    Raises:
        KeyFileError: the present one is no file of this folder.
        OSError: the disk failed.
    """
    target = folder / ROOT_KEY_FILE
    if root_key_file(folder) != target:
        raise KeyFileError(f"`{root_key_file(folder)}`: is a credential, which only systemd replaces")
    write_kept(folder, root_key, kept)
    replace_secret(target, root_key)


def write_kept(folder: Path, root_key: bytes, kept: KeptRoots) -> None:
    """Write what a root keeps.

    Raises: OSError: the disk failed.
    """
    replace_secret(_kept_file(folder, root_key), kept.seal(root_key))


def destroy_other_kept(folder: Path, root_key: bytes) -> None:
    """Destroy what other roots have kept, such as one that a crash never let come into use: this one keeps what is needed.

    Raises: OSError: the disk failed.
    """
    for path in folder.glob("root-*.kept"):
        if path != _kept_file(folder, root_key):
            destroy_secret(path)
    sync_folder(folder)


def _kept_file(folder: Path, root_key: bytes) -> Path:
    return folder / f"root-{derive(root_key, 'name')[:4].hex()}.kept"
