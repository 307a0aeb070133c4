"""What the citizens' door takes and answers: how a person comes in, what a household is asked, and what it can see of itself.

A visitor who has shown nothing may look at a claim code, use it, and come in with a passkey or a paper code. All else goes with
the token of a session, which stands beside a request's parameters (``consent.control.ControlRequest.session``) and from which the
gateway takes subject and resident. ``gateway.control.citizens`` answers; ``gateway.control.methods`` says by which method.

Bytes that WebAuthn hands over stand as base64 (RFC 4648), ids and hashes in hexadecimal. Source of the WebAuthn names: Web
Authentication Level 3, sections 5.1, 6.1 and 7.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from consent.messages import (
    ConsentChanged,
    ConsentLimits,
    Hex,
    JsonObject,
    MaybeInstant,
    MessageShown,
    OwnDevice,
    Parameters,
    QuantityExposed,
    ResidentShown,
    Result,
)

Enrolment = Literal["letter", "invitation", "recovery", "counter", "passkey"]
"""How a credential came to be: by the code of an installer's letter, by a code that a resident made with a passkey, by the paper
code of the same resident, by a code that the counter made, or by an earlier passkey of the same resident."""

SessionKind = Literal["passkey", "paper"]
"""By what a session was opened. One opened by a paper code tells less, and never more."""


# coming in: of anyone


class Registration(Parameters, frozen=True, kw_only=True):
    """A passkey that a browser has made, as `navigator.credentials.create` returns it.

    Attributes:
        client_data: `response.clientDataJSON`.
        attestation: `response.attestationObject`; of any format, since what it attests is not looked at.
    """

    client_data: bytes
    attestation: bytes


class Assertion(Parameters, frozen=True, kw_only=True):
    """What a passkey has signed, as `navigator.credentials.get` returns it.

    Attributes:
        credential: `rawId`.
        client_data: `response.clientDataJSON`.
        authenticator_data: `response.authenticatorData`.
        signature: `response.signature`.
    """

    credential: bytes
    client_data: bytes
    authenticator_data: bytes
    signature: bytes


class CodeTyped(Parameters, frozen=True, kw_only=True):
    """A claim code, as typed."""

    code: str


class CodeLooked(Result, frozen=True, kw_only=True):
    """What a claim code would do, which has done nothing yet.

    Attributes:
        brings: `household`: its first person; `person`: one more of a household that stands; `again`: one of them, who has lost
            everything; each by a code that is of no use after. (With a session, a device's code brings the `device`.)
        profile: Of the device that it was made for; empty where it was made for none.
        zone: Likewise.
        residents: How many people the household has by now, the newcomer not counted.
        challenge: For `navigator.credentials.create`; it holds for ``CHALLENGE_MINUTES``.
        user_handle: Likewise: random, and the resident's afterwards.
        relying_party: Likewise: the id, a domain.
        paper_code: The paper code that is the person's once they confirm; stored nowhere until then, and as a hash then.
    """

    brings: Literal["household", "person", "again", "device"]
    profile: str
    zone: str
    residents: int
    challenge: Hex
    user_handle: Hex
    relying_party: str
    paper_code: str


class CodeConfirmed(Parameters, frozen=True, kw_only=True):
    """The use of a claim code that was looked at: with a passkey, or with the paper code alone.

    Attributes:
        challenge: Of what was looked at, so that the paper code is the one that was shown.
    """

    code: str
    challenge: Hex
    registration: Registration | UnsetType = UNSET


class Nobody(Parameters, frozen=True, kw_only=True):
    """No parameters, of a visitor who has shown nothing."""


class SignInChallenge(Result, frozen=True, kw_only=True):
    """What `navigator.credentials.get` is asked for: any passkey of this site may answer."""

    challenge: Hex
    relying_party: str


class SignIn(Parameters, frozen=True, kw_only=True):
    """A passkey's answer to a ``SignInChallenge``."""

    assertion: Assertion


class PaperTyped(Parameters, frozen=True, kw_only=True):
    """A paper code, as typed."""

    code: str


class SessionOpened(Result, frozen=True, kw_only=True):
    """A session.

    Attributes:
        token: Its secret, in hexadecimal: whoever has it may do what the session may.
        ends_ms: When it ends by itself, Unix time.
        log_index: Of the entry that records the credential, where one was made now.
    """

    token: str
    kind: SessionKind
    ends_ms: int
    log_index: int | UnsetType = UNSET


# the household and its credentials: of a session


class Mine(Parameters, frozen=True, kw_only=True):
    """No parameters: what is asked is of the session's own resident and household."""


class MineIn(Parameters, frozen=True, kw_only=True):
    """The same, answered in a language."""

    language: str = ""


class PasskeyShown(Result, frozen=True, kw_only=True):
    """A passkey of the resident.

    Attributes:
        passkey: SHA-256 of its public key, by which the record names it.
        credential: The id by which the browser knows it.
        since_ms: When it was enrolled.
        how: How it came to be.
        log_index: Of the entry that says so.
        yes_from_ms: From when on it can tell more than now: of one that replaces a lost one, a day after it was enrolled.
        used_ms: When it last answered; 0: never.
    """

    passkey: Hex
    credential: bytes
    since_ms: int
    how: Enrolment
    log_index: int
    yes_from_ms: int
    used_ms: int


class SessionShown(Result, frozen=True, kw_only=True):
    """A session of the resident: its name, which is no secret, and whether it is the one that asks."""

    session: Hex
    kind: SessionKind
    since_ms: int
    ends_ms: int
    is_this: bool


class EnrolmentShown(Result, frozen=True, kw_only=True):
    """A credential that came to be, or ended, as the record says.

    Attributes:
        is_own: Whether it is of the resident who asks.
        what: `passkey`, `paper` (a paper code alone), or `ended`.
        how: How it came to be; empty where it ended.
    """

    is_own: bool
    what: Literal["passkey", "paper", "ended"]
    how: str
    time_ms: int
    log_index: int


class HomeShown(Result, frozen=True, kw_only=True):
    """The household as its resident sees it.

    Attributes:
        resident: Who asks.
        session: By what.
        claim_codes: How many codes that were made for it can still be used.
        enrolments: Every credential that was ever recorded for anyone of the household, newest first.
        paper_since_ms: When the resident's paper code was made; 0: there is none.
    """

    resident: Hex
    session: SessionShown
    residents: list[ResidentShown]
    devices: list[OwnDevice]
    messages: list[MessageShown]
    claim_codes: int
    enrolments: list[EnrolmentShown]
    passkeys: list[PasskeyShown]
    sessions: list[SessionShown]
    paper_since_ms: int


class SessionNamed(Parameters, frozen=True, kw_only=True):
    """A session of one's own by its name; without one, the session that asks; or all but that."""

    session: Hex | UnsetType = UNSET
    all_others: bool = False


class SessionsEnded(Result, frozen=True, kw_only=True):
    """How many sessions were ended."""

    ended: int


class RegistrationChallenge(Result, frozen=True, kw_only=True):
    """What `navigator.credentials.create` is asked for; ``exclude`` are the ids of passkeys that there are already."""

    challenge: Hex
    user_handle: Hex
    relying_party: str
    exclude: list[bytes]


Act = Literal["passkey.add", "subject.invite", "paper.replace", "household.leave", "household.erase"]
"""What takes a passkey's answer besides a session, and is no record of consent."""


class ActWanted(Parameters, frozen=True, kw_only=True):
    """An act that is to be proved.

    Attributes:
        registration: Of `passkey.add`: the new passkey, made for a ``RegistrationChallenge`` of this session; the gateway holds
            it in memory until the proof comes.
    """

    act: Act
    registration: Registration | UnsetType = UNSET


class ProofWanted(Result, frozen=True, kw_only=True):
    """What a passkey of the resident has to sign.

    Attributes:
        challenge: SHA-256 of the act, or of the record of consent, that is to be.
        allow: The ids of passkeys that may.
    """

    challenge: Hex
    relying_party: str
    allow: list[bytes]


class PasskeyAdded(Parameters, frozen=True, kw_only=True):
    """A new passkey: proved by an earlier one, or by the resident's paper code where all are lost.

    Attributes:
        registration: The new passkey, made for a ``RegistrationChallenge`` of this session. Left out with a proof: the gateway
            then has it from `act.challenge`.
    """

    registration: Registration | UnsetType = UNSET
    proof: Assertion | UnsetType = UNSET
    paper_code: str = ""


class CredentialRecorded(Result, frozen=True, kw_only=True):
    """A credential came to be, or ended.

    Attributes:
        yes_from_ms: As in ``PasskeyShown``; 0 where it ended.
        paper_code: A new paper code, shown once, where the old one was used up by this.
    """

    log_index: int
    yes_from_ms: int = 0
    paper_code: str = ""


class PasskeyNamed(Parameters, frozen=True, kw_only=True):
    """A passkey of one's own, to be ended; its sessions end with it."""

    passkey: Hex


class ActProved(Parameters, frozen=True, kw_only=True):
    """An act with its proof: a passkey's assertion, or for `household.erase` the paper code; `household.leave` may need none."""

    proof: Assertion | UnsetType = UNSET
    paper_code: str = ""


class InviteMade(Result, frozen=True, kw_only=True):
    """A claim code for one more person."""

    claim_code: str
    days: int


class PaperMade(Result, frozen=True, kw_only=True):
    """A new paper code, shown once; the one before is of no use any more."""

    paper_code: str
    log_index: int


# the questions


class SeenByCity(Result, frozen=True, kw_only=True):
    """A row of what the city would have seen of the last day.

    Attributes:
        begin_ms: The beginning of its window, or its instant, Unix time.
        end_ms: The window's end; equal to the beginning for an instant.
        value: The household's own part, floored to the step as it would be, in the property's unit.
        is_alone: Whether the city sees it by itself; else it goes into a sum or mean with others', and nobody sees it.
        homes: Among about how many homes, where it is not alone, as of the last figures that left; 0 where none have.
        spread: What stands behind ± of the figure (one standard error), in the unit; None where it has none.
    """

    property: str
    unit: str
    statistic: str
    begin_ms: int
    end_ms: int
    value: str
    cell: str
    is_alone: bool
    homes: int
    spread: float | None


class AnswerOffered(Result, frozen=True, kw_only=True):
    """One of the answers to a question, and what would come of it for this household.

    Attributes:
        answer: `yes`: all that is asked; `less`: the level at which a group is met most often; `no`; or `fine`: own limits.
        limits: What a `consent.propose` or `consent.grant` of it takes; empty for `no`.
        is_more: Whether it tells more than what is in force, so that it takes a passkey.
        disclosure: What would leave, all limits met, as in `policy.explain`; empty where nothing would.
        reason: Why nothing would leave, as in `policy.explain`; empty where something would, and for `no`.
        text: The same in one sentence.
        retention_days: For how long a recipient may keep it; 0 where nothing leaves.
        exposures: How far all that would leave of the household then tells on it, quantity by quantity.
        seen: What the city would have seen of the last day; empty without readings.
    """

    answer: Literal["yes", "less", "no", "fine"]
    limits: JsonObject
    is_more: bool
    disclosure: JsonObject
    reason: str
    text: str
    retention_days: int
    exposures: list[QuantityExposed]
    seen: list[SeenByCity]


class QuestionRow(Result, frozen=True, kw_only=True):
    """A use of data that the household has a sensor for, and how it stands.

    Attributes:
        own: What the resident's own latest word is, as a status of ``consent.core.consents.records``; empty: none.
        answer: Which of the offered answers that is: `yes`, `less`, `fine`, `no`, `paused`; empty where there is none in force.
        counts: Why the resident's word does not hold, as in ``FlowAnswers``; `permits` where it does.
        held_back_by_another: Whether somebody else of the household permits less.
        text: What leaves at present, in one sentence.
        since_ms: Since when the resident's word counts; 0 without one.
        expiry_ms: When it ends by itself; None: never.
        log_index: Of its entry; -1 without one.
        scope: Of that entry: the flow, or `purpose:<id>`.
        is_asked: Whether the city has asked for it and nobody answered.
        rests_until_ms: Until when a no rests, so that nobody asks again; 0: it does not.
    """

    flow: str
    own: str
    answer: str
    counts: str
    held_back_by_another: bool
    text: str
    since_ms: int
    expiry_ms: int | None
    log_index: int
    scope: str
    is_asked: bool
    rests_until_ms: int


class Questions(Result, frozen=True, kw_only=True):
    """Everything that the household can be asked, in the order of the rules; and what was left for it to read."""

    now_ms: int
    flows: list[QuestionRow]
    messages: list[MessageShown]


class QuestionOf(Parameters, frozen=True, kw_only=True):
    """One question, in a language; with ``limits``, also what those limits would come to."""

    flow: str
    language: str = ""
    limits: ConsentLimits | UnsetType = UNSET


class QuestionShown(Result, frozen=True, kw_only=True):
    """All that is to be told before a resident answers.

    Attributes:
        row: How it stands now.
        offered: Yes, less and no, in this order, and limits of one's own after them; `less` is left out where there is none.
        now: What the household's word in force comes to; none where nothing is in force.
        axes: For each axis that a consent may bound, the levels that it may choose, least telling first.
        properties: Which of the flow's properties the household's sensors tell.
        profile: Of the household's sensor for it.
        zone: Where it is.
        since_start_ms: Since when readings are remembered: what came before the gateway's last start is not.
        heard_ms: When one of these sensors was last heard; 0: not since then.
        yes_from_ms: Before this the session's passkey can tell nothing more; 0: it can.
        counts_from_ms: From when on a yes given now would count for figures.
    """

    row: QuestionRow
    offered: list[AnswerOffered]
    now: AnswerOffered | None
    axes: dict[str, list[str]]
    properties: list[str]
    profile: str
    zone: str
    since_start_ms: int
    heard_ms: int
    yes_from_ms: int
    counts_from_ms: int


class ConsentWanted(Parameters, frozen=True, kw_only=True):
    """A permission that a passkey is to sign: of a flow or purpose, up to limits; or to resume what is paused.

    Attributes:
        resume: What is paused is to go on as it was; limits and expiry are then its own.
        language: In which the answer says what it permits; by default the city's own.
    """

    scope: str
    limits: ConsentLimits = msgspec.field(default_factory=ConsentLimits)
    expiry: MaybeInstant = msgspec.field(default_factory=MaybeInstant)
    resume: bool = False
    language: str = ""


class ConsentProposed(Result, frozen=True, kw_only=True):
    """The record that a passkey is to sign, made and not entered; it holds for ``CHALLENGE_MINUTES``.

    Attributes:
        is_more: Whether it tells more than what is in force. One that does not may be entered without a proof.
        text: What it permits, in one sentence.
    """

    proof: ProofWanted
    is_more: bool
    text: str


class ConsentProved(Parameters, frozen=True, kw_only=True):
    """A passkey's signature of the record that was proposed to this session under the challenge."""

    challenge: Hex
    proof: Assertion


class LessWanted(Parameters, frozen=True, kw_only=True):
    """Less than now, which takes a session alone: a no, limits that are lower, an end or a pause; of one scope, or of all."""

    step: Literal["refuse", "lower", "withdraw", "pause"]
    scope: str = ""
    limits: ConsentLimits = msgspec.field(default_factory=ConsentLimits)


class AnswersChanged(Result, frozen=True, kw_only=True):
    """What came of an answer.

    Attributes:
        changes: Of each scope that changed; none where everything was stopped already.
    """

    time_ms: int
    changes: list[ConsentChanged]


# what the sensor says


class ReadingsAfter(Parameters, frozen=True, kw_only=True):
    """The household's readings later than an instant, Unix milliseconds."""

    after_ms: int = 0


class ReadingsOf(Result, frozen=True, kw_only=True):
    """The readings of one property of one sensor, oldest first: (time in ms, value as text in the unit)."""

    device: Hex
    profile: str
    zone: str
    property: str
    unit: str
    readings: list[tuple[int, str]]


class OwnReadings(Result, frozen=True, kw_only=True):
    """What the gate still holds of the household's readings, in memory alone.

    Attributes:
        since_start_ms: When the gateway was started: what came before is forgotten.
        hours: For how many hours readings are remembered.
        slot_minutes: Of each so long, one reading is.
    """

    since_start_ms: int
    hours: int
    slot_minutes: int
    series: list[ReadingsOf]


# what became of a request


class RequestNamed(Parameters, frozen=True, kw_only=True):
    """The id of a request that was sent, and whose answer did not come."""

    request: Hex


class RequestOutcome(Result, frozen=True, kw_only=True):
    """What became of it.

    Attributes:
        is_done: Whether it was carried out; where it was not, it can be sent again under the same id.
        method: Of the request.
        log_indices: Of the entries that it made.
    """

    is_done: bool
    method: str
    time_ms: int
    log_indices: list[int]


CHALLENGE_MINUTES = 5
"""For how long a challenge can be answered."""
