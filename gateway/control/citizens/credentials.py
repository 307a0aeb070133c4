"""Control methods of a resident's passkeys and paper code: more of them, fewer, and what a passkey signs for it.

A new passkey is confirmed by one that the resident has; where all are lost, by the paper code, which is used up. A passkey that
came by a paper code tells nothing more for a day, within which the household has read of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from msgspec import UNSET

from consent.citizen_messages import (
    Act,
    ActProved,
    ActWanted,
    Assertion,
    CredentialRecorded,
    Mine,
    PaperMade,
    PasskeyAdded,
    PasskeyNamed,
    ProofWanted,
    Registration,
    RegistrationChallenge,
)
from consent.core.passkeys.acts import act_challenge
from consent.core.passkeys.client_data import challenge_in
from consent.core.passkeys.codes import RANDOM_BYTES, RECOVERY_WAIT_MS, paper_code, paper_sha256, plain_code
from consent.messages import Hex
from gateway.audit.log.payloads import How
from gateway.control.citizens.claims import new_passkey, refuse_taken
from gateway.control.citizens.pace import Pace
from gateway.control.citizens.proofs import (
    CHALLENGE_BYTES,
    Challenges,
    CheckedAnswer,
    check_own,
    check_paper,
    own_resident,
    site_of,
    wanted,
)
from gateway.control.context import Caller, Control, MethodError
from gateway.core.changes import credentials, subjects
from gateway.core.changes.credentials import NewCredential
from gateway.core.registry import PASSKEYS_KEPT, Holder, Passkey

_NONCE_BYTES: Final = 16
_AT_ONCE: Final = ("paper.replace",)
"""What a passkey that replaces a lost one may do at once: nothing that it could not do by the code that made it."""


_ONCE: Final = ("household.leave", "household.erase")
"""What ends whatever was confirmed, and is never too much."""


@dataclass(frozen=True, slots=True)
class _Making:
    """A challenge for a new passkey, and the handle that it is to hold of the resident."""

    user_handle: bytes


@dataclass(frozen=True, slots=True)
class _Acting:
    """A challenge for an act, with what the act enters: a passkey, or a code."""

    act: Act
    passkey: Passkey | None = None
    user_handle: bytes = b""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Proved:
    """An act that a passkey has signed, and what it is to enter; nothing has been entered yet."""

    checked: CheckedAnswer
    code: str
    passkey: Passkey | None
    user_handle: bytes


def challenge(control: Control, caller: Caller, params: Mine) -> RegistrationChallenge:
    """Give what a new passkey of the resident's is to be made with."""
    resident, random_bytes = own_resident(control, caller), control.state.identity.random_bytes
    _refuse_full(control, caller)
    handle = resident.user_handle or random_bytes(_NONCE_BYTES)
    made = random_bytes(CHALLENGE_BYTES)
    control.kept(Challenges).keep(made, _Making(handle), caller.session, control.real_ms())
    return RegistrationChallenge(
        challenge=Hex(made),
        user_handle=Hex(handle),
        relying_party=site_of(control).id,
        exclude=[passkey.credential for passkey in resident.passkeys],
    )


def want(control: Control, caller: Caller, params: ActWanted) -> ProofWanted:
    """Give what a passkey of the resident has to sign for an act; for a new passkey, once that is made."""
    acting, nonce = _acting(control, caller, params)
    made = act_challenge(params.act, caller.subject, caller.resident, nonce)
    answer = wanted(control, caller, made)
    control.kept(Challenges).keep(made, acting, caller.session, control.real_ms())
    return answer


def _acting(control: Control, caller: Caller, params: ActWanted) -> tuple[_Acting, bytes]:
    """Return an act with what it enters, and what ties its challenge to that."""
    random_bytes = control.state.identity.random_bytes
    if params.act == "passkey.add":
        if params.registration is UNSET:
            raise MethodError("`registration` is missing: make the new passkey first", "passkey-refused")
        passkey, handle = _made(control, caller, params.registration, "passkey")
        return _Acting(params.act, passkey, handle), sha256(passkey.public_key).digest()
    if params.act == "subject.invite":
        code = subjects.new_code(random_bytes)
        return _Acting(params.act, code=code), subjects.code_hash(code)
    if params.act == "paper.replace":
        code = paper_code(random_bytes(RANDOM_BYTES))
        return _Acting(params.act, code=code), paper_sha256(code)
    return _Acting(params.act), random_bytes(_NONCE_BYTES)


def _made(control: Control, caller: Caller, said: Registration, how: How, yes_from_ms: int = 0) -> tuple[Passkey, bytes]:
    """Return a new passkey that was made for a challenge of this session, and the handle that it holds."""
    _refuse_full(control, caller)
    made = challenge_in(said.client_data)
    making = control.kept(Challenges).what(made, _Making, caller.session, control.real_ms())
    passkey = new_passkey(control, said, made, how, yes_from_ms)
    return passkey, making.user_handle


