"""What an auditor's replay finds of a gateway in memory: its log as files, its openings, the policies that it kept."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.audit.log.handover import LogKeys
from gateway.audit.log.openings import Opening
from gateway.audit.log.reader import FileError, LogReader
from gateway.audit.log.tiles import policies_path
from gateway.audit.replay.replay import Replay
from gateway.audit.replay.report import ReplayReport
from gateway.audit.verify.age import AuditTime
from tests.support.gate import Gate
from tests.support.logs import MemorySource


class MemoryOpenings:
    """Openings by log index; each must lead to its entry's commitment."""

    def __init__(self, openings: Mapping[int, Opening]) -> None:
        self._openings = openings

    def opening(self, index: int, commitment: bytes) -> Opening | None:
        """Return an opening, None if it is not there."""
        opening = self._openings.get(index)
        if opening is not None and opening.commitment() != commitment:
            raise FileError(f"openings/{index}", "does not lead to the commitment in the entry")
        return opening


def replayed(
    gate: Gate,
    *,
    openings: Mapping[int, Opening] | None = None,
    policy_sets: Mapping[bytes, bytes] | None = None,
    openings_days: int = 90,
    at: AuditTime | None = None,
) -> ReplayReport:
    """Replay a gateway's log as of its clock, with what was committed to be found beside it unless other things are given."""
    gate.commit()
    log = gate.state.log.writer
    kept = gate.policy_sets if policy_sets is None else policy_sets
    files = log.files_since(0) | {policies_path(sha256): packed for sha256, packed in kept.items()}
    return Replay(
        LogReader(MemorySource(files)),
        log.checkpoint(),
        LogKeys(gate.state.log.signer.verifier),
        MemoryOpenings(gate.openings if openings is None else openings),
        openings_days=openings_days,
        at=at or AuditTime(gate.now_ms),
    ).run()
