"""Credentials: passkeys, paper codes and sessions of residents, how they come to be, and how they end.

A passkey or a paper code that comes to be is a log entry, and so is its end: a yes that a passkey has signed then counts for an
auditor only where the log says how that passkey came. Sessions are no credentials: they end by themselves, and the log is not
told of them. The openings of these entries are kept as long as the log, since every later yes rests on them. Nothing here checks
a passkey's answer: whoever calls has done so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec

from consent.core.lifecycle.notifications import MessageKind
from consent.core.passkeys.proof import Proof
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.payloads import CredentialsEndedPayload, EndedBy, EnrolmentPayload, How, read_invitation
from gateway.core.registry import PASSKEYS_KEPT, SESSIONS_KEPT, Claim, Holder, Paper, Passkey, Resident, Session
from gateway.core.state import State

TOKEN_BYTES: Final = 32
_NAME_BYTES: Final = 16
_LOOKED_AT: Final = 5000
"""At the sessions of so many households a piece looks."""

_TOLD: Final = {
    "letter": MessageKind.CAME_IN,
    "invitation": None,  # that somebody has joined is told already
    "recovery": MessageKind.RECOVERED,
    "counter": MessageKind.CAME_IN_COUNTER,
    "passkey": MessageKind.PASSKEY_ADDED,
}


@dataclass(frozen=True, slots=True)
class NewCredential:
    """What comes to be of a resident.

    Attributes:
        how: How.
        proof: As in ``EnrolmentPayload``.
        passkey: Without the entry; None: a paper code alone.
        relying_party: The id for which the passkey was made.
        paper_sha256: Of the paper code that holds from now on; empty: as before.
        user_handle: What the passkey holds of the resident; empty: as before.
    """

    how: How
    proof: bytes = b""
    passkey: Passkey | None = None
    relying_party: str = ""
    paper_sha256: bytes = b""
    user_handle: bytes = b""


def enrol(state: State, holder: Holder, new: NewCredential, now_ms: int) -> int:
    """Log and enter a credential, and tell the household; return the log index of its entry."""
    key_sha256 = b"" if new.passkey is None else new.passkey.key_sha256
    payload = EnrolmentPayload(
        holder.subject, holder.resident, new.how, key_sha256, new.relying_party if key_sha256 else "", new.paper_sha256, new.proof
    )
    index = state.log.append_entry(Kind.KEY, now_ms, state.log.one_part(payload.encode()))
    _note(state, holder.subject, index)
    resident = state.registry.resident_of(holder)
    passkeys, paper = resident.passkeys, resident.paper
    if new.passkey is not None:
        passkeys = (*passkeys, msgspec.structs.replace(new.passkey, entry=index))
    if new.paper_sha256:
        paper = Paper(new.paper_sha256, now_ms, index)
    changed = msgspec.structs.replace(
        resident, passkeys=passkeys, paper=paper, user_handle=new.user_handle or resident.user_handle
    )
    state.registry.keep_resident(holder.subject, changed)
    kind = _TOLD[new.how] if new.passkey is not None or new.how != "passkey" else MessageKind.PAPER_REPLACED
    if kind is not None:
        state.registry.tell(holder.subject, kind, now_ms)
    return index


def has_room(resident: Resident) -> bool:
    """Return whether a resident may have one more passkey."""
    return len(resident.passkeys) < PASSKEYS_KEPT


def end(state: State, holder: Holder, ended: tuple[Passkey, ...], by: EndedBy, now_ms: int, *, paper: bool = False) -> int:
    """Log and enter the end of credentials, and of the sessions that they opened; return the log index of its entry."""
    payload = CredentialsEndedPayload(
        holder.subject, holder.resident, tuple([passkey.key_sha256 for passkey in ended]), paper, by
    )
    index = state.log.append_entry(Kind.KEY, now_ms, state.log.one_part(payload.encode()))
    _note(state, holder.subject, index)
    resident = state.registry.resident_of(holder)
    opened_by = {passkey.credential for passkey in ended} | ({b""} if paper else set())
    rest = tuple([passkey for passkey in resident.passkeys if passkey not in ended])
    left = None if paper else resident.paper
    changed = msgspec.structs.replace(
        resident,
        passkeys=rest,
        paper=left,
        sessions=tuple([session for session in resident.sessions if session.credential not in opened_by]),
    )
    state.registry.keep_resident(holder.subject, changed)
    _forget_what_they_signed(state, holder.subject, ended)
    if by == "resident":  # of the counter's doing and of who leaves, the household is told anyway
        state.registry.tell(holder.subject, MessageKind.PASSKEY_ENDED, now_ms)
    return index


def _forget_what_they_signed(state: State, subject_id: bytes, ended: tuple[Passkey, ...]) -> None:
    """Delete the invitations that rest on passkeys which have ended, and never let these be enrolled again."""
    keys = tuple([passkey.key_sha256 for passkey in ended])
    for former, claim in list(state.registry.claims.items()):
        if claim.subject == subject_id and claim.how == "invitation" and _inviting_key(claim) in keys:
            state.registry.drop_claim(former)
    _never_again(state, subject_id, keys)


def _never_again(state: State, subject_id: bytes, keys: tuple[bytes, ...]) -> None:
    subject = state.registry.subjects[subject_id]
    if keys:
        state.registry.keep_subject(msgspec.structs.replace(subject, ended_keys=(*subject.ended_keys, *keys)))


def _inviting_key(claim: Claim) -> bytes:
    _, encoded = read_invitation(claim.proof)
    return Proof.decode(encoded).key_sha256


def end_all(state: State, holder: Holder, by: EndedBy, now_ms: int) -> int | None:
    """End whatever credentials a resident has, and all sessions; return the entry's index, None where there were none."""
    resident = state.registry.resident_of(holder)
    index = None
    if resident.passkeys or resident.paper is not None:
        index = end(state, holder, resident.passkeys, by, now_ms, paper=resident.paper is not None)
    if state.registry.resident_of(holder).sessions:
        keep_sessions(state, holder, ())
    return index


