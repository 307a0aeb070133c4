"""Recovery: rebuilds the memory from the snapshot and then the journal, folded by the code of normal operation.

Called once at start, before anything is received. Afterwards the plans are compiled from the policies and consents in force,
which removes from the windows contributors that no longer belong there, and a new journal segment is begun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from consent.core.disclosure import BOTTOM
from gateway.core.ingest.counters import PARTS, Register
from gateway.core.ingest.marks import Marks
from gateway.core.ingest.remembered import NEW, RememberedTimes
from gateway.core.journal import (
    SEGMENT_BYTES,
    Arrived,
    BeginSegment,
    Close,
    Dated,
    Define,
    DefinedTarget,
    Dry,
    FixedGuard,
    JournalRecord,
    Missed,
    PublishFrom,
    PublishPart,
    Purge,
    SnapshotPart,
    Subscriptions,
    Take,
    Void,
    Watermark,
    WholeSince,
    decode_batch,
)
from gateway.core.plans import shared_cohort
from gateway.core.release.guarding import waiting_guards
from gateway.core.release.void import void_unsent
from gateway.core.state import State
from gateway.core.windows.cells import CellTable
from gateway.core.windows.guards import GuardKey
from gateway.core.windows.publications import Due
from gateway.core.windows.targets import CellTarget, Terms, WindowTarget, new_target
from gateway.core.windows.windows import Kept, Window, window_state

_CELLS_A_PART: Final = 50_000
"""Of a table, in a part of a snapshot: 600 kB, and some 5 ms of a small machine's time."""
_MEMBERS_A_PART: Final = 2000
_PRUNED_AT_ONCE: Final = 500
"""Of so many contributors at a time old times are forgotten."""


class _Windows(msgspec.Struct, array_like=True):
    watermark_ms: int
    whole_since_ms: int
    windows: list[msgspec.Raw]
    series: list[Any]
    counters: list[Any] = []  # absent before registers were judged
    tables: list[msgspec.Raw] | None = None  # this and the next are absent before figures about subjects were made of cells
    missed: list[tuple[int, int]] | None = None


class _Snapshot(msgspec.Struct, array_like=True):
    windows: _Windows
    memories: dict[bytes, msgspec.Raw]
    marks: list[bytes]
    dry_ms: int = 0  # this and the next are absent in what 0.1 stored
    subscriptions: tuple[str, ...] = ()
    publications: list[Any] = []  # this and the next are absent before there were publications
    guards: list[Any] = []


class _Part(msgspec.Struct, array_like=True):
    """A part of a snapshot: of windows, tables and memories some members, rows and devices; in the last one, the guards."""

    windows: list[Any] = []
    tables: list[Any] = []
    memories: dict[bytes, Any] = {}
    guards: list[Any] | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(strict=False).decode
_NOTHING = msgspec.Raw(_encode([[], {}]))
"""The memory of a device that has told nothing: most of those that an earlier version stored."""
_decode_snapshot = msgspec.msgpack.Decoder(_Snapshot).decode
_decode_part = msgspec.msgpack.Decoder(_Part, strict=False).decode


def snapshot(state: State) -> bytes:
    """Return what the journal would otherwise have to record: windows, what is remembered of devices and of the broker."""
    return _snapshot(state, state.windows.state(_packed), _memories(state, state.memories))


def _snapshot(state: State, windows: list[Any], memories: Mapping[bytes, msgspec.Raw]) -> bytes:
    heard = [state.marks.state(), state.arrivals.dry_ms, state.subscriptions]
    told = [state.publications.state(), state.windows.guards.state()]
    return _encode([windows, memories, *heard, *told])


def _memories(state: State, devices: Iterable[bytes]) -> dict[bytes, msgspec.Raw]:
    """Return what is remembered of devices, as far as it is anything."""
    known = ((device, state.memories[device]) for device in devices if device in state.memories)
    packed = ((device, _packed(memory.state())) for device, memory in known)
    return {device: memory for device, memory in packed if memory != _NOTHING}


def _packed(plain: list[Any]) -> msgspec.Raw:
    """Encode a part by itself: held as plain data, all parts together would take several times the memory."""
    return msgspec.Raw(_encode(plain))


