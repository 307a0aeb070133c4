"""How ``./dev`` speaks: plain lines on standard error, so that standard output is the command's own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

#: Lines of a failed installer's output that are shown: enough for its error, not the whole download.
TAIL_LINES = 30


class SetupError(Exception):
    """The environment cannot be made; the message is what the user has to know or do. Exit status 2."""


def say(message: str) -> None:
    """Print one line of progress."""
    print(f"dev: {message}", file=sys.stderr, flush=True)


def run_quietly(command: Sequence[str | Path], failure: str, *, keeps_lock: bool = False) -> None:
    """Run an installer, showing what it printed only when it fails.

    Args:
        command: Program and arguments.
        failure: What to say when it fails.
        keeps_lock: It holds a lock of ours too, and so beyond us if we are killed; not for what may leave a daemon running.

    Raises:
        SetupError: It ended with a status other than 0, or could not be started.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            close_fds=not keeps_lock,
            check=False,
        )
    except OSError as error:
        raise SetupError(f"{failure}: {error}") from error
    if done.returncode != 0:
        tail = done.stdout.decode(errors="replace").splitlines()[-TAIL_LINES:]
        raise SetupError("\n".join([failure, *(f"    {line}" for line in tail)]))
