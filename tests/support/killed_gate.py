"""A gateway without edges that can be killed: it keeps what a database would, and is made anew from that, as at a start.

The rows are those of ``gateway.core.effects``; what is done with them at a start follows ``gateway.durable.state``.
"""

from __future__ import annotations

from collections import Counter
from copy import copy
from dataclasses import replace
from typing import Any

import msgspec

from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from gateway.audit.log.earlier_payloads import decode_release
from gateway.audit.log.entries import Entry
from gateway.audit.log.openings import Opening, Part
from gateway.audit.log.payloads import AccountPayload, VoidPayload
from gateway.audit.verify.recount import Recount
from gateway.core import recovery
from gateway.core.changes import changes
from gateway.core.effects import Commit, ConsentRow
from gateway.core.inflight import ReadyBundle
from gateway.core.plans import InForce
from gateway.core.registry import Subject, decode_device
from gateway.core.release.bundle import bundle_acknowledged, bundle_sent, form_bundle
from gateway.core.release.records import epoch_day, read_row
from gateway.core.state import State, decode_ledger
from gateway.core.windows.windows import Windows
from gateway.recipient.opening import open_bundle
from gateway.recipient.records import Record
from tests.support.compiled import compile_all
from tests.support.gate import RECIPIENT_KEY, Gate
from tests.support.refolded import rows_of

WITHHELD_ON_THE_WAY = (
    "pairs.late",
    "pairs.duplicate",
    "pairs.withheld.partial",
    "pairs.withheld.expired",
    "pairs.withheld.reset",
)


