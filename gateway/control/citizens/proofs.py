"""What shows that it is the person: challenges that wait for a passkey's answer, the answers' check, and codes typed from paper.

A challenge waits in memory, for some minutes of real time, together with what it is for: a passkey that is to be made, an act, a
record of consent. It is answered once, and by nobody but whom it was made for. There is room for so many, and for a few of one
session or of one claim code, and the oldest go: whoever asks for many pushes out their own.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, TypeVar

from consent.citizen_messages import CHALLENGE_MINUTES, Assertion, ProofWanted
from consent.core.passkeys.assertion import SignedChallenge, check_assertion
from consent.core.passkeys.codes import paper_sha256
from consent.core.passkeys.proof import Proof
from consent.core.passkeys.relying_party import RelyingParty
from consent.errors import PasskeyError
from consent.messages import Hex
from gateway.control.context import Caller, Control, MethodError
from gateway.core.changes import credentials
from gateway.core.registry import Holder, Passkey, Resident

T = TypeVar("T")

CHALLENGE_BYTES: Final = 32
MOST_CHALLENGES: Final = 1024
"""How many wait at most: of visitors, and as many of residents."""
MOST_OF_ONE: Final = 16
"""How many of them for one session, or for one claim code."""
WRONG_AT_ONCE: Final = 200
"""How many wrong claim codes may be typed in a row, by everybody together."""
WRONG_A_SECOND: Final = 10.0
"""How many more in each second after that: 2^26 in the 90 days of a letter, against codes of 60 random bits.

