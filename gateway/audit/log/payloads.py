"""Payloads: the parts of an opening, as typed records in deterministic CBOR.

Every payload of one part is a map that names its ``kind``. A release has one part for the bundle and one `Contribution` for
each record and subject in it. The single part of a consent or withdrawal is the consent's own signed encoding, which the
log carries without interpreting it.

These are the forms that this version writes. `earlier_payloads` has those that it only reads.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal, Self

import msgspec
from msgspec import UNSET, UnsetType

from consent.core.canonical import encode_canonical
from gateway.audit.log import canonical
from gateway.audit.log.canonical import head
from gateway.audit.log.openings import Opening, Part, handover_salt, part_leaf, void_salt

Count = Annotated[int, msgspec.Meta(ge=0)]
Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
HashOrNone = Annotated[bytes, msgspec.Meta(max_length=32)]
INVITATION_BYTES: Final = 16
How = Literal["letter", "invitation", "recovery", "counter", "passkey"]
"""How a credential came to be, as in ``consent.citizen_messages.Enrolment``."""
EndedBy = Literal["resident", "counter", "left"]
_LONGEST_PROOF: Final = 16_384
RESTORED: Final = "restored"
RESTORED_BOOKS: Final = "restored-books"
CITY_OWNED: Final = "city"
"""The owner that a record of no subject states."""
_SUBJECT_BYTES: Final = 16
_SUBJECT: Final = b"\x67subject\x50"  # a text of 7, a byte string of 16
SubjectId = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]


class PayloadError(ValueError):
    """The bytes are not the expected payload."""


class Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of an opening."""

    word: ClassVar[str] = ""

    def encode(self) -> bytes:
        """Return the part's canonical bytes."""
        return canonical.encode(self._plain())

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the payload that canonical bytes hold.

        Raises:
            PayloadError: when they hold another, or are not canonical.
        """
        try:
            payload = msgspec.convert(canonical.decode_any_spelling(data), cls, builtin_types=(bytes,))
        except (canonical.CanonicalError, msgspec.ValidationError) as error:
            raise PayloadError(f"not a payload of kind `{cls.word}`: {error}") from error
        if encode_canonical(payload._plain()) != data:  # no value in it can be other than permitted: none was
            raise PayloadError(f"not the only spelling of a payload of kind `{cls.word}`")
        return payload

    def _plain(self) -> object:
        return msgspec.to_builtins(self, builtin_types=(bytes,))


class GenesisPayload(Payload, frozen=True, tag_field="kind", tag="genesis"):
    """The log's beginning: its name, and whether its times are simulated."""

    word = "genesis"
    origin: str
    simulated_clock: bool


class PolicyPayload(Payload, frozen=True, tag_field="kind", tag="policy-2"):
    """A policy set put in force, and the public keys that were read beside it.

    Attributes:
        keys: By recipient, the SHA-256 of its raw public key, whose first 16 bytes are the fingerprint; none for open data.
    """

    word = "policy"
    sha256: Hash
    keys: dict[str, Hash]


