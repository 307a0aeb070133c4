"""A gateway's memory without its edges, from which many tests are built: a town, its devices, frames, ticks, bundles.

``Gate`` stands where the application and the store stand: it keeps the clock, the outbox and what was committed, and takes a
bundle as its recipient does. Randomness is counted, so that a failing example fails again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from consent.core.consents.records import Consent, Status
from consent.core.decide import Owner
from consent.core.disclosure import TOP, Disclosure
from consent.core.lifecycle import steps
from consent.core.policies.archive import pack_files
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from gateway.audit.log.earlier_payloads import AnyReleasePayload, decode_release
from gateway.audit.log.notes import Signer
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import Contribution
from gateway.core import pipeline, recovery
from gateway.core.changes import changes, erasure, settling, subjects
from gateway.core.effects import Commit
from gateway.core.inflight import ReadyBundle
from gateway.core.mqtt.events import Frame
from gateway.core.plans import Device
from gateway.core.release.bundle import advance_watermark, bundle_acknowledged, bundle_sent, form_bundle
from gateway.core.release.formats.daily import DailySeals
from gateway.core.release.formats.port import BundleFormat
from gateway.core.release.records import epoch_day
from gateway.core.state import GatewayIdentity, State
from gateway.recipient.opening import OpenedBundle, open_bundle
from gateway.recipient.records import Record
from gateway.recipient.wire import MAX_BUNDLE_BYTES, Address
from tests.support.city import city

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
MIDNIGHT_MS = 1_772_409_600_000
"""2026-03-02T00:00:00Z, when most tests begin."""
LATENESS_MS = 15 * MINUTE_MS
ORIGIN = "test.example/gw"
RECIPIENT_KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))

_FIELDS = {"consumption": "kwh", "totalConsumption": "total", "LAeq": "db", "temperature": "temp"}
_BUILT = (
    city()
    .ceiling(identity="per-epoch", space="block")
    .district("north")
    .district("south")
    .zone("mill", "north")
    .zone("chapel", "north", neighbourhood="old")
    .zone("dock", "south")
    .measures("consumption", 0, 100)
    .measures("totalConsumption")
    .measures("LAeq", 20, 140)
    .measures("temperature")
    .purpose("energy", dpv="CombatClimateChange")
    .purpose("quiet")
    .purpose("streets", legal_basis="public-task")
    .recipient("office")
    .recipient("public", "Everyone", sealed=False)
    .flow(
        "hourly",
        "consumption",
        statistic="sum",
        purpose="energy",
        recipient="office",
        identity="aggregate",
        time="1h",
        space="district",
        precision={"consumption": 0.001},
        group=2,
        retention=365,
    )
    .flow(
        "daily",
        "consumption",
        why="To compare",
        statistic="sum",
        purpose="energy",
        recipient="office",
        identity="per-epoch",
        time="day",
        space="district",
        precision={"consumption": 0.01},
        retention=30,
    )
    .flow(
        "raw",
        "consumption",
        why="To test",
        purpose="energy",
        recipient="office",
        identity="per-record",
        time="exact",
        space="block",
        retention=7,
    )
    .flow(
        "register",
        "totalConsumption",
        why="To bill the grid",
        statistic="delta",
        purpose="energy",
        recipient="office",
        identity="aggregate",
        time="1h",
        space="district",
        group=2,
        retention=365,
    )
    .flow(
        "nights",
        "LAeq",
        why="To find loud streets",
        statistic="mean",
        purpose="quiet",
        recipient="office",
        identity="aggregate",
        time="1h",
        space="district",
        precision={"LAeq": 0.5},
        group=2,
        retention=365,
    )
    .flow(
        "street-noise",
        "LAeq",
        why="To warn",
        purpose="streets",
        recipient="public",
        identity="per-record",
        time="15min",
        space="block",
        retention=365,
    )
    .flow(
        "street-hourly",
        "LAeq",
        why="To publish",
        statistic="mean",
        purpose="streets",
        recipient="public",
        identity="aggregate",
        time="1h",
        space="city",
        precision={"LAeq": 1},
        group=10,
        retention=365,
    )
    .neighbourhood("old", "Old town", time="4h", space="city")
    .device("meter", _FIELDS, "unix-ms")
    .device("numbered", _FIELDS, "unix-ms", title="Meter", numbered=True)
    .device("sealed", _FIELDS, "unix-ms", title="Meter", authentication={"scheme": "mac0"})
    .device("timeless", _FIELDS, "", title="Meter")
    .device("shy", _FIELDS, "unix-ms", title="Meter", cap={"space": "none"})
)
TOWN = _BUILT.text()
FILES = _BUILT.other_files()
OLD = FILES["neighbourhoods/old.toml"]


def town(*changes: tuple[str, str], files: dict[str, str] | None = None) -> PolicySet:
    """Return the town's policies, with pieces of `city.toml` replaced, and files replaced or added."""
    text = TOWN
    for old, new in changes:
        assert old in text, f"the town has no {old!r}"
        text = text.replace(old, new, 1)
    return parse_policies({name: content.encode() for name, content in {"city.toml": text, **FILES, **(files or {})}.items()})


