"""What the core writes to the log: the entries of every step, and on its own account genesis, accounts, checkpoints and gaps.

Part of the state. Each step that changes or releases something appends the entry that accounts for it, with ``append_entry``;
start-up restores the tree with ``resume``. Nothing else is written from outside.

A gap marks a moment before which something unknown is missing, or across which times cannot be compared: a start after an
unclean end or a longer absence, a session that the broker has lost, a clock that was set. The edge detects it, and supplies the
boot id and the state of the clock; ``sluice restore`` logs its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

from gateway.audit.log.chain import Chain
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.handover import Handover
from gateway.audit.log.merkle import GrowingRoot
from gateway.audit.log.notes import Signer, sign_note
from gateway.audit.log.openings import Part, labels_root, write_opening
from gateway.audit.log.payloads import AccountPayload, GapPayload, GenesisPayload, LogKeyPayload, RootKeyPayload
from gateway.audit.log.tiles import LogWriter
from gateway.core.effects import Commit, HandoverRow, LogRow, PackedOpening, RootKeyRow
from gateway.core.ledger import Ledger

WITHOUT_RESERVE = frozenset({Kind.GENESIS, Kind.ACCOUNT, Kind.RELEASE})
"""Entries that wait while the disk is full; all other kinds must be possible at any time."""


@dataclass(frozen=True, slots=True)
class PreparedEntry:
    """What an entry commits to, made before the entry is appended.

    Attributes:
        index: The index that the entry must get.
        commitment: To the parts of the opening.
        opening: Of its commitment.
        labels: The labels file; None for an entry that is no release.
        labels_root: What the entry states of it.
    """

    index: int
    commitment: bytes
    opening: PackedOpening
    labels: bytes | None
    labels_root: bytes | None

    @classmethod
    def of(cls, index: int, parts: Iterable[Part], count: int, labels: bytes | None) -> Self:
        """Prepare an entry from the parts of its opening, of which there are ``count``, and its labels file."""
        root = GrowingRoot()
        opening = PackedOpening.of(write_opening(index, parts, count, root))
        return cls(index, root.value(), opening, labels, None if labels is None else labels_root(labels))


class LogState:
    """The log as it will be once the commit under way is durable.

    Attributes:
        commit: The commit under way; the state replaces it.
        signers: The log's key and, until a handover is over, the key before it: every checkpoint bears the signatures of both.
        writer: The log's tree.
        chain: What each entry repeats of earlier ones.
        latest_entry_ms: The latest time in the log; an earlier clock is not plausible, and nothing is released by it.
    """

    def __init__(self, signer: Signer, random_bytes: Callable[[int], bytes], *, simulated_clock: bool) -> None:
        """Begin an empty log.

        Args:
            signer: The log's key; its name is the log's origin.
            random_bytes: n → n random bytes, for salts.
            simulated_clock: Whether its times are those of a simulation.
        """
        self.signers: tuple[Signer, ...] = (signer,)
        self._random_bytes = random_bytes
        self._simulated_clock = simulated_clock
        self.commit = Commit()
        self.writer = LogWriter(signer.name)
        self.chain = Chain()
        self.latest_entry_ms = 0

    @property
    def size(self) -> int:
        """Return the number of entries."""
        return self.writer.size

    @property
    def signer(self) -> Signer:
        """Return the log's key."""
        return self.signers[0]

    @property
    def origin(self) -> str:
        """Return the log's name."""
        return self.writer.origin

    def known(self, entry: Entry) -> None:
        """Advance past an entry that is stored already; its content is in the tree that ``resume`` is given."""
        self.chain.advance(entry)
        self.latest_entry_ms = max(self.latest_entry_ms, entry.time_ms)

    def known_until(self, chain: Chain, latest_entry_ms: int) -> None:
        """Continue after entries that are stored already, as an earlier start has known them."""
        self.chain = chain
        self.latest_entry_ms = latest_entry_ms

    def resume(self, writer: LogWriter) -> None:
        """Continue with the tree of the entries that are stored already."""
        self.writer = writer

    def append_entry(
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
            parts_deleted: How many parts of openings were deleted, for an erasure.
        Returns: The entry's index.
        """
        prepared = PreparedEntry.of(self.size, parts, len(parts), labels)
        return self.append_prepared(
            kind,
            now_ms,
            prepared,
            policy=policy,
            bundle_sha256=bundle_sha256,
            subject_sha256=subject_sha256,
            parts_deleted=parts_deleted,
        )

    def append_prepared(
        self,
        kind: Kind,
        now_ms: int,
        prepared: PreparedEntry,
        *,
        policy: bytes | None = None,
        bundle_sha256: bytes | None = None,
        subject_sha256: bytes | None = None,
        parts_deleted: int | None = None,
    ) -> int:
        """Append an entry whose opening was made before, for the index that is the next now; otherwise as ``append_entry``.

        Raises: ValueError: it was prepared for another index.
        """
        if prepared.index != self.size:
            raise ValueError(f"the entry was prepared for index {prepared.index}, and the next is {self.size}")
        entry = self.chain.make(
            kind,
            now_ms,
            prepared.commitment,
            policy=policy,
            bundle_sha256=bundle_sha256,
            labels_root=prepared.labels_root,
            subject_sha256=subject_sha256,
            parts_deleted=parts_deleted,
        )
        self.latest_entry_ms = max(self.latest_entry_ms, now_ms)
        content = entry.encode()
        index = self.writer.append(content)
        self.commit.uses_reserve |= kind not in WITHOUT_RESERVE
        self.commit.log.append(LogRow(index, kind.word, content, prepared.opening, prepared.labels))
        return index

    def one_part(self, payload: bytes) -> list[Part]:
        """Return a payload as the only part of an entry, under a fresh salt."""
        return [Part(self._random_bytes(32), payload)]

    def sign_head(self) -> None:
        """Sign the log in its present state; the checkpoint is stored with the commit and published after it."""
        self.commit.head = sign_note(self.writer.checkpoint().text(), *self.signers)

    def hand_over(self, new: Signer, now_ms: int) -> Handover:
        """Hand the log over to another key: log it, and have both keys sign until ``drop_former_key``."""
        handover = Handover.make(self.size, self.signer, new)
        self.append_entry(Kind.KEY, now_ms, [LogKeyPayload(handover.note).part])
        self.commit.handovers.append(HandoverRow(handover.index, handover.note))
        self.signers = (new, self.signer)
        return handover

    def note_root_key(self, generation: int, now_ms: int) -> int:
        """Log that what the gateway stores is sealed under another root key from here on."""
        index = self.append_entry(Kind.KEY, now_ms, self.one_part(RootKeyPayload(generation).encode()))
        self.commit.root_key = RootKeyRow(generation, index)
        return index

    def drop_former_key(self) -> None:
        """Sign with the present key alone from now on."""
        self.signers = self.signers[:1]

    def begin(self, now_ms: int) -> None:
        """Write genesis and an empty account if the log is empty; the genesis entry records whether the clock is simulated."""
        if self.size == 0:
            payload = GenesisPayload(self.origin, self._simulated_clock)
            self.append_entry(Kind.GENESIS, now_ms, self.one_part(payload.encode()))
            self.append_entry(Kind.ACCOUNT, now_ms, self.one_part(AccountPayload({}, {}).encode()))

    def checkpoint(self, ledger: Ledger, now_ms: int, *, heartbeat: bool = False) -> None:
        """Bring the account up to date and sign the log in its present state.

        Args:
            ledger: Its present period ends and a new one begins.
            now_ms: The gateway's clock.
            heartbeat: Write an account even where nothing has changed: only an entry's time shows how fresh a checkpoint is.
        """
        if heartbeat or ledger.differences():
            totals, differences = ledger.close_period()
            payload = AccountPayload({name: n for name, n in totals.items() if n}, differences)
            self.append_entry(Kind.ACCOUNT, now_ms, self.one_part(payload.encode()))
        self.sign_head()

    def note_gap(self, reason: str, boot_id: str, clock: str, now_ms: int) -> int:
        """Log a gap.

        Args:
            reason: One of the reasons of ``GapPayload``.
            boot_id: The kernel's id of this boot; it identifies no person, and no machine beyond its next start.
            clock: The state of the machine's clock; a simulated clock takes precedence.
            now_ms: The gateway's clock.
        Returns: The entry's index.
        """
        clock = "simulated" if self._simulated_clock else clock
        return self.append_entry(Kind.GAP, now_ms, self.one_part(GapPayload(reason, boot_id, clock).encode()))
