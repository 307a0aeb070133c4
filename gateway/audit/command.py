"""An auditor's commands: open a log, print the trust that the verdict rests on, and print the findings.

Exit status: 0 success; 1 a finding; 2 a key, file or option is wrong, or the log cannot be reached, which is no finding.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from consent.core.languages import spoken_language
from consent.printable import as_lines
from gateway.audit.explain.explain import explain, policies_of, trust_lines
from gateway.audit.export import VERIFIER_NAME, Export
from gateway.audit.find import FoundRelease, Search
from gateway.audit.label_keys import LabelKeyError, LabelKeys, all_keys, label_keys_in, named_label_keys
from gateway.audit.log.checkpoint import Checkpoint, CheckpointError
from gateway.audit.log.entries import Entry, EntryError, Kind
from gateway.audit.log.inclusion_proofs import proven_entry
from gateway.audit.log.merkle import ProofError
from gateway.audit.log.notes import KeyFormatError, NoteError
from gateway.audit.log.payloads import PayloadError
from gateway.audit.log.reader import LONGEST_NOTE_BYTES, FileError, LogReader, LogUnreachableError, OpeningsReader, Source
from gateway.audit.log.remote import source_of
from gateway.audit.log.witness_policy import PolicyFormatError
from gateway.audit.proof import LONGEST_PROOF_BYTES, SUFFIX, EntryProof, ProofFormatError
from gateway.audit.replay.replay import Replay
from gateway.audit.verify.age import audit_time
from gateway.audit.verify.anchors import AnchorError, anchors_for, read_small
from gateway.audit.verify.progress import Progress
from gateway.audit.verify.report import shown_time
from gateway.audit.verify.saved_checkpoint import KeptError, SavedCheckpoint, kept_file
from gateway.audit.verify.trust import Trust, UntrustedError, open_checkpoint
from gateway.audit.verify.verify import Verification
from gateway.files import refuse_anothers
from gateway.terminal import complain, drawing

_FINDING_STATUS = 1
_USAGE_STATUS = 2
_LONGEST_ENTRY_FILE_BYTES = 1 << 16

_USAGE = (AnchorError, KeyFormatError, PolicyFormatError, LabelKeyError, KeptError, NotADirectoryError, FileExistsError)
_FINDINGS = (
    *(FileError, UntrustedError, ProofFormatError, ProofError, EntryError, PayloadError),
    *(NoteError, CheckpointError),
)


class PlaceError(ValueError):
    """A log is named by something that is neither a folder nor the address of a web server."""


class OutOfRangeError(ValueError):
    """The log has no entry of this index."""


def run(verb: str, args: argparse.Namespace, out: TextIO) -> int:
    """Run a command with its parsed arguments and return the exit status."""
    commands = {
        "verify": _verify,
        "replay": _replay,
        "prove": _prove,
        "check-proof": _check_proof,
        "explain": _explain,
        "find": _find,
        "export": _export,
    }
    try:
        return commands[verb](args, out)
    except LogUnreachableError as error:
        problem = f"`{args.place}`: {error}"
        if args.json:
            out.write(json.dumps({"audit": "unreachable", "problem": problem}, ensure_ascii=False) + "\n")
        complain(problem)
        return _USAGE_STATUS
    except (*_USAGE, OutOfRangeError, PlaceError) as error:
        complain(error)
        return _USAGE_STATUS
    except _FINDINGS as error:
        complain(error)
        return _FINDING_STATUS


def _verify(args: argparse.Namespace, out: TextIO) -> int:
    reader = LogReader(_source(args.place))
    _check_folder(args.openings)
    anchors = anchors_for(reader, args.key, args.witnesses, unpinned=args.no_key)
    since = None
    if args.since is not None:
        try:
            since = SavedCheckpoint.parse(read_small(args.since, 2 * LONGEST_NOTE_BYTES), anchors.keys())
        except KeptError as error:
            raise KeptError(f"`{args.since}`: {error}") from error
    terminal = drawing(sys.stderr) if sys.stderr.isatty() else None
    progress = Progress(terminal, time.monotonic())
    verification = Verification(reader, anchors, openings=args.openings, since=since, progress=progress)
    report = verification.run()
    if report.ok and args.keep is not None:
        _replace(args.keep, kept_file(verification.note))
    out.write(report.to_json() if args.json else report.to_text())
    return report.exit_status


def _replay(args: argparse.Namespace, out: TextIO) -> int:
    reader, checkpoint, trust = _open(args)
    terminal = drawing(sys.stderr) if sys.stderr.isatty() else None
    report = Replay(
        reader,
        checkpoint,
        anchors_for(reader, args.key, args.witnesses).keys(),
        OpeningsReader(args.openings),
        openings_days=args.openings_days,
        progress=Progress(terminal, time.monotonic()),
        at=audit_time(trust, time.time_ns() // 1_000_000),
    ).run()
    text = [f"log: {checkpoint.origin}, {checkpoint.size} entries", *trust.lines(), *report.to_text().splitlines()]
    answer = {"origin": checkpoint.origin, "size": checkpoint.size, **report.as_json(), "trust": trust.as_json()}
    return max(_print_answer(args, out, answer, text, _quorum_problems(trust)), report.exit_status)


def _prove(args: argparse.Namespace, out: TextIO) -> int:
    reader = LogReader(_source(args.place))
    anchors = anchors_for(reader, args.key, args.witnesses)
    note = reader.checkpoint()
    checkpoint, trust = open_checkpoint(note, anchors)
    entry, hashes = proven_entry(reader, checkpoint, _index(args.index, checkpoint))
    file = args.out or Path(f"{args.index}{SUFFIX}")
    _replace(file, EntryProof(args.index, tuple(hashes), note, entry).encode())
    answer = {"file": str(file), "index": args.index, "size": checkpoint.size, "origin": checkpoint.origin}
    text = [f"proof: {file}, entry {args.index} of {checkpoint.size} in {checkpoint.origin}", *trust.lines()]
    return _print_answer(args, out, answer | {"trust": trust.as_json()}, text, _quorum_problems(trust))


def _check_proof(args: argparse.Namespace, out: TextIO) -> int:
    try:
        proof = EntryProof.parse(read_small(args.file, LONGEST_PROOF_BYTES))
    except ProofFormatError as error:
        raise ProofFormatError(f"`{args.file}`: {error}") from error
    anchors = anchors_for(None, args.key, args.witnesses, note=proof.note)
    given = None if args.entry is None else read_small(args.entry, _LONGEST_ENTRY_FILE_BYTES)
    data, checkpoint, trust = proof.check(anchors, given)
    entry = Entry.decode(data)
    answer = {"index": proof.index, "size": checkpoint.size, "origin": checkpoint.origin, "kind": entry.kind.word}
    text = [
        f"log: {checkpoint.origin}, {checkpoint.size} entries",
        *trust.lines(),
        f"entry {proof.index}: {entry.kind.word}, {entry.time_ms} ms since 1970",
    ]
    if entry.kind is Kind.RELEASE and entry.bundle_sha256 is not None:
        answer["bundle_sha256"] = entry.bundle_sha256.hex()
        text.append(f"SHA-256 of the bundle: {entry.bundle_sha256.hex()}")
    return _print_answer(args, out, answer | {"time_ms": entry.time_ms, "trust": trust.as_json()}, text, _quorum_problems(trust))


def _explain(args: argparse.Namespace, out: TextIO) -> int:
    reader, checkpoint, trust = _open(args)
    data, _ = proven_entry(reader, checkpoint, _index(args.index, checkpoint))
    entry = Entry.decode(data)
    openings = None if args.openings is None else OpeningsReader(args.openings)
    opening = None if openings is None else openings.opening(args.index, entry.commitment)
    policies = policies_of(entry, reader)
    language = spoken_language(() if policies is None else policies.city.languages, args.locale, args.language or "")
    explanation = explain(entry, opening, checkpoint.size, language, policies)
    text = [*trust_lines(checkpoint.origin, trust, language), *explanation.to_text(language).splitlines()]
    answer = {"origin": checkpoint.origin, "size": checkpoint.size, **explanation.as_json(), "trust": trust.as_json()}
    return _print_answer(args, out, answer, text, _quorum_problems(trust))


def _find(args: argparse.Namespace, out: TextIO) -> int:
    receipts = [(file, label_keys_in(file)) for file in args.receipt]
    sources = [*(source for _, source in receipts), *(named_label_keys(text) for text in args.label_key)]
    if not sources:
        raise LabelKeyError("name a receipt with `--receipt FILE`, or a label key with `--label-key KEY`")
    reader, checkpoint, trust = _open(args)
    _of_this_log(receipts, checkpoint)
    openings = None if args.openings is None else OpeningsReader(args.openings)
    search = Search(reader, checkpoint, all_keys(sources), openings)
    found = search.run()
    text = [f"log: {checkpoint.origin}, {checkpoint.size} entries, {search.releases} releases", *trust.lines()]
    text += [_found_line(one) for one in found]
    text.append(f"found: {len(found)} {'release' if len(found) == 1 else 'releases'}")
    problems = [*_quorum_problems(trust), *(f"{finding.where}: {finding.problem}" for finding in search.findings)]
    answer = {"origin": checkpoint.origin, "size": checkpoint.size, "releases": search.releases}
    rows = [{"index": one.index, "time_ms": one.time_ms, "recipient": one.recipient, "voided_by": one.voided_by} for one in found]
    return _print_answer(args, out, answer | {"found": rows, "trust": trust.as_json()}, text, problems)


def _export(args: argparse.Namespace, out: TextIO) -> int:
    done = Export(_source(args.place), args.out).run()
    text = [
        f"log: {done.origin}, {done.size} entries, {done.files} files in {args.out}",
        f"verify it anywhere: python3 {args.out / VERIFIER_NAME} --key VKEY",
    ]
    answer = {"origin": done.origin, "size": done.size, "files": done.files, "folder": str(args.out)}
    return _print_answer(args, out, answer, text, [f"{one.where}: {one.problem}" for one in done.missing])


def _open(args: argparse.Namespace) -> tuple[LogReader, Checkpoint, Trust]:
    """Open a log for reading; without a key on the command line, trust the log's own."""
    reader = LogReader(_source(args.place))
    _check_folder(args.openings)
    unpinned = args.key is None and args.witnesses is None
    anchors = anchors_for(reader, args.key, args.witnesses, unpinned=unpinned)
    return reader, *open_checkpoint(reader.checkpoint(), anchors)


