"""What has been published, held against the log as it is later: it may have grown, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.notes import Verifier, open_note
from gateway.audit.log.tiles import LogWriter


def head_of(note: bytes, vkey: str) -> Checkpoint:
    """Return the head in a signed note."""
    return Checkpoint.parse(open_note(note, [Verifier.parse(vkey)]).text)


def published_head(log: Path, vkey: str) -> Checkpoint | None:
    """Return the head in a log's folder, None before the first."""
    file = log / "checkpoint"
    return head_of(file.read_bytes(), vkey) if file.is_file() else None


def check_heads(heads: Sequence[Checkpoint], entries: Sequence[bytes]) -> None:
    """Fail unless the entries lead to every head that was ever published."""
    roots = {head.size: head.root for head in heads}
    assert max(roots, default=0) <= len(entries), "a published head is ahead of the log"
    writer = LogWriter("any")
    for entry in entries:
        writer.append(entry)
        if writer.size in roots:
            assert writer.root() == roots[writer.size], f"the published head of size `{writer.size}` is contradicted"
