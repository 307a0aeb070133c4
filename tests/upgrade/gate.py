"""A gateway on a folder, driven by hand: every touch of these tests on the gateway's own code stands in this file.

Broker, sinks and the ticking application are left out: the steps that they call are called here, in their order.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cbor2
import msgspec

from consent.core.receipts.check import check_receipt
from gateway.audit.log.entries import Entry
from gateway.audit.log.notes import Signer, Verifier
from gateway.audit.log.openings import Opening
from gateway.audit.log.reader import FolderSource, LogReader, OpeningsReader
from gateway.audit.replay.replay import Replay
from gateway.audit.replay.report import ReplayReport
from gateway.audit.verify.anchors import anchors_for
from gateway.audit.verify.report import Report
from gateway.audit.verify.saved_checkpoint import SavedCheckpoint
from gateway.audit.verify.trust import open_checkpoint
from gateway.audit.verify.verify import Verification
from gateway.config import Installation, load_config
from gateway.control.context import ANYONE, Control, MethodError
from gateway.control.doors import action, come_in
from gateway.core import pipeline, recovery
from gateway.core.changes import changes, subjects
from gateway.core.mqtt.events import Frame
from gateway.core.public.tally import DayTally
from gateway.core.release.bundle import ROWS_BYTES, advance_watermark, bundle_acknowledged, bundle_sent, form_bundle
from gateway.core.release.records import epoch_day
from gateway.durable.configured import start
from gateway.durable.state import Durable, answer_of
from gateway.edge.keys.keyring import GatewayKeys, load_keys
from gateway.edge.store.database import DATABASE_FILE, LOCK_FILE
from gateway.edge.store.store import BALLAST_FILE
from gateway.recipient.keys import load_private
from gateway.recipient.opening import open_bundle
from gateway.recipient.records import Record
from gateway.restore.restore import Restored, restore
from tests.support.asking import Answer, as_plain, begin
from tests.support.checking import check_here

__all__ = ["BALLAST_FILE", "DATABASE_FILE", "LOCK_FILE", "Answer", "Gate", "MethodError", "Restored"]

HERE = Path(__file__).resolve().parent
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
START_MS = 1_772_409_600_000
"""2026-03-02T00:00:00Z, when the lives begin."""
LATENESS_MS = 15 * MINUTE_MS
SEALED_FOR = ("office", "grid")
"""The recipients that have keys; a third, `public`, gets open data."""
RECIPIENTS = (*SEALED_FOR, "public")

CONFIG = """\
gateway = "gw-upgrade"
state_folder = "state"
keys_folder = "keys"
policies_folder = "policies"

[broker]
port = 1883
filters = ["t/#"]

[sink.city]
port = 1884

[audit]
openings_folder = "openings"

[portal]
address = "https://sensors.upgrade.example"

[clock]
simulated = true
start = "2026-03-02T00:00:00Z"
rate = 0
"""
CONFIG_FILE = "gateway.toml"

Message = tuple[str, bytes]
"""Topic and payload."""


def configure(folder: Path) -> None:
    """Write a gateway's configuration, policies and keys: the same in each call, and of no other use."""
    (folder / CONFIG_FILE).write_text(CONFIG)
    shutil.copytree(HERE / "policies", folder / "policies")
    for place in ("keys", "recipients", "policies/keys"):
        (folder / place).mkdir(mode=0o700)
    _secret(folder / "keys" / "root.key", bytes(range(32)))
    signer = Signer("upgrade.example/gw", bytes(range(1, 33)))
    _secret(folder / "keys" / "log.skey", f"{signer.skey()}\n".encode())
    (folder / "keys" / "log.vkey").write_text(f"{signer.vkey()}\n")
    for name in (f"{recipient}.{half}" for recipient in SEALED_FOR for half in ("key", "pub")):
        where = folder / ("recipients" if name.endswith(".key") else "policies/keys") / name
        _secret(where, (HERE / "recipients" / name).read_bytes())


def _secret(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)


def place_of(folder: Path) -> Installation:
    """Return the configuration of the gateway in a folder."""
    return load_config(folder / CONFIG_FILE)


def published(folder: Path) -> tuple[Path, Path]:
    """Return where its log lies, and the openings."""
    place = place_of(folder)
    assert place.openings is not None
    return place.log, place.openings


def vkey_of(folder: Path) -> str:
    """Return its log's public key."""
    return (folder / "keys" / "log.vkey").read_text().strip()


def restore_backup(folder: Path, backup: Path) -> Restored:
    """Restore a backup in the place of what is there."""
    place = place_of(folder)
    return restore(place, backup, place.openings, replace=True)


def verified(folder: Path, since: bytes | None = None) -> Report:
    """Verify the published log with its openings, and that it has grown from an earlier checkpoint."""
    log, openings = published(folder)
    reader = LogReader(FolderSource(log))
    anchors = anchors_for(reader, vkey_of(folder), None)
    known = None if since is None else SavedCheckpoint.parse(since, anchors.keys())
    return Verification(reader, anchors, openings=openings, since=known).run()