def _source(place: str) -> Source:
    try:
        return source_of(place)
    except NotADirectoryError as error:
        raise LogUnreachableError("folder", "there is no such folder") from error
    except ValueError as error:
        raise PlaceError(str(error)) from error


def _index(index: int, checkpoint: Checkpoint) -> int:
    if not 0 <= index < checkpoint.size:
        raise OutOfRangeError(f"no entry `{index}` in a log of `{checkpoint.size}`")
    return index


def _check_folder(folder: Path | None) -> None:
    if folder is not None and not folder.is_dir():
        raise NotADirectoryError(f"`{folder}` is not a folder")


def _of_this_log(receipts: list[tuple[Path, LabelKeys]], checkpoint: Checkpoint) -> None:
    """Refuse a receipt of another log: nothing would be found in this one, which could be taken for an answer."""
    for file, source in receipts:
        if source.origin not in (None, checkpoint.origin):
            raise LabelKeyError(f"`{file}`: belongs to the log `{source.origin}`, and this is `{checkpoint.origin}`")


def _found_line(one: FoundRelease) -> str:
    who = "" if one.recipient is None else f"  to {one.recipient}"
    voided = "" if one.voided_by is None else f"  taken back by entry {one.voided_by}"
    return f"{one.index:>8}  {shown_time(one.time_ms)}{who}{voided}"


def _quorum_problems(trust: Trust) -> list[str]:
    if trust.quorum is not False:
        return []
    return [f"checkpoint: cosigned by {trust.witnesses_k} of {trust.witnesses_n} witnesses, who are no quorum"]


def _print_answer(args: argparse.Namespace, out: TextIO, answer: dict[str, Any], text: list[str], problems: list[str]) -> int:
    """Print a result as JSON or as text, with the problems, and return the exit status."""
    if args.json:
        out.write(json.dumps(answer | {"problems": problems}, ensure_ascii=False) + "\n")
    else:
        out.write(as_lines([*text, *(f"wrong: {problem}" for problem in problems)]))
    return _FINDING_STATUS if problems else 0


def _replace(file: Path, data: bytes) -> None:
    """Write a file atomically."""
    refuse_anothers(file, for_reader=True)
    temporary = file.with_name(f".{file.name}.new")
    temporary.write_bytes(data)
    os.replace(temporary, file)
