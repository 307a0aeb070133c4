"""Replay: every decision to release, made again by an auditor from the log, its policies and its openings.

Verification shows that the log is intact. Replay shows that the gateway did what the recorded policies and consents permit, and
nothing else: it applies every entry in order (`in_force`) and checks every release against what was in force (`release`). What
cannot be checked is counted by its cause: a part erased, an opening expired, or an opening missing.
"""

from __future__ import annotations

import time
from typing import Protocol

from consent.core.disclosure import DAY_MS
from gateway.audit.log.chain import PayloadForms
from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.earlier_payloads import decode_void
from gateway.audit.log.entries import Entry, EntryError, Kind
from gateway.audit.log.handover import LogKeys
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import RESTORED, RESTORED_BOOKS, GapPayload, PayloadError
from gateway.audit.log.reader import FileError, LogReader, LogUnreachableError
from gateway.audit.replay.formed_again import VoidedFigures
from gateway.audit.replay.in_force import InForceAt
from gateway.audit.replay.release import ReleaseAudit, Shortfall
from gateway.audit.replay.report import ReplayReport, ReplayVerdict
from gateway.audit.verify.age import EXPIRES_WITH_OTHERS, KEPT_WITH_THE_LOG, AuditTime, LogAge
from gateway.audit.verify.erasures import ErasureAudit, erasure_of
from gateway.audit.verify.progress import Progress
from gateway.audit.verify.report import Finding, StepRecord
from gateway.audit.verify.stored_tree import StoredTree
from gateway.audit.verify.voids import VoidAudit

_SHOW_EVERY = 256


class Openings(Protocol):
    """A source of openings, such as ``OpeningsReader``."""

    def opening(self, index: int, commitment: bytes) -> Opening | None:
        """Return the opening of the entry at a log index, or None if there is none.

        Raises:
            FileError: when it cannot be read or does not match the commitment.
        """
        ...


