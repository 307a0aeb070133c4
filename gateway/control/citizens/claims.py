"""Control methods of coming in for the first time: what a claim code would do, and its use.

Nothing is stored before the person confirms: what they look at, challenge and paper code among it, waits in memory alone.
Whoever comes in with a code of a letter is the first of a household that nobody has ever answered for; everybody else brings a
code that a resident's passkey, or the counter, has made.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final, Literal

from msgspec import UNSET

from consent.citizen_messages import CodeConfirmed, CodeLooked, CodeTyped, Registration, SessionOpened
from consent.core.passkeys.codes import RANDOM_BYTES, paper_code, paper_sha256
from consent.core.passkeys.registration import check_registration
from consent.errors import PasskeyError
from consent.messages import Hex
from gateway.audit.log.payloads import How
from gateway.control.citizens.proofs import CHALLENGE_BYTES, Challenges, WrongCodes, site_of
from gateway.control.citizens.sessions import kind_of, opened, session_of
from gateway.control.context import Caller, Control, MethodError
from gateway.core.changes import credentials, subjects
from gateway.core.changes.credentials import NewCredential
from gateway.core.registry import Claim, Holder, Passkey

Brings = Literal["household", "person", "again", "device"]

_HANDLE_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class _Looked:
    """A claim code that was looked at, with what is to be entered once that is confirmed."""

    code_hash: bytes
    user_handle: bytes
    paper_code: str


def look(control: Control, caller: Caller, params: CodeTyped) -> CodeLooked:
    """Show what a claim code would do, and do nothing."""
    site = site_of(control)
    found, brings = _find(control, caller, params.code)
    random_bytes = control.state.identity.random_bytes
    challenge, handle, paper = random_bytes(CHALLENGE_BYTES), random_bytes(_HANDLE_BYTES), paper_code(random_bytes(RANDOM_BYTES))
    control.kept(Challenges).keep(
        challenge, _Looked(found.code_hash, handle, paper), caller.session, control.real_ms(), found.code_hash
    )
    device = next((one for one in control.state.registry.devices.values() if one.id == found.device), None)
    residents = control.state.registry.subjects[caller.subject if brings == "device" else found.subject].residents
    return CodeLooked(
        brings=brings,
        profile="" if device is None else device.profile,
        zone="" if device is None else device.zone,
        residents=sum(resident.id != found.resident for resident in residents),
        challenge=Hex(challenge),
        user_handle=Hex(handle),
        relying_party=site.id,
        paper_code="" if brings == "device" else paper,
    )


def confirm(control: Control, caller: Caller, params: CodeConfirmed) -> SessionOpened:
    """Use a claim code that was looked at: a person comes in, or a device comes to the household of who has."""
    found, brings = _find(control, caller, params.code)
    challenges = control.kept(Challenges)
    looked = challenges.what(params.challenge, _Looked, caller.session, control.real_ms())
    if not hmac.compare_digest(looked.code_hash, found.code_hash):
        raise MethodError("another code was looked at", "challenge-old")
    if brings == "device":
        subjects.claim(control.state, params.code, caller.subject, control.clock.now_ms())
        answer = _session_as_it_is(control, caller)
    else:
        registration = params.registration
        passkey = None if registration is UNSET else new_passkey(control, registration, params.challenge, _how(found))
        answer = _come_in(control, params.code, found, looked, passkey)
    challenges.done(params.challenge, caller.session)
    return answer


def _session_as_it_is(control: Control, caller: Caller) -> SessionOpened:
    session = session_of(control, caller)
    return SessionOpened(token=caller.token, kind=kind_of(session), ends_ms=session.ends_ms)


def _come_in(control: Control, code: str, found: Claim, looked: _Looked, passkey: Passkey | None) -> SessionOpened:
    """Enter a person with a passkey, if they have made one, and the paper code that they were shown; open their session."""
    state, now_ms, how = control.state, control.clock.now_ms(), _how(found)
    site = site_of(control)
    joined = subjects.claim(state, code, None, now_ms)
    subjects.drop_letters(state, joined.subject)
    holder = Holder(joined.subject, joined.resident)
    new = NewCredential(
        how=how,
        proof=found.proof,
        passkey=passkey,
        relying_party=site.id,
        paper_sha256=paper_sha256(looked.paper_code),
        user_handle=looked.user_handle,
    )
    index = credentials.enrol(state, holder, new, now_ms)
    return opened(control, holder, b"" if passkey is None else passkey.credential, index)


def new_passkey(control: Control, said: Registration, challenge: bytes, how: How, yes_from_ms: int = 0) -> Passkey:
    """Check a passkey that a browser has made for a challenge, and return it, not entered yet.

    Raises: MethodError: it is for another site or challenge, is no passkey that can be taken, or somebody has it already.
    """
    try:
        made = check_registration(said.client_data, said.attestation, challenge, site_of(control))
    except PasskeyError as error:
        raise MethodError(str(error), "passkey-refused") from error
    passkey = Passkey(made.credential, made.public_key, made.sign_count, how, control.clock.now_ms(), 0, yes_from_ms)
    refuse_taken(control, passkey)
    return passkey


def refuse_taken(control: Control, passkey: Passkey) -> None:
    """Refuse a passkey that somebody has, or that has ended.

    Raises: MethodError: it is one.
    """
    holder_of = control.state.registry.holder_of
    if holder_of("passkey", passkey.credential) is not None or holder_of("key", passkey.key_sha256) is not None:
        raise MethodError("that passkey is or was somebody's already", "passkey-refused")


def _find(control: Control, caller: Caller, code: str) -> tuple[Claim, Brings]:
    """Return what a claim code allows whoever asks, and what it brings.

    Raises: MethodError: nothing, or too many wrong ones were typed.
    """
    wrong = control.kept(WrongCodes)
    wrong.refuse_too_many(control.real_ms())
    try:
        found = subjects.find_claim(control.state, code, control.clock.now_ms())
        return found, _brings(control, caller, found)
    except subjects.CodeUnknownError as error:
        wrong.count()
        raise MethodError(str(error), "code-unknown") from error
    except subjects.CodeOldError as error:
        raise MethodError(str(error), "code-old") from error
    except subjects.CodeElsewhereError as error:
        raise MethodError(str(error), "code-other-home") from error


def _brings(control: Control, caller: Caller, found: Claim) -> Brings:
    if caller.session:
        if found.subject == caller.subject:
            raise MethodError("the claim code is of your own household, and brings nothing to it", "nothing-to-change")
        subjects.movable_device(control.state, found)
        return "device"
    if not found.resident:
        return "person"
    has_answered = bool(control.state.registry.subjects[found.subject].enrolment_entries)
    if found.how == "letter" and has_answered:
        raise subjects.CodeUnknownError("there is no such claim code, or it was used already")
    return "again" if has_answered else "household"


def _how(found: Claim) -> How:
    """Return what an enrolment by a claim code is recorded as; a newcomer without a resident's proof comes by the crew's word."""
    how: dict[str, How] = {"letter": "letter", "invitation": "invitation", "counter": "counter"}
    return how[found.how] if found.resident or found.how != "letter" else "counter"
