"""The files of bundles: which names they get, that nothing else in the folder is read, and which are deleted first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.recipient.stored import Quota, StoredBundles, Unconfirmed, first_name


def test_write_gives_other_bytes_another_name_and_the_same_bytes_none(tmp_path: Path) -> None:
    """A redelivery leaves no second file."""
    stored = StoredBundles(tmp_path)
    assert stored.write(7, b"one") == "7.bundle"
    other = stored.write(7, b"two")
    assert other is not None
    assert other.startswith("7-")
    assert [stored.write(7, b"one"), stored.write(7, b"two")] == [None, None]
    assert stored.read(other) == b"two"


def test_find_takes_up_bundles_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    """Files of other names are left alone."""
    for arrived_s, name in enumerate(("9.bundle", "7.bundle", "7-0123456789abcdef.bundle", "07.bundle", "x.bundle", "7.jsonl")):
        (tmp_path / name).write_bytes(b"x" * arrived_s)
        os.utime(tmp_path / name, (arrived_s, arrived_s))
    stored = StoredBundles(tmp_path)
    assert [(each.name, each.log_index, each.size_bytes) for each in stored.find()] == [
        ("9.bundle", 9, 0),
        ("7.bundle", 7, 1),
        ("7-0123456789abcdef.bundle", 7, 2),
    ]
    assert stored.write(9, b"") is None


def test_make_first_swaps_the_names_of_two_bundles(tmp_path: Path) -> None:
    """The one that the log covers is the one without a hash; where none had that name, nothing is displaced."""
    stored = StoredBundles(tmp_path)
    stored.write(7, b"forged")
    second = stored.write(7, b"true")
    assert second is not None
    displaced = stored.make_first(second, 7)
    assert displaced is not None
    assert (stored.read("7.bundle"), stored.read(displaced), stored.read(second)) == (b"true", b"forged", None)
    assert [stored.write(7, b"forged"), stored.write(7, b"true")] == [None, None]
    assert stored.make_first(first_name(7), 7) is None
    stored.delete(displaced)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["7.bundle"]


@pytest.mark.parametrize("odd", ["fifo", "device", "folder", "dangling", "large"])
def test_read_of_what_is_no_small_file_is_nothing_at_once(odd: str, tmp_path: Path) -> None:
    """A pipe would keep its reader waiting, a device never ends."""
    path = tmp_path / "7.bundle"
    match odd:
        case "fifo":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case "dangling":
            path.symlink_to(tmp_path / "absent")
        case _:
            path.write_bytes(bytes(200_000))
    stored = StoredBundles(tmp_path)
    assert [each.log_index for each in stored.find()] == [7]
    assert stored.read("7.bundle") is None


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