def _note(state: State, subject_id: bytes, index: int) -> None:
    """Remember that an entry is about a subject's credentials, so that it can be shown, and erased with the rest."""
    subject = state.registry.subjects[subject_id]
    entries = (*subject.enrolment_entries, index)
    state.registry.keep_subject(msgspec.structs.replace(subject, enrolment_entries=entries))


# after a backup: what the log says of credentials since


def enrolled_since(state: State, holder: Holder, payload: EnrolmentPayload, entry: Entry, *, known: bool) -> None:
    """Enter a paper code that was made; the passkey is lost, and never enrolled again. One who has left since had it in vain."""
    _note(state, holder.subject, entry.sequence)
    if payload.key_sha256:
        _never_again(state, holder.subject, (payload.key_sha256,))
    if known and payload.paper_sha256:
        resident = state.registry.resident_of(holder)
        paper = Paper(payload.paper_sha256, entry.time_ms, entry.sequence)
        claimed_ms = resident.claimed_ms or entry.time_ms
        state.registry.keep_resident(holder.subject, msgspec.structs.replace(resident, paper=paper, claimed_ms=claimed_ms))


def ended_since(state: State, holder: Holder, payload: CredentialsEndedPayload, index: int, *, known: bool) -> None:
    """End the credentials that were ended."""
    _note(state, holder.subject, index)
    _never_again(state, holder.subject, payload.keys_sha256)
    if known:
        resident = state.registry.resident_of(holder)
        passkeys = tuple([one for one in resident.passkeys if one.key_sha256 not in payload.keys_sha256])
        paper = None if payload.paper else resident.paper
        state.registry.keep_resident(holder.subject, msgspec.structs.replace(resident, passkeys=passkeys, paper=paper))


def end_sessions(state: State, subject_id: bytes) -> None:
    """End all sessions of a subject's residents, and forget what was answered to them."""
    subject = state.registry.subjects[subject_id]
    if subject.answered or any(resident.sessions for resident in subject.residents):
        residents = tuple([msgspec.structs.replace(resident, sessions=()) for resident in subject.residents])
        state.registry.keep_subject(msgspec.structs.replace(subject, residents=residents, answered=()))


def used(state: State, holder: Holder, passkey: Passkey, sign_count: int, now_ms: int) -> None:
    """Enter that a passkey has answered, and what its counter said."""
    resident = state.registry.resident_of(holder)
    after = msgspec.structs.replace(passkey, sign_count=sign_count, used_ms=now_ms)
    passkeys = tuple([after if one.credential == passkey.credential else one for one in resident.passkeys])
    state.registry.keep_resident(holder.subject, msgspec.structs.replace(resident, passkeys=passkeys))


# sessions, in real time


def session_name(token: str) -> bytes:
    """Return the name of the session that a token, in hexadecimal, opens."""
    return sha256(b"sluice session " + token.encode()).digest()[:_NAME_BYTES]


def open_session(state: State, holder: Holder, credential: bytes, ends_ms: int, real_ms: int) -> str:
    """Open a session, and return its token, which is stored nowhere; the resident's sessions that have ended are forgotten."""
    token = state.identity.random_bytes(TOKEN_BYTES).hex()
    session = Session(session_name(token), credential, real_ms, ends_ms)
    going_on = [one for one in state.registry.resident_of(holder).sessions if one.ends_ms > real_ms]
    keep_sessions(state, holder, (*going_on, session)[-SESSIONS_KEPT:])
    return token


def keep_sessions(state: State, holder: Holder, sessions: tuple[Session, ...]) -> None:
    """Set a resident's sessions."""
    resident = state.registry.resident_of(holder)
    state.registry.keep_resident(holder.subject, msgspec.structs.replace(resident, sessions=sessions))


def forget_ended_sessions(state: State, real_ms: int) -> None:
    """Delete the sessions that have ended."""
    for _ in forgetting_ended_sessions(state, real_ms):
        pass


def forgetting_ended_sessions(state: State, real_ms: int) -> Iterator[None]:
    """Do what ``forget_ended_sessions`` does, for some households in each piece."""
    for number, subject_id in enumerate(list(state.registry.subjects), 1):
        subject = state.registry.subjects.get(subject_id)
        for resident in () if subject is None else subject.residents:
            going_on = tuple([one for one in resident.sessions if one.ends_ms > real_ms])
            if len(going_on) < len(resident.sessions):
                keep_sessions(state, Holder(subject_id, resident.id), going_on)
        if number % _LOOKED_AT == 0:
            yield
