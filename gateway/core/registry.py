"""The registry: subjects with their residents and messages, consents, claim codes, and devices.

A part of the state. ``gateway.core.changes`` alone changes it while the gateway runs; ``gateway.core.restoration`` does after a
backup, and a start brings it back. Each change adds its rows to the commit under way. The plans are compiled from it.
"""

from __future__ import annotations

import msgspec

from consent.core.consents.book import Book
from consent.core.consents.records import Consent
from consent.core.lifecycle.notifications import MessageKind
from gateway.core.effects import ClaimRow, Commit, ConsentRow, DeviceRow, SubjectRow
from gateway.core.plans import Device

MESSAGES_KEPT = 20
"""How many messages a household has at most: the latest."""


class Resident(msgspec.Struct, frozen=True, array_like=True):
    """A person with a say in a subject: a random id, since when, and when they last claimed it (0: not yet, or no longer)."""

    id: bytes
    since_ms: int
    claimed_ms: int = 0


class Message(msgspec.Struct, frozen=True, array_like=True):
    """Something that a household was told; see ``consent.core.lifecycle.notifications``."""

    time_ms: int
    kind: str
    scope: str


class Subject(msgspec.Struct, frozen=True, array_like=True):
    """A household or person.

    Attributes:
        id: 16 random bytes.
        secret: 32 random bytes, whose deletion is the erasure.
        residents: All of whom must permit.
        since_ms: When they last changed; 0: never.
        label_generation: Counts those who have left: each departure replaces the key that finds the releases.
        messages: The latest of what the household was told.
        key_entries: Log indices of the entries that say who its residents were.
    """

    id: bytes
    secret: bytes
    residents: tuple[Resident, ...]
    since_ms: int = 0
    label_generation: int = 0
    messages: tuple[Message, ...] = ()
    key_entries: tuple[int, ...] = ()


class Claim(msgspec.Struct, frozen=True, array_like=True):
    """What a claim code lets its bearer do; see ``gateway.core.changes.subjects``."""

    code_hash: bytes
    subject: bytes
    resident: bytes
    device: bytes
    expires_ms: int


class Registry:
    """Who may say what, and whose readings a device's are.

    Attributes:
        commit: The commit under way; the state replaces it.
        book: What holds of the consents; changed by its own methods.
        claims: Claim codes that can still be used, by their hash.
        devices: Every device, by topic.
    """

    def __init__(self) -> None:
        """Begin with nobody and nothing."""
        self.commit = Commit()
        self.book = Book()
        self.subjects: dict[bytes, Subject] = {}
        self.claims: dict[bytes, Claim] = {}
        self.devices: dict[str, Device] = {}

    # what a change does: the rows go into the commit

    def keep_subject(self, subject: Subject) -> None:
        """Enter a subject as it now is, and have it stored."""
        self.know_subject(subject)
        self.commit.subjects.append(SubjectRow(subject.id, msgspec.msgpack.encode(subject)))

    def drop_subject(self, subject_id: bytes) -> None:
        """Delete a subject, and with it its secret and what its residents have said."""
        del self.subjects[subject_id]
        self.book.remove_subject(subject_id)
        self.commit.subjects.append(SubjectRow(subject_id, None))

    def tell(self, subject_id: bytes, kind: MessageKind, now_ms: int, scope: str = "") -> None:
        """Leave a message with a household."""
        subject = self.subjects[subject_id]
        messages = (*subject.messages, Message(now_ms, kind.value, scope))[-MESSAGES_KEPT:]
        self.keep_subject(msgspec.structs.replace(subject, messages=messages))

    def keep_consent(self, consent: Consent, index: int, data: bytes) -> None:
        """Enter a consent, and have it stored.

        Args:
            consent: What is said.
            index: Of its log entry.
            data: Its encoding.
        Raises: ConsentError: the subject or resident is unknown.
        """
        self.commit.openings_settled += self.book.apply(consent, index)
        self.store_consent(consent, index, data)

    def store_consent(self, consent: Consent, index: int, data: bytes) -> None:
        """Have a consent stored that counts no longer, since its resident has left."""
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
        """Enter a device, in the place of one that has its topic, and have it stored."""
        self.know_device(device)
        self.commit.devices.append(DeviceRow(device.topic.encode(), msgspec.msgpack.encode(device)))

    def drop_device(self, topic: str) -> Device:
        """Delete a device; return it."""
        self.commit.devices.append(DeviceRow(topic.encode(), None))
        return self.devices.pop(topic)

    # what a start does: it is stored already

    def know_subject(self, subject: Subject) -> None:
        """Enter a subject that is stored already."""
        self.subjects[subject.id] = subject
        self.book.add_subject(subject.id, [resident.id for resident in subject.residents], subject.since_ms)

    def know_claim(self, claim: Claim) -> None:
        """Enter a claim code that is stored already."""
        self.claims[claim.code_hash] = claim

    def know_device(self, device: Device) -> None:
        """Enter a device that is stored already."""
        self.devices[device.topic] = device

    def know_consent(self, consent: Consent, index: int) -> None:
        """Apply a consent that is stored already; what one who has left said no longer counts."""
        if consent.resident in self.book.residents(consent.subject):
            self.book.apply(consent, index)