def begin_segment(state: State) -> None:
    """Begin a new journal segment; its snapshot covers what earlier segments hold, and their keys are destroyed."""
    assert not state.inflight.ready, "a bundle that may still be voided needs its segment"
    state.windows.forget_missed()
    state.commit.snapshot = snapshot(state)
    state.journal.begin_segment(state.windows.watermark_ms)


def segment_pieces(state: State, now_ms: Callable[[], int]) -> Iterator[None]:
    """Begin a new journal segment in pieces: readings come in, and contributors leave, between them; nothing is released.

    Each part of the snapshot is of its own moment, which the journal records. At a restart, readings are folded from the first
    moment on, and what a part holds replaces what they have made of that until its moment: so each accumulator and each memory
    has taken each reading once. What is computed from others is of the first moment (the last readings of counters) or the last
    one (the guards). Each piece is to be committed before the next.

    Args:
        state: Changed in place.
        now_ms: The gateway's clock.
    """
    void_unsent(state, now_ms())  # a bundle that may still be voided needs its segment
    windows = state.windows
    windows.forget_missed()
    head = _snapshot(state, windows.state_without_members(), {})
    state.journal.begin_in_parts()
    state.commit.begins_segment = True
    yield
    for part in _parts(state):
        state.journal.note_part()
        state.commit.parts.append(_encode(part))
        yield
    state.journal.note_part(is_last=True)
    state.commit.parts.append(_encode(_Part(guards=windows.guards.state())))
    state.commit.snapshot = head
    yield