def replayed(folder: Path) -> ReplayReport:
    """Replay every release of the published log."""
    log, openings = published(folder)
    reader = LogReader(FolderSource(log))
    anchors = anchors_for(reader, vkey_of(folder), None)
    checkpoint, _ = open_checkpoint(reader.checkpoint(), anchors)
    return Replay(reader, checkpoint, anchors.keys(), OpeningsReader(openings)).run()


def faults_of_receipt(folder: Path, receipt: dict[str, Any]) -> list[str]:
    """Return what is wrong with a receipt."""
    verifier = Verifier.parse(vkey_of(folder))
    return check_receipt(receipt, lambda signature, message: verifier.verify_bytes(message, signature))


def log_kinds(folder: Path) -> dict[str, int]:
    """Return how many entries of each kind the published log has."""
    log, _ = published(folder)
    reader = LogReader(FolderSource(log))
    size = open_checkpoint(reader.checkpoint(), anchors_for(reader, vkey_of(folder), None))[0].size
    blocks = [reader.bundle(block, min(256, size - 256 * block)) for block in range((size + 255) // 256)]
    return dict(Counter(Entry.decode(entry).kind.word for block in blocks for entry in block.entries))


def part_kinds(openings: Path) -> dict[str, int]:
    """Return how many parts of openings there are of each shape: the fields that it has, `erased`, or a record of consent."""
    counts: Counter[str] = Counter()
    for file in openings.iterdir():
        for part in Opening.decode(file.read_bytes()).parts:
            if isinstance(part, bytes):
                counts["erased"] += 1
            else:
                content = cbor2.loads(part.data)
                counts[str(content.get("kind") or " ".join(sorted(map(str, content))))] += 1
    return dict(counts)


def journal_kinds(batches: Sequence[bytes]) -> dict[str, int]:
    """Return how many records of each kind a journal has, by the number that stands in the record."""
    return dict(Counter(str(record[0]) for batch in batches for record in msgspec.msgpack.decode(batch)))


def records_in(folder: Path, recipient: str, content: bytes) -> tuple[Record, ...]:
    """Open a bundle as its recipient does."""
    key = load_private(folder / "recipients" / f"{recipient}.key") if recipient in SEALED_FOR else None
    return open_bundle(content, key).records


class Gate:
    """A started gateway, connected to a broker whose queue has run dry.

    Attributes:
        formed: Every bundle formed since, by log index: (recipient, content).
        killed: Whether it is not to end in order.
    """

    def __init__(self, folder: Path, durable: Durable) -> None:
        self.folder = folder
        self.formed: dict[int, tuple[str, bytes]] = {}
        self.killed = False
        self._durable = durable
        self._control = Control(durable, real_ms=lambda: self.now_ms)

    @property
    def now_ms(self) -> int:
        """Return its clock's time."""
        return self._durable.clock.now_ms()

    # what is asked of it

    async def ask(self, method: str, **params: Any) -> Answer:
        """Ask as over the control socket; the answer is given once the change is committed and published.

        Raises: MethodError: it is refused.
        """
        durable = self._durable
        answer = await begin(durable, method, params)
        durable.turns.run_all()
        if durable.state.commit.log:
            durable.checkpoint()
        await self._commit_what_there_is()
        return answer

    async def ask_as_citizen(self, method: str, session: str = "", /, **params: Any) -> Answer:
        """Ask as the portal does, for a visitor or with a session.

        Raises: MethodError: it is refused.
        """
        durable = self._durable
        caller = come_in(self._control, ANYONE, session, "")
        answer = as_plain(await answer_of(action(self._control, method, params, caller)))
        if durable.state.commit.log:
            durable.checkpoint()
        await self._commit_what_there_is()
        return answer

    # what comes in

    async def reconnect(self, *, session_present: bool) -> None:
        """Lose the broker and find it again, its queue dry."""
        pipeline.session_opened(self._durable.state, session_present, self.now_ms)
        pipeline.queue_drained(self._durable.state, self.now_ms)
        await self._commit_what_there_is()

    async def take(self, messages: Sequence[Message], packet_id: int = 0, *, duplicate: bool = False) -> None:
        """Take messages as one batch, and commit it.

        Args:
            messages: In order of arrival.
            packet_id: Of the first; the others' follow. 0: none has one, as with QoS 0.
            duplicate: They come once more.
        """
        frames = [
            Frame(topic, payload, packet_id and packet_id + place, duplicate, retain=False, generation=1)
            for place, (topic, payload) in enumerate(messages)
        ]
        self._durable.state.turn(self.now_ms)
        pipeline.take_frames(self._durable.state, frames, self.now_ms)
        await self._durable.commit()

    # what leaves

    async def to(self, now_ms: int) -> None:
        """Set the clock forward, and do what begins a tick: consents run out, windows end, what is old is forgotten."""
        durable = self._durable
        durable.clock.advance(now_ms)
        durable.state.turn(now_ms)
        changes.expire(durable.state, now_ms)
        advance_watermark(durable.state, now_ms, durable.clock.lateness_ms(durable.config.windows.lateness_s))
        recovery.prune(durable.state)
        subjects.forget_old_codes(durable.state, now_ms)
        await durable.drop_old_openings(now_ms)
        if durable.has_news():
            durable.checkpoint()
        await self._commit_what_there_is()

    async def form(self, recipient: str) -> int | None:
        """Form a recipient's next bundle, unless it has one under way; return its log index, None where nothing may leave."""
        durable, state = self._durable, self._durable.state
        if state.inflight.has(recipient):
            return None
        rows = await durable.store.reader.outbox_rows(recipient, ROWS_BYTES) if state.outbox.waiting.get(recipient) else []
        seal = durable.seals[recipient].on(epoch_day(self.now_ms))
        unsent = form_bundle(state, recipient, rows, self.now_ms, seal)
        if durable.has_news():
            durable.checkpoint()
        await self._commit_what_there_is()
        if unsent is None:
            return None
        self.formed[unsent.index] = (recipient, unsent.content)
        return unsent.index

    async def hand_over(self, recipient: str) -> None:
        """Let the first byte of the bundle that stands ready leave."""
        bundle_sent(self._durable.state, recipient)
        await self._commit_what_there_is()

    async def acknowledge(self, index: int) -> None:
        """Let the broker upstream acknowledge a bundle."""
        bundle_acknowledged(self._durable.state, index)
        await self._commit_what_there_is()

    async def deliver(self, *recipients: str) -> int:
        """Form bundles, hand them over and have them acknowledged, until nothing may leave; return how many."""
        count = 0
        for recipient in recipients or RECIPIENTS:
            while (index := await self.form(recipient)) is not None:
                await self.hand_over(recipient)
                await self.acknowledge(index)
                count += 1
        return count

    async def _commit_what_there_is(self) -> None:
        if self._durable.must_commit():
            await self._durable.commit()
        await self._durable.publisher.drained()

    # what may be known of it

    @property
    def shown_days(self) -> dict[int, DayTally]:
        """What anyone is shown of each day, by its number since the epoch."""
        return dict(self._durable.state.public.shown.days)

    @property
    def log_entries(self) -> int:
        """Return how many entries the log has."""
        return self._durable.state.log.size

    @property
    def ledger(self) -> dict[str, int]:
        """Return the ledger's totals, without those of nothing."""
        return {name: n for name, n in sorted(self._durable.state.ledger.totals.items()) if n}

    @property
    def imbalances(self) -> list[str]:
        """Return the balances that do not hold."""
        return self._durable.state.ledger.imbalances()

    @property
    def ready(self) -> list[str]:
        """Return the recipients for whom a bundle stands ready of which no byte has left."""
        return sorted(self._durable.state.inflight.ready)

    @property
    def ready_indices(self) -> list[int]:
        """Return the log indices of those bundles."""
        return sorted(unsent.index for unsent in self._durable.state.inflight.ready.values())

    @property
    def under_way(self) -> list[int]:
        """Return the log indices of the bundles that were handed over and not acknowledged."""
        return sorted(self._durable.state.inflight.sent)

    @property
    def waiting(self) -> dict[str, int]:
        """Return how many outbox rows wait, by recipient."""
        return {recipient: rows for recipient, rows in sorted(self._durable.state.outbox.waiting.items()) if rows}

    @property
    def open_windows(self) -> int:
        """Return how many windows are open."""
        return sum(1 for _ in self._durable.state.windows)

    def to_send_again(self) -> dict[int, bytes]:
        """Return the bundles that were found unacknowledged at the start, by log index."""
        return {bundle.index: bundle.content for bundle in self._durable.to_send_again}

    async def journal(self) -> list[bytes]:
        """Return the open segment's batches of journal records."""
        return [batch.journal async for batch in self._durable.store.reader.batches() if batch.journal]

    async def settle(self) -> None:
        """Carry all that is committed into the database's own file."""
        await self._durable.store.truncate_wal()


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[Gate]:
    """Start the gateway in a folder with configuration, keys and policies; close it at the end.

    A broker that knows it already has kept its session.
    """
    place, keys = _opened(folder)
    first = not (place.state / DATABASE_FILE).exists()
    durable = await start(place, keys, check=check_here)
    try:
        gate = Gate(folder, durable)
        await gate.reconnect(session_present=not first)
        yield gate
        durable.in_order = not gate.killed
    finally:
        await durable.close()


def _opened(folder: Path) -> tuple[Installation, GatewayKeys]:
    place = place_of(folder)
    return place, load_keys(place.keys)


def iso(t_ms: int) -> str:
    """Return a time as methods take it."""
    return datetime.fromtimestamp(t_ms / 1000, UTC).isoformat()
