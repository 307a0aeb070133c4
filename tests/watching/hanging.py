"""A gateway whose loop hangs once a file lies in its folder, while timers, sockets and threads beside it still run.

python -m tests.watching.hanging FILE run --config FILE
"""

from __future__ import annotations

import asyncio
import os
import sys

from gateway.app import Gateway
from gateway.cli import main


def hang_once_there_is(file: str) -> None:
    """Have the loop wait for ever for something within a turn."""
    turn = Gateway._turn

    async def turn_or_hang(self: Gateway) -> None:
        if os.access(file, os.F_OK):
            await asyncio.get_running_loop().create_future()
        await turn(self)

    Gateway._turn = turn_or_hang  # type: ignore[method-assign]


if __name__ == "__main__":
    hang_once_there_is(sys.argv[1])
    sys.exit(main(sys.argv[2:]))
