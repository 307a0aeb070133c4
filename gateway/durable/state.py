"""The core's state together with the disk: brought back at start, made durable by every commit, published after it.

The running gateway (``gateway.app``) drives it from its loop; a command that finds no gateway running drives it alone, with the
same code.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import structlog

from consent.core.policies.archive import pack_files
from consent.core.policies.policy import PolicySet
from gateway.audit.log.checkpoint import empty_head, size_of
from gateway.audit.log.consistency_proofs import ConsistencyProofs, Overlay
from gateway.audit.log.payloads import AWAY, UNCLEAN_END, UNWITNESSED
from gateway.audit.log.reader import FileError, FolderSource, LogReader
from gateway.audit.log.tiles import policies_path
from gateway.config import ConfigError, Installation
from gateway.core import log, recovery
from gateway.core.changes import changes
from gateway.core.effects import BundleRow
from gateway.core.log import note_gap
from gateway.core.release.bundle import DailySeals
from gateway.core.state import GatewayIdentity, State
from gateway.core.windows.windows import DAY_MS
from gateway.durable.log_recovery import LogRecovery
from gateway.durable.publication import Unpublished, describe_log
from gateway.durable.state_recovery import StateRecovery, damage_named
from gateway.edge import system_clock
from gateway.edge.clock import GatewayClock
from gateway.edge.keys import GatewayKeys
from gateway.edge.policies import public_key, read_policies
from gateway.edge.publisher import Publisher
from gateway.edge.store.store import Store
from gateway.edge.witnesses.configured import configured_witnesses
from gateway.errors import CorruptionError, OperatorError
from gateway.recipient.wire import Address

_log = structlog.get_logger()

A = TypeVar("A")

Action = Callable[[], A | Awaitable[A]]
"""Changes the state and returns what came of it; raises, having changed nothing, to refuse. May read the database on the way."""


async def answer_of(action: Action[A]) -> A:
    """Run an action to its end."""
    answer = action()
    return await answer if isinstance(answer, Awaitable) else answer


@contextmanager
def ended_by_the_disk(place: Installation) -> Iterator[None]:
    """Say in one line that a disk has failed, which nothing goes on after: what a failed write has kept nobody knows.

    Raises: OperatorError: it has.
    """
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        where = error.filename if isinstance(error, OSError) and error.filename else place.state
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise OperatorError(f"`{where}`: the disk failed: {reason.lower()}") from error


class DurableState:
    """The state of one gateway and the folder it lies in."""

    def __init__(self, place: Installation, keys: GatewayKeys, clock: GatewayClock, *, unwitnessed: bool = False) -> None:
        """Take what was configured; ``start`` opens it.

        Args:
            unwitnessed: Sign and release at once, though witnesses are configured; the log says so.
        """
        self.place = place
        self.config = place.config
        self.keys = keys
        self.clock = clock
        self.store = Store(place.state, keys)
        self.witnesses = configured_witnesses(place, keys.log_signer)
        self.publisher = Publisher(place.log, place.openings, keys.log_signer.vkey(), self.witnesses)
        self.confirmed = self.witnesses is None or unwitnessed
        """Whether the log may be signed: no witness is configured, or one has confirmed the last head of our own."""
        self._unwitnessed = unwitnessed and self.witnesses is not None
        self._last_head = b""
        self.state: State
        self.public_keys: dict[str, bytes] = {}
        """Of the recipients in the policies in force."""
        self.seals: dict[str, DailySeals] = {}
        self.to_send_again: list[BundleRow] = []
        """Bundles found unacknowledged at start."""
        self._unpublished = Unpublished(exports_openings=self.publisher.exports_openings)
        self._committed_ledger = b""
        self._ended_in_order = True
        self.in_order = True
        """Whether nothing is under way that an end now would break off."""

    @property
    def origin(self) -> str:
        """Return the log's origin."""
        return self.keys.log_signer.name

    async def start(self) -> None:
        """Open the database, bring memory back to what it says, and commit the beginning of this run.

        Raises:
            OperatorError: A folder, the file or a policy cannot be used.
            CorruptionError: What is stored is damaged, or contradicts the published log.
        """
        await self.store.open()
        try:
            await self._begin()
        except BaseException:
            await self.store.close()
            raise

    async def bring_back(self) -> None:
        """Bring memory back to what the open database says, and change nothing.

        Raises: CorruptionError: what is stored is damaged, or contradicts the published log.
        """
        with damage_named(self.store.path):
            await self._bring_back()

    async def _begin(self) -> None:
        await self.bring_back()
        now_ms = self.clock.now_ms()
        self._note_absence(now_ms)
        log.begin_log(self.state, now_ms)
        if self.state.force is None:
            self.apply_policies(*read_policies(self.place.policies, self.config.sink))
        if now_ms >= self.state.latest_entry_ms:
            changes.expire(self.state, now_ms)  # what ran out while nothing ran
        recovery.begin_segment(self.state)
        if self._unwitnessed:
            self.note_gap(UNWITNESSED)
        self.checkpoint()
        await self.commit()
        self.publisher.write_waiting()
        if await self.store.scrub_is_due():
            await self._finish_erasure()
        _log.info("started", start=self.state.identity.start, log_entries=self.state.log.size, devices=len(self.state.registry))

    def _note_absence(self, now_ms: int) -> None:
        """Log that the run before was broken off, or ended so long ago that heartbeats are missing."""
        if self.state.log.size and not self._ended_in_order:
            self.note_gap(UNCLEAN_END)
        elif self.state.log.size and now_ms - self.state.latest_entry_ms > self.config.audit.heartbeat_s * 1000:
            self.note_gap(AWAY)

    def note_gap(self, reason: str) -> None:
        """Log that from here on something is missing, or times cannot be compared."""
        note_gap(self.state, reason, system_clock.boot_id(), system_clock.clock_state(), self.clock.now_ms())

    async def _bring_back(self) -> None:
        stored = await self.store.load()
        self.state = State(
            GatewayIdentity(
                gateway=self.config.gateway,
                signer=self.keys.log_signer,
                device_key=self.keys.device_key,
                random_bytes=os.urandom,
                start=stored.start,
                simulated_clock=self.clock.simulated,
            )
        )
        self._last_head = stored.head or b""
        self._ended_in_order = stored.ended_in_order
        self.to_send_again = stored.bundles
        await self._restore_log(stored.head)
        if self.state.log.size:
            self._resume_clock()
        recovered = StateRecovery(self.store, self.state)
        await recovered.recover(stored, self.clock.now_ms())
        if self.state.force is not None:
            self._make_seals(recovered.public_keys)
            self._describe_log()

    def _resume_clock(self) -> None:
        try:
            self.clock.resume(self.state.latest_entry_ms)
        except ConfigError as error:
            raise ConfigError(f"`{self.place.file}`: {error}") from error

    async def _restore_log(self, head: bytes | None) -> None:
        """Grow the log's tree again from its entries, and hold the published log against it."""
        log = LogRecovery(self.store, self.publisher)
        await log.grow(self.state, head)
        self._unpublished.size = log.signed_size
        self._unpublished.files = await log.lost_files()
        if self.publisher.exports_openings:
            self._unpublished.openings = dict(await self.store.openings(self.publisher.exported_until(log.signed_size)))

    def apply_policies(self, policies: PolicySet, public_keys: dict[str, bytes]) -> int:
        """Put policies in force; return the log index of their entry."""
        index = changes.apply_policies(self.state, policies, public_keys, self.clock.now_ms())
        self._unpublished.files[policies_path(policies.sha256)] = pack_files(policies.files)
        self._make_seals(public_keys)
        self._describe_log()
        return index

    def _describe_log(self) -> None:
        asked = () if self.witnesses is None else self.witnesses.policy.witnesses
        self._unpublished.description = describe_log(self.keys.log_signer.verifier, self.state.policies, asked)

    def _make_seals(self, public_keys: dict[str, bytes]) -> None:
        self.public_keys = public_keys
        self.seals = {
            recipient: DailySeals(
                Address(self.config.gateway, recipient, self.origin), public_key(public_keys.get(recipient)), os.urandom
            )
            for recipient in self.state.policies.recipients
        }

    async def perform(self, actions: Sequence[Action[A]]) -> list[A]:
        """Let actions change the state, all of them in one commit, and publish; for commands that find no gateway running."""
        answers = [await answer_of(action) for action in actions]
        if self.state.commit.log:
            self.checkpoint()
        await self.commit()
        self.publisher.write_waiting()
        return answers

    def has_news(self) -> bool:
        """Say whether a checkpoint would tell anything that the last one did not."""
        return self.state.log.size > self._unpublished.size or bool(self.state.ledger.differences())

    def must_commit(self) -> bool:
        """Say whether anything is not durable yet."""
        state = self.state
        return not state.commit.is_empty() or state.journal.has_records or state.ledger_blob() != self._committed_ledger

    async def commit(self) -> None:
        """Make durable what the core asks for, in one transaction; then hand what it may publish to the publisher."""
        commit = self.state.take_commit()
        self._committed_ledger = commit.ledger
        self._unpublished.collect(commit)
        publication = None if commit.head is None else self._unpublished.publication(self.state.log, commit.head)
        in_order, self.in_order = self.in_order, False
        await self.store.commit(commit, self.clock.now_ms())
        self.in_order = in_order
        if publication is not None:
            self.publisher.publish(publication)

    async def drop_old_openings(self, now_ms: int) -> None:
        """Delete openings that were kept for as long as they should be; the entries stay, and say no more what they are about."""
        before_ms = now_ms - self.config.audit.openings_days * DAY_MS
        while indices := await self.store.drop_openings(before_ms):
            self.publisher.drop_openings(indices)

    def checkpoint(self, *, heartbeat: bool = False) -> None:
        """Have the next commit sign and publish all that was logged so far, once the log may be signed.

        Args:
            heartbeat: Say that the gateway is there, even where nothing has happened.
        """
        if self.confirmed:
            log.checkpoint(self.state, self.clock.now_ms(), heartbeat=heartbeat)

    async def confirm(self) -> None:
        """Wait until a witness has confirmed that the last head of our own is the latest of this log.

        Raises: CorruptionError: a witness has seen more of it, or another history: an old state was restored.
        """
        if self.witnesses is None or self.confirmed:
            return
        head = self._last_head or empty_head(self.keys.log_signer)
        files = Overlay(self.state.log.files_since(self._unpublished.size), FolderSource(self.place.log))
        try:
            await self.witnesses.confirm(head, ConsistencyProofs(LogReader(files), self.state.log.size))
        except FileError as problem:
            raise CorruptionError(f"`{self.place.log}`: {problem}") from problem
        self.confirmed = True
        _log.info("a witness has confirmed the log", size=size_of(head))

    async def erased(self) -> bool:
        """Once an erasure is committed, leave nothing of what it deleted anywhere on the disk.

        Returns: False where the disk has no room for that; the next start tries again.
        """
        if await self.publisher.drained() and await self.store.scrub():
            await self.store.scrubbed()
            return True
        _log.error("no room to rewrite the database: what was erased stays in its free space until the next start")
        return False

    async def _finish_erasure(self) -> None:
        """Do what an erasure left undone when the process ended."""
        async for index, opening in self.store.each_opening():
            self.publisher.mend_opening(index, opening)
        await self.erased()

    async def close(self) -> None:
        """Publish what waits, note whether the run ended in order, and let the database go."""
        try:
            self.publisher.write_waiting()
            if self.in_order:
                await self.store.end_in_order()
        finally:
            await self.store.close()
