"""Credentials as the log tells of them: which passkeys and paper codes a resident has, how each came to be, and how it ended.

A yes over a passkey counts for an auditor where the log shows that passkey to be the resident's. So every enrolment has to rest
on something: the first of a household on the installer's letter, every other on a passkey of the household, on a paper code that
the log knew, or on the counter's word. What rests on a letter or on the counter is the operator's word, and is counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from consent.core.consents.records import Consent, signing_bytes
from consent.core.passkeys.acts import act_challenge
from consent.core.passkeys.codes import RECOVERY_WAIT_MS, paper_sha256
from consent.core.passkeys.proof import Proof
from consent.errors import RecordError
from gateway.audit.log.entries import Entry
from gateway.audit.log.payloads import CredentialsEndedPayload, EnrolmentPayload, read_invitation

_ORIGINS: Final = ("letter", "counter")  # what rests on nothing that the log could show


@dataclass(frozen=True, slots=True)
class EnrolledKey:
    """A passkey as the log tells of it.

    Attributes:
        resident: Whose it is.
        entry: Log index of the entry that says so.
        how: As in ``EnrolmentPayload``.
        origin: What all goes back to, over whichever passkeys and paper codes in between: `letter` or `counter`.
        yes_from_ms: Before this it tells nothing that is more.
    """

    resident: bytes
    entry: int
    how: str
    origin: str
    relying_party: str
    yes_from_ms: int


@dataclass(slots=True)
class _Holder:
    """A household's credentials that hold.

    Attributes:
        keys: By the SHA-256 of the public key.
        papers: By resident: the hash of the paper code, what it goes back to, and the log index of its entry.
        had: The residents who ever had a credential.
        used: The hashes of the claim codes by which somebody was invited.
    """

    keys: dict[bytes, EnrolledKey] = field(default_factory=dict)
    papers: dict[bytes, tuple[bytes, str, int]] = field(default_factory=dict)
    had: set[bytes] = field(default_factory=set)
    used: set[bytes] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Basis:
    """What an enrolment rests on: what that goes back to, from when on it tells more, and what is wrong with it."""

    origin: str
    yes_from_ms: int = 0
    faults: tuple[str, ...] = ()


class CredentialAudit:
    """Takes what a log says of credentials, in order.

    Attributes:
        enrolments: How many credentials came to be, by how.
        ended: How many entries ended some, by whom.
    """

    def __init__(self) -> None:
        self.enrolments: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self._holders: dict[bytes, _Holder] = {}
        self._restored = -1
        self._seen: dict[bytes, int] = {}  # every key that was ever enrolled, and by which entry

    def restored(self, index: int) -> None:
        """Enter that the gateway was restored from a backup, which may know less than the log does of what came before."""
        self._restored = index

    def had(self, subject: bytes, resident: bytes) -> bool:
        """Return whether a resident has ever had a credential."""
        holder = self._holders.get(subject)
        return holder is not None and resident in holder.had

    def has_passkey(self, subject: bytes, resident: bytes) -> bool:
        """Return whether a resident has a passkey now."""
        holder = self._holders.get(subject)
        return holder is not None and any(key.resident == resident for key in holder.keys.values())

    def enrol(self, entry: Entry, payload: EnrolmentPayload) -> list[str]:
        """Enter a credential; return what is wrong with it."""
        self.enrolments[payload.how] += 1
        found = _shape_faults(payload)
        if payload.key_sha256 and (before := self._seen.setdefault(payload.key_sha256, entry.sequence)) != entry.sequence:
            found.append(f"the passkey was enrolled before, by entry `{before}`")
        holder = self._holders.setdefault(payload.subject, _Holder())
        basis = _basis(holder, payload, entry.time_ms, self._restored)
        if payload.key_sha256:
            holder.keys[payload.key_sha256] = EnrolledKey(
                payload.resident, entry.sequence, payload.how, basis.origin, payload.relying_party, basis.yes_from_ms
            )
        if payload.paper_sha256:
            holder.papers[payload.resident] = (payload.paper_sha256, basis.origin, entry.sequence)
        elif payload.how == "recovery":
            holder.papers.pop(payload.resident, None)  # used up
        holder.had.add(payload.resident)
        return [*found, *basis.faults]

    def end(self, payload: CredentialsEndedPayload) -> list[str]:
        """End credentials; return what is wrong with that."""
        self.ended[payload.by] += 1
        holder = self._holders.setdefault(payload.subject, _Holder())
        found = []
        for key in payload.keys_sha256:
            ended = holder.keys.get(key)
            if ended is None or ended.resident != payload.resident:
                found.append("ends a passkey that the log does not show to be the resident's")
            else:
                del holder.keys[key]
        if payload.paper and holder.papers.pop(payload.resident, None) is None:
            found.append("ends a paper code that the log does not show to be the resident's")
        return found

    def keep_residents(self, subject: bytes, residents: tuple[bytes, ...]) -> None:
        """End the credentials of whoever is no longer among a household's residents."""
        holder = self._holders.get(subject)
        if holder is not None:
            holder.keys = {digest: key for digest, key in holder.keys.items() if key.resident in residents}
            holder.papers = {resident: paper for resident, paper in holder.papers.items() if resident in residents}

    def forget(self, subject: bytes) -> None:
        """Forget an erased household."""
        self._holders.pop(subject, None)

    def signed(self, consent: Consent) -> tuple[EnrolledKey | None, list[str]]:
        """Return the passkey that has signed a record, as the log knows it, and what is wrong with the proof."""
        try:
            proof = Proof.decode(consent.signature)
        except RecordError as error:
            return None, [str(error)]
        holder = self._holders.get(consent.subject)
        key = None if holder is None else holder.keys.get(proof.key_sha256)
        if key is None or key.resident != consent.resident:
            return None, ["the record is signed by a passkey that the log does not show to be the resident's"]
        return key, proof.faults(sha256(signing_bytes(consent)).digest(), key.relying_party)


