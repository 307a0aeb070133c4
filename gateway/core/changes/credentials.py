"""Credentials: passkeys, paper codes and sessions of residents, how they come to be, and how they end.

A passkey or a paper code that comes to be is a log entry, and so is its end: a yes that a passkey has signed then counts for an
auditor only where the log says how that passkey came. Sessions are no credentials: they end by themselves, and the log is not
told of them. Nothing here checks a passkey's answer: whoever calls has done so.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

import msgspec

from consent.core.lifecycle.notifications import MessageKind
from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import CredentialsEndedPayload, EnrolmentPayload
from gateway.core.registry import PASSKEYS_KEPT, SESSIONS_KEPT, Holder, Paper, Passkey, Resident, Session
from gateway.core.state import State

TOKEN_BYTES: Final = 32
_NAME_BYTES: Final = 16

How = Literal["letter", "invitation", "recovery", "counter", "passkey"]
"""As in ``consent.citizen_messages.Enrolment``."""
EndedBy = Literal["resident", "counter", "left"]

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
    _settle(state, resident, passkeys, paper)
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
    state.commit.openings_settled.append(index)
    resident = state.registry.resident_of(holder)
    opened_by = {passkey.credential for passkey in ended} | ({b""} if paper else set())
    rest = tuple([passkey for passkey in resident.passkeys if passkey not in ended])
    left = None if paper else resident.paper
    _settle(state, resident, rest, left)
    changed = msgspec.structs.replace(
        resident,
        passkeys=rest,
        paper=left,
        sessions=tuple([session for session in resident.sessions if session.credential not in opened_by]),
    )
    state.registry.keep_resident(holder.subject, changed)
    return index


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


def _settle(state: State, before: Resident, passkeys: tuple[Passkey, ...], paper: Paper | None) -> None:
    """Let the retention of the openings begin of entries that no credential rests on any more."""
    kept = {passkey.entry for passkey in passkeys} | ({paper.entry} if paper is not None else set())
    former = {passkey.entry for passkey in before.passkeys} | ({before.paper.entry} if before.paper is not None else set())
    state.commit.openings_settled += sorted(former - kept)


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
    for subject in list(state.registry.subjects.values()):
        for resident in subject.residents:
            going_on = tuple([one for one in resident.sessions if one.ends_ms > real_ms])
            if len(going_on) < len(resident.sessions):
                keep_sessions(state, Holder(subject.id, resident.id), going_on)
