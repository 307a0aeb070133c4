"""The registry: subjects with their residents and messages, consents, claim codes, and devices.

Part of the state. Only ``gateway.core.changes`` changes it while the gateway runs; ``gateway.core.restoration`` does after a
backup, and start-up restores it. Each change adds its rows to the commit under way. The plans are compiled from it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from hashlib import sha256
from sys import intern
from typing import Literal, NamedTuple

import msgspec

from consent.core.consents.book import Book
from consent.core.consents.records import Consent
from consent.core.decide import Owner
from consent.core.lifecycle.notifications import MessageKind
from gateway.core.effects import ClaimRow, Commit, ConsentRow, DeviceRow, SubjectRow
from gateway.core.plans import Device, Place

MESSAGES_KEPT = 20
"""How many messages are kept for a subject: the latest."""
ANSWERED_KEPT = 8
"""How many requests are remembered of a subject: the latest."""
SESSIONS_KEPT = 8
"""How many sessions a resident may have: a new one ends the oldest."""
PASSKEYS_KEPT = 10
"""How many passkeys a resident may have."""


class Passkey(msgspec.Struct, frozen=True, array_like=True):
    """A passkey of a resident.

    Attributes:
        credential: Its id, as the browser knows it.
        public_key: COSE_Key, as the authenticator gave it.
        sign_count: The highest that it has stated; of one that counts it only rises.
        how: How it came to be; see ``consent.citizen_messages.Enrolment``.
        since_ms: When it was enrolled.
        entry: Log index of the entry that says so.
        yes_from_ms: Before this it proves nothing that tells more.
        used_ms: When it last answered; 0: never.
    """

    credential: bytes
    public_key: bytes
    sign_count: int
    how: str
    since_ms: int
    entry: int
    yes_from_ms: int = 0
    used_ms: int = 0

    @property
    def key_sha256(self) -> bytes:
        """Return by what the log names it: the SHA-256 of its public key."""
        return sha256(self.public_key).digest()


class Session(msgspec.Struct, frozen=True, array_like=True):
    """A session of a resident; its times are real Unix times, whatever the gateway's clock shows.

    Attributes:
        token_hash: SHA-256 of its token, cut to 16 bytes; its name too.
        credential: The passkey that opened it; empty where the paper code did.
    """

    token_hash: bytes
    credential: bytes
    since_ms: int
    ends_ms: int


class Paper(msgspec.Struct, frozen=True, array_like=True):
    """A resident's paper code: its SHA-256, when it was made, and the log index of the entry that says so."""

    code_hash: bytes
    since_ms: int
    entry: int


class KeptAnswer(msgspec.Struct, frozen=True, array_like=True):
    """A request that a resident made under an id, and what it was answered: JSON, of the method's answer."""

    request: bytes
    resident: bytes
    method: str
    time_ms: int
    answer: bytes


class Resident(msgspec.Struct, frozen=True, array_like=True):
    """A person with a say in a subject.

    Attributes:
        id: 16 random bytes.
        since_ms: When they joined.
        claimed_ms: When they last claimed it; 0: never, or no longer.
        user_handle: What passkeys hold of them: 16 random bytes; empty before there is one.
    """

    id: bytes
    since_ms: int
    claimed_ms: int = 0
    user_handle: bytes = b""
    passkeys: tuple[Passkey, ...] = ()
    paper: Paper | None = None
    sessions: tuple[Session, ...] = ()


class Message(msgspec.Struct, frozen=True, array_like=True):
    """A notification to a subject; see ``consent.core.lifecycle.notifications``."""

    time_ms: int
    kind: str
    scope: str


class Subject(msgspec.Struct, frozen=True, array_like=True):
    """A household, or a person who carries a device.

    Attributes:
        id: 16 random bytes.
        secret: 32 random bytes; deleting them is the erasure.
        residents: All of them must permit a flow.
        since_ms: When the residents last changed; 0: never.
        label_generation: Counts departures: each one replaces the key by which the subject finds its releases.
        messages: The latest notifications.
        key_entries: Log indices of the entries that record its residents.
        enrolment_entries: Log indices of the entries that record their credentials.
        answered: The latest requests that its residents made under an id.
        ended_keys: SHA-256 of the public keys of its residents' passkeys that have ended: none is enrolled again.
    """

    id: bytes
    secret: bytes
    residents: tuple[Resident, ...]
    since_ms: int = 0
    label_generation: int = 0
    messages: tuple[Message, ...] = ()
    key_entries: tuple[int, ...] = ()
    enrolment_entries: tuple[int, ...] = ()
    answered: tuple[KeptAnswer, ...] = ()
    ended_keys: tuple[bytes, ...] = ()


