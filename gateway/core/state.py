"""All that the running gateway holds in memory, owned by the core and changed in place by its steps.

``pipeline`` (batches), ``release`` (ticks), ``changes`` (policies, consents, devices) and ``recovery`` (start) are the steps;
each adds what must become durable to ``commit``, which the application stores before anything else happens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from consent.core.consents.book import Book
from consent.core.lifecycle.notifications import MessageKind
from consent.core.outcome import NEVER_MS
from consent.core.policies.policy import PolicySet
from gateway.audit.log.chain import Chain
from gateway.audit.log.entries import Kind
from gateway.audit.log.notes import Signer, sign_note
from gateway.audit.log.openings import Opening, Part, labels_root
from gateway.audit.log.tiles import LogWriter
from gateway.core.effects import Commit, LogRow, OutboxRow, SubjectRow
from gateway.core.ingest.marks import Marks
from gateway.core.journal import Journal
from gateway.core.ledger import Ledger, LedgerMove
from gateway.core.model import Decoder
from gateway.core.plans import Device, DeviceMemory, DevicePlan, InForce
from gateway.core.pseudonyms import DomainKeys
from gateway.core.windows.windows import Window, Windows

MESSAGES_KEPT = 20
"""How many messages a household has at most: the latest."""

RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class GatewayIdentity:
    """Who this gateway is, and the keys that the core needs; nothing here changes while it runs.

    Attributes:
        gateway: Its id, as it stands in topics and bundles.
        signer: The log's key; its name is the log's origin.
        device_key: (device id, generation) → the device's MAC key.
        random_bytes: n → n random bytes.
        start: Counts the starts on this database: the sub-epoch of the pseudonym keys that this process makes.
    """

    gateway: str
    signer: Signer
    device_key: Callable[[bytes, int], bytes]
    random_bytes: RandomBytes
    start: int
    simulated_clock: bool = False


class Resident(msgspec.Struct, frozen=True, array_like=True):
    """A person with a say in a subject: a random id, since when, and when they last claimed it (0: not yet, or no longer)."""

    id: bytes
    since_ms: int
    claimed_ms: int = 0


class Message(msgspec.Struct, frozen=True, array_like=True):
    """Something that a household was told; see ``consent.core.lifecycle.notifications``."""

    time_ms: int
    kind: str
    scope: str


class Subject(msgspec.Struct, frozen=True, array_like=True):
    """A household or person.

    Attributes:
        id: 16 random bytes.
        secret: 32 random bytes, whose deletion is the erasure.
        residents: All of whom must permit.
        since_ms: When they last changed; 0: never.
        label_generation: Counts those who have left: each departure replaces the key that finds the releases.
        messages: The latest of what the household was told.
        key_entries: Log indices of the entries that say who its residents were.
    """

    id: bytes
    secret: bytes
    residents: tuple[Resident, ...]
    since_ms: int = 0
    label_generation: int = 0
    messages: tuple[Message, ...] = ()
    key_entries: tuple[int, ...] = ()


class Claim(msgspec.Struct, frozen=True, array_like=True):
    """What a claim code lets its bearer do; see ``gateway.core.changes.subjects``."""

    code_hash: bytes
    subject: bytes
    resident: bytes
    device: bytes
    expires_ms: int


@dataclass(slots=True)
class ReadyBundle:
    """A bundle that is logged and committed, of which no byte has yet been handed to the sink.

    Attributes:
        windows: The windows whose figures it holds, as they were.
        outbox: The outbox rows whose records it holds.
        moved: What the ledger moved for it.
        subjects: Whom it speaks of.
        full: More waits, for which there was no room.
    """

    index: int
    recipient: str
    content: bytes
    windows: list[Window] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)
    moved: list[LedgerMove] = field(default_factory=list)
    subjects: frozenset[bytes] = frozenset()
    full: bool = False


@dataclass(frozen=True, slots=True)
class SentBundle:
    """A bundle of which a byte has been handed over and that no PUBACK has come for.

    Attributes:
        subjects: Whom it speaks of; None after a restart, when only the auditors' openings tell.
    """

    recipient: str
    subjects: frozenset[bytes] | None
    full: bool = False

    def may_speak_of(self, subject: bytes) -> bool:
        """Return whether a subject is in it, as far as is known."""
        return self.subjects is None or subject in self.subjects


class State:
    """The gateway's memory."""

    def __init__(self, identity: GatewayIdentity) -> None:
        """Begin with nothing in force: everything is withheld until policies are applied."""
        self.identity = identity
        self.force: InForce | None = None
        self.book = Book()
        self.subjects: dict[bytes, Subject] = {}
        self.claims: dict[bytes, Claim] = {}
        """Claim codes that can still be used, by their hash."""
        self.registry: dict[str, Device] = {}
        """Every device, by topic."""
        self.devices: dict[str, DevicePlan] = {}
        """The plans of devices whose class the policies know, by topic."""
        self.by_contributor: dict[bytes, list[DevicePlan]] = {}
        self.decoders: dict[str, Decoder] = {}
        self.memories: dict[bytes, DeviceMemory] = {}
        self.windows = Windows({})
        self.ledger = Ledger()
        self.journal = Journal()
        self.log = LogWriter(identity.signer.name)
        self.chain = Chain()
        self.latest_entry_ms = 0
        """The latest time in the log; a clock before it is not plausible, and nothing is released by it."""
        self.marks = Marks()
        """Of the frames last committed: what the broker may send again after the next reconnect."""
        self.redeliverable: dict[int, bytes] = {}
        """Frames committed in an earlier connection that the broker may send again: packet id → digest."""
        self.drained = False
        """True once the inbound queue was drained since start or reconnect; before that no window ends."""
        self.unsent: dict[str, ReadyBundle] = {}
        self.handed: dict[int, SentBundle] = {}
        """By log index."""
        self.next_outbox_number = 1
        self.waiting: dict[str, int] = {}
        """Rows that wait in the outbox, by recipient."""
        self.domain_keys = DomainKeys(identity.random_bytes)
        self.commit = Commit()
        self.expires_next_ms = NEVER_MS
        """When the next consent runs out, so that its plans are compiled anew."""

    @property
    def policies(self) -> PolicySet:
        """Return the policies in force; only called where some are."""
        assert self.force is not None
        return self.force.policies

    def keep_subject(self, subject: Subject) -> None:
        """Enter a subject as it now is, and have it stored."""
        self.know_subject(subject)
        self.commit.subjects.append(SubjectRow(subject.id, msgspec.msgpack.encode(subject)))

    def know_subject(self, subject: Subject) -> None:
        """Enter a subject that is stored already."""
        self.subjects[subject.id] = subject
        self.book.add_subject(subject.id, [resident.id for resident in subject.residents], subject.since_ms)

    def handed_over_of(self, subject_id: bytes) -> list[int]:
        """Return the log indices of the bundles that are on their way and may speak of a subject: they stand."""
        return sorted(index for index, bundle in self.handed.items() if bundle.may_speak_of(subject_id))

    def tell(self, subject_id: bytes, kind: MessageKind, now_ms: int, scope: str = "") -> None:
        """Leave a message with a household."""
        subject = self.subjects[subject_id]
        messages = (*subject.messages, Message(now_ms, kind.value, scope))[-MESSAGES_KEPT:]
        self.keep_subject(msgspec.structs.replace(subject, messages=messages))

    def take_commit(self) -> Commit:
        """Return what must become durable, with the journal and the ledger as they now are, and begin the next."""
        commit = self.commit
        commit.journal = self.journal.take_batch()
        commit.ledger = self.ledger_blob()
        self.commit = Commit()
        return commit

    def ledger_blob(self) -> bytes:
        """Return the ledger as one blob: totals, and the totals of the last `account` entry."""
        return msgspec.msgpack.encode([self.ledger.totals, self.ledger.accounted()])

    def append(
        self,
        kind: Kind,
        now_ms: int,
        parts: list[Part],
        *,
        policy: bytes | None = None,
        bundle_sha256: bytes | None = None,
        labels: bytes | None = None,
        subject_sha256: bytes | None = None,
        parts_deleted: int | None = None,
    ) -> int:
        """Append an entry to the log.

        Args:
            kind: What it accounts for.
            now_ms: The gateway's clock.
            parts: What the entry commits to.
            policy: SHA-256 of the policies that a policy entry puts in force.
            bundle_sha256: SHA-256 of the bundle's bytes, for a release.
            labels: The labels file, for a release.
            subject_sha256: SHA-256 of the subject's id, for an erasure.
            parts_deleted: How many parts of openings went, for an erasure.
        Returns: The entry's index.
        """
        opening = Opening(self.log.size, tuple(parts))
        entry = self.chain.make(
            kind,
            now_ms,
            opening.commitment(),
            policy=policy,
            bundle_sha256=bundle_sha256,
            labels_root=None if labels is None else labels_root(labels),
            subject_sha256=subject_sha256,
            parts_deleted=parts_deleted,
        )
        self.latest_entry_ms = max(self.latest_entry_ms, now_ms)
        content = entry.encode()
        index = self.log.append(content)
        self.commit.log.append(LogRow(index, kind.word, content, opening.encode(), labels))
        return index

    def one_part(self, payload: bytes) -> list[Part]:
        """Return the only part of an entry, under a fresh salt."""
        return [Part(self.identity.random_bytes(32), payload)]

    def sign_head(self) -> None:
        """Sign the log as it now is; the checkpoint is stored with the commit and published after it."""
        self.commit.head = sign_note(self.log.checkpoint().text(), self.identity.signer)


def decode_ledger(blob: bytes) -> Ledger:
    """Read what ``State.ledger_blob`` returned."""
    totals, accounted = msgspec.msgpack.decode(blob)
    return Ledger(totals, accounted)
