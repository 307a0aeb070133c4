"""Redelivery marks: the newest frame of a packet id counts, and no more marks are kept than there are ids."""

from __future__ import annotations

from gateway.core.ingest.marks import MOST_MARKS, Marks


def mark(packet_id: int, digest: int) -> bytes:
    """Return one mark."""
    return packet_id.to_bytes(2, "big") + digest.to_bytes(32, "big")


def test_digests_id_used_twice_gives_the_newest() -> None:
    """The broker has reused the id, so it can only send the later frame again."""
    marks = Marks([mark(7, 1) + mark(8, 2)])
    marks.add(mark(7, 3))
    assert marks.digests() == {7: (3).to_bytes(32, "big"), 8: (2).to_bytes(32, "big")}


def test_add_beyond_all_ids_drops_whole_batches_that_are_not_needed() -> None:
    """A batch goes once the ones behind it hold a mark for every id."""
    marks, batch = Marks(), 1000
    for number in range(70):
        marks.add(b"".join(mark((number * batch + at) % MOST_MARKS + 1, number) for at in range(batch)))
    assert len(marks.state()) == MOST_MARKS // batch + 1
    assert len(marks.digests()) == MOST_MARKS


def test_state_of_many_marks_restores_the_same() -> None:
    """What a snapshot holds makes the same marks again, and clearing forgets them."""
    marks = Marks([mark(1, 1), mark(2, 2)])
    again = Marks(marks.state())
    assert again.digests() == marks.digests()
    again.clear()
    assert again.state() == []
    assert again.digests() == {}
