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


@dataclass(frozen=True, slots=True)
class OpeningRow:
    """The opening of the entry at a log index, in the form that takes the place of the stored one."""

    index: int
    content: bytes


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """A subject's row, encoded; None deletes it."""

    id: bytes
    content: bytes | None


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A claim code's row, found by the code's hash, encoded; None deletes it."""

    code_hash: bytes
    content: bytes | None


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device's row, found by its topic, encoded; None deletes it."""

    topic: bytes
    content: bytes | None


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """An encoded consent, by the index of its log entry."""

    index: int
    subject: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """Encoded policies, by the index of the log entry that put them in force."""

    index: int
    sha256: bytes
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
    subjects: list[SubjectRow] = field(default_factory=list)
    claims: list[ClaimRow] = field(default_factory=list)
    devices: list[DeviceRow] = field(default_factory=list)
    consents: list[ConsentRow] = field(default_factory=list)
    consents_gone: list[bytes] = field(default_factory=list)
    """Ids of subjects whose every consent row is deleted."""
    openings: list[OpeningRow] = field(default_factory=list)
    """Of entries whose stored opening is replaced by a shorter one."""
    openings_settled: list[int] = field(default_factory=list)
    """Log indices of entries on which no later release can rest, since others have taken their place."""
    erases: bool = False
    """What is deleted leaves no trace: outbox rows are sealed anew under the new segment's key, and free space is scrubbed."""
    policies: list[PolicyRow] = field(default_factory=list)
    ledger: bytes = b""

    def is_empty(self) -> bool:
        """Return whether there is nothing to make durable but the ledger."""
        return self == Commit(ledger=self.ledger)
