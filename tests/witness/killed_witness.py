"""A witness that is killed around its write: `python -m tests.witness.killed_witness before|between|after run …`.

Before the write, between the draft and its renaming, or after all of it is durable and before the answer leaves.
"""

from __future__ import annotations

import os
import signal
import sys

from gateway.audit.log.submission import Seen
from gateway.witness import folder
from gateway.witness.__main__ import main


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _Killed(folder.WitnessFolder):
    """A folder that nobody ever gets an answer from."""

    when = "after"

    def store(self, origin: str, seen: Seen) -> None:
        """Write as far as told, and end."""
        if self.when == "before":
            _kill()
        if self.when == "between":
            os.replace = lambda *_: _kill()
        super().store(origin, seen)
        _kill()


if __name__ == "__main__":
    _Killed.when = sys.argv.pop(1)
    from gateway.witness import command

    command.WitnessFolder = _Killed  # type: ignore[attr-defined]
    sys.exit(main())
