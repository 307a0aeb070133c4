"""The record as it stands in the public log folder, followed as it grows (an edge: it reads files).

``LogRecord`` believes the log's key in the folder, as whoever knows no other must: the pages ask the reader to compare it with
the sensor's sign. Everything else has to lead to a checkpoint that this key has signed, and each checkpoint to the one before.
What does not is a ``RecordFault``, and the record stays at what held last. The folder may be damaged or somebody else's: nothing
in it ends the process, and what is kept of it is bounded by what it really holds.

Every entry is read once, a block of 256 at a time in a thread, and only its kind and time are kept; rules are kept whole.
"""

from __future__ import annotations

import asyncio
import os
import time
from array import array
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from consent.core.policies.archive import unpack_files
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from consent.errors import PolicyError, RecordError
from consent.portal.record import Head, RecordFault, RulesChange, SeenBy
from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.entries import NO_POLICY, Entry, Kind
from gateway.audit.log.handover import KEYS_NAME, HandoverError, LogKeys
from gateway.audit.log.inclusion_proofs import proven_block, proven_entry
from gateway.audit.log.merkle import EMPTY_ROOT, leaf_hash, node_hash
from gateway.audit.log.notes import ED25519, KeyFormatError, NoteError, Signature, Verifier, split_note
from gateway.audit.log.reader import CHECKPOINT_NAME, DESCRIPTION_NAME, VKEY_NAME, FileError, LogReader, LogUnreachableError
from gateway.audit.log.tiles import TILE_WIDTH, entries_path, policies_path
from gateway.audit.proof import EntryProof

LOOK_EVERY_S: Final = 1.0
_WATCHED: Final = (CHECKPOINT_NAME, VKEY_NAME, KEYS_NAME, DESCRIPTION_NAME)
_LONGEST_DESCRIPTION_BYTES: Final = 1 << 16
_MOST_WITNESSES: Final = 32
_KEPT_ENTRIES: Final = 64
_LATEST_MS: Final = 253_370_764_800_000
"""The year 9999: later times than a calendar has are shown as that."""
_UNREADABLE: Final = (FileError, LogUnreachableError, ValueError)
"""What reading proven entries raises: ``ProofError`` and ``EntryError`` are ``ValueError``."""

_Stamp = tuple[tuple[int, int, int] | None, ...]


class _Witness(msgspec.Struct):
    name: str
    vkey: str


class _Description(msgspec.Struct):
    """What is read of the log's description of itself, which no signature covers."""

    witnesses: list[_Witness] = []


