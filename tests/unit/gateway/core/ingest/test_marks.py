"""Redelivery marks: the newest frame of a packet id counts, and no more marks are kept than there are ids."""

from __future__ import annotations

from gateway.core.ingest.marks import DIGEST_BYTES, MOST_MARKS, Marks, pack


def mark(packet_id: int, digest: int, size: int = DIGEST_BYTES) -> bytes:
    """Return one mark."""
    return packet_id.to_bytes(2, "big") + digest.to_bytes(size, "big")


def test_digests_id_used_twice_gives_the_newest() -> None:
    """The broker has reused the id, so it can only send the later frame again."""
    marks = Marks([pack([mark(7, 1), mark(8, 2)])])
    marks.add(pack([mark(7, 3)]))
    assert marks.digests() == {7: (3).to_bytes(DIGEST_BYTES, "big"), 8: (2).to_bytes(DIGEST_BYTES, "big")}


def test_add_beyond_all_ids_drops_whole_batches_that_are_not_needed() -> None:
    """A batch goes once the ones behind it hold a mark for every id."""
    marks, batch = Marks(), 1000
    for number in range(70):
        marks.add(pack(mark((number * batch + at) % MOST_MARKS + 1, number) for at in range(batch)))
    assert len(marks.state()) == MOST_MARKS // batch + 1
    assert len(marks.digests()) == MOST_MARKS


def test_state_of_many_marks_restores_the_same() -> None:
    """What a snapshot holds makes the same marks again, and clearing forgets them."""
    marks = Marks([pack([mark(1, 1)]), pack([mark(2, 2)])])
    again = Marks(marks.state())
    assert again.digests() == marks.digests()
    again.clear()
    assert again.state() == []
    assert again.digests() == {}


def test_pack_behind_others_keeps_both() -> None:
    """Frames that are taken in two goes are committed together."""
    assert pack([mark(2, 2)], pack([mark(1, 1)])) == pack([mark(1, 1), mark(2, 2)])


def test_marks_with_whole_digests_count_as_before() -> None:
    """What an earlier version committed is recognised after the upgrade, whatever it holds."""
    for count in range(1, 40):
        whole = [mark(packet_id, packet_id << 192, 32) for packet_id in range(1, count + 1)]
        marks = Marks([b"".join(whole)])
        assert marks.digests() == {each[1]: each[2 : 2 + DIGEST_BYTES] for each in whole}
        assert Marks(marks.state()).digests() == marks.digests()
