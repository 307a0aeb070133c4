"""What a step of the pipeline asks of the edges: rows to commit in one transaction, and what may be done once it is durable.

The core only ever adds to the ``Commit`` under way; ``gateway.edge.store`` writes it, and the application acknowledges, sends
and publishes afterwards, never before.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LogRow:
    """An entry of the log, with the opening of its commitment and, for a release, its labels file."""

    index: int
    kind: str
    content: bytes
    opening: bytes
    labels: bytes | None = None


@dataclass(frozen=True, slots=True)
class BundleRow:
    """A bundle for a recipient, kept until the upstream PUBACK of the sink that it went to."""

    index: int
    recipient: str
    sink: str
    content: bytes


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """Records that wait for a bundle; ``number`` orders them, ``content`` is sealed when stored."""

    number: int
    recipient: str
    content: bytes


@dataclass(slots=True)
class Commit:
    """Everything that one transaction makes durable."""

    marks: bytes = b""
    """(packet id, SHA-256 of topic and payload) of the batch's frames, 34 bytes each."""
    journal: bytes = b""
    snapshot: bytes | None = None
    """Begin a new journal segment with this snapshot and drop the earlier ones."""
    log: list[LogRow] = field(default_factory=list)
    head: bytes | None = None
    """A signed checkpoint of the log as it is after ``log``."""
    bundles: list[BundleRow] = field(default_factory=list)
    bundles_done: list[int] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)
    outbox_done: list[int] = field(default_factory=list)
    subjects: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    """(subject id, encoded row or None to delete)"""
    claims: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    """(hash of a claim code, encoded row or None to delete)"""
    devices: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    """(topic in bytes, encoded row or None to delete)"""
    consents: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    """(log index, subject id, encoded consent)"""
    consents_gone: list[bytes] = field(default_factory=list)
    """Ids of subjects whose every consent row is deleted."""
    openings: list[tuple[int, bytes]] = field(default_factory=list)
    """(log index, opening) of entries whose stored opening is replaced by a shorter one"""
    openings_settled: list[int] = field(default_factory=list)
    """Log indices of entries on which no later release can rest, since others have taken their place."""
    erases: bool = False
    """What is deleted leaves no trace: outbox rows are sealed anew under the new segment's key, and free space is scrubbed."""
    policies: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    """(log index, sha256, encoded policy row)"""
    ledger: bytes = b""

    def is_empty(self) -> bool:
        """Say whether there is nothing to make durable but the ledger."""
        return self == Commit(ledger=self.ledger)
