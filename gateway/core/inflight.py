"""Bundles in flight: logged and committed, and not acknowledged by the broker upstream.

A part of the state. ``gateway.core.release`` alone changes it; a start and a restoration set it. A bundle is ready until its
first byte is handed to its sink, and may be voided until then; from there on it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.core.effects import BundleRow, Commit, OutboxRow
from gateway.core.ledger import LedgerMove
from gateway.core.windows.windows import Window


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


class Inflight:
    """The bundles of all recipients, each of which has one under way at most.

    Attributes:
        commit: The commit under way; the state replaces it.
        ready: Those of which no byte has left, by recipient.
        sent: Those of which one has, by log index.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.commit = Commit()
        self.ready: dict[str, ReadyBundle] = {}
        self.sent: dict[int, SentBundle] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.ready) + len(self.sent)

    def resume(self, index: int, recipient: str) -> None:
        """Enter a bundle that is stored and not acknowledged: a byte of it may have left."""
        self.sent[index] = SentBundle(recipient, None)

    def add(self, bundle: ReadyBundle, sink: str) -> None:
        """Enter a new bundle, and have it stored."""
        self.ready[bundle.recipient] = bundle
        self.commit.bundles.append(BundleRow(bundle.index, bundle.recipient, sink, bundle.content))

    def hand_over(self, recipient: str) -> None:
        """Record that the first byte of a recipient's bundle has been handed to its sink."""
        bundle = self.ready.pop(recipient)
        self.sent[bundle.index] = SentBundle(recipient, bundle.subjects, bundle.full)

    def acknowledge(self, index: int) -> None:
        """Delete a bundle that the broker upstream has."""
        del self.sent[index]
        self.commit.bundles_done.append(index)

    def void(self, recipient: str) -> ReadyBundle:
        """Delete a recipient's bundle of which no byte has left; return it."""
        bundle = self.ready.pop(recipient)
        self.commit.bundles_done.append(bundle.index)
        return bundle

    def has(self, recipient: str) -> bool:
        """Return whether a recipient has a bundle under way."""
        return recipient in self.ready or any(bundle.recipient == recipient for bundle in self.sent.values())

    def sent_about(self, subject_id: bytes) -> list[int]:
        """Return the log indices of the bundles that are on their way and may speak of a subject: they stand."""
        return sorted(index for index, bundle in self.sent.items() if bundle.may_speak_of(subject_id))

    def forget_all(self) -> None:
        """Forget all; a restoration has dropped the rows."""
        self.sent.clear()
