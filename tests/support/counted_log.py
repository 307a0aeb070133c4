"""What the public's pages should say, counted anew from a log and its openings alone: no code of gateway or portal that counts.

Only the formats are shared. Numbers are exact; a test rounds them down itself, to the step that a page names.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from gateway.audit.log.earlier_payloads import decode_release, decode_void
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.notes import Verifier
from gateway.audit.log.payloads import AccountPayload
from gateway.audit.log.reader import LogReader, OpeningsReader
from gateway.audit.log.tiles import TILE_WIDTH
from gateway.audit.verify.trust import Anchors, open_checkpoint

DAY_MS: Final = 86_400_000
CITY: Final = "city"


class Way(NamedTuple):
    """By what something left: flow and recipient, `city` or `resident`, and the level of identity."""

    flow: str
    recipient: str
    owner: str
    identity: str


@dataclass(slots=True)
class Left:
    """What left by one way.

    Attributes:
        told: Numbers of homes that the recipient was told, one for each figure.
        pairs: As the ledger counts them.
        indices: Of the entries that account for it.
    """

    indices: set[int] = field(default_factory=set)
    records: int = 0
    pairs: int = 0
    told: list[int] = field(default_factory=list)


@dataclass(slots=True)
class CountedLog:
    """A log, counted.

    Attributes:
        root: Of its tree.
        entries: All of them.
        left: By day since the epoch and way; only what was not voided, and was formed before a given time.
        books: The ledger's totals as the log holds them, each with the time of its entry.
    """

    root: bytes
    entries: list[Entry]
    left: dict[tuple[int, Way], Left]
    books: list[tuple[int, dict[str, int]]]

    def kinds(self) -> Counter[str]:
        """Return how many entries there are of each kind."""
        return Counter(entry.kind.word for entry in self.entries)

    def of_flow(self, flow: str) -> list[Left]:
        """Return what left by a flow, of all days and ways."""
        return [left for (_, way), left in self.left.items() if way.flow == flow]

    def told(self, flow: str) -> dict[int, list[int]]:
        """Return, by day, the numbers of homes that its recipients were told."""
        days: dict[int, list[int]] = defaultdict(list)
        for (day, way), left in self.left.items():
            if way.flow == flow and left.told:
                days[day] += left.told
        return days

    def between(self, account: str, from_ms: int, until_ms: int) -> tuple[int, int]:
        """Return the least and the most that can have been entered in an account from one time to another, by the books."""
        before, after = self._around(account, from_ms), self._around(account, until_ms)
        return after[0] - before[1], after[1] - before[0]

    def _around(self, account: str, at_ms: int) -> tuple[int, int]:
        """Return an account's totals in the books before and after a time; they only grow where both are asked of a flow in."""
        earlier = [totals.get(account, 0) for time_ms, totals in self.books if time_ms < at_ms]
        later = [totals.get(account, 0) for time_ms, totals in self.books if time_ms >= at_ms]
        return (earlier or [0])[-1], (later or earlier or [0])[0]


def counted_log(log: Path, openings: Path, vkey: str, until_ms: int) -> CountedLog:
    """Count a published log; of what left, what was formed before a time."""
    reader, kept = LogReader(log), OpeningsReader(openings)
    checkpoint, _ = open_checkpoint(reader.checkpoint(), Anchors(Verifier.parse(vkey)))
    entries = list(_entries(reader, checkpoint.size))
    count = CountedLog(checkpoint.root, entries, defaultdict(Left), [])
    voided = {_void_of(kept, entry) for entry in entries if entry.kind is Kind.VOID}
    for entry in entries:
        if entry.kind is Kind.ACCOUNT:
            count.books.append((entry.time_ms, dict(AccountPayload.decode(_first(kept, entry)).totals)))
        elif entry.kind is Kind.RELEASE and entry.time_ms < until_ms and entry.sequence not in voided:
            _count(count, entry, _first(kept, entry))
    return count


def _entries(reader: LogReader, size: int) -> list[Entry]:
    found: list[Entry] = []
    for index in range(-(-size // TILE_WIDTH)):
        bundle = reader.bundle(index, min(TILE_WIDTH, size - index * TILE_WIDTH))
        found += [Entry.decode(data) for data in bundle.entries]
    return found


def _first(kept: OpeningsReader, entry: Entry) -> bytes:
    opening = kept.opening(entry.sequence, entry.commitment)
    assert opening is not None
    assert opening.first is not None
    return opening.first


def _void_of(kept: OpeningsReader, entry: Entry) -> int:
    return decode_void(_first(kept, entry)).release


def _count(count: CountedLog, entry: Entry, first: bytes) -> None:
    payload = decode_release(first)
    day = entry.time_ms // DAY_MS
    for record in payload.records:
        owner = CITY if record.owner == CITY else "resident"
        left = count.left[day, Way(record.flow, payload.recipient, owner, record.identity)]
        left.indices.add(entry.sequence)
        left.records += 1
        left.pairs += record.n
    for draw in payload.draws:
        if draw.records:
            left = count.left[day, Way(draw.flow, payload.recipient, "resident", "aggregate")]
            left.indices.add(entry.sequence)
            left.records += draw.records
            left.pairs += draw.n
            left.told += [draw.told] * draw.records