So of a million letters that are in the post, one is guessed once in 2^14 such times, and it takes sixty addresses, each of which
the portal holds to ten tries a minute, to keep those out who type what is right.
"""


def site_of(control: Control) -> RelyingParty:
    """Return the site that passkeys are for.

    Raises: MethodError: the configuration names none, so nobody comes in over the portal.
    """
    address = control.durable.config.portal.address
    if address is None:
        raise MethodError("nobody comes in over the portal: the gateway's configuration has no `portal.address`", "no-address")
    return RelyingParty.at(address)


@dataclass(frozen=True, slots=True)
class _Waiting:
    owner: bytes
    what: object
    until_ms: int
    of: bytes


class Challenges:
    """The challenges that wait."""

    def __init__(self) -> None:
        """Begin with none."""
        self._visitors: OrderedDict[bytes, _Waiting] = OrderedDict()
        self._residents: OrderedDict[bytes, _Waiting] = OrderedDict()

    def keep(self, challenge: bytes, what: object, owner: bytes, real_ms: int, of: bytes = b"") -> None:
        """Keep a challenge that waits.

        Args:
            what: What it is for.
            owner: The name of the session that asked for it; empty: a visitor's.
            real_ms: Real time.
            of: Of what there is room for a few alone; empty: of the owner.
        """
        waiting, of = self._of(owner), of or owner
        waiting[challenge] = _Waiting(owner, what, real_ms + CHALLENGE_MINUTES * 60_000, of)
        waiting.move_to_end(challenge)
        for former in [each for each, one in waiting.items() if one.of == of][:-MOST_OF_ONE]:
            del waiting[former]
        while len(waiting) > MOST_CHALLENGES or next(iter(waiting.values())).until_ms <= real_ms:
            waiting.popitem(last=False)

    def what(self, challenge: bytes, kind: type[T], owner: bytes, real_ms: int) -> T:
        """Return what a challenge is for, and let it wait on.

        Raises: MethodError: none such waits for this owner.
        """
        found = self._of(owner).get(challenge)
        whose = found is not None and hmac.compare_digest(found.owner, owner) and found.until_ms > real_ms
        if found is None or not whose or not isinstance(found.what, kind):
            raise MethodError("the challenge is too old, or was answered already: ask for another", "challenge-old")
        return found.what

    def done(self, challenge: bytes, owner: bytes) -> None:
        """Forget a challenge that has been answered."""
        self._of(owner).pop(challenge, None)

    def _of(self, owner: bytes) -> OrderedDict[bytes, _Waiting]:
        return self._residents if owner else self._visitors

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._visitors) + len(self._residents)


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """A passkey's answer that was right; nothing has been entered of it yet.

    Attributes:
        passkey: As it stands in the registry.
        sign_count: What its counter said.
        proof: What an auditor checks.
    """

    holder: Holder
    passkey: Passkey
    sign_count: int
    proof: Proof

    def enter(self, control: Control) -> None:
        """Enter that the passkey was used, so that the same answer never counts again."""
        credentials.used(control.state, self.holder, self.passkey, self.sign_count, control.clock.now_ms())


def own_resident(control: Control, caller: Caller) -> Resident:
    """Return the resident who asks."""
    return control.state.registry.resident_of(Holder(caller.subject, caller.resident))


def wanted(control: Control, caller: Caller, challenge: bytes) -> ProofWanted:
    """Return what a resident's passkeys are to sign.

    Raises: MethodError: there is none that could.
    """
    passkeys = own_resident(control, caller).passkeys
    if not passkeys:
        raise MethodError("that takes a passkey, and there is none", "needs-passkey")
    allow = [passkey.credential for passkey in passkeys]
    return ProofWanted(challenge=Hex(challenge), relying_party=site_of(control).id, allow=allow)


def check_own(control: Control, caller: Caller, challenge: bytes, said: Assertion, *, may_wait: bool = False) -> CheckedAnswer:
    """Check the answer of a passkey of the resident who asks.

    Args:
        may_wait: Whether a passkey that replaces a lost one may do this at once, and not only a day later.
    Raises: MethodError: it is none of theirs, it has not signed the challenge for this site, or it has to wait.
    """
    resident = own_resident(control, caller)
    checked = _check(control, Holder(caller.subject, caller.resident), resident, challenge, said)
    if not may_wait and checked.passkey.yes_from_ms > control.clock.now_ms():
        raise MethodError("the passkey replaces a lost one, and cannot do that before a day has passed", "waits")
    return checked


def check_anyone(control: Control, challenge: bytes, said: Assertion) -> CheckedAnswer:
    """Check the answer of whatever passkey comes.

    Raises: MethodError: nobody has it, or it has not signed the challenge for this site.
    """
    holder = control.state.registry.holder_of("passkey", said.credential)
    if holder is None:
        raise MethodError("nobody here has that passkey", "passkey-unknown")
    return _check(control, holder, control.state.registry.resident_of(holder), challenge, said)


def _check(control: Control, holder: Holder, resident: Resident, challenge: bytes, said: Assertion) -> CheckedAnswer:
    passkey = next((one for one in resident.passkeys if hmac.compare_digest(one.credential, said.credential)), None)
    if passkey is None:
        raise MethodError("that passkey is none of yours", "passkey-unknown")
    site = site_of(control)
    signed = SignedChallenge(said.client_data, said.authenticator_data, said.signature)
    try:
        sign_count = check_assertion(signed, challenge, passkey.public_key, site, passkey.sign_count)
    except PasskeyError as error:
        raise MethodError(str(error), "passkey-refused") from error
    return CheckedAnswer(holder, passkey, sign_count, Proof(passkey.public_key, site.origin, signed))


# codes that are typed


class WrongCodes:
    """How many wrong claim codes were typed lately, by everybody together: whoever guesses is slowed down."""

    def __init__(self) -> None:
        """Begin with none."""
        self._left = float(WRONG_AT_ONCE)
        self._at_ms = 0

    def refuse_too_many(self, real_ms: int) -> None:
        """Refuse to look at a code while too many were wrong.

        Raises: MethodError: too many were.
        """
        self._left = min(WRONG_AT_ONCE, self._left + max(0, real_ms - self._at_ms) / 1000 * WRONG_A_SECOND)
        self._at_ms = real_ms
        if self._left < 1:
            raise MethodError("too many wrong codes were typed: try again in a minute", "too-many")

    def count(self) -> None:
        """Count a wrong one."""
        self._left -= 1


def holder_of_paper(control: Control, code: str) -> Holder:
    """Return whose a paper code is: of eighty random bits, so that no number of guesses keeps the right one from being looked at.

    Raises: MethodError: nobody's.
    """
    try:
        holder = control.state.registry.holder_of("paper", paper_sha256(code))
    except ValueError:
        holder = None
    if holder is None:
        raise MethodError("that is nobody's paper code", "paper-wrong")
    return holder


def check_paper(control: Control, caller: Caller, code: str) -> None:
    """Check that a paper code is the resident's who asks.

    Raises: MethodError: it is not.
    """
    if holder_of_paper(control, code) != (caller.subject, caller.resident):
        raise MethodError("that is not your paper code", "paper-wrong")
