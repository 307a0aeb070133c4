"""A gateway whose loop hangs once a file lies in its folder, while timers, sockets and threads beside it still run.

python -m tests.watching.hanging FILE run --config FILE
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from gateway.app import Gateway
from gateway.cli import main


def hang_once_there_is(file: Path) -> None:
    """Have the loop wait for ever for something within a turn."""
    turn = Gateway._turn

    async def turn_or_hang(self: Gateway) -> None:
        if file.exists():
            await asyncio.get_running_loop().create_future()
        await turn(self)

    Gateway._turn = turn_or_hang  # type: ignore[method-assign]


if __name__ == "__main__":
    hang_once_there_is(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