def _shape_faults(payload: EnrolmentPayload) -> list[str]:
    """Return what is wrong with an enrolment by itself."""
    found = []
    if not {len(payload.key_sha256), len(payload.paper_sha256)} <= {0, 32} or not (payload.key_sha256 or payload.paper_sha256):
        found.append("enrols nothing that is a passkey or a paper code")
    if bool(payload.key_sha256) is not bool(payload.relying_party):
        found.append("a passkey is for a site, and a paper code is not")
    if payload.how in _ORIGINS and payload.proof:
        found.append(f"an enrolment by `{payload.how}` has no proof")
    return found


def _basis(holder: _Holder, payload: EnrolmentPayload, now_ms: int, restored: int) -> _Basis:
    """Return what an enrolment rests on."""
    match payload.how:
        case "letter":
            return _Basis("letter", 0, ("enrolled by letter in a household that had a credential",) if holder.had else ())
        case "counter":
            since = [key.entry for key in holder.keys.values() if key.resident == payload.resident]
            since += [index for resident, (_, _, index) in holder.papers.items() if resident == payload.resident]
            held = any(index > restored for index in since)  # of those before, the backup may have known nothing
            return _Basis("counter", 0, ("enrolled by the counter beside credentials that were not ended",) if held else ())
        case "recovery":
            return _recovered(holder, payload, now_ms)
        case "invitation":
            return _invited(holder, payload)
        case _:
            return _added(holder, payload)


def _recovered(holder: _Holder, payload: EnrolmentPayload, now_ms: int) -> _Basis:
    """Return what a recovery rests on: the paper code that the log had recorded."""
    known, origin, _ = holder.papers.get(payload.resident, (b"", "counter", -1))
    try:
        stated = paper_sha256(payload.proof.decode("ascii"))
    except ValueError:
        stated = b""
    found = [] if known and stated == known else ["recovered by a paper code that the log does not show to be the resident's"]
    if not payload.key_sha256:
        found.append("a recovery that enrols no passkey")
    return _Basis(origin, now_ms + RECOVERY_WAIT_MS, tuple(found))


def _invited(holder: _Holder, payload: EnrolmentPayload) -> _Basis:
    """Return what an invitation rests on: a passkey of somebody else in the household, which signed the claim code's hash."""
    nonce, encoded = read_invitation(payload.proof)
    found = [] if nonce not in holder.used else ["invited by a claim code that was used before"]
    holder.used.add(nonce)
    if payload.resident in holder.had:
        found.append("invites somebody who had a credential before")
    origin, _, faults = _proved(holder, payload, encoded, "subject.invite", nonce, by_another=True)
    return _Basis(origin, 0, (*found, *faults))


def _added(holder: _Holder, payload: EnrolmentPayload) -> _Basis:
    """Return what a further passkey, or a new paper code, rests on: an earlier passkey of the same resident."""
    act, nonce = ("passkey.add", payload.key_sha256) if payload.key_sha256 else ("paper.replace", payload.paper_sha256)
    origin, yes_from_ms, faults = _proved(holder, payload, payload.proof, act, nonce, by_another=False)
    both = ("adds a passkey and a paper code by one proof",) if payload.key_sha256 and payload.paper_sha256 else ()
    return _Basis(origin, yes_from_ms, (*both, *faults))


def _proved(
    holder: _Holder, payload: EnrolmentPayload, encoded: bytes, act: str, nonce: bytes, *, by_another: bool
) -> tuple[str, int, list[str]]:
    """Return what the passkey that proves an act goes back to, from when on it tells more, and what is wrong with the proof."""
    try:
        proof = Proof.decode(encoded)
    except RecordError as error:
        return "counter", 0, [str(error)]
    key = holder.keys.get(proof.key_sha256)
    if key is None or (key.resident != payload.resident) is not by_another:
        whose = "somebody else's in the household" if by_another else "the resident's"
        return "counter", 0, [f"enrolled by a passkey that the log does not show to be {whose}"]
    challenge = act_challenge(act, payload.subject, key.resident, nonce)
    return key.origin, key.yes_from_ms, proof.faults(challenge, key.relying_party)
