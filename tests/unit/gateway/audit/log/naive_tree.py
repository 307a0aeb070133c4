"""The definitions of RFC 6962 section 2.1 word for word, as the oracle for the quick ones."""

from __future__ import annotations

from hashlib import sha256


def root(entries: list[bytes]) -> bytes:
    """Return MTH of the entries."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = split(len(entries))
    return sha256(b"\x01" + root(entries[:k]) + root(entries[k:])).digest()


def path(m: int, entries: list[bytes]) -> list[bytes]:
    """Return PATH(m, D)."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if m < k:
        return [*path(m, entries[:k]), root(entries[k:])]
    return [*path(m - k, entries[k:]), root(entries[:k])]


def split(n: int) -> int:
    """Return the largest power of two below n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k