def machine_ms() -> int:
    """Return the machine's clock, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


class LogRecord:
    """The log in a folder; see ``record.PublicRecord``.

    One caller at a time runs ``follow``, or ``look`` and ``read_on`` itself; everything else may be asked meanwhile.

    Args:
        folder: The public log folder; it need not be there yet.
        now_ms: The machine's clock.
    """

    def __init__(self, folder: Path, now_ms: Callable[[], int] = machine_ms) -> None:
        self._folder = folder
        self._now_ms = now_ms
        self._reader = LogReader(folder)
        self._stamp: _Stamp = ()
        self._log_key: Verifier | None = None
        self._keys: LogKeys | None = None
        self._head: Head | None = None
        self._note = b""
        self._checkpoint: Checkpoint | None = None
        self._policies: PolicySet | None = None
        self._in_force = NO_POLICY
        self._sets: dict[bytes, PolicySet | None] = {}
        self._changes: list[RulesChange] = []
        self._kinds = bytearray()
        self._times = array("q")
        self._counts: Counter[int] = Counter()
        self._asked: OrderedDict[int, Entry] = OrderedDict()
        self._faults: dict[str, RecordFault] = {}

    # what it says

    @property
    def head(self) -> Head | None:
        """The latest checkpoint that held; None before there is one."""
        return self._head

    @property
    def policies(self) -> PolicySet | None:
        """The set that the last entry names as in force; None where there is none, or its file is absent or unreadable."""
        return self._policies

    @property
    def changes(self) -> Sequence[RulesChange]:
        """Every change of the rules, oldest first, as far as the log has been read."""
        return self._changes

    @property
    def is_read(self) -> bool:
        """Whether all entries of the latest checkpoint have been read."""
        return self._head is not None and len(self._kinds) >= self._head.size

    @property
    def fault(self) -> RecordFault | None:
        """The gravest of what does not hold; None where all does."""
        for place in _GRAVEST_FIRST:
            if place in self._faults:
                return self._faults[place]
        return None

    def count(self, kind: str) -> int:
        """Return how many entries of a kind have been read; the kind by its word, as `release`."""
        return self._counts[_KINDS[kind]] if kind in _KINDS else 0

    def entry(self, index: int) -> Entry | None:
        """Return an entry that leads to the latest checkpoint; None where there is none, or its files do not."""
        if index in self._asked:
            return self._asked[index]
        found = self._proven(index)
        if found is None:
            return None
        try:
            entry = Entry.decode(found[0])
        except ValueError:
            self._find("asked", "damaged", _block_path(index, found[2].size), found[2].size)
            return None
        self._asked[index] = entry
        while len(self._asked) > _KEPT_ENTRIES:
            self._asked.popitem(last=False)
        return entry

    def proof(self, index: int) -> bytes | None:
        """Return the proof of an entry, with entry, checkpoint and cosignatures in it; None where there is none."""
        note = self._note
        found = self._proven(index)
        return None if found is None else EntryProof(index, tuple(found[1]), note, found[0]).encode()

    def _proven(self, index: int) -> tuple[bytes, list[bytes], Checkpoint] | None:
        checkpoint = self._checkpoint
        if checkpoint is None or not 0 <= index < checkpoint.size:
            return None
        try:
            data, hashes = proven_entry(self._reader, checkpoint, index)
        except _UNREADABLE as error:
            self._find("asked", "damaged", _where(error, _block_path(index, checkpoint.size)), checkpoint.size)
            return None
        self._faults.pop("asked", None)
        return data, hashes, checkpoint

    # how it follows

    async def follow(self, every_s: float = LOOK_EVERY_S) -> None:
        """Follow the log until cancelled, in threads: a slow disk holds up no page.

        Args:
            every_s: Seconds from one look at the checkpoint to the next, once everything has been read.
        """
        while True:
            await asyncio.to_thread(self.look)
            while await asyncio.to_thread(self.read_on):
                pass
            await asyncio.sleep(every_s)

    def look(self) -> None:
        """Read the checkpoint, if a file beside it has changed or something did not hold."""
        stamp = self._stamp_of_files()
        if stamp == self._stamp and not self._faults:
            return
        self._stamp = stamp
        if self._load_key():
            self._load_checkpoint()
        self._load_lacking()

    def read_on(self) -> bool:
        """Read the next block of entries; return whether there are more."""
        checkpoint, first = self._checkpoint, len(self._kinds)
        if checkpoint is None or first >= checkpoint.size:
            return False
        block = first // TILE_WIDTH
        try:
            for data in proven_block(self._reader, checkpoint, block)[first % TILE_WIDTH :]:
                self._take(data)
        except _UNREADABLE as error:
            self._find("entries", "damaged", _where(error, _block_path(first, checkpoint.size)), checkpoint.size)
            return False
        self._faults.pop("entries", None)
        return len(self._kinds) < checkpoint.size

    # the checkpoint

    def _load_key(self) -> bool:
        """Read the log's key; return whether it is the one to go by."""
        offered = self._reader.vkey()
        if offered is None and self._log_key is None and self._stamp_of(CHECKPOINT_NAME) is None:
            return False  # nothing has been published yet
        try:
            key = Verifier.parse(offered or "")
        except KeyFormatError:
            key = None
        if key is None or key.algorithm != ED25519 or not self._leads_to(key):
            self._find("key", "key", VKEY_NAME)
            return False
        self._log_key = self._log_key or key
        self._faults.pop("key", None)
        return True

    def _leads_to(self, offered: Verifier) -> bool:
        """Return whether the log offers the key that it first did, or one to which that was handed over since."""
        known = self._keys if self._log_key is not None and self._keys is not None else LogKeys(offered)
        try:
            self._keys = known.going_on(self._reader.handovers())
        except (FileError, HandoverError):
            return False
        return offered in self._keys.verifiers

    def _load_checkpoint(self) -> None:
        """Take the checkpoint over, if it holds and continues the one before."""
        try:
            note = self._reader.checkpoint()
        except LogUnreachableError:
            if self._checkpoint is not None:
                self._find("checkpoint", "absent", CHECKPOINT_NAME)
            return
        try:
            checkpoint = self._signed(note)
        except ValueError:
            self._find("checkpoint", "signature", CHECKPOINT_NAME)
            return
        if self._continues(checkpoint):
            self._take_over(note, checkpoint)

    def _signed(self, note: bytes) -> Checkpoint:
        """Return the checkpoint of a note. Raises: ValueError: the log has not signed it."""
        assert self._keys is not None
        checkpoint = self._keys.checkpoint(note)
        if checkpoint.origin != self._keys.first.name or (checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT):
            raise NoteError("the checkpoint of another log")
        return checkpoint

    def _continues(self, checkpoint: Checkpoint) -> bool:
        """Return whether a checkpoint begins with the one before, and note what it does instead."""
        before = self._checkpoint
        if before is None or before.size == 0:
            return True
        if checkpoint.size < before.size:
            self._find("checkpoint", "rollback", CHECKPOINT_NAME, checkpoint.size)
            return False
        root = checkpoint.root
        if checkpoint.size > before.size:
            try:
                data, hashes = proven_entry(self._reader, checkpoint, before.size - 1)
            except _UNREADABLE as error:
                where = _where(error, _block_path(before.size - 1, checkpoint.size))
                self._find("checkpoint", "damaged", where, checkpoint.size)
                return False
            root = _root_up_to(before.size - 1, checkpoint.size, leaf_hash(data), hashes)
        if root != before.root:
            self._find("checkpoint", "fork", CHECKPOINT_NAME, checkpoint.size)
        return root == before.root

    def _take_over(self, note: bytes, checkpoint: Checkpoint) -> None:
        """Make a checkpoint the latest, once its last entry has been read."""
        try:
            last = self._last_entry(checkpoint)
        except _UNREADABLE as error:
            self._find("checkpoint", "damaged", _where(error, _block_path(checkpoint.size - 1, checkpoint.size)), checkpoint.size)
            return
        if last is not None and (last.policy != self._in_force or self._policies is None):
            self._in_force, self._policies = last.policy, self._policies_of(last.policy)
        if "checkpoint" in self._faults and self._faults["checkpoint"].kind != "fork":
            del self._faults["checkpoint"]
        is_news = note != self._note
        assert self._keys is not None
        self._head = Head(
            checkpoint.origin,
            self._keys.at(checkpoint.size).vkey(),
            checkpoint.size,
            checkpoint.root,
            0 if last is None else min(last.time_ms, _LATEST_MS),
            self._changed_ms() if is_news or self._head is None else self._head.read_ms,
            self._witnesses(note),
        )
        self._note, self._checkpoint = note, checkpoint

    def _last_entry(self, checkpoint: Checkpoint) -> Entry | None:
        if not checkpoint.size:
            return None
        return Entry.decode(proven_entry(self._reader, checkpoint, checkpoint.size - 1)[0])

    def _witnesses(self, note: bytes) -> tuple[SeenBy, ...]:
        """Return the witnesses that the log's description names, and when each cosigned."""
        try:
            described = self._reader.source.read(DESCRIPTION_NAME, _LONGEST_DESCRIPTION_BYTES)
            named = msgspec.json.decode(described, type=_Description).witnesses[:_MOST_WITNESSES]
        except (FileError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            named = []
        text, lines = split_note(note)
        self._faults.pop("witness", None)
        return tuple(seen for each in named if (seen := self._seen(each, text, lines)) is not None)

    def _seen(self, witness: _Witness, text: str, lines: Sequence[Signature]) -> SeenBy | None:
        try:
            verifier = Verifier.parse(witness.vkey)
        except (KeyFormatError, UnicodeEncodeError):
            return None  # no key: nobody whose word could be checked
        line = next((one for one in lines if (one.name, one.key_id) == (verifier.name, verifier.key_id)), None)
        if line is None:
            return SeenBy(witness.name, 0, witness.vkey)
        if not verifier.verify(text, line.signature):
            self._find("witness", "cosignature", witness.name)
            return SeenBy(witness.name, 0, witness.vkey)
        return SeenBy(witness.name, min(line.cosigned_s * 1000, _LATEST_MS), witness.vkey)

    def _stamp_of_files(self) -> _Stamp:
        return tuple(map(self._stamp_of, _WATCHED))

    def _stamp_of(self, name: str) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._folder / name)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _changed_ms(self) -> int:
        stamp = self._stamp[0] if self._stamp else None
        return self._now_ms() if stamp is None else min(self._now_ms(), stamp[1] // 1_000_000)

    # entries and rules

    def _take(self, data: bytes) -> None:
        """Keep what is needed of the next entry."""
        kind, time_ms = _glance(data)
        if kind == Kind.POLICY:
            digest = Entry.decode(data).policy
            self._changes.append(RulesChange(len(self._kinds), time_ms, digest, self._policies_of(digest)))
        self._times.append(time_ms)
        self._counts[kind] += 1
        self._kinds.append(kind)

    def _policies_of(self, digest: bytes) -> PolicySet | None:
        """Return the set of that hash; None where its file is absent, another, or not for this version to read."""
        if digest == NO_POLICY:
            return None
        if digest in self._sets:
            return self._sets[digest]
        try:
            packed = self._reader.policies(digest)
        except FileError:
            packed = b""
        if sha256(packed).digest() != digest:
            self._find("policies", "damaged", policies_path(digest))
            return None
        try:
            self._sets[digest] = parse_policies(unpack_files(packed))
        except (RecordError, PolicyError):
            self._sets[digest] = None
        return self._sets[digest]

    def _load_lacking(self) -> None:
        """Look again for rules whose files were absent or others."""
        if self._faults.pop("policies", None) is None:
            return
        self._policies = self._policies_of(self._in_force)
        for number, change in enumerate(self._changes):
            if change.policies is None:
                found = self._policies_of(change.sha256)
                self._changes[number] = RulesChange(change.index, change.at_ms, change.sha256, found)

    # faults

    def _find(self, place: str, kind: str, where: str, size: int = 0) -> None:
        """Note what does not hold at one of the places of ``_GRAVEST_FIRST``; a fork is proven by two signatures, and stays."""
        known = self._faults.get(place)
        if known is not None and ((known.kind, known.where, known.size) == (kind, where, size) or known.kind == "fork"):
            return
        before = 0 if self._checkpoint is None else self._checkpoint.size
        self._faults[place] = RecordFault(kind, where, self._now_ms(), size, before)  # type: ignore[arg-type]


_KINDS: Final = {kind.word: int(kind) for kind in Kind}
_GRAVEST_FIRST: Final = ("key", "checkpoint", "entries", "asked", "policies", "witness")


def _glance(data: bytes) -> tuple[int, int]:
    """Return kind and time of an entry without decoding all of it, where its time is written as those of our century are.

    Raises: EntryError: it is no entry.
    """
    time_ms = int.from_bytes(data[7:15], "big")
    if data[:4] in _BEGINNINGS and data[5:7] == b"\x02\x1b" and data[4] in _NUMBERS and time_ms < _LATEST_MS and len(data) > 15:
        return data[4], time_ms
    entry = Entry.decode(data)
    return entry.kind, min(entry.time_ms, _LATEST_MS)


_NUMBERS: Final = frozenset(map(int, Kind))
_BEGINNINGS: Final = (b"\xa7\x00\x01\x01", b"\xa9\x00\x01\x01")
"""A map of seven or nine fields; the version; the number of the kind."""


def _root_up_to(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Return the root of the tree that ends with a leaf, from the verified proof that it is in a larger one.

    On the way up from its last leaf a tree has only siblings to the left, and the larger one has the same (RFC 6962, 2.1.2).
    """
    place, last, node = index, size - 1, leaf
    for sibling in proof:
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        place, last = place >> 1, last >> 1
    return node


def _block_path(index: int, size: int) -> str:
    """Return the path of the file with an entry."""
    block = index // TILE_WIDTH
    return entries_path(block, max(1, min(size - block * TILE_WIDTH, TILE_WIDTH)))


def _where(error: Exception, otherwise: str) -> str:
    return error.where if isinstance(error, FileError) else otherwise
