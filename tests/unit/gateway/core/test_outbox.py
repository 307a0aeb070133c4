"""The outbox: how many rows wait for whom, and what each change stores."""

from __future__ import annotations

from gateway.core.effects import OutboxRow
from gateway.core.outbox import Outbox

ROW = OutboxRow(7, "office", b"two records")


def test_row_waits_until_it_is_taken_out() -> None:
    """It is stored with the commit under way, deleted by it, and its number is never given again."""
    outbox = Outbox()
    outbox.put(ROW)
    assert (outbox.waiting, outbox.next_number, outbox.commit.outbox) == ({"office": 1}, 8, [ROW])
    outbox.take_out(ROW.number, "office")
    assert (outbox.waiting, outbox.next_number, outbox.commit.outbox_done) == ({"office": 0}, 8, [7])
    outbox.put_back(ROW)
    assert (outbox.waiting, outbox.next_number) == ({"office": 1}, 8)


def test_stored_row_is_replaced_by_what_is_left_of_it() -> None:
    """The old one goes and the new one waits; with nothing left, nothing waits."""
    outbox = Outbox()
    outbox.resume({"office": 2}, 9)
    outbox.replace(ROW, b"one record", stored=True)
    assert (outbox.commit.outbox_done, outbox.commit.outbox) == ([7], [OutboxRow(7, "office", b"one record")])
    outbox.replace(OutboxRow(8, "office", b"own"), b"", stored=True)
    assert (outbox.commit.outbox_done, outbox.waiting) == ([7, 8], {"office": 1})


def test_pending_row_is_replaced_without_a_trace_in_the_database() -> None:
    """What the commit under way gives back was never stored: there is nothing to delete."""
    outbox = Outbox()
    outbox.put(ROW)
    assert outbox.take_pending() == [ROW]
    outbox.replace(ROW, b"", stored=False)
    assert (outbox.commit.outbox, outbox.commit.outbox_done, outbox.waiting) == ([], [], {"office": 0})
