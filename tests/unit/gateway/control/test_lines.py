"""The lines of one control connection: whole, within their bounds, and counted as long as they are in hand."""

from __future__ import annotations

import asyncio

import pytest

from consent.control import WireError
from gateway.control.lines import Bounds, HeldBytes, Lines
from tests.support.waiting import HANG_S

BOUNDS = Bounds(line_bytes=100, door_bytes=150, line_s=HANG_S)


def lines_of(data: bytes, door: HeldBytes, bounds: Bounds = BOUNDS, *, ended: bool = True) -> Lines:
    """Return the lines of a connection that has sent this."""
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    if ended:
        reader.feed_eof()
    return Lines(reader, bounds, door)


async def test_lines_come_one_by_one_and_the_last_perhaps_without_its_end() -> None:
    """Each counts until the next is asked for."""
    door = HeldBytes(150)
    lines = lines_of(b"one\ntwo\nthree", door)
    assert [await lines.next() for _ in range(4)] == [b"one\n", b"two\n", b"three", b""]
    assert door.count == 0


@pytest.mark.parametrize(
    ("data", "ended", "bounds", "problem"),
    [
        (b"x" * 101, True, BOUNDS, "longer than 100 bytes"),
        (b"x" * 160, True, BOUNDS, "too much is being sent at once"),
        (b"x", False, Bounds(line_s=0.01), "did not end within 0.01 s"),
    ],
)
async def test_line_beyond_a_bound_is_refused_and_dropped(data: bytes, ended: bool, bounds: Bounds, problem: str) -> None:
    """Nothing of it counts any more."""
    door = HeldBytes(150)
    lines = lines_of(data, door, bounds, ended=ended)
    with pytest.raises(WireError, match=problem):
        await lines.next()
    lines.drop()
    assert door.count == 0


async def test_connection_is_idle_while_nothing_of_a_line_has_come() -> None:
    """From the first byte on it is in the middle of something."""
    reader = asyncio.StreamReader()
    lines = Lines(reader, BOUNDS, HeldBytes(150))
    asking = asyncio.create_task(lines.next())
    await asyncio.sleep(0)
    before = lines.idle
    reader.feed_data(b"x")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (before, lines.idle) == (True, False)
    reader.feed_data(b"\n")
    assert await asking == b"x\n"
