"""Turns: long work in pieces, one at a time and in order."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from gateway.turns import Turns, lasting


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


async def test_whoever_waits_for_a_name_goes_on_once_no_work_has_it() -> None:
    """However many wait, and also where another of that name was added meanwhile; the end of others wakes nobody."""
    turns, done = Turns(), list[str]()
    for name in ("sweep", "compile", "compile"):
        turns.add(name, pieces(done, name, 1))
    waiting = [asyncio.create_task(turns.finished("compile")) for _ in range(2)]
    ended = list[bool]()
    while turns.run_one():
        for _ in range(3):  # whoever is woken has its turn
            await asyncio.sleep(0)
        ended += [task.done() for task in waiting]
    assert not any(ended)
    await asyncio.gather(*waiting)
    await turns.finished("compile")  # nothing to wait for


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


def test_first_piece_of_a_work_that_is_begun_is_run_at_once() -> None:
    """What one piece does is done with it; the rest waits for its turn, and is not begun a second time meanwhile."""
    done: list[str] = []
    turns = Turns()
    assert turns.begin("short", pieces(done, "a", 0))
    assert not turns.pending
    assert not turns.begin("long", pieces(done, "b", 2))
    assert not turns.begin("long", pieces(done, "c", 2))
    assert (done, turns.names) == (["b0"], ("long",))
    turns.run_all()
    assert done == ["b0", "b1"]


def test_what_lasts_is_set_aside_after_each_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """And all pieces are run."""
    done: list[str] = []
    monkeypatch.setattr(gc, "freeze", lambda: done.append("set aside"))
    for _ in lasting(pieces(done, "a", 2)):
        pass
    assert done == ["a0", "set aside", "a1", "set aside"]


def test_garbage_of_before_is_not_set_aside_with_what_lasts() -> None:
    """What is frozen is never collected: a ring that was garbage by then would stay for good, each time anew."""

    class Ring:
        def __init__(self) -> None:
            self.itself = self

    gc.collect()
    gone = weakref.ref(Ring())
    assert gone() is not None
    for _ in lasting(iter([None, None])):
        pass
    try:
        assert gone() is None
    finally:
        gc.unfreeze()
