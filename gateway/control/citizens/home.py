"""Control methods of the household as its residents see it: who and what belongs to it, one more person, leaving, and the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import UNSET

from consent.citizen_messages import (
    ActProved,
    EnrolmentShown,
    HomeShown,
    InviteMade,
    MineIn,
    PasskeyShown,
    SessionShown,
)
from consent.messages import Hex, Id, OwnDevice, ResidentLeft, ResidentOf, ResidentShown, SubjectErased, SubjectOf
from gateway.audit.log.entries import Entry
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import CredentialsEndedPayload, EnrolmentPayload, decode_key, invitation_proof
from gateway.control import rights
from gateway.control import subjects as operators
from gateway.control.citizens.credentials import proved
from gateway.control.citizens.proofs import check_paper, own_resident
from gateway.control.citizens.questions import homes_of
from gateway.control.citizens.sessions import kind_of, session_of
from gateway.control.context import Caller, Control, MethodError
from gateway.core.changes import subjects
from gateway.core.previews.household import Household
from gateway.core.registry import Passkey, Session

MOST_ENROLMENTS: Final = 100
"""How many are shown: the latest."""


async def show(control: Control, caller: Caller, params: MineIn) -> HomeShown:
    """Show a resident their household: people, devices, messages, and how each of them comes in."""
    language = control.language(params.language, "")
    state, subject, resident = control.state, control.state.registry.subjects[caller.subject], own_resident(control, caller)
    return HomeShown(
        resident=Hex(resident.id),
        session=_session(session_of(control, caller), caller),
        residents=[
            ResidentShown(resident=Id(one.id), since_ms=one.since_ms, claimed=bool(one.claimed_ms)) for one in subject.residents
        ],
        devices=[
            OwnDevice(device=Id(one.id), profile=one.profile, zone=one.zone, owner=one.owner, since_ms=one.added_ms)
            for one in subjects.devices_of(state, subject.id)
        ],
        messages=await operators.messages_shown(control, subject.messages, language),
        claim_codes=sum(claim.subject == subject.id for claim in state.registry.claims.values()),
        enrolments=await enrolments_of(control, caller, subject.enrolment_entries),
        passkeys=[_passkey(passkey) for passkey in resident.passkeys],
        sessions=[_session(one, caller) for one in resident.sessions if one.ends_ms > control.real_ms()],
        paper_since_ms=0 if resident.paper is None else resident.paper.since_ms,
    )


def _session(session: Session, caller: Caller) -> SessionShown:
    return SessionShown(
        session=Hex(session.token_hash),
        kind=kind_of(session),
        since_ms=session.since_ms,
        ends_ms=session.ends_ms,
        is_this=session.token_hash == caller.session,
    )


def _passkey(passkey: Passkey) -> PasskeyShown:
    return PasskeyShown(
        passkey=Hex(passkey.key_sha256),
        credential=passkey.credential,
        since_ms=passkey.since_ms,
        how=passkey.how,  # type: ignore[arg-type]  # as it was enrolled
        log_index=passkey.entry,
        yes_from_ms=passkey.yes_from_ms,
        used_ms=passkey.used_ms,
    )


async def enrolments_of(control: Control, caller: Caller, entries: Sequence[int]) -> list[EnrolmentShown]:
    """Return what the log says of a household's credentials, newest first, as far as the openings are kept."""
    await control.commit()
    shown = [await _enrolment(control, caller, index) for index in reversed(entries[-MOST_ENROLMENTS:])]
    return [one for one in shown if one is not None]


async def _enrolment(control: Control, caller: Caller, index: int) -> EnrolmentShown | None:
    reader = control.store.reader
    stored = await reader.opening(index)
    data = None if stored is None else Opening.decode(stored).first
    if data is None:
        return None
    time_ms = Entry.decode(await reader.entry(index)).time_ms
    made = decode_key(data)
    assert isinstance(made, EnrolmentPayload | CredentialsEndedPayload)  # as every entry that is noted here
    if isinstance(made, CredentialsEndedPayload):
        return EnrolmentShown(is_own=made.resident == caller.resident, what="ended", how="", time_ms=time_ms, log_index=index)
    return EnrolmentShown(
        is_own=made.resident == caller.resident,
        what="passkey" if made.key_sha256 else "paper",
        how=made.how,
        time_ms=time_ms,
        log_index=index,
    )


def invite(control: Control, caller: Caller, params: ActProved) -> InviteMade:
    """Make a code by which one more person joins the household, confirmed by a passkey; it replaces an earlier one."""
    done = proved(control, caller, "subject.invite", params.proof)
    done.checked.enter(control)
    proof = invitation_proof(subjects.code_hash(done.code), done.checked.proof.encode())
    subjects.enter_invitation(control.state, caller.subject, done.code, proof, control.clock.now_ms())
    return InviteMade(claim_code=done.code, days=subjects.CODE_DAYS)


def leave(control: Control, caller: Caller, params: ActProved) -> ResidentLeft:
    """Leave the household: its other answers count without this resident's, whose credentials end.

    A session does, unless the resident's word holds back what the others permit: what their leaving lets out is told by it.
    """
    if len(control.state.registry.subjects[caller.subject].residents) == 1:
        raise MethodError("the last person of a household does not leave it: erase it instead", "last-resident")
    if any(_holds_back(home) for home in homes_of(control, caller)):
        proved(control, caller, "household.leave", params.proof)
    return operators.leave(control, caller, ResidentOf(subject=Id(caller.subject), resident=Id(caller.resident)))


def _holds_back(home: Household) -> bool:
    """Return whether more would leave by the words of the others alone."""
    others = [said for position, said in enumerate(home.said) if position != home.position]
    pairs = zip(home.points(others), home.points(home.said), strict=True)
    return not all(without.reveals_no_more_than(now) for without, now in pairs)


async def erase(control: Control, caller: Caller, params: ActProved) -> SubjectErased:
    """Erase the household, confirmed by a passkey or by the paper code."""
    if params.proof is UNSET and params.paper_code:
        check_paper(control, caller, params.paper_code)
    else:
        proved(control, caller, "household.erase", params.proof)
    return await rights.erase(control, caller, SubjectOf(subject=Id(caller.subject)))
