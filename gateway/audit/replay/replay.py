"""Replay: every decision to release, made again by an auditor from the log, its policies and its openings.

Verification shows that the log is intact. Replay shows that the gateway did what the recorded policies and consents permit, and
nothing else: it applies every entry in order (`in_force`) and checks every release against what was in force (`release`). What
cannot be checked is counted by its cause: a part erased, an opening expired, or an opening missing.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from consent.core.consents.records import OPERATOR
from consent.core.disclosure import DAY_MS
from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.entries import Entry, EntryError, Kind
from gateway.audit.log.notes import Verifier
from gateway.audit.log.openings import Opening, Part
from gateway.audit.log.payloads import PayloadError, VoidPayload
from gateway.audit.log.reader import FileError, LogReader
from gateway.audit.log.tiles import policies_path
from gateway.audit.replay.in_force import InForceAt
from gateway.audit.replay.release import ReleaseAudit
from gateway.audit.verify.progress import Progress
from gateway.audit.verify.report import Finding, StepRecord
from gateway.audit.verify.stored_tree import StoredTree

LONGEST_POLICIES_BYTES: Final = 1 << 24
_SHOW_EVERY = 256


class Openings(Protocol):
    """A source of openings, such as ``OpeningsReader``."""

    def opening(self, index: int, commitment: bytes) -> Opening | None:
        """Return the opening of the entry at a log index, or None if there is none.

        Raises:
            FileError: when it cannot be read or does not match the commitment.
        """
        ...


class ReplayVerdict(StrEnum):
    """The result of checking one release."""

    MATCH = "match"
    MISMATCH = "mismatch"
    ERASED = "opening erased"
    EXPIRED = "opening expired"
    MISSING = "opening missing"


@dataclass(slots=True)
class ReplayReport:
    """The result of a replay.

    Attributes:
        verdicts: Releases by verdict; one with erased parts is `opening erased` when the rest of it matches.
        grants: Permissions by the channel over which they were given; `operator` rests on the operator's word alone.
        erased_parts: How many parts are erased from the openings; `erasures_account_for`: how many the erasure entries declare.
        findings: What is wrong, by entry.
    """

    entries: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    grants: Counter[str] = field(default_factory=Counter)
    erased_parts: int = 0
    erasures_account_for: int = 0
    unopened_consents: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def exit_status(self) -> int:
        """0 if every checkable release follows from what was in force and no opening is missing, else 1."""
        return 1 if self.findings or self.verdicts[ReplayVerdict.MISSING] else 0

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "entries": self.entries,
            "releases": {verdict.value: self.verdicts[verdict] for verdict in ReplayVerdict},
            "grants": dict(sorted(self.grants.items())),
            "erased_parts": self.erased_parts,
            "erasures_account_for": self.erasures_account_for,
            "unopened_consents": self.unopened_consents,
            "findings": [{"where": one.where, "problem": one.problem} for one in self.findings],
        }

    def to_json(self) -> str:
        """Return the report as a line of JSON."""
        return json.dumps(self.as_json(), ensure_ascii=False) + "\n"

    def to_text(self) -> str:
        """Return the report for a terminal."""
        lines = [f"replayed: {self.entries} entries, {sum(self.verdicts.values())} releases"]
        lines += [f"  {verdict.value:<16} {self.verdicts[verdict]}" for verdict in ReplayVerdict]
        operator, others = self.grants[OPERATOR], sum(self.grants.values()) - self.grants[OPERATOR]
        lines.append(f"permissions: {operator} on the operator's word, {others} on a resident's own")
        if self.erased_parts or self.erasures_account_for:
            lines.append(f"erased: {self.erased_parts} parts, erasure entries account for {self.erasures_account_for}")
        if self.unopened_consents:
            lines.append(f"consents and withdrawals without an opening: {self.unopened_consents}")
        lines += [f"wrong: {one.where}: {one.problem}" for one in self.findings]
        return "".join(f"{line}\n" for line in lines)


class Replay:
    """One replay of one log; `run` returns the report.

    Args:
        reader: The log.
        checkpoint: Its checkpoint, already verified.
        verifier: The log's key.
        openings: The openings that the auditor has.
        openings_days: For how many days openings are kept; one that is older and absent has expired.
        progress: Where progress is shown.
    """

    def __init__(
        self,
        reader: LogReader,
        checkpoint: Checkpoint,
        verifier: Verifier,
        openings: Openings,
        *,
        openings_days: int = 90,
        progress: Progress | None = None,
    ) -> None:
        self._reader = reader
        self._checkpoint = checkpoint
        self._openings = openings
        self._kept_ms = openings_days * DAY_MS
        self._progress = progress or Progress(None)
        self._step = StepRecord(0, "replay")
        self._fold = InForceAt(verifier, lambda name: reader.source.read(policies_path(name), LONGEST_POLICIES_BYTES))
        self._releases = ReleaseAudit(self._fold)
        self._report = ReplayReport()
        self._latest_ms = 0
        self._absent: list[tuple[int, int]] = []  # (index, time) of releases without an opening

    def run(self) -> ReplayReport:
        """Read the whole log and return the report."""
        tree = StoredTree(self._reader, self._checkpoint, self._step, self._step)
        for index, data in enumerate(tree.entries()):
            self._take(index, data)
            if index % _SHOW_EVERY == 0:
                self._progress.show(index, self._checkpoint.size, time.monotonic())
        tree.close()
        self._progress.clear()
        return self._close()

    def _close(self) -> ReplayReport:
        report = self._report
        for index, time_ms in self._absent:
            old = time_ms < self._latest_ms - self._kept_ms
            report.verdicts[ReplayVerdict.EXPIRED if old else ReplayVerdict.MISSING] += 1
            if not old:
                self._step.add(f"entry {index}", "the opening of the release is missing")
        if report.erased_parts > report.erasures_account_for:
            self._step.add("openings", "more parts are erased than the erasure entries account for")
        report.grants = self._fold.grants
        report.unopened_consents = self._fold.unopened
        report.findings = list(self._step.findings)
        return report

    def _take(self, index: int, data: bytes | None) -> None:
        if data is None:
            return  # the tree has recorded why
        try:
            entry = Entry.decode(data)
            opening = self._openings.opening(index, entry.commitment)
        except (EntryError, FileError) as error:
            self._step.add(f"entry {index}", str(error))
            return
        self._report.entries += 1
        self._latest_ms = max(self._latest_ms, entry.time_ms)
        try:
            problems = self._replay(entry, opening)
        except PayloadError as error:
            problems = [str(error)]
        for problem in problems:
            self._step.add(f"entry {index}", problem)

    def _replay(self, entry: Entry, opening: Opening | None) -> list[str]:
        """Apply an entry, or check a release against what is in force; return what is wrong."""
        if opening is not None:
            self._report.erased_parts += opening.erased_count
        if entry.kind is Kind.POLICY:
            return self._fold.take_policy(entry)
        if entry.kind is Kind.ERASURE:
            self._report.erasures_account_for += entry.parts_deleted or 0
            self._fold.take_erasure(entry.subject_sha256 or b"")
            return []
        if entry.kind is Kind.RELEASE:
            return self._release(entry, opening)
        part = _only_part(opening)
        if entry.kind in (Kind.CONSENT, Kind.WITHDRAWAL):
            if part is not None:
                return self._fold.take_consent(entry, part)
            if opening is None:
                self._fold.pass_over(entry.sequence)
        elif entry.kind is Kind.KEY and part is not None:
            return self._fold.take_residents(entry, part)
        elif entry.kind is Kind.VOID and part is not None:
            self._releases.void(VoidPayload.decode(part).release)
        return []

    def _release(self, entry: Entry, opening: Opening | None) -> list[str]:
        verdicts = self._report.verdicts
        if opening is None:
            self._absent.append((entry.sequence, entry.time_ms))
            return []
        try:
            problems = self._releases.check(entry, opening)
        except PayloadError as error:
            problems = [str(error)]
        if problems and self._releases.unknown:
            verdicts[ReplayVerdict.MISSING] += 1
            return ["it rests on consents whose openings are missing"]
        if problems:
            verdicts[ReplayVerdict.MISMATCH] += 1
        else:
            verdicts[ReplayVerdict.ERASED if opening.erased_count else ReplayVerdict.MATCH] += 1
        return problems


def _only_part(opening: Opening | None) -> bytes | None:
    if opening is None or not isinstance(opening.parts[0], Part):
        return None
    return opening.parts[0].data
