"""A real witness process for tests: made on disk, started on a free port, asked, killed and started again."""

from __future__ import annotations

import copy
import http.client
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from gateway.audit.log.cosignature import Cosigner
from gateway.audit.log.notes import Verifier
from gateway.witness.folder import WitnessFolder
from tests.support.checkout import ROOT
from tests.support.waiting import HANG_S

START_S = HANG_S


@dataclass(frozen=True, slots=True)
class Got:
    """An answer over HTTP."""

    status: int
    body: bytes
    content_type: str


class WitnessProcess:
    """A witness on a folder of its own.

    Args:
        folder: Empty or absent.
        name: The witness's.
        logs: Whom it witnesses.
    """

    def __init__(self, folder: Path, name: str, logs: list[Verifier]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.state = folder / "state"
        self.key_file = folder / "witness.skey"
        self.cosigner = Cosigner(name, os.urandom(32))
        self.key_file.touch(mode=0o600)
        self.key_file.write_text(self.cosigner.skey())
        WitnessFolder.create(self.state, self.cosigner.verifier)
        self.logs = logs
        self.program: tuple[str, ...] = ("gateway.witness",)
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where it serves, the same after each restart."""
        return f"http://127.0.0.1:{self.port}"

    def twin(self) -> WitnessProcess:
        """Return a second process with the same key on the same state."""
        twin = copy.copy(self)
        twin.folder, twin.port = self.folder / "twin", 0
        twin.folder.mkdir()
        return twin

    def start(self) -> WitnessProcess:
        """Start the process and wait until it listens."""
        self._spawn()
        deadline_s = time.monotonic() + START_S
        while "witnessing" not in self.said():
            assert self.process is not None
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline_s, "it does not start"
            time.sleep(0.02)
        self.port = int(self.said().rpartition(":")[2].rstrip("/\n"))
        return self

    def _spawn(self) -> None:
        options = ["--listen", f"127.0.0.1:{self.port}", "--key", str(self.key_file), "--state", str(self.state)]
        for log in self.logs:
            options += ["--log", log.vkey()]
        with (self.folder / "said").open("wb") as said:
            command = [sys.executable, "-m", *self.program, "run", *options]
            self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=said, stderr=said)

    def said(self) -> str:
        """Return what it has printed since its start."""
        return (self.folder / "said").read_text()

    def fails(self) -> int:
        """Start the process and return the status that it exits with."""
        self._spawn()
        assert self.process is not None
        try:
            return self.process.wait(START_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def post(self, body: bytes, path: str = "/add-checkpoint") -> Got:
        """Submit a request."""
        return self.ask("POST", path, body)

    def ask(self, method: str, path: str, body: bytes | None = None) -> Got:
        """Ask over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANG_S)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return Got(answer.status, answer.read(), answer.headers["Content-Type"])
        finally:
            connection.close()

    def kill(self) -> None:
        """End it by SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it by SIGTERM; return its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(START_S)

    def end(self) -> None:
        """Make sure that nothing of it runs."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
