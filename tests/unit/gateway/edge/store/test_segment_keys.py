"""Segment keys: what is sealed under a key that is gone cannot be opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.edge.keys.keyring import init_keys
from gateway.edge.store.segment_keys import SegmentKeys, row_key


def test_key_comes_back_wrapped_and_rows_move_to_the_open_segment(tmp_path: Path) -> None:
    """A row of a former segment is opened until its key is forgotten; sealed anew, it lies under the open one's."""
    keys = init_keys(tmp_path / "keys", "test.example/gw")
    segments = SegmentKeys(keys)
    first = segments.begin()
    sealed = segments.open_sealer.seal("outbox", row_key(9), b"waits")
    second = segments.begin()
    again = SegmentKeys(keys)
    again.know(2, second)
    again.know(1, first)
    assert (again.segment, again.opened(9, 1, sealed)) == (2, b"waits")
    ((segment, resealed, number),) = again.resealed([(9, 1, sealed)])
    again.forget_before(2)
    assert (segment, number, again.opened(9, 2, resealed)) == (2, 9, b"waits")
    with pytest.raises(KeyError):
        again.opened(9, 1, sealed)