def only(*flows: str) -> PolicySet:
    """Return the town with some of its flows only."""
    tables = TOWN.split("\n[")
    text = "\n[".join(table for table in tables if not table.startswith("flow.") or table[5:].partition("]")[0] in flows)
    return parse_policies({name: content.encode() for name, content in {"city.toml": text, **FILES}.items()})


class CountedBytes:
    """Stands in for randomness: different each time, and the same in each run; of another seed, others."""

    def __init__(self, seed: int = 0) -> None:
        self._drawn = seed << 40

    def __call__(self, n: int) -> bytes:
        """Return ``n`` bytes."""
        self._drawn += 1
        seed = sha256(self._drawn.to_bytes(8, "big")).digest()
        return b"".join(sha256(seed + i.to_bytes(8, "big")).digest() for i in range(n // 32 + 1))[:n]


class Gate:
    """A gateway's state, and what its edges would hold.

    Attributes:
        state: The memory under test.
        now_ms: The clock; ``to`` sets it.
        outbox: Rows as the database would hold them: number → (recipient, content).
        openings: By log index.
        labels: The label files of releases, by log index.
        policy_sets: Every policy set that was in force, packed, by its SHA-256.
        batches: (marks, journal) of every commit since the last snapshot.
    """

    def __init__(
        self, policies: PolicySet | None = None, now_ms: int = MIDNIGHT_MS, *, sub_epoch: int = 1, seed: int = 0
    ) -> None:
        """Begin with policies in force, connected to a broker whose queue has run dry."""
        self.random_bytes = CountedBytes(seed)
        self.now_ms = now_ms
        self.state = State(
            GatewayIdentity(
                gateway="gw",
                signer=Signer(ORIGIN, bytes(32)),
                device_key=lambda device, generation: sha256(device + bytes([generation])).digest(),
                random_bytes=self.random_bytes,
                sub_epoch=sub_epoch,
            )
        )
        self.outbox: dict[int, tuple[str, bytes]] = {}
        self.openings: dict[int, Opening] = {}
        self.labels: dict[int, bytes] = {}
        self.policy_sets: dict[bytes, bytes] = {}
        self.snapshot = b""
        self.batches: list[tuple[bytes, bytes, list[bytes]]] = []
        self.later = 0  # from this batch on they are of a segment that has begun, until its snapshot is whole
        self._seals: dict[str, DailySeals] = {}
        self._topics = 0
        self.state.turn(now_ms)
        self.state.log.begin(now_ms)
        self.apply(policies or town())
        recovery.begin_segment(self.state)
        pipeline.session_opened(self.state, session_present=False, now_ms=now_ms)
        pipeline.queue_drained(self.state, now_ms)
        self.commit()

    # what changes who may see what

    def apply(self, policies: PolicySet) -> int:
        """Put policies in force, and bring them to everybody at once."""
        self._seal(policies)
        return changes.apply_policies(self.state, policies, {}, self.now_ms)

    def begin(self, policies: PolicySet) -> Iterator[None]:
        """Put policies in force, and return the pieces in which they reach everybody."""
        self._seal(policies)
        _, former = changes.begin_policies(self.state, policies, {}, self.now_ms)
        return settling.pieces(self.state, former, lambda: self.now_ms)

    def _seal(self, policies: PolicySet) -> None:
        keyed = {r.id: (RECIPIENT_KEY.public_key(),) if r.public_key_file else () for r in policies.recipients.values()}
        self._seals = {name: DailySeals(Address("gw", name, ORIGIN), key, self.random_bytes) for name, key in keyed.items()}

    def device(
        self, subject: bytes | None = None, profile: str = "meter", zone: str = "mill", owner: Owner | None = None
    ) -> Device:
        """Register a device: a resident's where it has a subject, the city's where it has none, unless it is said otherwise."""
        self._topics += 1
        whose = owner or (Owner.CITY if subject is None else Owner.RESIDENT)
        device = Device(self.random_bytes(16), f"t/{self._topics}", profile, zone, subject, 0, self.now_ms, whose)
        changes.add_device(self.state, device, self.now_ms)
        return device

    def home(self, *scopes: str, limits: Disclosure = TOP, profile: str = "meter", zone: str = "mill") -> Device:
        """Register a household with one device, and consents to some scopes."""
        subject = subjects.add_subject(self.state, self.now_ms).id
        device = self.device(subject, profile, zone)
        for scope in scopes:
            self.grant(device, scope, limits)
        return device

    def homes(self, count: int, *scopes: str, limits: Disclosure = TOP) -> list[Device]:
        """Register several households alike."""
        return [self.home(*scopes, limits=limits) for _ in range(count)]

    def grant(self, device: Device, scope: str, limits: Disclosure = TOP, expiry_ms: int | None = None) -> int:
        """Let a household consent; return the log index."""
        return self.say(steps.grant(self.speaker(device), self.state.policies, scope, limits, expiry_ms))

    def withdraw(self, device: Device, scope: str) -> int:
        """Let a household withdraw; return the log index."""
        return self.say(steps.withdraw(self.speaker(device), scope))

    def pause(self, device: Device, scope: str) -> int:
        """Let a household pause; return the last log index."""
        return self.say(*steps.pause(self.speaker(device), scope))

    def resume(self, device: Device, scope: str) -> int:
        """Let a household go on with what it paused; return the last log index."""
        return self.say(*steps.resume(self.speaker(device), self.state.policies, scope))

    def refuse(self, device: Device, scope: str) -> int:
        """Let a household refuse; return the log index."""
        return self.say(steps.refuse(self.speaker(device), self.state.policies, scope))

    def speaker(self, device: Device, resident: int = 0) -> steps.Actor:
        """Return one of a household's residents, about to say something."""
        assert device.subject is not None
        book = self.state.registry.book
        return steps.Actor(book, device.subject, book.residents(device.subject)[resident], self.now_ms, "operator")

    def status(self, device: Device, scope: str) -> Status:
        """Return how the word of a household's only resident about a scope stands."""
        (latest,) = [
            each.consent for each in self.state.registry.book.for_subject(device.contributor) if each.consent.scope == scope
        ]
        return latest.status

    def say(self, *consents: Consent) -> int:
        """Let records of consent count; return the last log index."""
        return changes.change_consents(self.state, consents, self.now_ms)[-1]

    def erase(self, device: Device) -> int:
        """Erase a household; return the log index."""
        self.commit()
        subject = device.subject or b""
        theirs = {index: opening.encode() for index, opening in self.openings.items() if _names(opening, subject)}
        releases = {index: data for index, data in theirs.items() if len(self.openings[index].parts) > 1}
        own = {index: data for index, data in theirs.items() if index not in releases}
        erased = erasure.erase(self.state, subject, erasure.Holdings(own, releases, [], self.now_ms), self.now_ms)
        self.commit()
        recovery.begin_segment(self.state)
        self.commit()
        return erased.index

    # what comes in

    def take(self, *frames: Frame) -> None:
        """Take a batch of frames, and commit it."""
        self.state.turn(self.now_ms)
        pipeline.take_frames(self.state, frames, self.now_ms)
        self.commit()

    def send(self, device: Device, t_ms: int | None = None, **fields: Any) -> None:
        """Take one reading of a device as a batch of its own."""
        self.take(reading(device, self.now_ms if t_ms is None else t_ms, **fields))

    def reconnect(self, *, session_present: bool) -> None:
        """Lose the broker, find it again, and let its queue run dry."""
        pipeline.session_opened(self.state, session_present, self.now_ms)
        pipeline.queue_drained(self.state, self.now_ms)

    # what leaves

    def to(self, now_ms: int) -> None:
        """Set the clock forward, and begin a tick: let consents run out and windows end."""
        self.now_ms = now_ms
        self.state.turn(now_ms)
        changes.expire(self.state, now_ms)
        advance_watermark(self.state, now_ms, LATENESS_MS)

    def form_of(self, recipient: str) -> BundleFormat:
        """Return the form of a recipient's bundles today."""
        return self._seals[recipient].on(epoch_day(self.now_ms))

    def form(self, recipient: str = "office") -> ReadyBundle | None:
        """Commit what there is; then form a bundle and commit it too. It stands ready to be sent."""
        self.commit()
        rows = [(number, content) for number, (whose, content) in sorted(self.outbox.items()) if whose == recipient]
        unsent = form_bundle(self.state, recipient, rows, self.now_ms, self.form_of(recipient))
        self.commit()
        assert unsent is None or len(unsent.content) <= MAX_BUNDLE_BYTES
        return unsent

    def deliver(self, unsent: ReadyBundle) -> OpenedBundle:
        """Hand a bundle over, let the broker upstream acknowledge it, and open it."""
        bundle_sent(self.state, unsent.recipient)
        self.commit()
        bundle_acknowledged(self.state, unsent.index)
        self.commit()
        return open_bundle(unsent.content, RECIPIENT_KEY, unsent.index)

    def bundle(self, recipient: str = "office") -> OpenedBundle | None:
        """Form and deliver the next bundle."""
        unsent = self.form(recipient)
        return None if unsent is None else self.deliver(unsent)

    def records(self, recipient: str = "office") -> list[Record]:
        """Deliver bundles until nothing more may leave now; return all records."""
        found: list[Record] = []
        while (bundle := self.bundle(recipient)) is not None:
            found += bundle.records
        return found

    def fold(self, fold: recovery.JournalReplay) -> None:
        """Fold in what is committed since the snapshot."""
        for number, (marks, journal, parts) in enumerate(self.batches):
            fold.batch(marks, journal, parts, is_of_later=number >= self.later)

    def commit(self) -> Commit:
        """Do what the store would do."""
        commit = self.state.take_commit()
        if commit.begins_segment:
            self.later = len(self.batches)
        if commit.snapshot is not None:
            self.snapshot, self.batches = commit.snapshot, self.batches[self.later :] if commit.parts else []
        self.batches.append((commit.marks, commit.journal, commit.parts))
        if not self.state.journal.is_beginning:
            self.later = len(self.batches)
        for number in commit.outbox_done:
            del self.outbox[number]
        for row in commit.outbox:
            assert row.number not in self.outbox
            self.outbox[row.number] = (row.recipient, row.content)
        for entry in commit.log:
            self.openings[entry.index] = Opening.decode(entry.opening.whole())
            if entry.labels is not None:
                self.labels[entry.index] = entry.labels
        for shorter in commit.openings:
            self.openings[shorter.index] = Opening.decode(shorter.opening.whole())
        for put in commit.policies:
            self.policy_sets[put.sha256] = pack_files(msgspec.msgpack.decode(put.content, type=changes.StoredPolicies).files)
        self.state.public.show()
        return commit

    # what may be asked

    def count(self, account: str) -> int:
        """Return an account's total over all its reasons; the books must balance."""
        assert self.state.ledger.imbalances() == []
        return self.state.ledger.sum(account)

    def stood_in(self, index: int) -> set[bytes]:
        """Return the subjects that a release's opening names."""
        return {contribution.subject for contribution in self.contributions(index)}

    def contributions(self, index: int) -> list[Contribution]:
        """Return the parts of a release's opening that speak of subjects."""
        return [Contribution.decode(_data(part)) for part in self.openings[index].parts[1:]]

    def release_payload(self, index: int) -> AnyReleasePayload:
        """Return the part of a release's opening that speaks of the bundle."""
        return decode_release(_data(self.openings[index].parts[0]))


def _names(opening: Opening, subject: bytes) -> bool:
    return any(not isinstance(part, bytes) and subject in part.data for part in opening.parts)


def _data(part: Any) -> bytes:
    assert not isinstance(part, bytes)
    data: bytes = part.data
    return data


def frame(topic: str, payload: bytes, packet_id: int = 0, *, duplicate: bool = False) -> Frame:
    """Return a frame as the session hands it on."""
    return Frame(topic, payload, packet_id, duplicate, retain=False, generation=1)


def reading(device: Device, t_ms: int, packet_id: int = 0, *, duplicate: bool = False, **fields: Any) -> Frame:
    """Return a frame with one reading, such as ``kwh=0.5``."""
    return frame(device.topic, json.dumps({"t": t_ms, **fields}).encode(), packet_id, duplicate=duplicate)


def hour_with(gate: Gate, homes: list[Device], kwh: float = 1.0) -> None:
    """Let some homes report once, and the hour and its lateness pass."""
    gate.take(*(reading(home, gate.now_ms + MINUTE_MS, kwh=kwh) for home in homes))
    gate.to(gate.now_ms + HOUR_MS + LATENESS_MS)


def whole(bundle: OpenedBundle | None) -> OpenedBundle:
    """Return a bundle that must be there."""
    assert bundle is not None
    return bundle


def limited(**axes: object) -> Disclosure:
    """Return limits that bound only the axes given."""
    return replace(TOP, **axes)  # type: ignore[arg-type]


def result_of(records: Iterable[Record], flow: str) -> list[float | int]:
    """Return the results of a flow's records."""
    return [record.result for record in records if record.flow == flow]