def _refuse_full(control: Control, caller: Caller) -> None:
    if not credentials.has_room(own_resident(control, caller)):
        raise MethodError(f"there are `{PASSKEYS_KEPT}` passkeys already: end one first", "nothing-to-change")


def proved(control: Control, caller: Caller, act: Act, proof: Assertion | object) -> Proved:
    """Check the proof of an act that this session has asked for.

    Raises: MethodError: there is none, or it does not prove that act.
    """
    if not isinstance(proof, Assertion):
        raise MethodError("that takes a passkey's answer", "needs-passkey")
    challenges, made = control.kept(Challenges), challenge_in(proof.client_data)
    acting = challenges.what(made, _Acting, caller.session, control.real_ms())
    if acting.act != act:
        raise MethodError("the passkey has signed another act", "challenge-old")
    checked = check_own(control, caller, made, proof, may_wait=act in _AT_ONCE)
    if act not in _ONCE:
        control.kept(Pace).count(caller.subject, control.real_ms())
    challenges.done(made, caller.session)
    return Proved(checked, acting.code, acting.passkey, acting.user_handle)


def add(control: Control, caller: Caller, params: PasskeyAdded) -> CredentialRecorded:
    """Enrol one more passkey: confirmed by an earlier one, or by the paper code, which is used up and replaced."""
    if params.proof is UNSET:
        return _recover(control, caller, params)
    done, site = proved(control, caller, "passkey.add", params.proof), site_of(control)
    assert done.passkey is not None  # as every act of this name holds
    _refuse_full(control, caller)  # either may have come about while the proof was made
    refuse_taken(control, done.passkey)
    done.checked.enter(control)
    new = NewCredential("passkey", done.checked.proof.encode(), done.passkey, site.id, user_handle=done.user_handle)
    return CredentialRecorded(log_index=_enrol(control, caller, new))


def _recover(control: Control, caller: Caller, params: PasskeyAdded) -> CredentialRecorded:
    """Enrol a passkey by the paper code."""
    if not params.paper_code:
        raise MethodError("a new passkey is confirmed by an earlier one, or by the paper code", "needs-passkey")
    if params.registration is UNSET:
        raise MethodError("`registration` is missing", "passkey-refused")
    check_paper(control, caller, params.paper_code)
    yes_from_ms = control.clock.now_ms() + RECOVERY_WAIT_MS
    passkey, handle = _made(control, caller, params.registration, "recovery", yes_from_ms)
    control.kept(Challenges).done(challenge_in(params.registration.client_data), caller.session)
    code = paper_code(control.state.identity.random_bytes(RANDOM_BYTES))
    used_up = plain_code(params.paper_code).encode()
    _end_paper_sessions(control, caller)
    new = NewCredential("recovery", used_up, passkey, site_of(control).id, paper_sha256(code), handle)
    return CredentialRecorded(log_index=_enrol(control, caller, new), yes_from_ms=yes_from_ms, paper_code=code)


def _end_paper_sessions(control: Control, caller: Caller) -> None:
    """End the sessions that a paper code has opened which is of no use any more, but for the one that asks."""
    sessions = own_resident(control, caller).sessions
    kept = tuple([one for one in sessions if one.credential or one.token_hash == caller.session])
    credentials.keep_sessions(control.state, Holder(caller.subject, caller.resident), kept)


def _enrol(control: Control, caller: Caller, new: NewCredential) -> int:
    return credentials.enrol(control.state, Holder(caller.subject, caller.resident), new, control.clock.now_ms())


def end(control: Control, caller: Caller, params: PasskeyNamed) -> CredentialRecorded:
    """End a passkey of the resident's, and the sessions that it has opened."""
    named = tuple([one for one in own_resident(control, caller).passkeys if one.key_sha256 == params.passkey])
    if not named:
        raise MethodError("you have no such passkey", "passkey-unknown")
    index = credentials.end(control.state, Holder(caller.subject, caller.resident), named, "resident", control.clock.now_ms())
    return CredentialRecorded(log_index=index)


def replace_paper(control: Control, caller: Caller, params: ActProved) -> PaperMade:
    """Make a new paper code, confirmed by a passkey; the one before is of no use any more, nor are its sessions."""
    done = proved(control, caller, "paper.replace", params.proof)
    done.checked.enter(control)
    new = NewCredential("passkey", done.checked.proof.encode(), paper_sha256=paper_sha256(done.code))
    _end_paper_sessions(control, caller)
    return PaperMade(paper_code=done.code, log_index=_enrol(control, caller, new))
