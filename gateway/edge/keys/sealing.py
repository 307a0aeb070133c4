"""Rows sealed before they are stored: none can be read, changed or moved to another place without the key."""

from __future__ import annotations

import os
from functools import cache
from typing import Final

import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from gateway.errors import CorruptionError

_NONCE_BYTES: Final = 12


class SealedRowError(CorruptionError):
    """A sealed row cannot be opened: it was changed or moved, or the root key is another one."""


class Sealer:
    """Seals rows with AES-256-GCM-SIV, which tolerates a repeated nonce; a row opens only under its own table and row id."""

    __slots__ = ("_cipher", "_former")

    def __init__(self, key: bytes, *former: bytes) -> None:
        """Take a key of 32 bytes: the state key, or the random key of a journal segment.

        Args:
            former: Keys under which rows may have been sealed before; none is sealed under them any more.
        """
        self._cipher = AESGCMSIV(key)
        self._former = tuple(map(AESGCMSIV, former))

    def seal(self, table: str, row_id: bytes, plaintext: bytes) -> bytes:
        """Return the sealed row: a random nonce, the ciphertext, its tag; 28 bytes longer than the plaintext."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plaintext, _row_place(table, row_id))

    def open(self, table: str, row_id: bytes, sealed: bytes) -> bytes:
        """Return the plaintext of a sealed row.

        Raises:
            SealedRowError: If it was sealed for another row or by another key, or has changed since.
        """
        place = _row_place(table, row_id)
        for cipher in (self._cipher, *self._former):
            try:
                return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place)
            except (InvalidTag, ValueError):
                continue
        raise SealedRowError(f"a sealed row of `{table}` does not open: it was changed, or the root key is another one")

    def sealed_anew(self, table: str, row_id: bytes, sealed: bytes) -> bytes | None:
        """Return a row sealed under the present key, None where it is already.

        Raises:
            SealedRowError: as ``open`` does.
        """
        try:
            self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _row_place(table, row_id))
        except (InvalidTag, ValueError):
            return self.seal(table, row_id, self.open(table, row_id, sealed))
        return None


def _row_place(table: str, row_id: bytes) -> bytes:
    return _row_place_head(table, len(row_id)) + row_id


@cache
def _row_place_head(table: str, length: int) -> bytes:
    """Return how the CBOR of [table, row id] begins, up to the bytes of the row id."""
    whole = cbor2.dumps([table, bytes(length)])
    return whole[: len(whole) - length]
