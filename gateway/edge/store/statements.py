"""A commit of the core as the statements of one transaction: every row sealed, bound to its place, and found by keyed hash.

Comes between the core's ``Commit`` and ``writing``, which executes the statements.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateway.core.effects import Commit, PackedOpening
from gateway.core.public.tally import HOURS_OF_A_DAY
from gateway.edge.keys.keyring import GatewayKeys
from gateway.edge.keys.sealing import Sealer
from gateway.edge.store.database import Statement
from gateway.edge.store.resealing import RESEAL_DUE, ROOT_ENTRY, ROOT_GENERATION
from gateway.edge.store.segment_keys import SegmentKeys, row_key

SCRUB_DUE = "scrub_due"
"""The row of `meta` that is present while erased bytes may still be in free space, or exported."""


NO_BATCH = 0
"""Of a piece of a snapshot that is of one moment, the segment's beginning."""
PIECE_BYTES = 1 << 20
WHOLE_SEGMENT = "SELECT coalesce(max(number), 0) FROM segment WHERE sealed <> x''"
"""Selects the last segment whose snapshot is whole: a restart begins with it."""
DROP_KEYS = "DELETE FROM sealing_key WHERE number < ? AND number NOT IN (SELECT sealing_key FROM outbox)"
"""Destroys the keys of segments before one, as far as no row needs them."""

SETTLED_AT_ONCE = frozenset({"release", "void", "account"})
"""Kinds of entries on which no later release can rest: the retention of their openings starts at once."""

OPENING_BYTES: Final = 1 << 18
"""Of a longer opening the rest is in rows of its own: SQLite holds each value twice while it is written."""
_MOST_PARTS: Final = 1 << 16
PUT_PART: Final = "INSERT INTO opening_part VALUES (?, ?)"
DROP_PARTS: Final = "DELETE FROM opening_part WHERE number >= ? AND number < ?"

_PUT_TALLY = (
    "INSERT INTO public_tally VALUES (?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET content = excluded.content, shown = coalesce(excluded.shown, shown)"
)


def parts_of(index: int) -> tuple[int, int]:
    """Return the first number that a part of the opening at a log index may have, and the first behind them."""
    return index * _MOST_PARTS, (index + 1) * _MOST_PARTS


def sealed_opening(sealer: Sealer, index: int, opening: PackedOpening) -> tuple[bytes, list[tuple[int, bytes]]]:
    """Return what the row of the opening at a log index holds, and the rows of its further parts: (number, sealed)."""
    content = opening.content
    parts = enumerate(range(OPENING_BYTES, len(content), OPENING_BYTES), parts_of(index)[0])
    return sealer.seal("opening", row_key(index), content[:OPENING_BYTES]), [
        (number, sealer.seal("opening_part", row_key(number), content[at : at + OPENING_BYTES])) for number, at in parts
    ]


