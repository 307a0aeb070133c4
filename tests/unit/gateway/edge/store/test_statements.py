"""A commit's statements: what is personal is sealed and found by a keyed hash, and of several rows of a key the last counts."""

from __future__ import annotations

from pathlib import Path

from gateway.core.effects import Commit, ConsentRow, DeviceRow, LogRow, OpeningRow, PackedOpening
from gateway.edge.keys.keyring import init_keys
from gateway.edge.store.segment_keys import SegmentKeys, row_key
from gateway.edge.store.statements import CommitRows


def test_commit_becomes_sealed_rows(tmp_path: Path) -> None:
    """Nothing that a resident would not want read stands in a statement, and what is sealed opens to what was committed."""
    keys = init_keys(tmp_path / "keys", "test.example/gw")
    segments = SegmentKeys(keys)
    rows = CommitRows(keys, segments)
    commit = Commit(
        snapshot=b"snapshot",
        log=[LogRow(0, "account", b"entry", PackedOpening(b"opening of an account"))],
        devices=[DeviceRow(b"home/7/meter", b"as it was"), DeviceRow(b"home/7/meter", b"as it is")],
        consents=[ConsentRow(3, b"subject", b"what was said")],
        openings=[OpeningRow(2, PackedOpening(b"shortened"))],
    )
    statements = rows.statements(commit, 77)
    assert (rows.batch, segments.segment) == (1, 1)
    for secret in (b"snapshot", b"account of", b"home/7/meter", b"as it", b"subject", b"what was", b"shortened"):
        assert secret not in repr(statements).encode()
    (device,) = [parameters for sql, parameters in statements if "INTO device" in sql]
    assert keys.sealer.open("device", device[0], device[1]) == b"as it is"
    (shorter,) = [parameters for sql, parameters in statements if "UPDATE opening SET sealed" in sql]
    assert keys.sealer.open("opening", row_key(2), shorter[0]) == b"shortened"
    (opening,) = [parameters for sql, parameters in statements if "INTO opening" in sql]
    assert (opening[0], opening[1], opening[2]) == (0, "account", 77)
