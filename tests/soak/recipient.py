"""The housing office's own program, `sluice recipient open --follow`: a process that may be killed, and what it has handed on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from signal import SIGTERM

import msgspec

from firmware_sim.load import Load
from gateway.recipient.wire import bundle_topic
from tests.soak.city import OFFICE
from tests.soak.handed_on import Received
from tests.support.checkout import ROOT
from tests.support.live import LiveGateway
from tests.support.program import Program
from tests.support.waiting import HANG_S

LONGEST_TEXT = 500


class _Missing(msgspec.Struct):
    """What `sluice recipient missing` tells."""

    held: int = 0
    lost: int = 0
    most_lost: int = 0


class Recipient:
    """Opens what comes for the office, all through a soak.

    Attributes:
        program: The process.
    """

    def __init__(self, folder: Path, live: LiveGateway, broker_port: int) -> None:
        """Name the folder for what it writes, the gateway, and the broker upstream."""
        self._folder = folder / "bundles"
        self._live = live
        self._broker_port = broker_port
        self._log = ("--into", str(self._folder), "--log", str(live.place.log), "--log-key", live.vkey)
        whose = ("--gateway", live.gateway, "--recipient", OFFICE, "--key", str(live.private_keys[OFFICE]))
        options = ("--json", "--follow", "--broker", f"127.0.0.1:{broker_port}", *whose, *self._log)
        self.program = Program(folder, "recipient", "recipient", "open", *options)

    def end(self) -> None:
        """End the process once it has all that the broker has kept for it: messages come in order, and it refuses the last."""
        marker = [(bundle_topic(self._live.gateway, OFFICE), b"no bundle")]
        before, deadline_s = self._refused(), time.monotonic() + HANG_S
        while self._refused() == before:
            assert time.monotonic() < deadline_s, f"it does not catch up: {self.program.complaints.read_text()[-2000:]}"
            Load("127.0.0.1", self._broker_port, marker).run(HANG_S)
            time.sleep(0.1)
        self.program.end(SIGTERM)  # it tries once more to hand on what it has

    def received(self) -> Received:
        """Return what it has handed on."""
        stored = {int(file.stem): file.read_text().splitlines() for file in self._folder.glob("*.jsonl")}
        lines = self.program.output.read_text().split("\n")
        return Received(stored, [line for line in lines if line.endswith("}")])  # a kill may have cut one off

    def judge_missing(self, sent: Iterable[int]) -> str:
        """Return `ok` where all that came was handed on and it is told how many bundles never came; what is wrong where not.

        Args:
            sent: The log indices of all bundles for the office that left the gateway.
        """
        held = self.received().stored.keys()
        if held_back := sum(not file.with_suffix(".jsonl").exists() for file in self._folder.glob("*.bundle")):
            return f"{held_back} bundles are not handed on: {self.program.complaints.read_text()[:LONGEST_TEXT]}"
        command = [sys.executable, "-m", "gateway.cli", "recipient", "missing", "--json", *self._log]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=HANG_S, check=False)
        told = msgspec.json.decode(ended.stdout or b"{}", type=_Missing)
        absent = sum(index > min(held, default=0) for index in set(sent) - held)
        if told.held == len(held) and told.lost <= absent <= told.most_lost:
            return "ok"
        return f"{len(held)} bundles came and {absent} did not; it is told {told} {ended.stderr}"

    def _refused(self) -> int:
        return self.program.complaints.read_text().count(" dropped: ")
