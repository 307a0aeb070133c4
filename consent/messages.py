"""What the control methods take and answer, one struct each: what a portal, a shell and the gateway agree on.

A struct is what JSON-RPC calls `params` or `result`; it refuses keys that it does not know. Ids, instants and limits are types of
their own, which JSON writes as text or as a table: ``decode`` and ``encode`` know how. Which method takes and answers which is
said in one table, ``gateway.control.methods``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from inspect import cleandoc
from typing import Any, Final, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from consent.core.consents.records import ID_BYTES
from consent.core.decide import Owner
from consent.errors import ControlRequestError
from consent.instants import parse_utc_ms
from consent.printable import one_line

T = TypeVar("T")

JsonObject = dict[str, Any]
"""What is open, or has its form elsewhere."""

IN_FORCE: Final = "in-force"
"""Names the policies in force where a folder could be named."""
NEW_SUBJECT: Final = "new"
NO_SUBJECT: Final = "none"

# types with a form of their own in JSON


class Hex(bytes):
    """Bytes that JSON writes as hexadecimal digits."""

    @classmethod
    def parse(cls, text: str) -> Hex:
        """Return the bytes of a text.

        Raises: ValueError: it is no hexadecimal number.
        """
        try:
            return cls(bytes.fromhex(text))
        except ValueError as error:
            raise ValueError(" is no hexadecimal number") from error


class Id(Hex):
    """A random id: 16 bytes."""

    @classmethod
    def parse(cls, text: str) -> Id:
        """Return the id of a text.

        Raises: ValueError: it is none.
        """
        try:
            value = bytes.fromhex(text)
        except ValueError:
            value = b""
        if len(value) != ID_BYTES:
            raise ValueError(f" is no id of {2 * ID_BYTES} hexadecimal digits")
        return cls(value)


class MaybeId(Id):
    """An id, or empty where nobody is named."""

    @classmethod
    def parse(cls, text: str) -> MaybeId:
        """Return the id of a text, which may be empty.

        Raises: ValueError: it is neither.
        """
        return cls(Id.parse(text)) if text else cls()


class SubjectChoice(str):
    """Whom a device's readings are about: `new`, `none`, or the id of a subject."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> SubjectChoice:
        """Return the choice that a text names.

        Raises: ValueError: it names none.
        """
        return cls(text if text in (NEW_SUBJECT, NO_SUBJECT) else Id.parse(text).hex())


class Instant(int):
    """Milliseconds since 1970, which JSON writes as ISO 8601 with an offset from UTC."""

    @classmethod
    def parse(cls, text: str) -> Instant:
        """Return the instant of a text.

        Raises: ValueError: it is none.
        """
        try:
            return cls(parse_utc_ms(text))
        except ValueError as error:
            raise ValueError(f":{error}") from error


class MaybeInstant(Instant):
    """An instant, or 0 where none is named, which JSON writes as an empty text."""

    @classmethod
    def parse(cls, text: str) -> MaybeInstant:
        """Return the instant of a text, which may be empty.

        Raises: ValueError: it is neither, or 1970-01-01T00:00:00Z, which would read as none.
        """
        value = cls(Instant.parse(text)) if text else cls()
        if text and not value:
            raise ValueError(f":`{text}` is not after the beginning of 1970")
        return value


class ConsentLimits(JsonObject):
    """The most that a resident permits, by axis, as policies write it; which steps a property has, only the policies know."""

    @classmethod
    def of(cls, table: JsonObject) -> ConsentLimits:
        """Return limits with fractions as policies read them: the shortest text of JSON's binary ones is what was written."""
        return cls({axis: _exact(value) for axis, value in table.items()})


def _exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _exact(one) for key, one in value.items()}
    return Decimal(repr(value)) if isinstance(value, float) else value


_TEXTS: Final = (Hex, SubjectChoice, Instant)
_WRONG_TYPE: Final = " has the wrong type"


