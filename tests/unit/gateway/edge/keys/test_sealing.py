"""Sealed rows: they open in their own place, unchanged, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.edge.keys.sealing import SealedRowError, Sealer


@given(st.text("abcdefgh_0123|", max_size=10), st.binary(max_size=20), st.binary(max_size=200))
def test_sealer_row_opens_under_its_own_place_alone(table: str, row_id: bytes, plaintext: bytes) -> None:
    """A sealed row opens where it was sealed, and nowhere else; sealed again it looks different."""
    sealer = Sealer(bytes(32))
    sealed = sealer.seal(table, row_id, plaintext)
    assert sealer.open(table, row_id, sealed) == plaintext
    assert len(sealed) == len(plaintext) + 28
    assert sealer.seal(table, row_id, plaintext) != sealed
    for place in ((table + "x", row_id), (table, row_id + b"x")):
        with pytest.raises(SealedRowError):
            sealer.open(*place, sealed)
    with pytest.raises(SealedRowError, match=r"sealed row of `.*` does not open"):
        Sealer(b"\x01" * 32).open(table, row_id, sealed)


def test_sealer_each_byte_changed_or_cut_refused() -> None:
    """No byte of a sealed row can change or be lost unseen."""
    sealer = Sealer(bytes(32))
    sealed = sealer.seal("devices", b"1", b"text")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        for data in (bytes(changed), sealed[:position]):
            with pytest.raises(SealedRowError):
                sealer.open("devices", b"1", data)
