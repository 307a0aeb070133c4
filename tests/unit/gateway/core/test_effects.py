"""An opening as it is held and stored: packed, it is what it was, whatever its size and however it comes."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import shake_256

import pytest

from gateway.audit.log.openings import Opening, Part
from gateway.core.effects import PIECE_BYTES, PackedOpening


def _opening(parts: int) -> bytes:
    """Return an opening whose parts share all but a salt, like those of thousands of households in a figure."""
    salts = shake_256(b"salts").digest(32 * parts)
    shared = b"what a household permits, which thousands do alike, " * 4
    return Opening(7, tuple(Part(salts[at : at + 32], shared) for at in range(0, 32 * parts, 32))).encode()


def _in_bits(data: bytes, bits: int) -> Iterator[bytes]:
    return (data[at : at + bits] for at in range(0, len(data), bits))


@pytest.mark.parametrize("parts", [1, 250, 300, 5000])
@pytest.mark.parametrize("bits", [200, 70_000, 10_000_000])
def test_packed_opening_is_what_it_was(parts: int, bits: int) -> None:
    """Whether it is short, just too long to stay as it is, or very long, and in however large bits it comes."""
    whole = _opening(parts)
    assert PackedOpening.of(_in_bits(whole, bits)).whole() == whole


def test_large_opening_takes_little_room_and_is_restored_in_pieces() -> None:
    """A day of 10,000 households has 12 MB: neither it nor more than a small part of it is to be there at once."""
    whole = _opening(60_000)
    packed = PackedOpening.of(_in_bits(whole, 250))
    assert len(packed.content) < len(whole) / 4
    pieces = list(packed.pieces())
    assert b"".join(pieces) == whole
    assert max(map(len, pieces)) < 16 * PIECE_BYTES


def test_small_opening_stays_as_it_is() -> None:
    """Nearly all are, and an earlier version has stored every one so."""
    small, large = _opening(10), _opening(5000)
    assert PackedOpening.of([small]).content == small
    assert PackedOpening(large).whole() == large
