"""A crash at any moment changes nothing: two gateways live through the same history, one of them is killed again and again.

After every crash the killed one is made anew from what was committed, as at a start of the process. Its windows, memories, books and
outbox must then be the other's, and so must every bundle that either forms later. What was not committed never happened: its frames
come again, with those that were committed and not yet acknowledged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.core.disclosure import Time
from consent.core.policy import PolicySet
from consent.core.policy_text import parse_policies
from consent.core.records import decode as decode_consent
from consent.errors import ConsentError
from gateway.audit.entries import Entry
from gateway.audit.openings import Opening, Part
from gateway.audit.payloads import AccountPayload, ReleasePayload, VoidPayload
from gateway.audit.recount import Recount
from gateway.core import changes, pipeline, recovery, release
from gateway.core.effects import Commit
from gateway.core.mqtt_events import Frame
from gateway.core.plans import Device, InForce
from gateway.core.records import epoch_day, read_row
from gateway.core.state import Handed, State, Unsent, decode_ledger
from gateway.recipient.opening import open_bundle
from gateway.recipient.records import Record
from tests.unit.core.building import DAY_MS, HOUR_MS, MINUTE_MS, RECIPIENT_KEY, Gate, limited, only, reading, town

FLOWS = ("hourly", "daily", "raw", "register", "nights", "street-noise", "street-hourly")
RECIPIENTS = ("office", "public")
SCOPES = ("purpose:energy", "purpose:quiet", "raw")
POLICIES = (only(*FLOWS), only("hourly", "raw", "street-noise"), town(("share = 1.0", "share = 0.9")))
LEVELS = (limited(), limited(time=Time.HOUR_4))
WITHHELD_ON_THE_WAY = ("pairs.late", "pairs.duplicate", "pairs.withheld.partial", "pairs.withheld.expired", "pairs.withheld.reset")


class KilledGate(Gate):
    """A gateway with a database to be made anew from.

    Attributes:
        told: Every bundle of which a byte has left, by log index: its recipient, and its records without what is random in them.
    """

    def __init__(self, policies: PolicySet) -> None:
        self.entries: list[tuple[str, bytes, bytes]] = []
        self.told: dict[int, tuple[str, tuple[Record, ...]]] = {}
        self._told_bytes: dict[int, bytes] = {}
        self._bundles: dict[int, tuple[str, bytes]] = {}
        self._subjects: dict[bytes, bytes] = {}
        self._devices: dict[bytes, bytes] = {}
        self._consents: list[tuple[int, bytes]] = []
        self._policy = (0, b"")
        self._ledger = b""
        super().__init__(policies)

    def commit(self) -> Commit:
        """Write what the store writes."""
        commit = super().commit()
        self.entries += [(row.kind, row.content, row.opening) for row in commit.log]
        self._ledger = commit.ledger
        self._subjects |= commit.subjects
        self._consents += commit.consents
        for topic, row in commit.devices:
            if row is None:
                self._devices.pop(topic)
            else:
                self._devices[topic] = row
        for index, _, content in commit.policies:
            self._policy = (index, content)
        self._bundles |= {bundle.index: (bundle.recipient, bundle.content) for bundle in commit.bundles}
        for index in commit.bundles_done:
            self._bundles.pop(index)
        return commit

    def crash(self) -> None:
        """Forget everything that is not written, and begin again as a process does."""
        state = self.state = State(replace(self.state.identity, start=self.state.identity.start + 1))
        for _, content, _ in self.entries:
            state.chain.advance(Entry.decode(content))
            state.log.append(content)
        for row in self._subjects.values():
            changes.know_subject(state, msgspec.msgpack.decode(row, type=changes.Subject))
        for index, data in self._consents:
            state.book.apply(decode_consent(data), index)
        for row in self._devices.values():
            device = msgspec.msgpack.decode(row, type=Device)
            state.registry[device.topic] = device
        state.ledger = decode_ledger(self._ledger)
        index, content = self._policy
        policy = msgspec.msgpack.decode(content, type=changes.PolicyRow)
        changes.put_in_force(state, InForce(parse_policies(policy.files), index, policy.flow_since_ms))
        fold = recovery.restore(state, self.snapshot)
        for batch in self.batches:
            fold.batch(*batch)
        changes.compile_all(state, self.now_ms)
        state.next_outbox_number = max(self.outbox, default=0) + 1
        state.waiting = dict(Counter(recipient for recipient, _ in self.outbox.values()))
        for index, (recipient, content) in self._bundles.items():
            state.handed[index] = Handed(recipient, None)
            self._tell(index, recipient, content)
        state.ledger.move("bundles.ready", "bundles.sent", state.ledger.totals.get("bundles.ready", 0))
        recovery.begin_segment(state)
        changes.checkpoint(state, self.now_ms)
        self.commit()

    # the steps of a history; none of them commits

    def form_next(self, recipient: str) -> Unsent | None:
        """Form a bundle, if the recipient has none under way."""
        state = self.state
        busy = recipient in state.unsent or recipient in {handed.recipient for handed in state.handed.values()}
        if busy:
            return None
        rows = [(number, content) for number, (whose, content) in sorted(self.outbox.items()) if whose == recipient]
        seal = self._seals[recipient].on(epoch_day(self.now_ms))
        return release.form_bundle(state, recipient, rows, self.now_ms, seal)

    def hand_over(self) -> None:
        """Let the sinks take what stands ready."""
        for recipient, unsent in list(self.state.unsent.items()):
            release.handed_over(self.state, recipient)
            self._tell(unsent.index, recipient, unsent.content)

    def _tell(self, index: int, recipient: str, content: bytes) -> None:
        assert self._told_bytes.setdefault(index, content) == content, "sent again unchanged"
        records = open_bundle(content, RECIPIENT_KEY, index).records
        self.told[index] = recipient, tuple(msgspec.structs.replace(r, id=None, pseudonym=None, epoch=None) for r in records)

    def acknowledge(self) -> None:
        """Let the brokers upstream acknowledge all that was handed over."""
        for index in list(self.state.handed):
            release.acknowledged(self.state, index)

    # what is compared

    def standing(self) -> Any:
        """Return windows, baselines, sequence numbers and the outbox, without their order and what is random in them."""
        watermark_ms, whole_since_ms, windows, series = self.state.windows.state()
        members = {(tuple(cohort), start_ms): {key: repr(row) for key, row in rows} for cohort, start_ms, _, rows in windows}
        baselines = {(tuple(cohort), contributor, meter, *last) for cohort, contributor, meter, *last in series}
        numbers = {device: memory.sequences.to_state() for device, memory in self.state.memories.items()}
        outbox = [[replace(w, record_id=b"") for w in read_row(content)] for _, (_, content) in sorted(self.outbox.items())]
        return watermark_ms, whole_since_ms, members, baselines, {d: n for d, n in numbers.items() if n}, outbox, self.books()

    def books(self) -> dict[str, int]:
        """Return the accounts. Why a reading is withheld that comes twice may differ: as late, or for what it was the first time."""
        totals = Counter({name: n for name, n in self.state.ledger.totals.items() if name not in WITHHELD_ON_THE_WAY})
        totals["pairs on the way"] = sum(self.state.ledger.totals.get(name, 0) for name in WITHHELD_ON_THE_WAY)
        return {name: n for name, n in totals.items() if n}

    def seen(self) -> set[tuple[bytes, str, int]]:
        """Return which times are remembered of which property of the devices that do not number their messages."""
        unnumbered = [plan for plan in self.state.devices.values() if not plan.needs_sequence]
        return {(plan.device.id, name, t_ms) for plan in unnumbered for name, times in plan.memory.seen.items() for t_ms in times}

    def audited(self) -> list[str]:
        """Return what an auditor finds wrong with the accounts; a bundle that was taken back must never have left."""
        recount, found, totals = Recount(), self.state.ledger.imbalances(), self.state.ledger.totals
        if totals.get("pairs.waiting", 0) != sum(len(read_row(content)) for _, content in self.outbox.values()):
            found.append("pairs.waiting is not what lies in the outbox")
        if totals.get("pairs.open", 0) != sum(window.pairs() for window in self.state.windows):
            found.append("pairs.open is not what stands in windows")
        for index, (kind, _, opening) in enumerate(self.entries):
            if kind == "release":
                recount.release(index, ReleasePayload.decode(first_part(opening)))
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


class Twins:
    """Two gateways with one history; the second is killed now and then."""

    def __init__(self) -> None:
        self.spared, self.killed = KilledGate(POLICIES[0]), KilledGate(POLICIES[0])
        self.devices = [self._settle(gate) for gate in (self.spared, self.killed)][0]
        self._homes = self.devices[:4]
        self._packets = 0

    @staticmethod
    def _settle(gate: KilledGate) -> list[Device]:
        """Register four households, three of which consent to all, and two devices of the city's own."""
        devices = [gate.home(*(SCOPES if n < 3 else ()), profile=("meter", "numbered")[n % 2]) for n in range(4)]
        devices += [gate.device(profile="numbered"), gate.device(profile="meter", zone="chapel")]
        gate.commit()
        return devices

    def play(self, step: Sequence[Any], crash: str) -> None:
        """Take a step, and perhaps a crash."""
        name, *arguments = step
        prepare = {"readings": self._frames, "tick": self._later, "device": self._new_device}.get(name)
        if prepare is not None:
            arguments = [prepare(*arguments)]
        if crash == "crash before the commit":
            take_step(self.killed, name, arguments, self)
            self.crash()
            arguments = [again(arguments[0])] if name == "readings" else arguments
        refusals = {take_step(gate, name, arguments, self) for gate in (self.spared, self.killed)}
        assert len(refusals) == 1
        for gate in (self.spared, self.killed):
            gate.commit()
        if crash == "crash after the commit":
            self.crash()
            if name == "readings":  # the broker has not heard of them
                for gate in (self.spared, self.killed):
                    gate.take(*again(arguments[0]))

    def crash(self) -> None:
        """Kill one, and let the other live through what the world sees of it."""
        changes.expire(self.spared.state, self.spared.now_ms)
        self.spared.hand_over()  # what was formed counts as handed over
        changes.checkpoint(self.spared.state, self.spared.now_ms)
        self.spared.commit()
        self.killed.now_ms = self.spared.now_ms
        self.killed.crash()
        self.killed.state.windows.advance(self.spared.state.windows.watermark_ms)  # as the next tick will
        for gate in (self.spared, self.killed):
            gate.reconnect(session_present=True)
        self.compare()

    def finish(self) -> None:
        """Let all windows end and everything leave."""
        for gate in (self.spared, self.killed):
            gate.hand_over()
            gate.acknowledge()
            gate.to(self.spared.now_ms if gate is self.killed else gate.now_ms + 3 * DAY_MS)
            gate.commit()
            for recipient in RECIPIENTS:
                while gate.form_next(recipient) is not None:
                    gate.commit()
                    gate.hand_over()
                    gate.acknowledge()
                    gate.commit()
            changes.checkpoint(gate.state, gate.now_ms)
            gate.commit()
        self.compare()

    def compare(self) -> None:
        """Fail unless both hold the same, have told the same, and keep true books."""
        assert self.killed.standing() == self.spared.standing()
        assert self.killed.seen() <= self.spared.seen()
        assert self.killed.told == self.spared.told
        assert self.killed.audited() == self.spared.audited() == []

    def _frames(self, offset_ms: int, count: int, kwh: int, falls: bool) -> list[Frame]:
        """Return a round of readings, one of each of the first devices."""
        frames = []
        for place, device in enumerate(self.devices[:count]):
            self._packets += 1
            fields = {"kwh": kwh + place, "total": self._packets - 50 * falls, "db": 40 + place * kwh, "seq": self._packets, "boot": 1}
            frames.append(reading(device, self.spared.now_ms + offset_ms, self._packets, **fields))
        return frames

    def _later(self, minutes: int) -> int:
        return self.spared.now_ms + minutes * MINUTE_MS

    def _new_device(self, home: int) -> Device:
        topic = f"t/more/{len(self.devices)}"
        subject = self._homes[home].subject
        device = Device(sha256(topic.encode()).digest()[:16], topic, "numbered", "mill", subject, 0, self.spared.now_ms)
        self.devices.append(device)
        return device

    def home(self, number: int) -> Device:
        """Return a household's first device."""
        return self._homes[number]


