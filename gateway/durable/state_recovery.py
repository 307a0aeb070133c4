"""The core's state restored from the open database at every start, after the log: registry, policies, windows, outbox.

Each part rests on those before it, and all of it on ``gateway.core.recovery``, which folds the journal. Nothing is written here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from consent.core.policies.parse import parse_policies
from gateway.core import recovery
from gateway.core.changes import changes, settling
from gateway.core.plans import InForce
from gateway.core.registry import Claim, Subject, decode_device
from gateway.core.state import State, decode_ledger
from gateway.edge.store.store import Store, Stored
from gateway.errors import CorruptionError

_subject = msgspec.msgpack.Decoder(Subject).decode
_claim = msgspec.msgpack.Decoder(Claim).decode


@contextmanager
def damage_named(database: Path) -> Iterator[None]:
    """Turn errors of stored content into one line; errors of a failing disk are raised unchanged.

    Raises: CorruptionError: the file, or a record in it, is damaged.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise  # the disk failed, not the content
        raise CorruptionError(f"`{database}`: {error}") from error
    except (ValueError, msgspec.MsgspecError) as error:
        raise CorruptionError(f"`{database}`: a record in it cannot be read ({type(error).__name__})") from error


class StateRecovery:
    """Restores one state, except the log.

    Attributes:
        public_keys: Public keys of the recipients in the policies in force, once ``recover`` is done.
    """

    def __init__(self, store: Store, state: State) -> None:
        """Take the open database, and the state with its log's tree."""
        self._store = store
        self._state = state
        self.public_keys: dict[str, bytes] = {}

    async def recover(self, stored: Stored, now_ms: int) -> None:
        """Restore the state from the database.

        Args:
            stored: What ``Store.load`` returned.
            now_ms: The gateway's clock, by which plans are compiled.
        """
        await self._registry()
        if stored.ledger is not None:
            self._state.ledger = decode_ledger(stored.ledger)
        if stored.policy is not None:
            self._policies(*stored.policy)
        if stored.snapshot is not None:
            await self._journal(stored.snapshot)
        if self._state.force is not None:
            changes.expect_expiry(self._state)
            settling.unsettle(self._state)
        self._outbox(stored)
        self._state.public.resume(await self._store.reader.public_tallies())

    async def _registry(self) -> None:
        registry, reader = self._state.registry, self._store.reader
        async for rows in reader.subjects():
            for row in rows:
                registry.know_subject(_subject(row))
        async for rows in reader.claims():
            for row in rows:
                registry.know_claim(_claim(row))
        async for consents in reader.consents():
            for index, data in consents:
                registry.book.know(data, index)
        async for rows in reader.devices():
            for row in rows:
                registry.know_device(decode_device(row, registry.subjects))

    def _policies(self, index: int, content: bytes) -> None:
        row = msgspec.msgpack.decode(content, type=changes.StoredPolicies)
        changes.put_in_force(self._state, InForce(parse_policies(row.files), index, row.flow_since_ms))
        self.public_keys = row.public_keys

    async def _journal(self, snapshot: bytes) -> None:
        fold = recovery.restore(self._state, snapshot)
        async for batch in self._store.reader.batches():
            fold.batch(batch.marks, batch.journal, batch.parts, is_of_later=batch.is_of_later)
        fold.end()
        self._state.forget_devices_but({device.id for device in self._state.registry.devices.values()})

    def _outbox(self, stored: Stored) -> None:
        """Restore what waits, and the bundles that are not acknowledged: they count as sent."""
        state = self._state
        state.outbox.resume(stored.outbox, stored.next_outbox_number)
        for bundle in stored.bundles:
            state.inflight.resume(bundle.index, bundle.recipient)
        state.ledger.move("bundles.ready", "bundles.sent", state.ledger.totals.get("bundles.ready", 0))
