"""What is deleted first when nothing shows that bundles are the gateway's, and how much of it is kept."""

from __future__ import annotations

from gateway.recipient.unconfirmed import Quota, Unconfirmed


def test_excess_refused_before_waiting_and_the_oldest_first() -> None:
    """What may still turn out to be the gateway's is kept as long as there is anything else to delete."""
    kept = Unconfirmed(Quota(bundles=3))
    for name in ("a", "b", "c", "d", "e"):
        kept.wait(name, 10)
    kept.refuse("d")
    kept.refuse("b")
    assert list(kept.excess()) == ["d", "b"]
    kept.wait("f", 10)
    assert list(kept.excess()) == ["a"]
    assert list(kept.excess()) == []
    assert len(kept) == 3


def test_excess_counts_bytes_and_what_was_found_refused() -> None:
    """A bundle that was refused by an earlier run counts with its size; one that is refused twice counts once."""
    kept = Unconfirmed(Quota(total_bytes=100))
    kept.refuse("a", 60)
    kept.refuse("a")
    kept.refuse("unknown")
    kept.wait("b", 40)
    assert list(kept.excess()) == []
    kept.wait("c", 1)
    assert list(kept.excess()) == ["a"]


def test_confirm_and_rename_keep_the_count() -> None:
    """What turns out to be the gateway's is never deleted, under whatever name."""
    kept = Unconfirmed(Quota(bundles=1))
    kept.wait("7-hash", 10)
    kept.rename("7-hash", "7")
    kept.confirm("7")
    kept.wait("8", 10)
    assert list(kept.excess()) == []
    kept.rename("absent", "9")
    assert len(kept) == 1
