"""A commit of the core as the statements of one transaction: every row sealed, bound to its place, and found by keyed hash.

Comes between the core's ``Commit`` and ``writing``, which executes the statements.
"""

from __future__ import annotations

from gateway.core.effects import Commit
from gateway.core.public.tally import HOURS_OF_A_DAY
from gateway.edge.keys.keyring import GatewayKeys
from gateway.edge.store.database import Statement
from gateway.edge.store.resealing import RESEAL_DUE, ROOT_ENTRY, ROOT_GENERATION
from gateway.edge.store.segment_keys import SegmentKeys, row_key

SCRUB_DUE = "scrub_due"
"""The row of `meta` that is present while erased bytes may still be in free space, or exported."""


SETTLED_AT_ONCE = frozenset({"release", "void", "account"})
"""Kinds of entries on which no later release can rest: the retention of their openings starts at once."""


_PUT_TALLY = (
    "INSERT INTO public_tally VALUES (?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET content = excluded.content, shown = coalesce(excluded.shown, shown)"
)


class CommitRows:
    """Turns commits into rows.

    Attributes:
        batch: Number of the last batch row.
    """

    def __init__(self, keys: GatewayKeys, segments: SegmentKeys) -> None:
        """Begin with no batch; the store sets the number of the last one that it finds."""
        self._keys = keys
        self._segments = segments
        self.batch = 0

    def statements(self, commit: Commit, now_ms: int) -> list[Statement]:
        """Return the statements that make a commit durable, and give it the next batch number."""
        statements: list[Statement] = []
        if commit.snapshot is not None:
            statements += self._new_segment(commit.snapshot)
        self.batch += 1
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

    def _new_segment(self, snapshot: bytes) -> list[Statement]:
        """Begin a journal segment; the keys of earlier ones are deleted once no outbox row needs them."""
        wrapped = self._segments.begin()
        number = self._segments.segment
        sealed = self._segments.open_sealer.seal("segment", row_key(number), snapshot)
        return [
            ("INSERT INTO sealing_key VALUES (?, ?)", (number, wrapped)),
            ("INSERT INTO segment VALUES (?, ?)", (number, sealed)),
            ("DELETE FROM batch WHERE segment < ?", (number,)),
            ("DELETE FROM segment WHERE number < ?", (number,)),
            ("DELETE FROM sealing_key WHERE number < ? AND number NOT IN (SELECT sealing_key FROM outbox)", (number,)),
        ]

    def _log(self, commit: Commit, now_ms: int) -> list[Statement]:
        seal = self._keys.sealer.seal
        statements: list[Statement] = [("INSERT INTO entry VALUES (?, ?)", (row.index, row.content)) for row in commit.log]
        for row in commit.log:
            sealed = seal("opening", row_key(row.index), row.opening)
            settled_ms = now_ms if row.kind in SETTLED_AT_ONCE else None
            statements.append(("INSERT INTO opening VALUES (?, ?, ?, ?)", (row.index, row.kind, settled_ms, sealed)))
        settle = "UPDATE opening SET settled_ms = ? WHERE entry_index = ?"
        statements += [(settle, (now_ms, index)) for index in commit.openings_settled]
        statements += [(settle, (since_ms, index)) for index, since_ms in commit.openings_settled_ms.items()]
        labelled = [row for row in commit.log if row.labels is not None]
        statements += [("INSERT INTO labels VALUES (?, ?)", (row.index, row.labels)) for row in labelled]
        for shorter in commit.openings:
            sealed = seal("opening", row_key(shorter.index), shorter.content)
            statements.append(("UPDATE opening SET sealed = ? WHERE entry_index = ?", (sealed, shorter.index)))
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