class Claim(msgspec.Struct, frozen=True, array_like=True):
    """What a claim code allows its bearer to do; see ``gateway.core.changes.subjects``.

    Attributes:
        how: `letter`, `invitation` or `counter`: how a credential that it makes came to be.
        proof: Of an invitation: the encoded ``Proof`` of who made it.
    """

    code_hash: bytes
    subject: bytes
    resident: bytes
    device: bytes
    expires_ms: int
    how: str = "letter"
    proof: bytes = b""


class Holder(NamedTuple):
    """Whose a credential or session is."""

    subject: bytes
    resident: bytes


_NOBODY: Mapping[bytes, Subject] = {}

HeldBy = Literal["passkey", "key", "session", "paper"]
"""By what a resident is found: a passkey's id, the hash of its public key, a session's name, the hash of a paper code."""


def decode_device(content: bytes, subjects: Mapping[bytes, Subject] = _NOBODY) -> Device:
    """Return the device of a stored row.

    A row of a version that knew no owners is read as it was meant: a subject's device as a resident's, any other as the city's.
    One of a version that knew no hubs is of a device that stands behind none.

    Args:
        content: The row.
        subjects: By their ids; what is known there, and words that many rows have in common, are held once.
    """
    row = msgspec.msgpack.decode(content)
    if "owner" not in row:
        row |= {"owner": Owner.CITY if row["subject"] is None else Owner.RESIDENT, "owner_assumed": True}
    if row["subject"] in subjects:
        row["subject"] = subjects[row["subject"]].id
    row["profile"], row["zone"] = intern(row["profile"]), intern(row["zone"])
    return msgspec.convert(row, Device)


def row_key(place: Place) -> bytes:
    """Return the key by whose hash a device's row is found; that of a device behind no hub is its topic, as it always was.

    No topic holds the null character that stands before the id, so no two places share a key.
    """
    topic, hub_id = place
    return (f"{topic}\0{hub_id}" if hub_id else topic).encode()


