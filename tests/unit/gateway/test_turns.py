"""Turns: long work in pieces, one at a time and in order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.turns import Turns


def pieces(done: list[str], name: str, count: int) -> Iterator[None]:
    """Record each of some pieces of a work."""
    for number in range(count):
        done.append(f"{name}{number}")
        yield


def test_one_piece_is_run_at_a_time() -> None:
    """Nothing is done when a work is added, and one piece at every turn."""
    done: list[str] = []
    turns = Turns()
    turns.add("sweep", pieces(done, "a", 2))
    assert done == []
    assert turns.pending
    assert turns.run_one()
    assert done == ["a0"]
    assert turns.run_one()
    assert done == ["a0", "a1"]
    assert not turns.run_one()
    assert not turns.pending


def test_earlier_work_is_finished_first() -> None:
    """What was added later waits, so that no work is put off for ever by new ones."""
    done: list[str] = []
    turns = Turns()
    turns.add("sweep", pieces(done, "a", 2))
    turns.run_one()
    turns.add("compile", pieces(done, "b", 1))
    assert turns.names == ("sweep", "compile")
    turns.run_all()
    assert done == ["a0", "a1", "b0"]
    assert not turns.names


def test_nothing_to_do_is_no_error() -> None:
    """A turn without work does nothing."""
    assert not Turns().run_one()


def test_error_of_a_piece_is_raised() -> None:
    """It ends the run as any other of the loop's."""

    def failing() -> Iterator[None]:
        yield
        raise ValueError("damaged")

    turns = Turns()
    turns.add("sweep", failing())
    turns.run_one()
    with pytest.raises(ValueError, match="damaged"):
        turns.run_one()
