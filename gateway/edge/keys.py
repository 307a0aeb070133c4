"""The gateway's own keys: made once by `sluice keys init`, loaded at start, and everything that is derived from them.

    root.key   32 random bytes, mode 0600
      ├─ HKDF ─► state key ─► `Sealer`: rows and journal keys at rest; `lookup_hash`: finds the rows
      └─ HKDF ─► device keys, one for each device and generation: never stored
    log.skey   the log's Ed25519 key in the text form of a note key, mode 0600; log.vkey its public half

A subject's secret, content keys and pseudonym keys are random and derived from none of these: what is deleted stays deleted.
"""

from __future__ import annotations

import hmac
import os
import re
from functools import cache
from pathlib import Path
from typing import Final

import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from gateway.audit.log.notes import KeyFormatError, Signer
from gateway.errors import CorruptionError, OperatorError
from gateway.files import PUBLIC_MODE, SECRET_MODE, SecretFileError, create_file, read_secret_file, sync_folder, unusable

ROOT_KEY_FILE: Final = "root.key"
LOG_KEY_FILE: Final = "log.skey"
LOG_PUBLIC_FILE: Final = "log.vkey"
KEY_BYTES: Final = 32
LOOKUP_HASH_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_VERSION: Final = "sluice 1"
_ORIGIN: Final = re.compile(r"sluice\.([a-z0-9][a-z0-9.-]*)/log")


class KeyFileError(OperatorError):
    """A key file is absent, readable by others, damaged, or exists already."""


class SealedRowError(CorruptionError):
    """A sealed row cannot be opened: it was changed or moved, or the root key is another one."""


class Sealer:
    """Seals rows with AES-256-GCM-SIV, which tolerates a repeated nonce; a row opens only under its own table and row id."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        """Take a key of 32 bytes: the state key, or the random key of a journal segment."""
        self._cipher = AESGCMSIV(key)

    def seal(self, table: str, row_id: bytes, plaintext: bytes) -> bytes:
        """Return the sealed row: a random nonce, the ciphertext, its tag; 28 bytes longer than the plaintext."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plaintext, _row_place(table, row_id))

    def open(self, table: str, row_id: bytes, sealed: bytes) -> bytes:
        """Return the plaintext of a sealed row.

        Raises:
            SealedRowError: If it was sealed for another row or by another key, or has changed since.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _row_place(table, row_id))
        except (InvalidTag, ValueError) as error:
            raise SealedRowError(
                f"a sealed row of `{table}` does not open: it was changed, or the root key is another one"
            ) from error


class GatewayKeys:
    """The loaded keys. None of them appears in its `repr`."""

    __slots__ = ("_lookup", "_root", "log_signer", "sealer")

    def __init__(self, root_key: bytes, log_signer: Signer) -> None:
        """Derive the keys from a root key of 32 bytes, and hold the log's signer."""
        if len(root_key) != KEY_BYTES:
            raise ValueError(f"a root key has {KEY_BYTES} bytes, not {len(root_key)}")
        self._root = root_key
        self._lookup = _derive(root_key, "look-up")
        self.sealer = Sealer(_derive(root_key, "state"))
        self.log_signer = log_signer

    def device_key(self, device_id: bytes, generation: int) -> bytes:
        """Return a device's 32-byte message authentication key; to revoke it, use the next generation."""
        return _derive(self._root, "device", device_id, generation)

    def lookup_hash(self, value: bytes) -> bytes:
        """Return the keyed hash, 16 bytes, by which a row is found without its content being readable on disk."""
        return hmac.digest(self._lookup, value, "sha256")[:LOOKUP_HASH_BYTES]


def log_origin(gateway: str) -> str:
    """Return the origin of a gateway's log, which is the name of the key that `sluice keys init` makes for it."""
    return f"sluice.{gateway}/log"


def origin_gateway(origin: str) -> str | None:
    """Return the gateway for which a log's key was made, by its name; None for a name that was made otherwise."""
    found = _ORIGIN.fullmatch(origin)
    return None if found is None else found[1]


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
        signer = Signer(origin, os.urandom(KEY_BYTES))
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
    root_path, log_path = folder / ROOT_KEY_FILE, folder / LOG_KEY_FILE
    try:
        root_key, skey = read_secret_file(root_path), read_secret_file(log_path)
    except SecretFileError as error:
        raise KeyFileError(str(error)) from error
    if len(root_key) != KEY_BYTES:
        raise KeyFileError(f"`{root_path}`: has `{len(root_key)}` bytes, not {KEY_BYTES}: the root key is damaged")
    try:
        return GatewayKeys(root_key, Signer.parse(skey.decode()))
    except ValueError as error:  # wrong form, or bytes that are not text; the message repeats nothing of the key
        raise KeyFileError(f"`{log_path}`: not a signing key of the form PRIVATE+KEY+name+id+base64") from error


def _make_folder(folder: Path) -> None:
    try:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True)
            sync_folder(folder.parent)
    except OSError as error:
        raise KeyFileError(f"`{folder}`: cannot be made: {unusable(folder, error)}") from error


def _derive(root_key: bytes, use: str, *of: bytes | int) -> bytes:
    info = cbor2.dumps([_VERSION, use, *of], canonical=True)
    return HKDFExpand(hashes.SHA256(), KEY_BYTES, info).derive(root_key)


def _row_place(table: str, row_id: bytes) -> bytes:
    return _row_place_head(table, len(row_id)) + row_id


@cache
def _row_place_head(table: str, length: int) -> bytes:
    """Return how the CBOR of [table, row id] begins, up to the bytes of the row id."""
    whole = cbor2.dumps([table, bytes(length)])
    return whole[: len(whole) - length]
