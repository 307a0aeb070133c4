"""`sluice restore`: replaces a lost database with a backup, brought up to date with the published log.

Everything happens in a separate folder beside the database; the restored file takes its place at the end, whole or not at all.
The next start publishes what the restore logged.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from gateway.audit.log.entries import Entry, EntryError, Kind
from gateway.audit.log.folder import FolderConflictError
from gateway.audit.log.notes import Verifier
from gateway.audit.log.openings import Opening, labels_root
from gateway.audit.log.reader import CHECKPOINT_NAME, FileError, FolderSource, LogUnreachableError, OpeningsReader
from gateway.audit.log.remote import source_of
from gateway.audit.log.tiles import policies_path
from gateway.config import Installation
from gateway.core import recovery, restoration
from gateway.core.changes import erasure, settling
from gateway.durable.configured import edges_of, keys_of
from gateway.durable.holdings import holdings_of
from gateway.durable.state import Durable
from gateway.edge import system_clock
from gateway.edge.clock import GatewayClock
from gateway.edge.keys.keyring import GatewayKeys
from gateway.edge.publisher import Publisher
from gateway.edge.store.database import DATABASE_FILE, WAL_SUFFIX
from gateway.edge.store.store import Store
from gateway.errors import CorruptionError, OperatorError
from gateway.files import reason_of, sync_folder
from gateway.restore.last_policies import LastPolicies
from gateway.restore.public_tail import PublicTail
from gateway.restore.published_log import PublishedLog
from gateway.restore.restored_store import PublishedRow, RestoredStore
from gateway.restore.witnessed import as_witnessed

WORK_FOLDER: Final = "restoring"
ROWS_AT_ONCE: Final = 1000
_MAGIC: Final = b"SQLite format 3\x00"


@dataclass(slots=True)
class Restored:
    """The result of a restore.

    Attributes:
        log_entries: How many entries the log now has.
        entries_since: How many of them were published after the backup was made.
        erased_again: How many subjects were erased since, and are now erased here too.
        openings_missing: How many changes of consent or residents have no opening available.
        strangers: How many changes are of subjects that were registered after the backup was made.
        consents_ended: How many consents were ended, since their later changes are unknown.
        gap: Log index of the entry that records the restore.
    """

    log_entries: int = 0
    entries_since: int = 0
    erased_again: int = 0
    openings_missing: int = 0
    strangers: int = 0
    consents_ended: int = 0
    gap: int = 0


def restore(
    place: Installation, backup: Path, openings: Path | None, *, log: str | None = None, replace: bool = False
) -> Restored:
    """Restore a backup; no gateway may be running.

    Args:
        place: The gateway's configuration.
        backup: What `sluice backup` wrote.
        openings: The folder with openings of later entries, as far as they exist.
        log: A folder or URL with a copy of the published log; None for the configured folder.
        replace: Replace an existing database.
    Raises:
        OperatorError: A file, folder or web server cannot be used, a gateway is running, or a database exists.
        CorruptionError: The published log is absent, not ours, older than the backup or than what a witness has cosigned, or
            not the backup's own.
    """
    keys = keys_of(place)
    _check_backup(backup)
    published = _published(place, log, keys.log_verifiers)
    holder = Store(place.state, keys)
    holder.take_lock()
    try:
        target = place.state / DATABASE_FILE
        if target.exists() and not replace:
            raise OperatorError(f"`{target}`: a database is there; `--replace` puts the backup in its place")
        work = _work_folder(place, backup)
        try:
            restored = asyncio.run(_Restoration(place, keys, work, published, _openings(openings), copied=log is not None).run())
            _put_in_place(work / DATABASE_FILE, target)
        except LogUnreachableError as error:
            raise OperatorError(f"`{published.name}`: {error}") from error
        finally:
            shutil.rmtree(work, ignore_errors=True)
    finally:
        holder.let_lock_go()
    return restored


def _check_backup(backup: Path) -> None:
    try:
        with backup.open("rb") as file:
            begins = file.read(len(_MAGIC))
    except OSError as error:
        raise OperatorError(f"`{backup}`: {reason_of(error)}") from error
    if begins != _MAGIC:
        raise OperatorError(f"`{backup}`: is no backup")


def _openings(folder: Path | None) -> OpeningsReader | None:
    try:
        return None if folder is None else OpeningsReader(folder)
    except OSError as error:
        raise OperatorError(f"`{folder}`: {reason_of(error)}") from error


def _published(place: Installation, copy: str | None, keys: Sequence[Verifier]) -> PublishedLog:
    """Return the log to continue: the configured folder's, or the copy that was named.

    Raises:
        OperatorError: the copy is neither a folder nor a URL, or older than the folder.
        CorruptionError: it has no checkpoint of ours.
    """
    folder = FolderSource(place.log)
    if copy is None:
        return PublishedLog.open(folder, str(place.log), keys)
    try:
        source = source_of(copy)
    except (ValueError, NotADirectoryError) as error:
        raise OperatorError(str(error)) from error
    named = PublishedLog.open(source, copy, keys)
    if (place.log / CHECKPOINT_NAME).exists():
        own = PublishedLog.open(folder, str(place.log), keys)
        if own.size > named.size:
            raise OperatorError(f"`{copy}`: has `{named.size}` entries and `{own.name}` has `{own.size}`: leave out `--log`")
    return named


def _work_folder(place: Installation, backup: Path) -> Path:
    """Create the folder in which the backup becomes the database; one that a crash left is deleted."""
    work = place.state / WORK_FOLDER
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    _copy(backup, work / DATABASE_FILE)
    ahead = backup.with_name(f"{backup.name}{WAL_SUFFIX}")
    if ahead.exists():  # an old database serves as a backup, with the commits that are not in its file yet
        _copy(ahead, work / f"{DATABASE_FILE}{WAL_SUFFIX}")
    return work


def _copy(source: Path, target: Path) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as written, source.open("rb") as read:
        shutil.copyfileobj(read, written)


def _put_in_place(restored: Path, target: Path) -> None:
    """Put the restored file in the database's place; files that an earlier one left beside it would be taken for its own."""
    for suffix in (WAL_SUFFIX, "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    os.replace(restored, target)
    sync_folder(target.parent)


@dataclass
class _Restoration:
    """One restore in progress, in its own folder."""

    place: Installation
    keys: GatewayKeys
    work: Path
    published: PublishedLog
    openings: OpeningsReader | None
    copied: bool
    found: Restored = field(default_factory=Restored)
    _policies: dict[str, bytes] = field(default_factory=dict)

    async def run(self) -> Restored:
        store = RestoredStore(self.work, self.keys)
        await store.open()
        try:
            edges = edges_of(self.place, self.keys, store, GatewayClock(self.place.config.clock))
            witnessed = await as_witnessed(self.published, edges.witnesses, self.keys.log_verifiers)
            self.published = witnessed.published
            first = await self._carry_on(store)
            self._clear_folder(edges.publisher, witnessed.silent)
            await store.drop_under_way(sub_epoch=int(time.time()))
            durable = await Durable.open(self.place, self.keys, edges)
            await self._bring_up_to_date(durable, first)
            if not await store.writer.scrub():
                raise OperatorError(f"`{self.place.state}`: no room to restore")
            await store.end_in_order()
        finally:
            await store.close()
        return self.found

    async def _carry_on(self, store: RestoredStore) -> int:
        """Compare the backup's log with the published one, and append the later entries; return the index of the first.

        Raises: CorruptionError: the log is older than the backup, or another one.
        """
        entries, size = self.published.entries(), 0
        async for content in store.reader.entries():
            theirs = next(entries, None)
            if theirs is None:
                log = self.published
                raise CorruptionError(f"`{log.name}`: the log has `{log.size}` entries and the backup more: it is an older copy")
            if theirs != content:
                raise CorruptionError(f"`{self.published.name}`: the published log and the backup differ at entry `{size}`")
            size += 1
        rows: list[PublishedRow] = []
        for index, content in enumerate(entries, size):
            rows.append(self._row(index, content))
            if len(rows) == ROWS_AT_ONCE:
                await store.carry_on(rows)
                rows = []
        await store.carry_on(rows)
        await store.keep_head(self.published.size, self.published.head.note)
        await store.keep_handovers(self.published.handovers())
        self.found.entries_since = self.published.size - size
        return size

    def _clear_folder(self, publisher: Publisher, silent: tuple[str, ...]) -> None:
        """Write the policies since the backup into the log's folder, and delete what a publication left that never came about.

        Raises:
            OperatorError: a witness that may have cosigned it does not answer.
            CorruptionError: a file of the folder has been changed.
        """
        folder = publisher.log
        try:
            folder.restore(self._policies)
        except FolderConflictError as error:
            raise CorruptionError(f"`{self.place.log}`: {error}") from error
        left = folder.beyond(self.published.size)
        if left and silent:
            raise OperatorError(
                f"`{self.place.log}`: `{left[0]}` is of a checkpoint that was never published, and witness `{silent[0]}` does "
                "not tell whether it has cosigned it: restore when it answers, or take it out of the witness policy"
            )
        if self.copied:  # what the folder's own checkpoint does not cover comes from the copy
            own = publisher.published_checkpoint()
            left = folder.beyond(0 if own is None else own.size)
        folder.delete(left)

    def _row(self, index: int, content: bytes) -> PublishedRow:
        """Return an entry with its opening and labels, checked against it.

        Raises: CorruptionError: a file contradicts the entry.
        """
        try:
            entry = Entry.decode(content)
            opening = None if self.openings is None else self.openings.opening(index, entry.commitment)
        except (EntryError, FileError) as error:
            raise CorruptionError(str(error)) from error
        if entry.kind is Kind.POLICY and (packed := self.published.policies(entry.policy)) is not None:
            self._policies[policies_path(entry.policy)] = packed
        labels = self.published.labels(index) if entry.kind is Kind.RELEASE else None
        if labels is not None and labels_root(labels) != entry.labels_root:
            raise CorruptionError(f"`{self.published.name}`: the labels of release `{index}` are not those in its entry")
        encoded = None if opening is None else opening.encode()
        return PublishedRow(index, entry.kind.word, entry.time_ms, content, encoded, labels)

    async def _bring_up_to_date(self, durable: Durable, first: int) -> None:
        state, now_ms, found = durable.state, durable.clock.now_ms(), self.found
        if problem := durable.clock_problem():
            raise OperatorError(f"the clock is wrong: {problem}; set it right first")
        settling.call_off(state)
        tail, public_tail = restoration.LogTail(state), PublicTail(state.public, durable.store.reader)
        applied, changed = None, False
        async for entry, opening in self._tail(durable, first):
            tail.take(entry, opening)
            await public_tail.take(entry, opening)
            if entry.kind is Kind.POLICY:
                applied, changed = opening, True
        restoration.drop_under_way(state, now_ms)
        found.gap = state.log.note_gap(tail.resume_ledger(), system_clock.boot_id(), system_clock.clock_state(), now_ms)
        found.openings_missing, found.strangers = tail.missing, tail.unknown
        recovery.begin_segment(state)
        await durable.commit()
        for subject in [each for each in state.registry.subjects if sha256(each).digest() in tail.erased]:
            erasure.forget(state, subject, await holdings_of(durable, subject), now_ms)
            recovery.begin_segment(state)
            await durable.commit()
            found.erased_again += 1
        if tail.missing:
            found.consents_ended = restoration.end_consents(state, now_ms)
        durable.apply_policies(*LastPolicies(durable, self.published, self.place.policies).found(applied, changed=changed))
        durable.settle()
        recovery.begin_segment(state)
        await durable.commit()
        found.log_entries = state.log.size

    async def _tail(self, durable: Durable, first: int) -> AsyncIterator[tuple[Entry, Opening | None]]:
        """Yield the entries since the backup, with their openings."""
        for index in range(first, durable.state.log.size):
            opening = await durable.store.reader.opening(index)
            yield Entry.decode(await durable.store.reader.entry(index)), None if opening is None else Opening.decode(opening)