def take_step(gate: KilledGate, name: str, arguments: Sequence[Any], twins: Twins) -> str:
    """Take a step without committing it; return why it was refused, if it was."""
    state = gate.state
    try:
        match name, *arguments:
            case "readings", frames:
                pipeline.take_frames(state, frames, gate.now_ms)
            case "tick", to_ms:
                gate.to(to_ms)
            case "form", recipient:
                gate.form_next(recipient)
            case "grant", home, scope, level, hours:
                expiry_ms = gate.now_ms + hours * HOUR_MS if hours else None
                gate.grant(twins.home(home), scope, LEVELS[level], expiry_ms)
            case "withdraw", home, scope:
                gate.withdraw(twins.home(home), scope)
            case "policies", number:
                gate.apply(POLICIES[number])
            case "device", device:
                changes.add_device(state, device, gate.now_ms)
            case "revoke", at:
                if (topic := twins.devices[at % len(twins.devices)].topic) in state.registry:
                    changes.revoke_device(state, topic, gate.now_ms)
            case "segment",:
                if not state.unsent:
                    recovery.begin_segment(state)
            case _:
                {
                    "hand over": gate.hand_over,
                    "acknowledge": gate.acknowledge,
                    "account": lambda: changes.checkpoint(state, gate.now_ms),
                    "session lost": lambda: gate.reconnect(session_present=False),
                }[name]()
    except ConsentError as refusal:
        return str(refusal)
    return ""