def _parts(state: State) -> Iterator[_Part]:
    """Yield what stands at this moment, part by part; what comes to stand later is in the journal from its beginning on."""
    windows = state.windows
    for table in list(windows.tables.values()):
        for contributors in _chunks(table.rows, max(1, _CELLS_A_PART // table.shape.cells)):
            yield _Part(tables=[table.state_of(contributors)])
    for window in list(windows.open.values()):
        for contributors in _chunks(window.members, _MEMBERS_A_PART):
            part = window_state(window, contributors)
            yield _Part(windows=[part] if part[-1] else [])
    for devices in _chunks(state.memories, _MEMBERS_A_PART):
        yield _Part(memories=_memories(state, devices))


def _chunks(keys: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    """Yield so many at a time of those that there are now."""
    present = list(keys)
    for first in range(0, len(present), size):
        yield present[first : first + size]


def segment_is_due(state: State, *, patient: bool = False) -> bool:
    """Return whether the open segment has grown long.

    Args:
        state: Where no bundle may be voided any more: one that may needs its segment.
        patient: Wait for twice as long: publications are under way, and the tables that they take need not be stored again.
    """
    return state.journal.segment_bytes > SEGMENT_BYTES * (2 if patient else 1) and not state.inflight.ready


def restore(state: State, stored: bytes) -> JournalReplay:
    """Restore a stored snapshot.

    Args:
        state: With the policies in force entered, and nothing compiled.
        stored: What ``snapshot`` returned.
    Returns: The replay that folds in each later commit, in order.
    """
    taken = _decode_snapshot(stored)
    windows = taken.windows
    plain = [windows.watermark_ms, windows.whole_since_ms, map(_decode, windows.windows), windows.series, windows.counters]
    if windows.tables is not None:
        plain += [map(_decode, windows.tables), windows.missed]
    state.windows.restore(plain)
    for device, memory_state in taken.memories.items():
        if memory_state != _NOTHING:
            state.memory_of(device).restore(_decode(memory_state))
    state.marks = Marks(taken.marks)
    state.arrivals.resume(taken.dry_ms)
    state.subscriptions = taken.subscriptions
    state.publications.restore(taken.publications)
    state.windows.guards.restore(taken.guards)
    return JournalReplay(state)


def prune(state: State) -> None:
    """Drop the phenomenon times whose windows have closed: no later reading can repeat them. And what devices left that are gone.

    A flow that comes to ask for a property, or for longer windows of it, takes none of its readings from before.
    """
    for _ in prune_pieces(state):
        pass


def prune_pieces(state: State) -> Iterator[None]:
    """Do what ``prune`` does, some households at a time: between two pieces anything else may happen to the state."""
    watermark_ms = state.windows.watermark_ms
    registered = {device.id for device in state.registry.devices.values()}
    state.forget_devices_but(registered)
    state.windows.forget_meters_but(registered)
    state.windows.guards.keep_only(set(waiting_guards(state.windows)))
    for number, contributor in enumerate(list(state.by_contributor), 1):
        for plan in state.by_contributor.get(contributor, ()):
            horizons_ms = {name: watermark_ms - slot.keep_ms for name, slot in plan.slots.items() if slot.seen is not None}
            plan.memory.drop_before(horizons_ms, watermark_ms)
        if number % _PRUNED_AT_ONCE == 0:
            yield


class _Slot(NamedTuple):
    """A slot as far as folding needs it."""

    seen: RememberedTimes | None
    targets: list[WindowTarget | CellTarget]
    register: Register | None


class JournalReplay:
    """Folds journal records into the windows and memories, as they were folded the first time."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._slots: list[_Slot] = []
        self._terms: dict[tuple[int, int], Terms] = {}
        self._unsent: dict[int, list[Window | CellTable]] = {}
        self._parts: dict[int, Due] = {}

    def batch(self, marks: bytes, journal: bytes, parts: Iterable[bytes] = (), *, is_of_later: bool = False) -> None:
        """Fold in one commit.

        Args:
            marks: Of its frames.
            journal: Its records.
            parts: Of the snapshot, as far as it has stored any.
            is_of_later: Whether it is of a segment whose snapshot was never whole, so that a former one was restored.
        """
        records = decode_batch(journal)
        if not is_of_later:
            begins = next((at for at, record in enumerate(records) if isinstance(record, BeginSegment)), 0)
            records = records[begins:]  # those before it are in the snapshot
        following = iter(() if is_of_later else parts)
        for record in records:
            if not isinstance(record, SnapshotPart):
                self._fold(record)
            elif (part := next(following, None)) is not None:
                self._replace(_decode_part(part))
        if marks:
            self._state.marks.add(marks)

    def _replace(self, part: _Part) -> None:
        windows = self._state.windows
        for window in part.windows:
            windows.restore_members(window)
        for table in part.tables:
            windows.restore_rows(table)
        for device, memory in part.memories.items():
            self._state.memory_of(device).restore(memory)
        if part.guards is not None:
            windows.guards.restore(part.guards)

    def end(self) -> None:
        """Release what was needed to fold, before the devices' plans need its memory.

        A bundle that was not voided by then may have been sent: what it holds is told.
        """
        self._state.windows.guards.all_sent()
        self._state.windows.forget_cached()

    def _fold(self, record: JournalRecord) -> None:
        match record:
            case Define():
                self._define(record)
            case Take():
                self._take(record)
            case Dated():
                self._dated(record.numbers)
            case Arrived():
                self._arrived(record.arrivals)
            case Purge():
                kept = {kept.cohort: Kept(kept.since_ms, kept.shape) for kept in record.keep}
                self._state.windows.purge(record.contributor, kept)
            case Watermark():
                self._state.windows.advance(record.watermark_ms)
            case Close():
                self._close(record)
            case Void():  # a bundle of outbox records alone closed no window
                self._void(record.index)
            case WholeSince():
                self._state.windows.whole_since_ms = record.since_ms
                self._state.marks.clear()
            case Dry():
                self._state.arrivals.resume(record.at_ms)
            case BeginSegment():
                self._slots = []
            case Subscriptions():
                self._state.subscriptions = tuple(record.patterns)
            case Missed():
                self._state.windows.miss(record.from_ms, record.until_ms)
            case PublishPart():
                self._publish(record)
            case PublishFrom():
                self._state.publications.start(record.recipient, record.kind, record.from_ms)

    def _void(self, index: int) -> None:
        for part in self._unsent.pop(index, []):
            self._put_back(part)
        if (due := self._parts.pop(index, None)) is not None:
            self._state.publications.void(due)
        self._state.windows.guards.void(index)

    def _rest_on(self, guards: Iterable[FixedGuard], index: int) -> None:
        for guard in guards:
            self._state.windows.guards.rest_on(GuardKey(guard.quantity, guard.day_ms), guard.excluded, index)

    def _put_back(self, part: Window | CellTable) -> None:
        if isinstance(part, Window):
            self._state.windows.put_back(part)
        else:
            self._state.windows.put_back_table(part)

    def _define(self, record: Define) -> None:
        assert record.ref == len(self._slots)
        seen = self._state.memory_of(record.device).times(record.observed_property) if record.remembers else None
        register = None
        if record.counts is not None:
            key = (record.targets[0].contributor, record.device, record.observed_property)
            register = Register(self._state.windows.counters, key, record.counts)
        targets = [self._target(record.device, target, register) for target in record.targets]
        self._slots.append(_Slot(seen, targets, register))

    def _target(self, device: bytes, target: DefinedTarget, register: Register | None) -> WindowTarget | CellTarget:
        # Decisions are made again at release, from what is in force then; the fold needs only the window and its bounds.
        bounds = (target.since_ms, target.expires_ms)
        terms = self._terms.setdefault(bounds, Terms(BOTTOM, *bounds, 0, ()))
        cohort = shared_cohort(target.cohort)
        return new_target(self._state.windows, cohort, (target.contributor, device), terms, target.shape, register)

    def _take(self, record: Take) -> None:
        readings, sequences = iter(record.readings), record.sequences
        for ref in readings:
            if ref < 0:
                earliest_ms, latest_ms, n = next(readings), next(readings), next(readings)
                _, targets, register = self._slots[-1 - ref]
                if register is not None:
                    if not _judge(register, earliest_ms, latest_ms, n):
                        continue
                    n //= PARTS
                for target in targets:
                    target.take_between(earliest_ms, latest_ms, n)
                if register is not None:
                    register.keep()
                continue
            seen, targets, register = self._slots[ref]
            t_ms, n = next(readings), next(readings)
            if register is not None:
                if not _judge(register, t_ms, t_ms, n):
                    continue
                n //= PARTS
            if seen is not None and seen.recall(t_ms) == NEW:
                seen.add(t_ms)
            for target in targets:
                target.take(t_ms, n)
            if register is not None:
                register.keep()
        for at in range(0, len(sequences), 3):
            self._state.memory_of(sequences[at]).sequences.admit(sequences[at + 1], sequences[at + 2])

    def _dated(self, numbers: list[Any]) -> None:
        for device, boot, sequence, time_ms in zip(*[iter(numbers)] * 4, strict=True):
            self._state.memory_of(device).admit_dated(boot, sequence, time_ms)

    def _arrived(self, arrivals: list[Any]) -> None:
        for device, at_ms, digest in zip(*[iter(arrivals)] * 3, strict=True):
            self._state.memory_of(device).arrived(at_ms, digest)

    def _close(self, record: Close) -> None:
        """Remove what a bundle took; keep it until the bundle can no longer be voided, which is the end of the journal."""
        windows = self._state.windows
        windows.advance(max(closed.end_ms for closed in record.closed))
        taken: list[Window | CellTable] = []
        for closed in record.closed:
            part = windows.take_out(windows.open[closed.cohort, closed.start_ms], closed.drawn, closed.gone)
            if part.members:
                taken.append(part)
        self._unsent[record.index] = taken
        self._rest_on(record.guards, record.index)

    def _publish(self, record: PublishPart) -> None:
        """Remove what a part of a publication took; likewise."""
        windows = self._state.windows
        windows.advance(record.end_ms)
        taken: list[Window | CellTable] = []
        for closed in record.slices:
            table = windows.tables[closed.cohort, closed.start_ms]
            part = windows.take_slice(table, closed.first, closed.last, closed.drawn)
            if part is not None:
                part.strike(closed.struck)
                taken.append(part)
        self._unsent[record.index] = taken
        self._rest_on(record.guards, record.index)
        due = self._state.publications.part(record.recipient, record.kind, record.end_ms)
        self._state.publications.formed(due, is_last=record.is_last)
        self._parts[record.index] = due


def _judge(register: Register, earliest_ms: int, latest_ms: int, shown: int) -> bool:
    """Judge what a register showed, as it was judged the first time; return whether it was taken."""
    taken = register.judge(earliest_ms, latest_ms, shown) is not None
    if not taken:
        register.doubt()
    return taken
