"""Runs commands as processes of their own: from a server that has imported the program already, or, where it matters, from cold.

A cold start costs half a second, most of it imports, and the command tests start more than a hundred. A process forked from the
warm server has its own descriptors, signals, threads and exit status like any other, and takes a twentieth of that.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.config import CONFIG_VARIABLE
from tests.support.checkout import ROOT
from tests.support.live import LiveGateway
from tests.support.waiting import HANG_S

TIMEOUT_S = HANG_S
FOLDER_CONFIG = "gateway.toml"
"""The configuration that commands use which name none: the one of the folder that they run in."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["gateway.cli", "gateway.service", "gateway.demo.stage", "gateway.recipient.follow"])


@dataclass(frozen=True, slots=True)
class Done:
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line that a failed command printed, its JSON log lines aside."""
        assert "Traceback" not in self.out + self.err, self.err
        lines = [line for line in self.err.splitlines() if not line.startswith("{")]
        assert len(lines) == 1, self.err
        assert lines[0].startswith("sluice: "), lines
        return lines[0].removeprefix("sluice: ")


def sluice(folder: Path, *arguments: str, locale: str = "C") -> Done:
    """Run a command in a folder, from the warm server, as somebody whose `LC_ALL` is ``locale``."""
    with tempfile.TemporaryDirectory() as spool:
        out, err = Path(spool, "out"), Path(spool, "err")
        process = _context.Process(target=_main, args=(folder, arguments, locale, out, err))
        process.start()
        process.join(TIMEOUT_S)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise AssertionError(f"`sluice {' '.join(arguments)}` still runs: {err.read_text()}")
        return Done(process.exitcode, out.read_text(errors="replace"), err.read_text(errors="replace"))


def cold_sluice(folder: Path, *arguments: str) -> Done:
    """Run a command in a folder as from a shell."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), CONFIG_VARIABLE: FOLDER_CONFIG},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT_S,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def _main(folder: Path, arguments: tuple[str, ...], locale: str, out: Path, err: Path) -> None:
    from gateway.cli import main

    os.environ["LC_ALL"] = locale
    for path, descriptor in ((out, 1), (err, 2)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ[CONFIG_VARIABLE] = FOLDER_CONFIG
    os.chdir(folder)
    sys.exit(main(arguments))


class Shell:
    """A gateway's folder, and commands run in it."""

    def __init__(self, live: LiveGateway) -> None:
        """Work on a gateway that runs, or not."""
        self.live = live

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run a command that must end so, for people; return what it printed."""
        done = sluice(self.live.folder, *arguments)
        assert done.status == status, done
        return done.out

    def json(self, *arguments: str) -> Any:
        """Run a command that must do well, for programs."""
        return json.loads(self.run(*arguments, "--json"))

    def refused(self, *arguments: str) -> str:
        """Run a command that must be refused with status 2; return its line."""
        done: Done = sluice(self.live.folder, *arguments)
        assert done.status == 2, done
        return done.line
