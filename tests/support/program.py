"""One of Sluice's programs as a process, to be started, ended and started again."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.support.checkout import ROOT
from tests.support.waiting import HANG_S


class Program:
    """A `sluice` command that runs until it is ended.

    Attributes:
        output: The file of all that it printed; each run begins on a line of its own.
        complaints: That of its standard error.
    """

    def __init__(self, folder: Path, name: str, *arguments: str) -> None:
        """Name what to run.

        Args:
            folder: Where to keep what it prints.
            name: Of those files.
            arguments: The command.
        """
        self.output, self.complaints = folder / f"{name}.out", folder / f"{name}.err"
        self._command = [sys.executable, "-m", "gateway.cli", *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self.output.open("ab") as output, self.complaints.open("ab") as complaints:
            output.write(b"\n")
            output.flush()
            self._process = subprocess.Popen(self._command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=complaints)

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it; does nothing when it does not run."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(HANG_S)
            self._process = None