def _decode_hook(kind: type, value: Any) -> Any:
    if issubclass(kind, ConsentLimits) and isinstance(value, dict):
        return kind.of(value)
    if issubclass(kind, _TEXTS) and isinstance(value, str):
        return kind.parse(value)
    raise ValueError(_WRONG_TYPE)


def _encode_hook(value: Any) -> Any:
    if isinstance(value, Hex):
        return value.hex()
    if isinstance(value, Instant):
        return _iso(value) if value or not isinstance(value, MaybeInstant) else ""
    if isinstance(value, SubjectChoice):
        return str(value)
    raise NotImplementedError


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat()


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_encode_hook, decimal_format="number")


_ID_SCHEMA: Final = {"type": "string", "pattern": f"^[0-9a-f]{{{2 * ID_BYTES}}}$"}
_SCHEMAS: Final[dict[type, JsonObject]] = {
    Hex: {"type": "string", "pattern": "^([0-9a-f]{2})*$"},
    Id: _ID_SCHEMA,
    MaybeId: {"anyOf": [_ID_SCHEMA, {"const": ""}]},
    SubjectChoice: {"anyOf": [_ID_SCHEMA, {"enum": [NEW_SUBJECT, NO_SUBJECT]}]},
    Instant: {"type": "string", "format": "date-time"},
    MaybeInstant: {"anyOf": [{"type": "string", "format": "date-time"}, {"const": ""}]},
    ConsentLimits: {"type": "object", "description": "The most that is permitted, by axis, as policies write it."},
}


def schemas_of(structs: list[type]) -> tuple[list[JsonObject], JsonObject]:
    """Return the JSON schema of each struct, and the components that they refer to."""
    roots, components = msgspec.json.schema_components(structs, schema_hook=_SCHEMAS.__getitem__, ref_template="#/$defs/{name}")
    for component in components.values():
        if "description" in component:  # a docstring, which Python 3.13 and later keep without its margin
            component["description"] = cleandoc(component["description"])
    return list(roots), components


_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
_PLACE: Final = re.compile(r"(.*?)(?: - at `(?:key in )?`?\$\.?([^`]*)`)?", re.DOTALL)


def encode(message: Any) -> bytes:
    """Return a struct, or plain data, as JSON.

    Raises: UnicodeEncodeError: a text in it is no Unicode.
    """
    return _ENCODER.encode(message)


def plain(message: Any) -> Any:
    """Return a struct as plain data: what decoding its JSON would give."""
    return msgspec.json.decode(encode(message))


def decode(data: bytes | msgspec.Raw, kind: type[T]) -> T:
    """Read JSON into a struct.

    Raises: ControlRequestError: a key is missing or unknown, or a value does not fit it; in one line.
    """
    try:
        return msgspec.json.decode(data, type=kind, dec_hook=_decode_hook)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ControlRequestError(_misfit(str(error))) from error


def _misfit(text: str) -> str:
    found = _PLACE.fullmatch(text)
    said, place = (found[1], (found[2] or "").replace("[...]", "")) if found else (text, "")
    if unknown := _UNKNOWN.fullmatch(said):
        return f"`{one_line(_joined(place, unknown[1]))}` is not a parameter"
    if missing := _MISSING.fullmatch(said):
        return f"`{one_line(_joined(place, missing[1]))}` is missing"
    if not place:
        return "the parameters are not json"
    if said.startswith("Invalid base64"):
        return f"`{place}` is not in base64"
    if said.startswith(":"):
        return f"`{one_line(place)}`: {one_line(said[1:])}"
    return f"`{one_line(place)}` {one_line(said[1:])}" if said.startswith(" ") else f"`{one_line(place)}`{_WRONG_TYPE}"