class Registry:
    """Subjects and their residents, their consents and claim codes, and the devices.

    Attributes:
        commit: The commit under way; the state replaces it.
        book: The consents that hold; changed by its own methods.
        claims: Claim codes that can still be used, by their hash.
        devices: Every device, by its place: topic, and id behind a hub.
        holders: Whose each credential and session is, by its kind (``HeldBy``) and what names it; also that of a public key whose
            passkey has ended. ``holder_of`` reads it.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.commit = Commit()
        self.book = Book()
        self.subjects: dict[bytes, Subject] = {}
        self.claims: dict[bytes, Claim] = {}
        self.devices: dict[Place, Device] = {}
        self.holders: dict[bytes, Holder] = {}
        self._by_contributor: dict[bytes, tuple[Device, ...]] = {}
        self._without_topic: dict[Place, Device] = {}

    # changes: each row goes into the commit

    def keep_subject(self, subject: Subject) -> None:
        """Enter a subject in its present state, and have it stored."""
        self.know_subject(subject)
        self.commit.subjects.append(SubjectRow(subject.id, msgspec.msgpack.encode(subject)))

    def drop_subject(self, subject_id: bytes) -> None:
        """Delete a subject, and with it its secret and its residents' consents."""
        self._forget_keys(self.subjects.pop(subject_id))
        self.book.remove_subject(subject_id)
        self.commit.subjects.append(SubjectRow(subject_id, None))

    def tell(self, subject_id: bytes, kind: MessageKind, now_ms: int, scope: str = "") -> None:
        """Leave a message for a subject."""
        subject = self.subjects[subject_id]
        messages = (*subject.messages, Message(now_ms, kind.value, scope))[-MESSAGES_KEPT:]
        self.keep_subject(msgspec.structs.replace(subject, messages=messages))

    def keep_consent(self, consent: Consent, index: int, data: bytes) -> None:
        """Enter a consent, and have it stored.

        Args:
            consent: The record.
            index: Log index of its entry.
            data: Its encoding.
        Raises: ConsentError: the subject or resident is unknown.
        """
        self.commit.openings_settled += self.book.apply(consent, index)
        self.store_consent(consent, index, data)

    def store_consent(self, consent: Consent, index: int, data: bytes) -> None:
        """Have a consent stored without applying it."""
        self.commit.consents.append(ConsentRow(index, consent.subject, data))

    def keep_claim(self, claim: Claim) -> None:
        """Enter a claim code, and have it stored."""
        self.know_claim(claim)
        self.commit.claims.append(ClaimRow(claim.code_hash, msgspec.msgpack.encode(claim)))

    def drop_claim(self, code_hash: bytes) -> None:
        """Delete a claim code."""
        del self.claims[code_hash]
        self.commit.claims.append(ClaimRow(code_hash, None))

    def keep_device(self, device: Device) -> None:
        """Enter a device, replacing any that has its place, and have it stored."""
        self.know_device(device)
        self.commit.devices.append(DeviceRow(row_key(device.place), msgspec.msgpack.encode(device)))

    def drop_device(self, place: Place) -> Device:
        """Delete the device of a place; return it."""
        self.commit.devices.append(DeviceRow(row_key(place), None))
        device = self.devices.pop(place)
        self._leave(device)
        return device

    # start-up: the rows are stored already

    def know_subject(self, subject: Subject) -> None:
        """Enter a subject that is stored already."""
        former = self.subjects.get(subject.id)
        if former is None or former.residents is not subject.residents or former.ended_keys is not subject.ended_keys:
            self._forget_keys(former)
            self.holders |= {key: Holder(subject.id, resident.id) for resident in subject.residents for key in _keys(resident)}
            self.holders |= {_holder_key("key", ended): Holder(subject.id, b"") for ended in subject.ended_keys}
        self.subjects[subject.id] = subject
        self.book.add_subject(subject.id, [resident.id for resident in subject.residents], subject.since_ms)

    def know_claim(self, claim: Claim) -> None:
        """Enter a claim code that is stored already; the ids that it names are held once."""
        subject = self.subjects[claim.subject]
        resident = next((one.id for one in subject.residents if one.id == claim.resident), claim.resident)
        claim = msgspec.structs.replace(claim, subject=subject.id, resident=resident, how=intern(claim.how))
        self.claims[claim.code_hash] = claim

    def know_device(self, device: Device) -> None:
        """Enter a device that is stored already."""
        former = self.devices.get(device.place)
        if former is not None:
            self._leave(former)
        self.devices[device.place] = device
        self._by_contributor[device.contributor] = (*self._by_contributor.get(device.contributor, ()), device)
        if not device.has_topic:
            self._without_topic[device.place] = device

    def _leave(self, device: Device) -> None:
        rest = tuple([each for each in self._by_contributor[device.contributor] if each is not device])
        if rest:
            self._by_contributor[device.contributor] = rest
        else:
            del self._by_contributor[device.contributor]
        self._without_topic.pop(device.place, None)

    # whose a device is

    def devices_of(self, contributor: bytes) -> tuple[Device, ...]:
        """Return the devices of a contributor: a subject's, or one that is about nobody by itself."""
        return self._by_contributor.get(contributor, ())

    def contributors(self) -> Collection[bytes]:
        """Return all that have devices."""
        return self._by_contributor.keys()

    def strangers(self, contributors: Mapping[bytes, object]) -> set[bytes]:
        """Return those of some contributors that have no device."""
        return contributors.keys() - self._by_contributor.keys()

    def without_topic(self) -> Iterator[Device]:
        """Iterate over the devices that have no topic to themselves: those behind hubs, and those registered by a filter."""
        return iter(self._without_topic.values())

    # whose a credential is

    def holder_of(self, kind: HeldBy, key: bytes) -> Holder | None:
        """Return whose something is, by its kind and what names it there; see ``holders``. None: nobody's."""
        return self.holders.get(_holder_key(kind, key))

    def resident_of(self, holder: Holder) -> Resident:
        """Return the resident that holds something, as they stand."""
        return next(one for one in self.subjects[holder.subject].residents if one.id == holder.resident)

    def keep_resident(self, subject_id: bytes, changed: Resident) -> None:
        """Enter a resident of a subject in their present state, and have it stored."""
        subject = self.subjects[subject_id]
        residents = tuple([changed if one.id == changed.id else one for one in subject.residents])
        self.keep_subject(msgspec.structs.replace(subject, residents=residents))

    def _forget_keys(self, former: Subject | None) -> None:
        for resident in () if former is None else former.residents:
            for key in _keys(resident):
                self.holders.pop(key, None)
        for ended in () if former is None else former.ended_keys:
            self.holders.pop(_holder_key("key", ended), None)


def _holder_key(kind: HeldBy, key: bytes) -> bytes:
    return kind.encode() + b" " + key


def _keys(resident: Resident) -> Iterator[bytes]:
    """Yield by what a resident is found."""
    for passkey in resident.passkeys:
        yield _holder_key("passkey", passkey.credential)
        yield _holder_key("key", passkey.key_sha256)
    for session in resident.sessions:
        yield _holder_key("session", session.token_hash)
    if resident.paper is not None:
        yield _holder_key("paper", resident.paper.code_hash)