class Replay:
    """One replay of one log; `run` returns the report.

    Args:
        reader: The log.
        checkpoint: Its checkpoint, already verified.
        verifier: The log's key.
        openings: The openings that the auditor has.
        openings_days: For how many days openings are kept; one that is older and absent has expired.
        progress: Where progress is shown.
        at: The time by which the log is aged; this machine's clock by default.
    """

    def __init__(
        self,
        reader: LogReader,
        checkpoint: Checkpoint,
        keys: LogKeys,
        openings: Openings,
        *,
        openings_days: int = 90,
        progress: Progress | None = None,
        at: AuditTime | None = None,
    ) -> None:
        self._reader = reader
        self._checkpoint = checkpoint
        self._openings = openings
        self._kept_ms = openings_days * DAY_MS
        self._progress = progress or Progress(None)
        self._step = StepRecord(0, "replay")
        self._fold = InForceAt(keys, reader.policies)
        self._releases = ReleaseAudit(self._fold)
        self._age = LogAge(at or AuditTime(time.time_ns() // 1_000_000))
        self._erasures = ErasureAudit()
        self._voids = VoidAudit()
        self._forms = PayloadForms()
        self._voided = VoidedFigures()
        self._report = ReplayReport()
        self._absent: list[tuple[int, Kind, int]] = []  # (index, kind, made by when) of entries without an opening
        self._shortfalls: dict[int, list[Shortfall]] = {}  # of releases that match but for their erased parts
        self._in_order: dict[int, ReplayVerdict] = {}  # of releases of exact figures, which others may show to be wrong
        self._commitments: dict[int, bytes] = {}  # of releases

    def run(self) -> ReplayReport:
        """Read the whole log and return the report.

        Raises:
            LogUnreachableError: when it cannot be read to its end, and nothing that was read of it is wrong.
        """
        tree = StoredTree(self._reader, self._checkpoint, self._step, self._step, steps=(self._step,))
        try:
            for index, data in enumerate(tree.entries()):
                self._take(index, data)
                if index % _SHOW_EVERY == 0:
                    self._progress.show(index, self._checkpoint.size, time.monotonic())
            tree.close()
        except LogUnreachableError as error:
            if not self._step.findings:
                raise
            return self._break_off(str(error))
        finally:
            self._progress.clear()
        return self._break_off(tree.stopped) if tree.stopped else self._close()

    def _break_off(self, why: str) -> ReplayReport:
        """Return what was found before reading ended; nothing is said of what was not read."""
        self._report.time = self._age.time
        self._report.findings = [*self._step.findings, Finding("log", why)]
        return self._report

    def _close(self) -> ReplayReport:
        report, erasures = self._report, self._erasures
        if (ahead := self._age.ahead()) is not None:
            self._step.add(*ahead)
        self._close_absent()
        for where, problem in erasures.close():
            self._step.add(where, problem)
        self._close_shortfalls()
        report.time = self._age.time
        report.erased_parts, report.erasures_account_for = erasures.erased, erasures.declared
        report.erasures, report.earlier_erasures, report.earlier_voids = erasures.lists, erasures.earlier, self._voids.earlier
        report.grants, report.by_enrolment, report.by_origin = self._fold.grants, self._fold.by_enrolment, self._fold.by_origin
        report.beside_passkeys, report.unchecked_sessions = self._fold.beside_passkeys, self._fold.unchecked_sessions
        report.held_back = 0 if self._age.simulated else self._fold.held_back
        report.enrolments, report.credentials_ended = self._fold.credentials.enrolments, self._fold.credentials.ended
        report.public_records = self._releases.public
        report.several_places = self._releases.several_places
        report.unopened_consents = self._fold.unopened
        report.findings = list(self._step.findings)
        return report

    def _close_absent(self) -> None:
        """Tell absent openings that have expired from those that should be there."""
        for index, kind, reached_ms in self._absent:
            expired = kind not in KEPT_WITH_THE_LOG and self._age.is_expired(reached_ms, self._kept_ms)
            if kind is Kind.RELEASE:
                self._report.verdicts[ReplayVerdict.EXPIRED if expired else ReplayVerdict.MISSING] += 1
            if not expired:
                self._step.add(f"entry {index}", f"the opening of the {kind.word} is missing")

    def _close_shortfalls(self) -> None:
        """Report the figures for whose group the erased subjects do not suffice, now that it is known how many those are."""
        for index, shortfalls in self._shortfalls.items():
            erased = self._erasures.subjects_missing(index)
            found = [each for each in shortfalls if each.subjects + erased < each.group]
            for each in found:
                self._step.add(f"entry {index}", each.problem(erased))
            if found:
                self._report.verdicts[ReplayVerdict.ERASED] -= 1
                self._report.verdicts[ReplayVerdict.MISMATCH] += 1

    def _settle(self, now_ms: int) -> None:
        """Report what shows of earlier releases by now."""
        for index, problem in self._releases.settle(now_ms):
            self._step.add(f"entry {index}", problem)
            if (verdict := self._in_order.pop(index, None)) is not None:
                self._report.verdicts[verdict] -= 1
                self._report.verdicts[ReplayVerdict.MISMATCH] += 1
                self._shortfalls.pop(index, None)

    def _take(self, index: int, data: bytes | None) -> None:
        if data is None:
            self._erasures.skip()
            return  # the tree has recorded why
        try:
            entry = Entry.decode(data)
            opening = self._openings.opening(index, entry.commitment)
        except (EntryError, FileError) as error:
            self._erasures.skip()
            self._step.add(f"entry {index}", str(error))
            return
        self._report.entries += 1
        self._settle(entry.time_ms)
        reached_ms = self._age.take(entry, opening)
        if opening is None and entry.kind not in EXPIRES_WITH_OTHERS:
            self._absent.append((index, entry.kind, reached_ms))
        self._erasures.take(entry, opening)
        self._voids.take(entry)
        problems = self._forms.take(entry, opening)
        try:
            problems += self._replay(entry, opening)
        except PayloadError as error:
            problems.append(str(error))
        for problem in problems:
            self._step.add(f"entry {index}", problem)

    def _replay(self, entry: Entry, opening: Opening | None) -> list[str]:
        """Apply an entry, or check a release against what is in force; return what is wrong."""
        part = None if opening is None else opening.first
        match entry.kind:
            case Kind.POLICY:
                problems = self._fold.take_policy(entry)
                self._releases.take_policies()
                return problems
            case Kind.ERASURE:
                return self._erasure(entry, part)
            case Kind.RELEASE:
                return self._release(entry, opening)
            case Kind.CONSENT | Kind.WITHDRAWAL:
                if part is not None:
                    return self._fold.take_consent(entry, part)
                if opening is None:
                    self._fold.pass_over(entry.sequence)
            case Kind.KEY if part is not None:
                return self._fold.take_key(entry, part)
            case Kind.KEY if opening is None:
                self._report.unopened_keys += 1
            case Kind.VOID if part is not None:
                return self._void(entry, part)
            case Kind.GAP if part is not None and GapPayload.decode(part).reason in (RESTORED, RESTORED_BOOKS):
                self._releases.pass_over()
                self._fold.credentials.restored(entry.sequence)
        return []

    def _erasure(self, entry: Entry, part: bytes | None) -> list[str]:
        """Forget a subject, and enter what the erasure says that it emptied."""
        self._fold.take_erasure(entry.subject_sha256 or b"")
        if part is None:
            return []
        return self._erasures.take_erasure(entry, erasure_of(entry, part))

    def _void(self, entry: Entry, part: bytes) -> list[str]:
        """Take back a release, and remember its figures until they are formed again."""
        payload = decode_void(part)
        problems = self._voids.take_void(entry, payload)
        self._releases.void(payload.release)
        commitment = self._commitments.get(payload.release)
        if commitment is None:
            return problems
        try:
            opening = self._openings.opening(payload.release, commitment)
        except FileError:
            return problems  # reported when the release was taken
        if opening is not None:
            self._voided.void(entry.sequence, payload.release, opening)
        return problems

    def _release(self, entry: Entry, opening: Opening | None) -> list[str]:
        verdicts, releases = self._report.verdicts, self._releases
        if opening is None:
            releases.pass_over()
            return []
        self._commitments[entry.sequence] = entry.commitment
        try:
            problems = releases.check(entry, opening)
            self._report.formed_again += self._voided.release(entry.sequence, opening, releases.still_permits(entry))
        except PayloadError as error:
            problems = [str(error)]
        self._report.unsupported += releases.unsupported
        if problems and releases.unknown:
            verdicts[ReplayVerdict.MISSING] += 1
            return ["it rests on consents whose openings are missing"]
        if problems:
            verdicts[ReplayVerdict.MISMATCH] += 1
            return problems
        verdict = ReplayVerdict.ERASED if opening.erased_count else ReplayVerdict.MATCH
        verdicts[verdict] += 1
        if releases.told_exactly:
            self._in_order[entry.sequence] = verdict
        if releases.shortfalls:
            self._shortfalls[entry.sequence] = releases.shortfalls
        return []
