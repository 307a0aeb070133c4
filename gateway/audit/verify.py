"""Verification of a log folder, in numbered steps, by someone who holds nothing but the log's public key.

Source: C2SP tlog-tiles, tlog-checkpoint; the entries are ours (``docs/log-format.md``).
"""

from __future__ import annotations

from pathlib import Path

from gateway.audit.checkpoint import Checkpoint, CheckpointError
from gateway.audit.entry_audit import EntryAudit
from gateway.audit.merkle import EMPTY_ROOT
from gateway.audit.notes import NoteError, Verifier, open_note
from gateway.audit.reader import CHECKPOINT_NAME, VKEY_NAME, FileError, LogReader, OpeningsReader
from gateway.audit.report import Report, Status, StepRecord
from gateway.audit.stored_tree import StoredTree

_TITLES = (
    "checkpoint signed by the pinned key",
    "tiles lead to the checkpoint's root",
    "entries hash to their leaves",
    "entries are well formed and coherent",
    "labels lead to the roots in the releases",
    "openings lead to the commitments",
    "ledger balances and agrees with releases and voids",
)


def verify_folder(folder: Path, vkey: str, openings: Path | None = None) -> Report:
    """Verify a log folder, and the openings that the auditor has been given.

    Args:
        folder: Holds ``checkpoint``, ``tile/`` and ``labels/``.
        vkey: The log's public key, from elsewhere than the folder.
        openings: Holds one file for each opened entry.

    Raises:
        KeyFormatError: when `vkey` is malformed.
        NotADirectoryError: when one of the folders is none.
    """
    for path in (folder, openings):
        if path is not None and not path.is_dir():
            raise NotADirectoryError(f"`{path}` is not a folder")
    verifier = Verifier.parse(vkey)
    reader = LogReader(folder)
    steps = tuple(StepRecord(number, title) for number, title in enumerate(_TITLES, 1))
    checkpoint = _open_checkpoint(reader, verifier, steps[0])
    if checkpoint is None:
        for step in steps[1:]:
            step.leave_out("no trustworthy checkpoint")
    else:
        # The list of openings is taken after the checkpoint: whatever is newer than that is left alone.
        known = None if openings is None else OpeningsReader(openings)
        _check_log(reader, checkpoint, known, steps)
    return _report(vkey, checkpoint, steps)


def _open_checkpoint(reader: LogReader, verifier: Verifier, step: StepRecord) -> Checkpoint | None:
    """Return the checkpoint if the pinned key signed it for the log that it names."""
    offered = reader.vkey()
    if offered not in (None, verifier.vkey()):
        step.add(VKEY_NAME, "another key than the pinned one")
    try:
        checkpoint = Checkpoint.parse(open_note(reader.checkpoint(), [verifier]).text)
    except FileError as problem:
        step.add(problem.where, problem.problem)
        return None
    except (NoteError, CheckpointError) as error:
        step.add(CHECKPOINT_NAME, str(error))
        return None
    if checkpoint.origin != verifier.name:
        step.add(CHECKPOINT_NAME, f"line 1: origin `{checkpoint.origin}` is not the key's name `{verifier.name}`")
        return None
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        step.add(CHECKPOINT_NAME, "line 3: not the root of an empty log")
    return checkpoint


def _check_log(reader: LogReader, checkpoint: Checkpoint, openings: OpeningsReader | None, steps: tuple[StepRecord, ...]) -> None:
    """Pass over the log once; every entry is read, checked and forgotten."""
    tree = StoredTree(reader, checkpoint, steps[1], steps[2])
    audit = EntryAudit(checkpoint.origin, reader, openings, (steps[3], steps[4], steps[5], steps[6]))
    for entry in tree.entries():
        audit.take(entry)
    tree.close()
    audit.close()


def _unchecked(why: str) -> str:
    return f"not checkable, {why}" if why.startswith("no ") else f"not fully checkable, {why}"


def _report(vkey: str, checkpoint: Checkpoint | None, records: tuple[StepRecord, ...]) -> Report:
    steps = tuple(record.finish() for record in records)
    ledger = steps[-1]
    words = {Status.PASSED: "balanced", Status.FAILED: "unbalanced", Status.UNCHECKED: _unchecked(ledger.detail)}
    return Report(
        vkey=vkey.strip(),
        witnesses=(),
        origin=checkpoint.origin if checkpoint else None,
        size=checkpoint.size if checkpoint else None,
        root=checkpoint.root if checkpoint else None,
        steps=steps,
        ledger=words[ledger.status],
    )
