"""The lines of a control connection: read piece by piece, within bounds for each and for all that a door has in hand.

``socket`` reads requests by it, and counts there what is being read or answered.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from consent.control import INVALID_REQUEST, LINE_BYTES, WireError

PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """What connections may use of the gateway, together or each.

    Attributes:
        line_bytes: The longest line.
        door_bytes: All lines that are being read or answered, together.
        connections: How many there may be at once.
        user_connections: How many of them may be of one user.
        line_s: How long a line may take from its first byte to its end.
        answer_s: How long an answer may wait to be taken.
    """

    line_bytes: int = LINE_BYTES
    door_bytes: int = 2 * LINE_BYTES
    connections: int = 64
    user_connections: int = 48
    line_s: float = 10.0
    answer_s: float = 60.0


class HeldBytes:
    """The bytes of all lines that are being read or answered at a door.

    Attributes:
        count: How many there are.
    """

    def __init__(self, most: int) -> None:
        """Begin with none, of so many at most."""
        self.count = 0
        self._most = most

    def hold(self, count: int) -> None:
        """Count more.

        Raises: WireError: all lines together are too long.
        """
        self.count += count
        if self.count > self._most:
            raise WireError(INVALID_REQUEST, "too much is being sent at once")

    def release(self, count: int) -> None:
        """Count so many no more."""
        self.count -= count


class Lines:
    """The lines of one connection, read piece by piece.

    Attributes:
        idle: Whether a line is awaited of which nothing has come.
    """

    def __init__(self, reader: asyncio.StreamReader, bounds: Bounds, door: HeldBytes) -> None:
        """Read from ``reader``; what is held counts at the ``door``."""
        self._reader = reader
        self._bounds = bounds
        self._door = door
        self._held = bytearray()
        self._taken_bytes = 0
        self.idle = False

    async def next(self) -> bytes:
        """Return the next line, the last one perhaps without its end; empty where nothing is left. The one before is done with.

        Raises: WireError: it is too long or takes too long.
        """
        bounds = self._bounds
        self._give_back()
        if not self._held:
            self.idle = True
            came = await self._read()
            self.idle = False
            if not came:
                return b""
        looked_at = 0
        try:
            async with asyncio.timeout(bounds.line_s):
                while (end := self._held.find(b"\n", looked_at)) < 0:
                    looked_at = len(self._held)
                    if looked_at > bounds.line_bytes:
                        raise WireError(INVALID_REQUEST, f"the line is longer than {bounds.line_bytes} bytes")
                    if not await self._read():
                        end = looked_at - 1
                        break
        except TimeoutError as error:
            raise WireError(INVALID_REQUEST, f"the line did not end within {bounds.line_s:g} s") from error
        line = bytes(self._held[: end + 1])
        del self._held[: end + 1]
        self._taken_bytes = len(line)
        return line

    async def _read(self) -> bool:
        piece = await self._reader.read(PIECE_BYTES)
        self._held += piece
        self._door.hold(len(piece))
        return bool(piece)

    def _give_back(self) -> None:
        self._door.release(self._taken_bytes)
        self._taken_bytes = 0

    def drop(self) -> None:
        """Forget what was read."""
        self._give_back()
        self._door.release(len(self._held))
        self._held.clear()