def _joined(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a method takes."""


class Result(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a method answers, or a part of it."""


class Nothing(Parameters, frozen=True, kw_only=True):
    """No parameters."""


class SubjectOf(Parameters, frozen=True, kw_only=True):
    """A subject."""

    subject: Id


# policies


class PolicyChange(Parameters, frozen=True, kw_only=True):
    """How the policies folder is put in force.

    Attributes:
        accept: Also where a case fails, something rises or consents end. As a text: only what a dry run showed as that proposal,
            and nothing where policies, keys, cases, consents or what is in force have changed it since.
        dry_run: Not at all: only what would happen is told.
    """

    accept: bool | str = False
    dry_run: bool = False


class KeyShown(Result, frozen=True, kw_only=True):
    """The fingerprint of a recipient's key, and that of the one before it; None where there is none."""

    recipient: str
    fingerprint: str | None
    before: str | None


class CaseFailed(Result, frozen=True, kw_only=True):
    """A case that comes out otherwise than expected."""

    file: str
    case: str
    expected: str
    got: str

    def __str__(self) -> str:
        """Return it as a line."""
        return f"`{self.file}`: `case.{self.case}`: expected {self.expected}, got {self.got}"


class ExampleFailed(Result, frozen=True, kw_only=True):
    """An example of a device profile of which the gateway makes something else than it says: at which key, and what."""

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        """Return it as a line."""
        return f"`{self.file}`: `{self.key}`: {self.message}"


class ConsentsEnding(Result, frozen=True, kw_only=True):
    """How many consents end, of how many subjects, and how many no longer permit each flow."""

    consents: int
    subjects: int
    flows: dict[str, int]


class ReachChange(Result, frozen=True, kw_only=True):
    """What one axis of a flow does; `count` is [least, most], or None where nobody was counted."""

    direction: str
    whose: str
    flow: str
    profile: str
    zones: list[str]
    everywhere: bool
    axis: str
    old: str
    new: str
    count: list[int] | None


class RuleChange(Result, frozen=True, kw_only=True):
    """A key of the policies that says something else, and that no decision shows."""

    direction: str
    key: str
    old: str
    new: str


class PolicyApplied(Result, frozen=True, kw_only=True):
    """Policies have come into force, or would.

    Attributes:
        log_index: Of their entry; None where they were only tried.
        proposal: Names all that is told here, for `accept`.
        refused: Whether they would be refused as they were asked for: `accept` is needed, and was not said.
        failed: The cases that fail.
        failed_examples: The examples that do.
        rises: What is decided differently and reveals more.
        rules: What differs besides decisions and reveals more.
        ends: The consents that end.
        keys: Of every recipient that has a key, or had one.
    """

    log_index: int | None
    sha256: Hex
    proposal: str
    refused: bool
    failed: list[CaseFailed]
    failed_examples: list[ExampleFailed]
    rises: list[ReachChange]
    rules: list[RuleChange]
    ends: ConsentsEnding
    keys: list[KeyShown]


class PolicyShown(Result, frozen=True, kw_only=True):
    """The policies in force; `keys` are the fingerprints of the recipients' keys."""

    sha256: Hex
    log_index: int
    flows: list[str]
    keys: dict[str, str]


class FlowOf(Parameters, frozen=True, kw_only=True):
    """A flow, and whose device or which device it is asked about.

    Attributes:
        who: A device or subject.
        language: Empty where none was asked for.
        locale: The language of the asker's locale, spoken where the city has it; empty for the first of the city's.
        resident: Who asks, where the subject has several.
    """

    who: Id
    flow: str
    language: str = ""
    locale: str = ""
    resident: MaybeId = msgspec.field(default_factory=MaybeId)


class DeviceSince(Result, frozen=True, kw_only=True):
    """A device, and since when something leaves of it; None where nothing does."""

    device: Id
    since_ms: int | None


class AxisText(Result, frozen=True, kw_only=True):
    """An axis in words."""

    axis: str
    value: str
    bounded_by: str
    summary: str
    more: str


class AxisExplained(Result, frozen=True, kw_only=True):
    """Where an axis stands, and who holds it there."""

    axis: str
    value: Any
    bounded_by: list[str]
    text: AxisText


class QuantityExposed(Result, frozen=True, kw_only=True):
    """How far all that leaves of a household about one quantity tells someone who knows everything about all others.

    Attributes:
        quantity: Its id; the property's where that is of none.
        telling: `noisy`, or the most telling of `exact`, `singly`, `made-up-name` and `lasting-name`.
        period: For what μ and odds hold: a `day`, or a `week` where all of it is drawn once a week.
        mu: √Σ μ² over all its figures of the period; None where anything leaves without noise.
        odds: How often that someone is right about the period at most: Φ(μ/2), of which guessing has 0.5.
        longer_odds: The same over 30 days, or four weeks.
        text: All of that in sentences, in the language of the answer.
    """

    quantity: str
    properties: list[str]
    telling: str
    period: str
    mu: float | None
    odds: float | None
    longer_odds: float | None
    text: str


class FlowOutcome(Result, frozen=True, kw_only=True):
    """What leaves of devices that come out alike, and why; ``exposures`` is over all flows of the household."""

    devices: list[DeviceSince]
    profile: str
    zone: str
    language: str
    reason: str
    disclosure: JsonObject
    text: str
    axes: list[AxisExplained]
    expires_ms: int | None
    exposures: list[QuantityExposed]
    policy_entry: int
    consent_entries: list[int]


class FlowExplained(Result, frozen=True, kw_only=True):
    """What leaves by a flow, each outcome once."""

    flow: str
    language: str
    outcomes: list[FlowOutcome]


class PolicyFolder(Parameters, frozen=True, kw_only=True):
    """The files of a policies folder, in base64, and the recipients' public keys."""

    files: dict[str, bytes]
    keys: dict[str, bytes] = msgspec.field(default_factory=dict)


class PolicySides(Parameters, frozen=True, kw_only=True):
    """Two sets of policies to compare."""

    old: Literal["in-force"] | PolicyFolder
    new: Literal["in-force"] | PolicyFolder


class PolicyDiff(Result, frozen=True, kw_only=True):
    """Who would be revealed more or less."""

    rises: bool
    changes: list[ReachChange]
    rules: list[RuleChange]


# subjects


class SubjectIn(SubjectOf, frozen=True, kw_only=True):
    """A subject, and the language of its messages: as asked for, or that of the asker's locale where the city has it."""

    language: str = ""
    locale: str = ""


class ResidentShown(Result, frozen=True, kw_only=True):
    """A resident."""

    resident: Id
    since_ms: int
    claimed: bool


class OwnDevice(Result, frozen=True, kw_only=True):
    """A device whose readings are about a subject."""

    device: Id
    profile: str
    zone: str
    owner: Owner
    since_ms: int


class MessageShown(Result, frozen=True, kw_only=True):
    """A message to a subject."""

    time_ms: int
    kind: str
    scope: str
    text: str


class SubjectShown(Result, frozen=True, kw_only=True):
    """A subject: residents, devices, messages."""

    subject: Id
    residents: list[ResidentShown]
    devices: list[OwnDevice]
    messages: list[MessageShown]


class CodeFor(SubjectOf, frozen=True, kw_only=True):
    """For whom a claim code is to be: a resident, or somebody new to the subject."""

    resident: MaybeId = msgspec.field(default_factory=MaybeId)


class CodeMade(Result, frozen=True, kw_only=True):
    """A claim code, told once."""

    subject: Id
    claim_code: str
    days: int
    ended: str | UnsetType = UNSET


class CodeUsed(Parameters, frozen=True, kw_only=True):
    """A claim code as typed; with `subject`, its device comes to that subject."""

    code: str
    subject: Id | UnsetType = UNSET


class Claimed(Result, frozen=True, kw_only=True):
    """What a claim code has led to: a resident, or a device brought along."""

    subject: Id
    device: Id | UnsetType = UNSET
    resident: Id | UnsetType = UNSET
    label_key: Hex | UnsetType = UNSET


class ResidentOf(SubjectOf, frozen=True, kw_only=True):
    """A resident of a subject."""

    resident: Id


class ResidentLeft(Result, frozen=True, kw_only=True):
    """A resident has left, and the subject's label key is another."""

    subject: Id
    left: Id
    label_key: Hex


# consents


class ScopeOf(SubjectOf, frozen=True, kw_only=True):
    """A flow or purpose, and whose consent to it; a subject's only resident need not be named."""

    scope: str
    resident: MaybeId = msgspec.field(default_factory=MaybeId)


class Word(ScopeOf, frozen=True, kw_only=True):
    """What a resident says about a scope, and how they said it.

    Attributes:
        channel: `counter`: at the counter, by telephone or on a form; `operator`: the operator does not say how.
    """

    channel: Literal["operator", "counter"] = "operator"


class Grant(Word, frozen=True, kw_only=True):
    """What is permitted, up to limits, until some time."""

    limits: ConsentLimits = msgspec.field(default_factory=ConsentLimits)
    expiry: MaybeInstant = msgspec.field(default_factory=MaybeInstant)


class Revocation(ScopeOf, frozen=True, kw_only=True):
    """What another's authority ends."""

    authority: str


class ConsentChanged(Result, frozen=True, kw_only=True):
    """A change of consent that is in force.

    Attributes:
        handed_over: Log indices of the bundles that had been sent, may speak of the subject, and stand.
        undecided: Residents for whom the scope waits.
    """

    log_index: int
    log_indices: list[int]
    status: str
    scope: str
    handed_over: list[int]
    undecided: list[Id]


class FlowAnswers(Result, frozen=True, kw_only=True):
    """How a flow stands with each resident: `permits`, `undecided`, or why not."""

    flow: str
    residents: dict[str, str]


class ConsentShown(Result, frozen=True, kw_only=True):
    """A record of consent; `record` holds its signed bytes, in an export."""

    log_index: int
    resident: Id
    scope: str
    status: str
    time_ms: int
    since_ms: int
    expiry_ms: int | None
    channel: str
    limits: JsonObject
    notice: Hex
    sha256: Hex
    previous: Hex | None
    authority: str | UnsetType = UNSET
    record: str | UnsetType = UNSET


class ConsentsOf(SubjectOf, frozen=True, kw_only=True):
    """A subject, and in which language to answer: as in ``FlowOf``."""

    language: str = ""
    locale: str = ""


class ConsentsShown(Result, frozen=True, kw_only=True):
    """What counts for a subject, how far that tells on it, and all that was ever said."""

    subject: Id
    residents: list[Id]
    flows: list[FlowAnswers]
    exposures: list[QuantityExposed]
    consents: list[ConsentShown]
    history: list[ConsentShown]


class ReceiptOf(ScopeOf, frozen=True, kw_only=True):
    """Of which record a receipt is wanted; -1 for the latest about the scope."""

    log_index: int = -1


class ReceiptMade(Result, frozen=True, kw_only=True):
    """A receipt in JSON-LD."""

    receipt: JsonObject


# a subject's rights


class LogHead(Result, frozen=True, kw_only=True):
    """The log as it stands."""

    origin: str
    size: int
    vkey: str


class ResidentHeld(Result, frozen=True, kw_only=True):
    """What is held about a resident.

    Attributes:
        user_handle: What their passkeys hold of them.
        passkeys: Their passkeys: ids, public keys, how and when each came, and was last used.
        paper: When their paper code was made, and its hash.
        sessions: Their sessions, by name.
        answered: Their latest requests that had an id, and what was answered.
    """

    resident: Id
    since_ms: int
    claimed_ms: int
    user_handle: Hex = msgspec.field(default_factory=Hex)
    passkeys: list[JsonObject] = []
    paper: JsonObject | None = None
    sessions: list[JsonObject] = []
    answered: list[JsonObject] = []


class LevelTold(Result, frozen=True, kw_only=True):
    """How finely something was told."""

    time: str
    space: str
    precision: str


class RecordTold(Result, frozen=True, kw_only=True):
    """A record of a release, or the figures of a draw of noise, and what a subject had in it; ``window_ms`` spans them all."""

    record: int
    flow: str
    property: str
    statistic: str
    identity: str
    level: LevelTold
    cell: str
    window_ms: list[int]
    n: int
    n_of_all: int
    disclosure: JsonObject
    policy_entry: int
    consent_entries: list[int]
    profile: str
    zone: str


class ReleaseTold(Result, frozen=True, kw_only=True):
    """A release that contained a subject; what its opening says, as long as that is kept.

    Attributes:
        under_way: `waiting`: no byte of it has been sent, so that it can still be taken back; `sent`: nobody has acknowledged it
            yet. Left out once it is acknowledged, or taken back.
    """

    log_index: int
    time_ms: int
    taken_back: int | None
    opening: str
    under_way: Literal["waiting", "sent"] | UnsetType = UNSET
    recipient: str | UnsetType = UNSET
    records: list[RecordTold] | UnsetType = UNSET


class ReleasesTold(Result, frozen=True, kw_only=True):
    """Every release that contained a subject, oldest first."""

    subject: Id
    releases: list[ReleaseTold]


class SubjectExport(Result, frozen=True, kw_only=True):
    """Everything that is held about a subject; what the parts hold follows what the gateway holds.

    Attributes:
        enrolment_entries: Log indices of the entries about its residents' credentials.
        ended_keys: SHA-256 of the public keys of passkeys that have ended.
    """

    format: str
    time_ms: int
    gateway: str
    log: LogHead
    subject: Id
    residents_since_ms: int
    residents_entries: list[int]
    residents: list[ResidentHeld]
    label_keys: list[Hex]
    messages: list[MessageShown]
    open_claims: list[JsonObject]
    devices: list[JsonObject]
    consents: list[ConsentShown]
    history: list[ConsentShown]
    contributions: list[JsonObject]
    counters: list[JsonObject]
    waiting: list[JsonObject]
    bundles_under_way: list[JsonObject]
    releases: list[ReleaseTold]
    enrolment_entries: list[int] = []
    ended_keys: list[Hex] = []


class SubjectErased(Result, frozen=True, kw_only=True):
    """A subject has been erased; `scrubbed` is false where the disk had no room to write the database anew."""

    log_index: int
    parts_deleted: int
    handed_over: list[int]
    scrubbed: bool


# the gateway


class BackupTo(Parameters, frozen=True, kw_only=True):
    """Where to write a backup: a whole path, where nothing is."""

    file: str


class BackedUp(Result, frozen=True, kw_only=True):
    """A backup has been written."""

    file: str
    bytes: int
    log_entries: int


class KeyRotation(Parameters, frozen=True, kw_only=True):
    """Which of the gateway's own keys to replace."""

    key: Literal["log", "root"]


class KeyRotated(Result, frozen=True, kw_only=True):
    """A key has been replaced.

    Attributes:
        generation: The number of the new one; the first was 1.
        log_index: Of the entry that records it.
        vkey: The log's public key from now on; empty of another key.
        waits_for: The witnesses that have to learn it before the former is destroyed.
    """

    key: str
    generation: int
    log_index: int
    vkey: str = ""
    waits_for: list[str] = msgspec.field(default_factory=list)


class LogKeyStatus(Result, frozen=True, kw_only=True):
    """The log's key.

    Attributes:
        generation: Its number; the first was 1.
        since_ms: When it came, by the gateway's clock.
        former: The key before, while both sign; empty otherwise.
        waits_for: The witnesses that are not known to go by the present one yet.
    """

    generation: int
    vkey: str
    since_ms: int
    former: str
    waits_for: list[str]


class RootKeyStatus(Result, frozen=True, kw_only=True):
    """The root key.

    Attributes:
        generation: Its number; the first was 1.
        since_ms: When it came, by the gateway's clock.
        former: The numbers of those before it that are still needed.
        resealing: Whether rows are still being sealed anew, so that former ones are needed.
        devices: By number, how many devices may have their keys from each root.
    """

    generation: int
    since_ms: int
    former: list[int]
    resealing: bool
    devices: dict[str, int]


class KeysStatus(Result, frozen=True, kw_only=True):
    """The gateway's own keys: how old they are, and what still rests on former ones."""

    now_ms: int
    log: LogKeyStatus
    root: RootKeyStatus


class ClockTo(Parameters, frozen=True, kw_only=True):
    """To when a standing simulated clock is set."""

    to: Instant


class ClockAt(Result, frozen=True, kw_only=True):
    """What the clock shows."""

    now_ms: int


class ClockStatus(Result, frozen=True, kw_only=True):
    """The gateway's clock; `problem`: why it cannot be right."""

    now: str
    now_ms: int
    simulated: bool
    rate: float
    problem: str | None


class IntakeStatus(Result, frozen=True, kw_only=True):
    """Whether readings are taken in; `waits`: what they wait for."""

    waits: str | None


class BrokerStatus(Result, frozen=True, kw_only=True):
    """The connection to the broker; `dry`: its queue has been drained; `ids_bound`: no other account can take the session over by
    its client id; `retains`: the broker keeps retained messages; null: not known; `problem`: why it is away."""

    connected: bool
    problem: str | None
    dry: bool
    ids_bound: bool | None
    retains: bool | None
    counters: dict[str, int]


class SinkStatus(Result, frozen=True, kw_only=True):
    """The connection to a sink; `ids_bound`: no other account can take it over by its client id; null: not known; `problem`: why
    it is away."""

    connected: bool
    problem: str | None
    ids_bound: bool | None
    counters: dict[str, int]


class DiskStatus(Result, frozen=True, kw_only=True):
    """Whether readings and releases, or the log, wait for room on the disk."""

    withholds: bool
    log_waits: bool


class WitnessStatus(Result, frozen=True, kw_only=True):
    """How one witness stands."""

    name: str
    size: int | None
    cosigned: int
    failures: int
    problem: str | None


class WitnessesStatus(Result, frozen=True, kw_only=True):
    """How the witnesses stand."""

    confirmed: bool
    seconds_since_quorum: int
    each: list[WitnessStatus]


class WindowsStatus(Result, frozen=True, kw_only=True):
    """The open windows."""

    open: int
    watermark_ms: int


class TimesStatus(Result, frozen=True, kw_only=True):
    """The times by which repeats are recognised of devices that do not number their messages.

    Attributes:
        remembered: How many are remembered now.
        forgotten: How many had to be forgotten since the start, before their windows had closed.
    """

    remembered: int
    forgotten: int


class HealthStatus(Result, frozen=True, kw_only=True):
    """Whether the gateway takes in, releases and publishes, and why it does not, as `/readyz` tells it."""

    ready: bool
    reasons: list[str]


class GatewayStatus(Result, frozen=True, kw_only=True):
    """The running gateway: connections, clock, log, outbox and the whole ledger."""

    gateway: str
    starts: int
    clock: ClockStatus
    broker: BrokerStatus
    intake: IntakeStatus
    sinks: dict[str, SinkStatus]
    disk: DiskStatus
    log: LogHead
    witnesses: WitnessesStatus | None
    policy: str | None
    devices: int
    owners_assumed: int
    subjects: int
    windows: WindowsStatus
    times: TimesStatus
    outbox_rows: int
    bundles_under_way: int
    ledger: dict[str, int]
    imbalances: list[str]
    health: HealthStatus