class KilledGate(Gate):
    """A gateway with a database to be made anew from.

    Attributes:
        told: Every bundle of which a byte has left, by log index: its recipient, and its records without what is random in them
            and in their order.
    """

    def __init__(self, policies: PolicySet) -> None:
        self.entries: list[tuple[str, bytes, bytes]] = []
        self.told: dict[int, tuple[str, tuple[Record, ...]]] = {}
        self._told_bytes: dict[int, bytes] = {}
        self._bundles: dict[int, tuple[str, bytes]] = {}
        self._subjects: dict[bytes, bytes] = {}
        self._devices: dict[bytes, bytes] = {}
        self._consents: list[ConsentRow] = []
        self._policy = (0, b"")
        self._ledger = b""
        super().__init__(policies)

    def commit(self) -> Commit:
        """Write what the store writes."""
        commit = super().commit()
        self.entries += [(row.kind, row.content, row.opening.whole()) for row in commit.log]
        self._ledger = commit.ledger
        self._subjects |= {row.id: row.content for row in commit.subjects if row.content is not None}
        self._consents += commit.consents
        for row in commit.devices:
            if row.content is None:
                self._devices.pop(row.place)
            else:
                self._devices[row.place] = row.content
        for policy in commit.policies:
            self._policy = (policy.index, policy.content)
        self._bundles |= {bundle.index: (bundle.recipient, bundle.content) for bundle in commit.bundles}
        for index in commit.bundles_done:
            self._bundles.pop(index)
        return commit

    def crash(self) -> None:
        """Forget everything that is not written, and begin again as a process does."""
        state = self.state = State(replace(self.state.identity, sub_epoch=self.state.identity.sub_epoch + 1))
        for _, content, _ in self.entries:
            state.log.chain.advance(Entry.decode(content))
            state.log.writer.append(content)
        for row in self._subjects.values():
            state.registry.know_subject(msgspec.msgpack.decode(row, type=Subject))
        for said in self._consents:
            state.registry.book.know(said.content, said.index)
        for row in self._devices.values():
            state.registry.know_device(decode_device(row))
        state.ledger = decode_ledger(self._ledger)
        index, content = self._policy
        policy = msgspec.msgpack.decode(content, type=changes.StoredPolicies)
        changes.put_in_force(state, InForce(parse_policies(policy.files), index, policy.flow_since_ms))
        fold = recovery.restore(state, self.snapshot)
        self.fold(fold)
        fold.end()
        changes.expect_expiry(state)
        compile_all(state, self.now_ms)
        state.outbox.resume(Counter(recipient for recipient, _ in self.outbox.values()), max(self.outbox, default=0) + 1)
        for index, (recipient, content) in self._bundles.items():
            state.inflight.resume(index, recipient)
            self._tell(index, recipient, content)
        state.ledger.move("bundles.ready", "bundles.sent", state.ledger.totals.get("bundles.ready", 0))
        recovery.begin_segment(state)
        state.log.checkpoint(state.ledger, self.now_ms)
        self.commit()

    # the steps of a history; none of them commits

    def form_next(self, recipient: str) -> ReadyBundle | None:
        """Form a bundle, if the recipient has none under way."""
        state = self.state
        busy = state.inflight.has(recipient)
        if busy:
            return None
        rows = [(number, content) for number, (whose, content) in sorted(self.outbox.items()) if whose == recipient]
        seal = self._seals[recipient].on(epoch_day(self.now_ms))
        return form_bundle(state, recipient, rows, self.now_ms, seal)

    def hand_over(self) -> None:
        """Let the sinks take what stands ready."""
        for recipient, unsent in list(self.state.inflight.ready.items()):
            bundle_sent(self.state, recipient)
            self._tell(unsent.index, recipient, unsent.content)

    def _tell(self, index: int, recipient: str, content: bytes) -> None:
        assert self._told_bytes.setdefault(index, content) == content, "sent again unchanged"
        records = open_bundle(content, RECIPIENT_KEY, index).records
        told = (msgspec.structs.replace(record, id=None, pseudonym=None, epoch=None) for record in records)
        self.told[index] = recipient, tuple(sorted(told, key=repr))

    def acknowledge(self) -> None:
        """Let the brokers upstream acknowledge all that was sent."""
        for index in list(self.state.inflight.sent):
            bundle_acknowledged(self.state, index)

    # what is compared

    def standing(self) -> Any:
        """Return windows, tables, registers, sequence numbers and the outbox, without their order and what is random in them."""
        watermark_ms, whole_since_ms, windows, series, counters, _, missed = self._current().state()
        members = {(tuple(cohort), start_ms): {key: repr(row) for key, row in rows} for cohort, start_ms, _, rows in windows}
        baselines = {(tuple(cohort), contributor, meter, *last) for cohort, contributor, meter, *last in series}
        numbers = {device: memory.sequences.to_state() for device, memory in self.state.memories.items()}
        outbox = [[replace(w, record_id=b"") for w in read_row(content)] for _, (_, content) in sorted(self.outbox.items())]
        open_ = watermark_ms, whole_since_ms, members, rows_of(self.state), baselines, sorted(map(repr, counters)), missed
        return *open_, {d: n for d, n in numbers.items() if n}, outbox, self.books()

    def _current(self) -> Windows:
        """Return the windows without spans missed that no longer matter; a crash forgets these sooner."""
        windows = copy(self.state.windows)
        windows.forget_missed()
        return windows

    def books(self) -> dict[str, int]:
        """Return the accounts. Why a reading that comes twice is withheld may differ: as late, or as it was the first time."""
        totals = Counter({name: n for name, n in self.state.ledger.totals.items() if name not in WITHHELD_ON_THE_WAY})
        totals["pairs on the way"] = sum(self.state.ledger.totals.get(name, 0) for name in WITHHELD_ON_THE_WAY)
        return {name: n for name, n in totals.items() if n}

    def seen(self) -> set[tuple[bytes, str, int]]:
        """Return which times are remembered of which property of the devices that do not number their messages."""
        unnumbered = [plan for plan in self.state.devices.values() if not plan.needs_sequence]
        return {(plan.device.id, name, t_ms) for plan in unnumbered for name, times in plan.memory.seen.items() for t_ms in times}

    def audited(self) -> list[str]:
        """Return what an auditor finds wrong with the accounts; a bundle that was voided must never have been sent."""
        recount, found, totals = Recount(), self.state.ledger.imbalances(), self.state.ledger.totals
        if totals.get("pairs.waiting", 0) != sum(len(read_row(content)) for _, content in self.outbox.values()):
            found.append("pairs.waiting is not what lies in the outbox")
        in_tables = sum(table.pairs() for table in self.state.windows.tables.values())
        if totals.get("pairs.open", 0) != in_tables + sum(window.pairs() for window in self.state.windows):
            found.append("pairs.open is not what stands in windows and tables")
        for index, (kind, _, opening) in enumerate(self.entries):
            if kind == "release":
                recount.release(index, decode_release(first_part(opening)))
            elif kind == "void":
                payload = VoidPayload.decode(first_part(opening))
                found += recount.void(payload)
                found += ["a voided bundle has left"] * (payload.release in self.told)
            elif kind == "account":
                found += recount.account(AccountPayload.decode(first_part(opening)))
        return found


def first_part(opening: bytes) -> bytes:
    """Return the data of an opening's first part."""
    part = Opening.decode(opening).parts[0]
    assert isinstance(part, Part)
    return part.data
