"""The core's state together with the disk: restored at start, made durable by every commit, published afterwards.

The running gateway (``gateway.app``) drives it from its loop; a command that finds no gateway running drives it alone, with the
same code.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self, TypeVar

from consent.core.disclosure import DAY_MS
from consent.core.policies.archive import pack_files
from consent.core.policies.policy import PolicySet
from consent.core.review.diff import Side
from gateway.audit.log.checkpoint import empty_head, size_of
from gateway.audit.log.consistency_proofs import ConsistencyProofs, Overlay
from gateway.audit.log.payloads import AWAY, UNCLEAN_END, UNWITNESSED
from gateway.audit.log.reader import FileError, FolderSource, LogReader
from gateway.audit.log.tiles import policies_path
from gateway.config import Installation
from gateway.core import recovery
from gateway.core.changes import changes, settling
from gateway.core.release.formats.daily import DailySeals
from gateway.durable.late_comparison import LateComparison
from gateway.durable.policy_review import Concerned, PolicyReview, review_policies
from gateway.durable.publication import describe_log
from gateway.durable.rotation import Rotation
from gateway.durable.startup import Edges, StateFound, restore
from gateway.durable.state_recovery import damage_named
from gateway.edge import system_clock
from gateway.edge.keys.keyring import GatewayKeys
from gateway.edge.loggers import structlog
from gateway.edge.policies import PoliciesFound, public_keys
from gateway.edge.policy_check import find_policies
from gateway.edge.store.disk_space import NO_ROOM
from gateway.errors import CorruptionError, OperatorError
from gateway.pulse import Pulse
from gateway.recipient.wire import Address
from gateway.turns import Turns, lasting

SETTLING = "settling"
"""The name of the turns in which a change of policies reaches everybody."""
EXPIRY = "expiry"
"""The name of the turns in which consents that have expired are ended."""

SEGMENT = "journal segment"
"""The name of the turns in which a journal segment begins."""

_log = structlog.get_logger()

A = TypeVar("A")
Action = Callable[[], A | Awaitable[A]]
"""Changes the state and returns the result; raises, having changed nothing, to refuse. May read the database on the way."""


async def answer_of(action: Action[A]) -> A:
    """Run an action to its end."""
    answer = action()
    return await answer if isinstance(answer, Awaitable) else answer


@contextmanager
def ended_by_the_disk(place: Installation) -> Iterator[None]:
    """Turn a disk failure into one line, after which the process ends: nobody knows what a failed write has kept.

    Raises: OperatorError: the disk failed.
    """
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        where = error.filename if isinstance(error, OSError) and error.filename else place.state
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise OperatorError(f"`{where}`: the disk failed: {reason.lower()}") from error


class Durable:
    """The state of one gateway and the database that holds it.

    Attributes:
        state: The core's, as stored and as changed since.
        to_send_again: Bundles found unacknowledged at start.
        public_keys: Public keys of the recipients in the policies in force.
        seals: By recipient: the keys that its bundles are sealed with, day by day.
        turns: Long work on the state, of which the gateway's loop runs a piece at a time.
        confirmed: Whether the log may be signed: no witness is configured, or one has confirmed our last signed head.
        in_order: Whether nothing is under way that ending now would interrupt.
        first_review: Of the first policies, where this start has put them in force.
        starts: How often the gateway was started on this database.
        pulse: What is measured of this run.
        rotation: Replaces the gateway's own keys.
        published: The log index up to which everything is durable and published, or given to the publisher.
    """

    def __init__(
        self, place: Installation, keys: GatewayKeys, edges: Edges, found: StateFound, *, unwitnessed: bool = False
    ) -> None:
        """Take what ``open`` has restored.

        Args:
            place: The configuration.
            edges: With the store open.
            unwitnessed: Sign and release at once, even if witnesses are configured; the log records it.
        """
        self.place = place
        self.config = place.config
        self.keys = keys
        self.store = edges.store
        self.publisher = edges.publisher
        self.witnesses = edges.witnesses
        self.clock = edges.clock
        self.turns = Turns()
        self.state = found.state
        self.to_send_again = found.to_send_again
        self.public_keys = found.public_keys
        self.seals = self._seals() if self.state.force is not None else {}
        self.confirmed = self.witnesses is None or unwitnessed
        self.in_order = found.ended_in_order
        self.first_review: PolicyReview | None = None
        self._policy_check = edges.policy_check
        self.starts = found.starts
        self._compared_since, self._found_signed = found.since, found.signed_size
        self.pulse = Pulse()
        self._unwitnessed = unwitnessed and self.witnesses is not None
        self._last_head = found.last_head
        self._ended_in_order = found.ended_in_order
        self._unpublished = found.unpublished
        self.published = found.unpublished.size
        self._committed_ledger = b""
        self.rotation = Rotation(place, keys, edges, self.state, self._unpublished)
        if self.state.force is not None:
            self._describe_log()

    @classmethod
    async def open(cls, place: Installation, keys: GatewayKeys, edges: Edges, *, unwitnessed: bool = False) -> Self:
        """Restore memory from the open database, and change nothing; ``begin`` commits the beginning of a run.

        Raises: CorruptionError: what is stored is damaged, or contradicts the published log.
        """
        with damage_named(edges.store.path):
            found = await restore(place, keys, edges)
            return cls(place, keys, edges, found, unwitnessed=unwitnessed)

    @property
    def origin(self) -> str:
        """Return the log's origin."""
        return self.keys.log_signer.name

    async def begin(self, *, accept: bool | str = False, in_turns: bool = False) -> None:
        """Commit the beginning of this run.

        Where no policies are in force, those of the folder come into force; otherwise only ``policy.apply`` changes them.

        Args:
            accept: Put the first policies in force even if one of their cases fails; as a text, only under that proposal.
            in_turns: Leave the compilation of plans to the turns of a loop that is to run.
        Raises:
            OperatorError: A policy cannot be used.
            PoliciesRefusedError: A case of the first policies fails.
            CorruptionError: The published log is another one.
        """
        now_ms = self.clock.now_ms()
        self.in_order = True
        self.state.turn(now_ms)
        self._note_absence(now_ms)
        self.state.log.begin(now_ms)
        await self.rotation.begin(now_ms)
        if self.state.force is None:
            found = await self.find_policies()
            review = self.review(found)
            review.refuse(self.place, accept)
            self.apply_policies(found.policies, found.public_keys)
            self.first_review = review
        self.settle(in_turns=in_turns)
        if now_ms >= self.state.log.latest_entry_ms:
            changes.expire(self.state, now_ms)  # what expired while nothing ran, or at the first tick that all are settled
        recovery.begin_segment(self.state)
        if self._unwitnessed:
            self.note_gap(UNWITNESSED)
        self.checkpoint()
        await self.commit()
        self.publisher.write_waiting()
        if await self.store.writer.scrub_is_due():
            await self._finish_erasure()

    async def count_start(self) -> None:
        """Count a start of the gateway; commands that do its work while none runs are none."""
        self.starts += 1
        await self.store.count_start(self.starts)
        devices = len(self.state.registry.devices)
        _log.info("started", starts=self.starts, log_entries=self.state.log.size, devices=devices)

    def _note_absence(self, now_ms: int) -> None:
        """Log that the previous run was interrupted, or ended so long ago that heartbeats are missing."""
        if self.state.log.size and not self._ended_in_order:
            self.note_gap(UNCLEAN_END)
        elif self.state.log.size and now_ms - self.state.log.latest_entry_ms > self.config.audit.heartbeat_s * 1000:
            self.note_gap(AWAY)

    def note_gap(self, reason: str) -> None:
        """Log that before this moment something is missing, or across it times cannot be compared."""
        self.state.log.note_gap(reason, system_clock.boot_id(), system_clock.clock_state(), self.clock.now_ms())

    def clock_problem(self) -> str | None:
        """Return in words why the clock cannot be right, None where it may be: nothing is taken in or released by a wrong one."""
        return self.clock.problem(self.state.log.latest_entry_ms)

    async def find_policies(self) -> PoliciesFound:
        """Check the policies folder in a process of its own, and return exactly what was checked.

        Raises: OperatorError: it has faults, or could not be checked.
        """
        return await find_policies(self._policy_check, self.place.policies, self.config.sink)

    def review(self, found: PoliciesFound) -> PolicyReview:
        """Return what policies would do if they came into force now."""
        return review_policies(found, self._side_in_force(), Concerned.of(self.state.registry), self.clock.now_ms())

    async def review_aside(self, found: PoliciesFound) -> PolicyReview:
        """Return the same, found in another thread of those whom they concern when it is begun."""
        concerned = Concerned.of(self.state.registry)
        return await asyncio.to_thread(review_policies, found, self._side_in_force(), concerned, self.clock.now_ms())

    def review_again(self, review: PolicyReview) -> PolicyReview:
        """Return a review with the consents that end now counted: each of them gets an entry of its own."""
        return review.counted_again(self.state.registry.book, self.clock.now_ms())

    def _side_in_force(self) -> Side | None:
        return None if self.state.force is None else Side(self.state.policies, self.public_keys)

    def apply_policies(self, policies: PolicySet, public_keys: dict[str, bytes]) -> int:
        """Put policies in force; return the log index of their entry. Who they concern is settled in turns."""
        index, former = changes.begin_policies(self.state, policies, public_keys, self.clock.now_ms())
        self.turns.add(SETTLING, self._settling(former))
        self._unpublished.files[policies_path(policies.sha256)] = pack_files(policies.files)
        self.public_keys = public_keys
        self.seals = self._seals()
        self._describe_log()
        return index

    def settle(self, *, in_turns: bool = False) -> None:
        """Bring the policies in force to every device, if a start has not yet: at once, or in turns."""
        if not self.state.is_settled and SETTLING not in self.turns.names:
            self.turns.add(SETTLING, self._settling({}))
        if not in_turns:
            self.turns.run_all()

    def _settling(self, former: settling.FormerPlans) -> Iterator[None]:
        """Settle everybody in pieces; the plans live as long as the policies."""
        return lasting(settling.pieces(self.state, former, self.clock.now_ms))

    def _describe_log(self) -> None:
        asked = () if self.witnesses is None else self.witnesses.policy.witnesses
        self._unpublished.description = describe_log(self.state.log.signer.verifier, self.state.policies, asked)

    def _seals(self) -> dict[str, DailySeals]:
        return {
            recipient: DailySeals(
                Address(self.config.gateway, recipient, self.origin),
                public_keys(self.public_keys.get(recipient)),
                self.state.identity.random_bytes,
            )
            for recipient in self.state.policies.recipients
        }

    async def perform(self, actions: Sequence[Action[A]]) -> list[A]:
        """Run actions, commit all of them at once, and publish; for commands that find no gateway running."""
        answers: list[A] = []
        for action in actions:
            self.turns.run_all()
            answers.append(await answer_of(action))
        self.turns.run_all()
        if self.state.commit.log:
            self.checkpoint()
        await self.commit()
        self.publisher.write_waiting()
        self.rotation.end_handover()
        if self.rotation.reseal_due:
            await self.rotation.reseal()
        return answers

    def has_entries(self) -> bool:
        """Return whether the log holds entries that the last checkpoint does not cover."""
        return self.state.log.size > self._unpublished.size

    def has_news(self) -> bool:
        """Return whether a checkpoint would cover anything that the last one did not, be it a new account alone."""
        return self.has_entries() or bool(self.state.ledger.differences())

    def must_commit(self) -> bool:
        """Return whether anything is not yet durable."""
        state = self.state
        if state.journal.has_records or state.public.has_news or not state.commit.is_empty():
            return True
        return state.ledger_blob() != self._committed_ledger

    async def commit(self) -> None:
        """Make durable what the core asks for, in one transaction; then give the publisher what may be published."""
        began_s = time.perf_counter()
        commit = self.state.take_commit()
        self._committed_ledger = commit.ledger
        self._unpublished.collect(commit)
        publication = None if commit.head is None else self._unpublished.publication(self.state.log.writer, commit.head)
        in_order, self.in_order = self.in_order, False
        await self.store.writer.commit(commit, self.clock.now_ms())
        self.in_order = in_order
        self.pulse.commit_s.add(time.perf_counter() - began_s)
        self.state.public.show()
        if publication is not None:
            self.publisher.publish(publication)
            self.published = self._unpublished.size

    async def drop_old_openings(self, now_ms: int) -> bool:
        """Delete some openings older than the configured retention; only the commitments of their entries remain.

        Returns: Whether there were any, and there may be more.
        """
        before_ms = now_ms - self.config.audit.openings_days * DAY_MS
        indices = await self.store.writer.drop_openings(before_ms)
        self.publisher.drop_openings(indices)
        return bool(indices)

    def checkpoint(self, *, heartbeat: bool = False) -> None:
        """Sign and publish everything logged so far with the next commit, once the log may be signed.

        Args:
            heartbeat: Make a checkpoint even if nothing has happened.
        """
        if self.confirmed:
            self.state.log.checkpoint(self.state.ledger, self.clock.now_ms(), heartbeat=heartbeat)

    async def confirm(self) -> None:
        """Wait until a witness has confirmed that our last signed head is the latest of this log.

        Raises: CorruptionError: a witness has seen more of it, or another history: an old state was restored.
        """
        if self.witnesses is None or self.confirmed:
            return
        head = self._last_head or empty_head(self.state.log.signers[-1])
        files = Overlay(self.state.log.writer.files_since(self._unpublished.size), FolderSource(self.place.log))
        try:
            await self.witnesses.confirm(head, ConsistencyProofs(LogReader(files), self.state.log.size))
        except FileError as problem:
            raise CorruptionError(f"`{self.place.log}`: {problem}") from problem
        self.confirmed = True
        _log.info("a witness has confirmed the log", size=size_of(head))

    async def compare_rest(self) -> None:
        """Compare with the published log what the start has left.

        Raises: CorruptionError: something was changed; the next start compares everything.
        """
        with damage_named(self.store.path):
            await LateComparison(self.store, self.publisher, self.origin, self._compared_since, self._found_signed).run()

    async def begin_segment(self) -> None:
        """Begin a journal segment in turns of the loop, and delete what the former ones hold, until it is done."""
        await self.turns.finished(SEGMENT)
        self.turns.add(SEGMENT, recovery.segment_pieces(self.state, self.clock.now_ms))
        await self.turns.finished(SEGMENT)
        await self.store.writer.carry_on_from_segment()

    async def erased(self, *, in_turns: bool = False) -> bool:
        """Remove from the disk what a committed erasure has deleted.

        Args:
            in_turns: Beside a loop that runs.
        Returns: False where the disk has no room for that; the next start tries again.
        """
        erasures = self.store.writer.erasures
        if in_turns:
            await self.begin_segment()
        else:
            recovery.begin_segment(self.state)
            await self.commit()
        return await self._scrubbed(erasures)

    async def _scrubbed(self, erasures: int = 0) -> bool:
        """Remove what so many erasures of this run have left; the journal segment without it may lack the room to be stored."""
        if self.store.writer.covered >= erasures and await self.publisher.drained() and await self.store.writer.scrub():
            return True
        _tell_unfinished()
        return False

    async def _finish_erasure(self) -> None:
        """Do what an erasure left undone when the process ended."""
        try:
            async for index, opening in self.store.reader.each_opening():
                self.publisher.mend_opening(index, opening)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            _tell_unfinished()
        else:
            await self._scrubbed()

    async def close(self) -> None:
        """Publish what waits, record whether the run ended cleanly, and close the database."""
        try:
            self.publisher.write_waiting()
            if self.in_order:
                await self.store.end_in_order()
        finally:
            await self.store.close()


def _tell_unfinished() -> None:
    _log.error("no room to finish an erasure: copies of what was erased stay in the database until the next start")