class CommitRows:
    """Turns commits into rows.

    Attributes:
        batch: Number of the last batch row.
        part: Number of the last part of a segment's snapshot.
    """

    def __init__(self, keys: GatewayKeys, segments: SegmentKeys) -> None:
        """Begin with no batch; the store sets the number of the last one that it finds."""
        self._keys = keys
        self._segments = segments
        self._is_beginning = False
        self.batch = self.part = 0

    def statements(self, commit: Commit, now_ms: int) -> list[Statement]:
        """Return the statements that make a commit durable, and give it the next batch number."""
        statements: list[Statement] = []
        if commit.begins_segment or (commit.snapshot is not None and not self._is_beginning):
            statements += self._new_segment()
            self._is_beginning = True
        if commit.snapshot is not None and not commit.parts:
            statements += self._former_segments()  # all at once, where nobody waits for it
        self.batch += 1
        statements += self._parts(commit.parts, self.batch)
        if commit.snapshot is not None:
            statements += self._snapshot(commit.snapshot)
            self._is_beginning = False
        sealer = self._segments.open_sealer
        journal = sealer.seal("batch", row_key(self.batch), commit.journal) if commit.journal else b""
        marks = sealer.seal("marks", row_key(self.batch), commit.marks) if commit.marks else b""
        row = (self.batch, self._segments.segment, marks, journal, commit.ledger)
        statements.append(("INSERT INTO batch VALUES (?, ?, ?, ?, ?)", row))
        statements += self._log(commit, now_ms)
        statements += self._registry(commit)
        statements += self._bundles(commit)
        statements += _public(commit)
        return statements

    def _new_segment(self) -> list[Statement]:
        """Begin a journal segment, whose snapshot is empty until it is whole: so long a restart begins with the former one's."""
        wrapped = self._segments.begin()
        number = self._segments.segment
        return [
            ("INSERT INTO sealing_key VALUES (?, ?)", (number, wrapped)),
            ("INSERT INTO segment VALUES (?, x'')", (number,)),
        ]

    def _snapshot(self, snapshot: bytes) -> list[Statement]:
        """Store a snapshot, in pieces that can be deleted one by one."""
        number, seal = self._segments.segment, self._segments.open_sealer.seal
        first, *more = (snapshot[at : at + PIECE_BYTES] for at in range(0, len(snapshot), PIECE_BYTES))
        sealed = seal("segment", row_key(number), first)
        return [*self._parts(more, NO_BATCH), ("UPDATE segment SET sealed = ? WHERE number = ?", (sealed, number))]

    def _parts(self, parts: Iterable[bytes], batch: int) -> list[Statement]:
        """Store parts of the open segment's snapshot, with the batch that says of which moment they are."""
        statements: list[Statement] = []
        for part in parts:
            self.part += 1
            sealed = self._segments.open_sealer.seal("part", row_key(self.part), part)
            row = (self.part, self._segments.segment, batch, sealed)
            statements.append(("INSERT INTO segment_part VALUES (?, ?, ?, ?)", row))
        return statements

    def _former_segments(self) -> list[Statement]:
        """Delete earlier segments; their keys, once no outbox row needs them."""
        number = (self._segments.segment,)
        return [
            ("DELETE FROM batch WHERE segment < ?", number),
            ("DELETE FROM segment_part WHERE segment < ?", number),
            ("DELETE FROM segment WHERE number < ?", number),
            (DROP_KEYS, number),
        ]

    def _log(self, commit: Commit, now_ms: int) -> list[Statement]:
        further, statements = list[Statement](), list[Statement]()
        statements += [("INSERT INTO entry VALUES (?, ?)", (row.index, row.content)) for row in commit.log]
        for row in commit.log:
            sealed, parts = sealed_opening(self._keys.sealer, row.index, row.opening)
            further += [(PUT_PART, part) for part in parts]
            settled_ms = now_ms if row.kind in SETTLED_AT_ONCE else None
            statements.append(("INSERT INTO opening VALUES (?, ?, ?, ?)", (row.index, row.kind, settled_ms, sealed)))
        settle = "UPDATE opening SET settled_ms = ? WHERE entry_index = ?"
        statements += [(settle, (now_ms, index)) for index in commit.openings_settled]
        statements += [(settle, (since_ms, index)) for index, since_ms in commit.openings_settled_ms.items()]
        labelled = [row for row in commit.log if row.labels is not None]
        statements += [("INSERT INTO labels VALUES (?, ?)", (row.index, row.labels)) for row in labelled]
        for shorter in commit.openings:
            sealed, parts = sealed_opening(self._keys.sealer, shorter.index, shorter.opening)
            statements.append(("UPDATE opening SET sealed = ? WHERE entry_index = ?", (sealed, shorter.index)))
            further += [(DROP_PARTS, parts_of(shorter.index)), *((PUT_PART, part) for part in parts)]
        statements += further
        statements += [("INSERT INTO handover VALUES (?, ?)", (row.index, row.note)) for row in commit.handovers]
        if commit.root_key is not None:
            for name, value in (
                (ROOT_GENERATION, commit.root_key.generation),
                (ROOT_ENTRY, commit.root_key.index),
                (RESEAL_DUE, 1),
            ):
                statements.append(("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value)))
        if commit.head is not None:
            size = int(commit.head.split(b"\n", 2)[1])
            statements.append(("INSERT OR REPLACE INTO head VALUES (?, ?)", (size, commit.head)))
            statements.append(("DELETE FROM head WHERE size < ?", (size,)))
        return statements

    def _registry(self, commit: Commit) -> list[Statement]:
        statements: list[Statement] = []
        seal, lookup = self._keys.sealer.seal, self._keys.lookup_hash
        insert = "INSERT INTO policy VALUES (?, ?, ?)"
        statements += [(insert, (policy.index, policy.sha256, policy.content)) for policy in commit.policies]
        for consent in commit.consents:
            row = (consent.index, lookup(consent.subject), seal("consent", row_key(consent.index), consent.content))
            statements.append(("INSERT INTO consent VALUES (?, ?, ?)", row))
        statements += [("DELETE FROM consent WHERE subject = ?", (lookup(subject),)) for subject in commit.consents_gone]
        for table, rows in (
            ("subject", {row.id: row.content for row in commit.subjects}),
            ("device", {row.place: row.content for row in commit.devices}),
            ("claim", {row.code_hash: row.content for row in commit.claims}),
        ):
            statements += [self._keyed_row(table, key, content) for key, content in rows.items()]
        return statements

    def _keyed_row(self, table: str, key: bytes, content: bytes | None) -> Statement:
        """Return the statement that writes a row found by its key's hash, or deletes it."""
        row_id = self._keys.lookup_hash(key)
        if content is None:
            return f"DELETE FROM {table} WHERE id = ?", (row_id,)  # noqa: S608  one of three fixed names
        sealed = self._keys.sealer.seal(table, row_id, content)
        return f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (row_id, sealed)  # noqa: S608  likewise

    def _bundles(self, commit: Commit) -> list[Statement]:
        sealer = self._segments.open_sealer
        statements: list[Statement] = [
            ("INSERT INTO bundle VALUES (?, ?, ?, ?)", (bundle.index, bundle.recipient, bundle.sink, bundle.content))
            for bundle in commit.bundles
        ]
        statements += [("DELETE FROM bundle WHERE entry_index = ?", (index,)) for index in commit.bundles_done]
        statements += [("DELETE FROM outbox WHERE number = ?", (number,)) for number in commit.outbox_done]
        for waiting in commit.outbox:
            sealed = sealer.seal("outbox", row_key(waiting.number), waiting.content)
            statements.append(
                ("INSERT INTO outbox VALUES (?, ?, ?, ?)", (waiting.number, waiting.recipient, self._segments.segment, sealed))
            )
        return statements


def _public(commit: Commit) -> list[Statement]:
    """Return the statements that store tallies of the public's numbers, and delete those of days that are no longer kept."""
    statements: list[Statement] = [(_PUT_TALLY, (row.is_day, row.number, row.content, row.shown)) for row in commit.public]
    if any(row.shown is not None for row in commit.public):
        for is_day, since in ((True, commit.public_since), (False, commit.public_since * HOURS_OF_A_DAY)):
            statements.append(("DELETE FROM public_tally WHERE is_day = ? AND number < ?", (is_day, since)))
    return statements
