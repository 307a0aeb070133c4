"""Bundles in flight: logged and committed, and waiting to be acknowledged upstream.

Part of the state. Only ``gateway.core.release`` changes it; start-up and restoration set it. A bundle is ready, and may be
voided, until its first byte is sent to its sink; from then on it is final.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.core.effects import BundleRow, Commit, OutboxRow
from gateway.core.ledger import LedgerMove
from gateway.core.public.tally import BundleTally
from gateway.core.windows.cells import CellTable
from gateway.core.windows.publications import Due
from gateway.core.windows.windows import Window


@dataclass(slots=True)
class ReadyBundle:
    """A bundle that is logged and committed, and of which no byte has been sent to the sink yet.

    Attributes:
        windows: The windows whose figures it holds, as they were when it was formed.
        outbox: The outbox rows whose records it holds.
        moved: The ledger moves made for it.
        subjects: The subjects whose data it holds.
        full: Something was left for the next bundle, for want of room.
        tables: What the draws of a publication were made of, as it was when it was formed.
        publication: Which part of which publication it is; None where it is none.
        tally: What it has added to the public's numbers.
    """

    index: int
    recipient: str
    content: bytes
    windows: list[Window] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)
    moved: list[LedgerMove] = field(default_factory=list)
    subjects: frozenset[bytes] = frozenset()
    full: bool = False
    tables: list[CellTable] = field(default_factory=list)
    publication: Due | None = None
    tally: BundleTally | None = None


@dataclass(frozen=True, slots=True)
class SentBundle:
    """A bundle of which a byte has been sent and that has not been acknowledged.

    Attributes:
        subjects: The subjects whose data it holds; None after a restart, when only the openings record them.
    """

    recipient: str
    subjects: frozenset[bytes] | None
    full: bool = False

    def may_speak_of(self, subject: bytes) -> bool:
        """Return whether it may hold a subject's data, as far as is known."""
        return self.subjects is None or subject in self.subjects


class Inflight:
    """The bundles in flight of all recipients, at most one for each.

    Attributes:
        commit: The commit under way; the state replaces it.
        ready: Bundles of which no byte has been sent, by recipient.
        sent: Bundles of which at least one byte has been sent, by log index.
    """

    def __init__(self) -> None:
        """Begin with no bundles."""
        self.commit = Commit()
        self.ready: dict[str, ReadyBundle] = {}
        self.sent: dict[int, SentBundle] = {}

    def __len__(self) -> int:
        """Return the number of bundles in flight."""
        return len(self.ready) + len(self.sent)

    def resume(self, index: int, recipient: str) -> None:
        """Add a bundle that is stored and not acknowledged: a byte of it may have been sent."""
        self.sent[index] = SentBundle(recipient, None)

    def add(self, bundle: ReadyBundle, sink: str) -> None:
        """Add a new bundle, and have it stored."""
        self.ready[bundle.recipient] = bundle
        self.commit.bundles.append(BundleRow(bundle.index, bundle.recipient, sink, bundle.content))

    def hand_over(self, recipient: str) -> int:
        """Record that the first byte of a recipient's bundle has been sent to its sink; return its log index."""
        bundle = self.ready.pop(recipient)
        self.sent[bundle.index] = SentBundle(recipient, bundle.subjects, bundle.full)
        return bundle.index

    def acknowledge(self, index: int) -> None:
        """Delete a bundle that has been acknowledged upstream."""
        del self.sent[index]
        self.commit.bundles_done.append(index)

    def void(self, recipient: str) -> ReadyBundle:
        """Delete a recipient's bundle of which no byte has been sent; return it."""
        bundle = self.ready.pop(recipient)
        self.commit.bundles_done.append(bundle.index)
        return bundle

    def has(self, recipient: str) -> bool:
        """Return whether a recipient has a bundle in flight."""
        return recipient in self.ready or any(bundle.recipient == recipient for bundle in self.sent.values())

    def oldest(self) -> int | None:
        """Return the log index of the oldest of them; None where there are none."""
        return min((*(bundle.index for bundle in self.ready.values()), *self.sent), default=None)

    def sent_about(self, subject_id: bytes) -> list[int]:
        """Return the log indices of sent bundles that may hold a subject's data; they can no longer be voided."""
        return sorted(index for index, bundle in self.sent.items() if bundle.may_speak_of(subject_id))

    def forget_all(self) -> None:
        """Drop every sent bundle; a restoration has deleted the rows."""
        self.sent.clear()
