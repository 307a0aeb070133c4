"""A sample log whose key was handed over, and what its files say to both verifiers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.audit.log.entries import Kind
from gateway.audit.log.handover import Handover, join_handovers
from gateway.audit.log.notes import Signer, sign_note
from gateway.audit.log.payloads import LogKeyPayload
from gateway.audit.standalone import verify as standalone
from gateway.audit.verify.report import Report
from gateway.audit.verify.verify import verify_folder
from tests.support.log import ORIGIN, SIGNER, SampleLog, sample

SECOND = Signer(ORIGIN, bytes(range(1, 33)))
THIRD = Signer(ORIGIN, bytes(range(2, 34)))
STRANGER = Signer(ORIGIN, bytes(range(9, 41)))


class HandedOver:
    """A log in a folder that hands itself over to one key after another.

    Attributes:
        log: Its entries.
        handovers: Those so far.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log: SampleLog = sample(folder)
        self.handovers: list[Handover] = []

    def hand_over(self, old: Signer, new: Signer) -> Handover:
        """Append the entry of a handover, and publish what leads to it."""
        handover = Handover.make(self.log.writer.size, old, new)
        self.log.add(Kind.KEY, [LogKeyPayload(handover.note).part])
        self.handovers.append(handover)
        self.state(self.handovers)
        return handover

    def state(self, handovers: Sequence[Handover]) -> None:
        """Write `log.keys`."""
        self.log.log.write_handovers(join_handovers(handovers))

    def publish(self, *signers: Signer) -> None:
        """Write tiles, openings, and a checkpoint of the present size signed by these."""
        self.log.publish()
        (self.log.log.path / "checkpoint").write_bytes(sign_note(self.log.writer.checkpoint().text(), *signers))

    def verify(self, key: Signer = SIGNER) -> Report:
        """Verify it with openings, from one of its keys on; the verifier in exports has to find as much wrong or right."""
        report = verify_folder(self.log.log.path, key.vkey(), self.folder / "openings")
        called = [sys.executable, "-I", "-S", standalone.__file__, "--key", key.vkey(), str(self.log.log.path)]
        said = subprocess.run(called, capture_output=True, text=True, check=False, cwd="/")
        bare = verify_folder(self.log.log.path, key.vkey())
        assert (said.returncode == 0) == (bare.exit_status == 0), said.stdout + said.stderr
        return report


def handed_over(folder: Path) -> HandedOver:
    """Return a log that was handed over twice, and goes on behind that."""
    made = HandedOver(folder)
    made.hand_over(SIGNER, SECOND)
    made.log.account()
    made.hand_over(SECOND, THIRD)
    made.log.account()
    made.publish(THIRD)
    return made