class EmptiedOpening(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Which parts of one entry's opening an erasure has deleted: the entry's index, and the numbers of the parts."""

    entry: Count
    parts: tuple[Count, ...]


class ErasurePayload(Payload, frozen=True, tag_field="kind", tag="erasure-2"):
    """An erasure, and every place that it has emptied.

    Attributes:
        subject_sha256: SHA-256 of the subject's id, as in the entry.
        parts_deleted: How many parts of openings were deleted, as in the entry.
        emptied: The openings that lost parts, in the log's order: what the subject said, and the releases that contained it.
    """

    word = "erasure"
    subject_sha256: Hash
    parts_deleted: Count
    emptied: tuple[EmptiedOpening, ...]


class KeyPayload(Payload, frozen=True, tag_field="kind", tag="key"):
    """A change of a subject's residents: somebody joined it, or left it, which replaces its label key."""

    word = "key"
    subject: SubjectId
    residents: tuple[SubjectId, ...]


class EnrolmentPayload(Payload, frozen=True, tag_field="kind", tag="enrolment"):
    """A credential of a resident that came to be: a passkey, a paper code, or both. Its entry is of the kind `key` too.

    Attributes:
        resident: One of the subject's.
        how: As in ``consent.citizen_messages.Enrolment``.
        key_sha256: SHA-256 of the passkey's public key (a COSE_Key, as the authenticator gave it); empty: a paper code alone.
        relying_party: The id for which the passkey was made: a domain; empty without one.
        paper_sha256: SHA-256 of the paper code that holds from now on (``consent.core.passkeys.codes``); empty: as before.
        proof: What shows that whoever could did it. Of `passkey`: a ``Proof`` by another passkey of this resident; of an
            `invitation`: the ``INVITATION_BYTES`` of the claim code's hash, and a ``Proof`` of them by a passkey of another
            resident; of a `recovery`: the paper code that it used up, in its plain form; empty of the others.
    """

    word = "enrolment"
    subject: SubjectId
    resident: SubjectId
    how: How
    key_sha256: HashOrNone
    relying_party: Annotated[str, msgspec.Meta(max_length=253)]
    paper_sha256: HashOrNone
    proof: Annotated[bytes, msgspec.Meta(max_length=_LONGEST_PROOF)]


def invitation_proof(code_hash: bytes, proof: bytes) -> bytes:
    """Return the proof of an `invitation`: the claim code's hash, and the encoded ``Proof`` of it."""
    return code_hash + proof


def read_invitation(proof: bytes) -> tuple[bytes, bytes]:
    """Return the claim code's hash and the encoded ``Proof`` of an `invitation`."""
    return proof[:INVITATION_BYTES], proof[INVITATION_BYTES:]


class CredentialsEndedPayload(Payload, frozen=True, tag_field="kind", tag="credentials-ended"):
    """Credentials of a resident that ended. Its entry is of the kind `key` too.

    Attributes:
        keys_sha256: Which passkeys, as in ``EnrolmentPayload``.
        paper: Whether the paper code ended as well.
        by: `resident`: with a session of theirs; `counter`: at the counter, where a new code is then made; `left`: with them.
    """

    word = "credentials-ended"
    subject: SubjectId
    resident: SubjectId
    keys_sha256: tuple[Hash, ...]
    paper: bool
    by: EndedBy


class LogKeyPayload(Payload, frozen=True, tag_field="kind", tag="log-key"):
    """The handover of the log to another signing key. Its entry is of the kind `key` too.

    Its salt follows from the handover (``gateway.audit.log.handover``), so that everybody can tell which it was.

    Attributes:
        handover: The signed note, as in `log.keys`.
    """

    word = "log-key"
    handover: bytes

    @property
    def part(self) -> Part:
        """The only part of the entry that records it."""
        return Part(handover_salt(self.handover), self.encode())


def handover_commitment(note: bytes) -> bytes:
    """Return the commitment of the entry that records a handover of the log's key."""
    return part_leaf(*LogKeyPayload(note).part)


class RootKeyPayload(Payload, frozen=True, tag_field="kind", tag="root-key"):
    """The root key by which the gateway seals its state was replaced. Its entry is of the kind `key` too.

    Attributes:
        generation: The number of the new one; the first was 1.
    """

    word = "root-key"
    generation: Count


HouseholdKeyPayload = KeyPayload | EnrolmentPayload | CredentialsEndedPayload
"""What an entry of the kind `key` may hold about a subject's residents."""
AnyKeyPayload = HouseholdKeyPayload | LogKeyPayload | RootKeyPayload
"""What an entry of the kind `key` may hold."""


def decode_key(data: bytes) -> AnyKeyPayload:
    """Return the payload of an entry of the kind `key`.

    Raises: PayloadError: the bytes are none.
    """
    try:
        value = canonical.decode_any_spelling(data)
    except canonical.CanonicalError as error:
        raise PayloadError(f"not a payload of kind `{KeyPayload.word}`: {error}") from error
    kind = _KEY_PAYLOADS.get(str(value.get("kind"))) if isinstance(value, dict) else None
    return (kind or KeyPayload).decode(data)


_KEY_PAYLOADS: Final[dict[str, type[AnyKeyPayload]]] = {
    "enrolment": EnrolmentPayload,
    "credentials-ended": CredentialsEndedPayload,
    "log-key": LogKeyPayload,
    "root-key": RootKeyPayload,
}

UNCLEAN_END: Final = "unclean-end"
AWAY: Final = "away"
SESSION_LOST: Final = "session-lost"
CLOCK_SET: Final = "clock-set"
UNWITNESSED: Final = "unwitnessed"


class GapPayload(Payload, frozen=True, tag_field="kind", tag="gap"):
    """Something that the gateway cannot know happened before this entry.

    Attributes:
        reason: ``RESTORED``: it was restored from a backup, and continued the ledger of the latest account entry;
            ``RESTORED_BOOKS``: likewise, but that entry's opening was not available, so the ledger is that of the backup;
            ``UNCLEAN_END``: the previous run was ended by a power cut or a kill;
            ``AWAY``: that run ended in order, and the gateway was away for longer than the heartbeat;
            ``SESSION_LOST``: the broker had lost the gateway's session, and perhaps readings with it;
            ``CLOCK_SET``: the machine's clock was set, so earlier and later times must not be compared;
            ``UNWITNESSED``: it was started without waiting for a witness to confirm its last checkpoint.
        boot_id: The machine's boot, as the kernel names it; empty where it is not known.
        clock: The state of its clock: `synchronised` or `unsynchronised`, as the kernel says, `unknown`, or `simulated`.
    """

    word = "gap"
    reason: str
    boot_id: str
    clock: str


class AccountPayload(Payload, frozen=True, tag_field="kind", tag="account"):
    """The ledger at one moment: every account's total, and its change since the previous account entry."""

    word = "account"
    totals: dict[str, Count]
    differences: dict[str, int]


class VoidPayload(Payload, frozen=True, tag_field="kind", tag="void-2"):
    """A release that was voided before its first byte was sent.

    Its salt is `openings.void_salt`, so that everybody can tell which release it was.
    """

    word = "void"
    release: Count

    def part(self, bundle_sha256: bytes) -> Part:
        """Return the only part of the entry that voids the release of a bundle."""
        return Part(void_salt(bundle_sha256), self.encode())


def void_commitment(release: int, bundle_sha256: bytes) -> bytes:
    """Return the commitment of any entry that voids a release: whoever knows the release can look for it in the log."""
    return part_leaf(*VoidPayload(release).part(bundle_sha256))


class ReleaseRecord(Payload, frozen=True):
    """One record of a released bundle, without its value.

    Attributes:
        flow: The flow that asked for it.
        level: Its levels of time, space and precision.
        cell: The zone or cell that it is about.
        window: Its time in milliseconds: the first, and the first after it.
        n: How many pairs of observation and flow are in it.
        identity: Its level of identity.
        property: The observed property.
        statistic: How its readings became one figure; empty for a reading released by itself.
        owner: Whose devices have told it, where they are of no subject: the operator's word. Absent from a record about subjects.
    """

    word = "record"
    flow: str
    level: tuple[str, str, str]
    cell: str
    window: tuple[int, int]
    n: Count
    identity: str
    property: str = ""
    statistic: str = ""
    owner: Literal["city"] | UnsetType = UNSET


class ReleasedDraw(Payload, frozen=True):
    """The figures about subjects that were drawn at once: those of a cohort and day, week or window.

    Attributes:
        flow: The flow that asked for them.
        level: Their levels of time, space and precision.
        cell: The zone or cell that they are about.
        property: The observed property.
        statistic: How a subject's readings became its part.
        period: For how long membership was fixed: `day` or `week`.
        span: What was drawn at once, in milliseconds: the first, and the first after it.
        mechanism: `gaussian`, or `none` where the figures are exact.
        mu: μ of all draws of the period together, as a decimal; empty where they are exact.
        draws: How many draws share it.
        clip: The L2 norm to which each subject's vector was clipped, in the property's unit, as a decimal; empty where exact.
        presence: The weight of the component that counts subjects, likewise.
        told: The number of subjects that the records state.
        records: How many records it gave.
        struck: Which cells, counted from the first of the span, the gateway missed.
        n: How many pairs of observation and flow are in it.
    """

    word = "draw"
    flow: str
    level: tuple[str, str, str]
    cell: str
    property: str
    statistic: str
    period: Literal["day", "week"]
    span: tuple[int, int]
    mechanism: Literal["gaussian", "none"]
    mu: str
    draws: Count
    clip: str
    presence: str
    told: Count
    records: Count
    struck: tuple[Count, ...]
    n: Count


class PublicationPart(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Which part of which publication a bundle is: figures about subjects leave in nothing else.

    Attributes:
        kind: `day`, `week` or `window`.
        end: The end of the span that is published, in milliseconds.
        part: Its number, from 0.
        parts: How many there are, as follows from the policies.
    """

    kind: Literal["day", "week", "window"]
    end: Count
    part: Count
    parts: Count


class ReleasePayload(Payload, frozen=True, tag_field="kind", tag="release-3"):
    """The first part of a release: the bundle's recipient, and either its records or the draws of a publication.

    Contributions to draws name them by their place behind the records.

    Attributes:
        form: The number of this form of releases, by which versions of the log are told apart.
        states_owners: Whether records of no subject state the owner; a record that does not is then about subjects.
        publication: None in a bundle of single readings, of totals, and of figures about no subject.
    """

    word = "release"
    form: ClassVar[int] = 3
    states_owners: ClassVar[bool] = True
    recipient: str
    records: tuple[ReleaseRecord, ...]
    draws: tuple[ReleasedDraw, ...] = ()
    publication: PublicationPart | None = None


class Contribution(Payload, frozen=True):
    """Each further part of a release: one subject's share in one record, and what it rests on.

    Attributes:
        record: The record's number in the bundle, from 0.
        subject: The subject's id.
        disclosure: The effective disclosure, by axis.
        policy: Log index of the policy entry in force.
        consents: Log indices of the consent entries that permit it.
        n: How many of the record's pairs are the subject's.
        profile: The profile of its device; where there are several, each has a part, and the first bears all pairs.
        zone: The block of that device.
    """

    word = "contribution"
    record: Count
    subject: SubjectId
    disclosure: dict[str, Any]
    policy: Count
    consents: tuple[Count, ...]
    n: Count
    profile: str = ""
    zone: str = ""


def encode_beginning(n: int, zone: str, policy: int, record: int, profile: str) -> bytes:
    """Return the bytes of a `Contribution` before those of its subject's id, which `contribution_end` follows.

    A release has a part for each of thousands of subjects, who share a few beginnings: put together from pieces, they are
    several times faster to make than by encoding the struct.
    """
    return b"".join((
        b"\xa8\x61n", head(0x00, n),
        b"\x64zone", _text(zone),
        b"\x66policy", head(0x00, policy),
        b"\x66record", head(0x00, record),
        b"\x67profile", _text(profile),
        _SUBJECT,
    ))  # fmt: skip


def contribution_end(consents: tuple[int, ...] | list[int], disclosure: bytes) -> bytes:
    """Return the bytes of a `Contribution` after its subject: what it rests on, and what that permits."""
    listed = [head(0x00, index) for index in consents]
    return b"".join((b"\x68consents", head(0x80, len(consents)), *listed, b"\x6adisclosure", disclosure))


def cut_contribution(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the bytes of a `Contribution` before its subject, the subject, and the bytes after it.

    Nothing is verified: `contribution_beginning` checks the first piece, and the last is either what
    `contribution_end` makes or not canonical. Many contributions share both.

    Raises:
        PayloadError: when there is no subject.
    """
    beginning, found, rest = data.partition(_SUBJECT)
    if not found or len(rest) < _SUBJECT_BYTES:
        raise PayloadError(f"not a payload of kind `{Contribution.word}`: it has no subject")
    return beginning, rest[:_SUBJECT_BYTES], rest[_SUBJECT_BYTES:]


def contribution_beginning(beginning: bytes) -> Contribution:
    """Return a `Contribution` that begins with these bytes, with an empty subject, and resting on nothing.

    Raises:
        PayloadError: when no contribution begins with them.
    """
    return Contribution.decode(b"".join((beginning, _SUBJECT, bytes(_SUBJECT_BYTES), contribution_end((), b"\xa0"))))


def _text(text: str) -> bytes:
    data = text.encode()
    return head(0x60, len(data)) + data


def erase_subject(opening: Opening, subject: bytes) -> tuple[Opening, tuple[int, ...]]:
    """Return a release's opening without the parts of one subject, and their numbers."""
    numbers = tuple(
        number
        for number, part in enumerate(opening.parts)
        if number
        and not isinstance(part, bytes)
        and subject in part.data  # avoids decoding most parts
        and Contribution.decode(part.data).subject == subject
    )
    return (opening.erase(numbers), numbers) if numbers else (opening, ())
