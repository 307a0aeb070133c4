"""Verification of a log, in numbered steps, by someone who holds nothing but the log's public key.

The log is in a folder or at a URL. An auditor who has saved the checkpoint of an earlier verification can check, in addition,
that the log has only grown since, and need not read again what was read then.

Source: C2SP tlog-tiles, tlog-checkpoint; the entries are ours (``docs/log-format.md``).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.handover import parse_handovers
from gateway.audit.log.notes import Verifier
from gateway.audit.log.reader import CHECKPOINT_NAME, VKEY_NAME, LogReader, LogUnreachableError, OpeningsReader
from gateway.audit.log.tiles import TILE_WIDTH
from gateway.audit.verify.age import audit_time
from gateway.audit.verify.entry_audit import EntryAudit
from gateway.audit.verify.file_audit import FileAudit
from gateway.audit.verify.label_audit import LabelAudit
from gateway.audit.verify.progress import Progress
from gateway.audit.verify.report import Report, StepRecord, StepStatus
from gateway.audit.verify.saved_checkpoint import SavedCheckpoint
from gateway.audit.verify.stored_tree import StoredTree
from gateway.audit.verify.trust import Anchors, Trust, UntrustedError, open_checkpoint

_TITLES = (
    "checkpoint signed by the pinned key",
    "tiles lead to the checkpoint's root",
    "entries hash to their leaves",
    "entries are well formed and coherent",
    "labels lead to the roots in the releases",
    "openings lead to the commitments",
    "ledger balances and agrees with releases and voids",
    "witnesses have cosigned the checkpoint",
    "log has only grown since the kept checkpoint",
    "policies hash to the entries that put them in force",
    "every file of the folder is accounted for",
)


class Verification:
    """One verification of one log; `run` returns the report.

    Args:
        reader: The log.
        anchors: The keys that the auditor trusts.
        openings: A folder with one file for each opened entry, if the auditor has been given one.
        since: The checkpoint of an earlier verification. Entries that were checked then are not read again, unless there are
            openings, which change when something is erased.
        progress: Where progress is shown.
        clock_ms: The auditor's clock; this machine's by default.

    Attributes:
        note: The checkpoint's bytes as the log served them, once read.
    """

    def __init__(
        self,
        reader: LogReader,
        anchors: Anchors,
        *,
        openings: Path | None = None,
        since: SavedCheckpoint | None = None,
        progress: Progress | None = None,
        clock_ms: int | None = None,
    ) -> None:
        self.note = b""
        self._clock_ms = time.time_ns() // 1_000_000 if clock_ms is None else clock_ms
        self._reader = reader
        self._anchors = anchors
        self._openings = openings
        self._since = since
        self._progress = progress or Progress(None)
        titles = _TITLES if anchors.pinned else ("checkpoint signed by the key that the log offers", *_TITLES[1:])
        self._steps = tuple(StepRecord(number, title) for number, title in enumerate(titles, 1))
        self._trust = Trust(anchors.log.vkey(), anchors.pinned, witnesses_n=len(anchors.witnesses))

    def run(self) -> Report:
        """Verify the log and return the report.

        Raises:
            LogUnreachableError: when the log cannot be read, or to its end, and nothing that was read of it is wrong.
        """
        checkpoint = self._open_checkpoint()
        if checkpoint is None:
            self._leave_out_rest("no trustworthy checkpoint", self._steps[1:])
            return self._report(checkpoint)
        self._check_witnesses()
        try:
            self._check_log(checkpoint)
        except LogUnreachableError as error:
            if not any(step.findings for step in self._steps):
                raise
            self._leave_out_rest(str(error))
            return self._report(checkpoint, str(error))
        finally:
            self._progress.clear()
        return self._report(checkpoint)

    def _leave_out_rest(self, why: str, steps: Sequence[StepRecord] = ()) -> None:
        """Record that steps could not be checked to their end; by default those that read the log's files."""
        for step in steps or (*self._steps[1:7], *self._steps[8:]):
            step.leave_out(why)

    def _open_checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint if the trusted key signed it for the log that it names."""
        step = self._steps[0]
        try:
            self._anchors.keys()
            known = (self._anchors.log, *(key for one in parse_handovers(self._anchors.handovers) for key in (one.old, one.new)))
            if self._reader.vkey() not in (None, *(each.vkey() for each in known)):
                step.add(VKEY_NAME, "another key than the pinned one")
            self.note = self._reader.checkpoint()
            checkpoint, self._trust = open_checkpoint(self.note, self._anchors)
        except UntrustedError as error:
            step.add(CHECKPOINT_NAME, str(error))
            for line in error.unknown:
                step.add(CHECKPOINT_NAME, f"{line} is the signature of an unknown key")
            return None
        return checkpoint

    def _check_witnesses(self) -> None:
        step, trust = self._steps[7], self._trust
        if trust.quorum is None:
            step.leave_out("no policy of witnesses")
            return
        step.detail = f"{trust.witnesses_k} of {trust.witnesses_n}"
        if not trust.quorum:
            step.add(CHECKPOINT_NAME, f"cosigned by {trust.witnesses_k} of {trust.witnesses_n} witnesses, who are no quorum")

    def _check_log(self, checkpoint: Checkpoint) -> None:
        """Read the log once, checking every entry and keeping none."""
        older = 0 if self._since is None else self._since.checkpoint.size
        checked = older if self._since and self._since.checked and not self._openings and older <= checkpoint.size else 0
        first_block = max(0, checked - 1) // TILE_WIDTH  # the block of the last checked entry, on which the first new one depends
        tree = StoredTree(
            self._reader,
            checkpoint,
            self._steps[1],
            self._steps[2],
            older_size=older,
            first_block=first_block,
            steps=self._steps,
        )
        # The openings are listed after the checkpoint was read; newer ones are ignored.
        known = None if self._openings is None else OpeningsReader(self._openings)
        labels = LabelAudit(self._reader, checkpoint.size, self._steps[4])
        files = FileAudit(self._reader, checkpoint.size, self._steps[9], self._steps[10], checked=checked)
        steps, at = (self._steps[3], self._steps[5], self._steps[6]), audit_time(self._trust, self._clock_ms)
        audit = EntryAudit(checkpoint.origin, labels, files, known, steps, at, parse_handovers(self._anchors.handovers))
        for index, entry in enumerate(tree.entries(), first_block * TILE_WIDTH):
            if index >= checked:
                audit.take(entry)
            elif index == checked - 1:
                audit.begin_behind(index, entry)
            if index % TILE_WIDTH == 0:
                self._progress.show(index, checkpoint.size, time.monotonic())
        tree.close()
        if tree.stopped:
            labels.close()
            self._leave_out_rest(tree.stopped)
            return
        audit.close()
        files.close()
        self._check_growth(checkpoint, tree)

    def _check_growth(self, checkpoint: Checkpoint, tree: StoredTree) -> None:
        """Compare the log with the saved checkpoint: its entries must still have the same root."""
        step = self._steps[8]
        if self._since is None:
            step.leave_out("no kept checkpoint")
            return
        kept = self._since.checkpoint
        step.detail = f"{kept.size} entries then, {checkpoint.size} now"
        if checkpoint.size < kept.size:
            step.add(CHECKPOINT_NAME, f"size `{checkpoint.size}` falls behind the `{kept.size}` of the kept one: a rollback")
        elif checkpoint.size == kept.size:
            if checkpoint.root != kept.root:
                step.add(CHECKPOINT_NAME, f"another root than the kept one's at size `{kept.size}`: the log has split")
        elif (root := tree.older_root()) is None:
            step.add(CHECKPOINT_NAME, f"the tiles do not tell the root at the kept size `{kept.size}`")
        elif root != kept.root:
            step.add(CHECKPOINT_NAME, f"the first `{kept.size}` entries are not those of the kept one: the log has split")

    def _report(self, checkpoint: Checkpoint | None, unreachable: str | None = None) -> Report:
        steps = tuple(record.finish() for record in self._steps)
        ledger = steps[6]
        words = {StepStatus.PASSED: "balanced", StepStatus.FAILED: "unbalanced", StepStatus.UNCHECKED: _unchecked(ledger.detail)}
        return Report(
            trust=self._trust,
            origin=checkpoint.origin if checkpoint else None,
            size=checkpoint.size if checkpoint else None,
            root=checkpoint.root if checkpoint else None,
            steps=steps,
            ledger=words[ledger.status],
            unreachable=unreachable,
        )


def verify_folder(folder: Path, vkey: str, openings: Path | None = None) -> Report:
    """Verify a log folder, and the openings that the auditor has been given.

    Args:
        folder: Holds ``checkpoint``, ``tile/`` and ``labels/``.
        vkey: The log's public key, obtained from somewhere else than the folder.
        openings: A folder with one file for each opened entry.

    Raises:
        KeyFormatError: when `vkey` is malformed.
        NotADirectoryError: when `folder` or `openings` is not a folder.
        LogUnreachableError: when `folder` holds no checkpoint.
    """
    for path in (folder, openings):
        if path is not None and not path.is_dir():
            raise NotADirectoryError(f"`{path}` is not a folder")
    reader = LogReader(folder)
    return Verification(reader, Anchors(Verifier.parse(vkey), handovers=reader.handovers()), openings=openings).run()


def _unchecked(why: str) -> str:
    return f"not checkable, {why}" if why.startswith("no ") else f"not fully checkable, {why}"
