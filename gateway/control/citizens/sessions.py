"""Control methods of sessions: opened by a passkey or a paper code, lengthened, and ended.

A session is its token, of which the gateway keeps a hash. Whoever has the token may read the household and tell less, and nothing
more. Sessions end in real time, as people have it.
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Final

import msgspec
from msgspec import UNSET

from consent.citizen_messages import (
    Mine,
    Nobody,
    PaperTyped,
    SessionKind,
    SessionNamed,
    SessionOpened,
    SessionsEnded,
    SignIn,
    SignInChallenge,
)
from consent.core.passkeys.client_data import challenge_in
from consent.messages import Hex
from gateway.control.citizens.entrance import Entrance
from gateway.control.citizens.proofs import check_anyone, holder_of_paper, own_resident, site_of
from gateway.control.context import Caller, Control, MethodError, citizen
from gateway.core.changes import credentials
from gateway.core.registry import Holder, Session

_HOUR_MS: Final = 3_600_000
LASTS_MS: Final[dict[SessionKind, int]] = {"passkey": 12 * _HOUR_MS, "paper": _HOUR_MS}
"""For how long a session lasts, and is lengthened by."""
LONGEST: Final = 14
"""So many times as long, from its beginning, a session may last at most: whoever has got hold of a token has it for a week."""
_LONGEST_TOKEN: Final = 2 * credentials.TOKEN_BYTES


def resident_of(control: Control, door: Caller, token: str) -> Caller:
    """Return the resident whose session a token opens.

    Raises: MethodError: it opens none, or none any more.
    """
    name = credentials.session_name(token) if token.isascii() and len(token) == _LONGEST_TOKEN else b""
    holder = control.state.registry.holder_of("session", name)
    if holder is None:
        raise _ended()
    caller = citizen(holder.subject, holder.resident, name, token)
    refuse_ended(control, caller)
    return replace(caller, connection=door.connection)


def refuse_ended(control: Control, caller: Caller) -> None:
    """Refuse a caller whose session has ended.

    Raises: MethodError: it has.
    """
    session_of(control, caller)


def session_of(control: Control, caller: Caller) -> Session:
    """Return the session that asks.

    Raises: MethodError: it has ended.
    """
    registry = control.state.registry
    if registry.holder_of("session", caller.session) != (caller.subject, caller.resident):
        raise _ended()
    resident = own_resident(control, caller)
    found = next((one for one in resident.sessions if hmac.compare_digest(one.token_hash, caller.session)), None)
    if found is None or found.ends_ms <= control.real_ms():
        raise _ended()
    return found


def _ended() -> MethodError:
    return MethodError("the session has ended: come in again", "session-ended")


def kind_of(session: Session) -> SessionKind:
    """Return by what a session was opened."""
    return "passkey" if session.credential else "paper"


def opened(control: Control, holder: Holder, credential: bytes, log_index: int | None = None) -> SessionOpened:
    """Open a session for a resident, of a passkey or, without one, of their paper code."""
    kind: SessionKind = "passkey" if credential else "paper"
    real_ms = control.real_ms()
    ends_ms = real_ms + LASTS_MS[kind]
    token = credentials.open_session(control.state, holder, credential, ends_ms, real_ms)
    return SessionOpened(token=token, kind=kind, ends_ms=ends_ms, log_index=UNSET if log_index is None else log_index)


def challenge(control: Control, caller: Caller, params: Nobody) -> SignInChallenge:
    """Give a challenge that whatever passkey of this site may answer, to come in."""
    site = site_of(control)
    return SignInChallenge(challenge=Hex(control.kept(Entrance).made(control)), relying_party=site.id)


def open_by_passkey(control: Control, caller: Caller, params: SignIn) -> SessionOpened:
    """Open a session by a passkey's answer."""
    entrance, made = control.kept(Entrance), challenge_in(params.assertion.client_data)
    entrance.check(made, control.real_ms())
    checked = check_anyone(control, made, params.assertion)
    entrance.done(made, control.real_ms())
    checked.enter(control)
    return opened(control, checked.holder, checked.passkey.credential)


def open_by_paper(control: Control, caller: Caller, params: PaperTyped) -> SessionOpened:
    """Open a session by a paper code, which stays as it is; such a session tells less, and never more."""
    site_of(control)
    return opened(control, holder_of_paper(control, params.code), b"")


def extend(control: Control, caller: Caller, params: Mine) -> SessionOpened:
    """Lengthen the session that asks: from now, by as much as it lasted at first, within its longest time."""
    session, holder = session_of(control, caller), Holder(caller.subject, caller.resident)
    kind = kind_of(session)
    ends_ms = min(control.real_ms() + LASTS_MS[kind], session.since_ms + LONGEST * LASTS_MS[kind])
    longer = msgspec.structs.replace(session, ends_ms=max(session.ends_ms, ends_ms))
    sessions = tuple([longer if one is session else one for one in own_resident(control, caller).sessions])
    credentials.keep_sessions(control.state, holder, sessions)
    return SessionOpened(token=caller.token, kind=kind, ends_ms=longer.ends_ms)


def end(control: Control, caller: Caller, params: SessionNamed) -> SessionsEnded:
    """End the session that asks, another of the resident's, or all others."""
    sessions = own_resident(control, caller).sessions
    if params.all_others:
        kept = tuple([one for one in sessions if one.token_hash == caller.session])
    else:
        name = caller.session if params.session is UNSET else params.session
        kept = tuple([one for one in sessions if one.token_hash != name])
    if len(kept) < len(sessions):
        credentials.keep_sessions(control.state, Holder(caller.subject, caller.resident), kept)
    return SessionsEnded(ended=len(sessions) - len(kept))