def again(frames: Sequence[Frame]) -> list[Frame]:
    """Return frames as the broker sends them again."""
    return [msgspec.structs.replace(frame, duplicate=True) for frame in frames]


# histories with plain arguments, so that a failing one can be read

OFFSETS = st.integers(-12, 12).map(lambda tens: 10 * tens * MINUTE_MS)
READINGS = st.tuples(st.just("readings"), OFFSETS, st.integers(2, 8), st.integers(0, 5), st.sampled_from([False, False, False, True]))
TICK = st.tuples(st.just("tick"), st.sampled_from([1, 20, 60, 90, 150, 600]))
FORM = st.tuples(st.just("form"), st.sampled_from(RECIPIENTS))
ACKNOWLEDGE = st.just(("acknowledge",))
CONSENTS = st.one_of(
    st.tuples(st.just("grant"), st.integers(0, 3), st.sampled_from(SCOPES), st.integers(0, 1), st.integers(0, 30)),
    st.tuples(st.just("withdraw"), st.integers(0, 3), st.sampled_from(SCOPES)),
)
CHANGES = st.one_of(
    st.tuples(st.just("policies"), st.integers(0, len(POLICIES) - 1)),
    st.tuples(st.just("device"), st.integers(0, 3)),
    st.tuples(st.just("revoke"), st.integers(0, 7)),
    st.sampled_from([("segment",), ("account",), ("session lost",), ("hand over",)]),
)
STEP = st.one_of(READINGS, READINGS, READINGS, TICK, TICK, FORM, FORM, FORM, ACKNOWLEDGE, CONSENTS, CHANGES)
CRASH = st.sampled_from([*["no crash"] * 6, "crash before the commit", "crash after the commit"])
HISTORY = st.lists(st.tuples(STEP, CRASH), min_size=20, max_size=60)


@settings(max_examples=60, deadline=None)
@given(HISTORY)
def test_killed_at_any_step_ends_where_the_spared_one_does(history: list[tuple[Any, str]]) -> None:
    """Windows, memories, books, outbox and every bundle are the same with crashes and without, and an auditor finds no fault."""
    twins = Twins()
    for step, crash in history:
        twins.play(step, crash)
    twins.finish()
