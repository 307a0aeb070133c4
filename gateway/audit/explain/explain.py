"""One entry of the log in plain words: what it says in clear and, where its opening is given, what that holds.

The content of an opening is untrusted: only its printable characters reach a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from consent.core.canonical import disclosure_map
from consent.core.consents.records import PURPOSE_PREFIX, Consent, decode
from consent.core.policies.fingerprint import fingerprint_of
from consent.errors import RecordError
from consent.printable import as_lines, printable
from consent.texts.load import sentences
from gateway.audit.log import canonical
from gateway.audit.log.balances import IDENTITIES
from gateway.audit.log.earlier_payloads import EarlierErasurePayload, decode_erasure, decode_policy, decode_release, decode_void
from gateway.audit.log.entries import NO_CONSENT, NO_POLICY, Entry, Kind
from gateway.audit.log.openings import Opening, Part
from gateway.audit.log.payloads import (
    CITY_OWNED,
    AccountPayload,
    Contribution,
    GenesisPayload,
    KeyPayload,
    PayloadError,
    PolicyPayload,
    ReleaseRecord,
)
from gateway.audit.verify.report import shown_time

SENTENCES = sentences("audit")
"""By language and phrase; kinds of entries, statuses and levels of identity have one under their name in the log."""


@dataclass(frozen=True, slots=True)
class EntryExplanation:
    """The explanation of an entry.

    Attributes:
        entry: The entry.
        summary: What happened, in a sentence.
        facts: What the entry says in clear, a line each.
        content: What its opening says, a line each; None where there is no opening.
    """

    entry: Entry
    summary: str
    facts: tuple[str, ...]
    content: tuple[str, ...] | None

    def to_text(self, language: str) -> str:
        """Return the explanation for a terminal."""
        lines = [self.summary, *(f"  {fact}" for fact in self.facts)]
        if self.content is None:
            lines.append(f"  {say(language, 'no_opening')}")
        else:
            lines += [f"  {say(language, 'opening')}", *(f"    {line}" for line in self.content)]
        return as_lines(lines)

    def as_json(self) -> dict[str, Any]:
        """Return the explanation for a program."""
        entry = self.entry
        fields = {name: getattr(entry, name) for name in entry.__struct_fields__ if name != "kind"}
        shown = {name: value.hex() if isinstance(value, bytes) else value for name, value in fields.items() if value is not None}
        content = None if self.content is None else list(self.content)
        return {"kind": entry.kind.word, **shown, "summary": self.summary, "content": content}


def explain(entry: Entry, opening: Opening | None, size: int, language: str) -> EntryExplanation:
    """Explain an entry.

    Args:
        entry: The entry.
        opening: Its opening, known to lead to the entry's commitment; None where it is not available.
        size: How many entries the log has.
        language: One of ``LANGUAGES``.

    Raises:
        PayloadError: when the opening does not hold what an entry of its kind must.
    """
    return EntryExplanation(
        entry,
        say(language, entry.kind.word, parts=entry.parts_deleted),
        tuple(_facts(entry, size, language)),
        None if opening is None else tuple(printable(line) for line in _content(entry, opening, language)),
    )


def say(language: str, phrase: str, **values: object) -> str:
    """Return a phrase in a language, its placeholders filled; a name without a phrase stands for itself."""
    sentence = SENTENCES[language].get(phrase)
    return phrase if sentence is None else sentence.format(**values)


def _facts(entry: Entry, size: int, language: str) -> Iterator[str]:
    yield say(language, "entry", index=entry.sequence, size=size)
    yield say(language, "time", time=shown_time(entry.time_ms))
    for name in ("bundle_sha256", "labels_root", "subject_sha256"):
        value = getattr(entry, name)
        if value is not None:
            yield say(language, name, sha256=value.hex())
    none_yet = entry.policy == NO_POLICY
    yield say(language, "no_policy") if none_yet else say(language, "policy_in_force", sha256=entry.policy.hex())
    nobody_yet = entry.consent_head == NO_CONSENT
    yield say(language, "no_consent") if nobody_yet else say(language, "consent_head", index=entry.consent_head)


def _content(entry: Entry, opening: Opening, language: str) -> Iterator[str]:
    """Yield what an opening holds, a line each."""
    if opening.first is not None:
        yield from _payload(entry, opening.first, language)
    if entry.kind is Kind.RELEASE:
        for part in opening.parts[1:]:
            if isinstance(part, Part):
                yield from _contribution(Contribution.decode(part.data), language)
    if opening.erased_count:
        yield say(language, "erased", n=opening.erased_count)


def _payload(entry: Entry, data: bytes, language: str) -> Iterator[str]:
    match entry.kind:
        case Kind.GENESIS:
            genesis = GenesisPayload.decode(data)
            yield say(language, "origin", origin=genesis.origin)
            yield say(language, "simulated_clock" if genesis.simulated_clock else "real_clock")
        case Kind.CONSENT | Kind.WITHDRAWAL:
            yield from _consent(data, language)
        case Kind.RELEASE:
            release = decode_release(data)
            yield say(language, "recipient", recipient=release.recipient)
            for number, record in enumerate(release.records):
                yield from _record(number, record, language)
        case Kind.KEY:
            key = KeyPayload.decode(data)
            yield say(language, "subject", id=key.subject.hex())
            ids = ", ".join(resident.hex() for resident in key.residents)
            yield say(language, "residents", ids=ids) if ids else say(language, "nobody")
        case Kind.VOID:
            yield say(language, "voided", release=decode_void(data).release)
        case Kind.ACCOUNT:
            totals = AccountPayload.decode(data).totals
            yield from (f"{name}: {total}" for name, total in sorted(totals.items()) if total)
        case Kind.ERASURE:
            yield from _erasure(data, language)
        case Kind.POLICY:
            payload = decode_policy(data)
            keys = payload.keys if isinstance(payload, PolicyPayload) else {}
            for recipient, sha256 in sorted(keys.items()):
                yield say(language, "recipient_key", recipient=recipient, fingerprint=fingerprint_of(sha256))
            if not keys:
                yield say(language, "nothing_more")
        case _:
            yield from _map(data, language)


def _erasure(data: bytes, language: str) -> Iterator[str]:
    """Yield what an erasure emptied; one of the earlier form says no more than its entry."""
    payload = decode_erasure(data)
    if isinstance(payload, EarlierErasurePayload):
        yield say(language, "nothing_more")
        return
    for each in payload.emptied:
        yield say(language, "emptied", parts=", ".join(map(str, each.parts)), entry=each.entry)


def _consent(data: bytes, language: str) -> Iterator[str]:
    try:
        consent = decode(data)
    except RecordError as error:
        raise PayloadError(f"not the record of a consent: {error}") from error
    yield say(language, "subject", id=consent.subject.hex())
    yield say(language, "resident", id=consent.resident.hex())
    is_purpose = consent.scope.startswith(PURPOSE_PREFIX)
    yield say(language, "scope_purpose" if is_purpose else "scope_flow", scope=consent.scope.removeprefix(PURPOSE_PREFIX))
    yield say(language, "status", status=say(language, consent.status.value))
    if consent.permits:
        yield from _permission(consent, language)
    named = f"channel_{consent.channel}"
    yield say(language, "channel", channel=consent.channel) if say(language, named) == named else say(language, named)
    if consent.authority:
        yield say(language, "authority", authority=consent.authority)


def _permission(consent: Consent, language: str) -> Iterator[str]:
    limits = ", ".join(f"{axis} {_value(value)}" for axis, value in disclosure_map(consent.limits).items())
    yield say(language, "limits", limits=limits or "—")
    yield say(language, "since", time=shown_time(consent.since_ms))
    yield say(language, "no_expiry") if consent.expiry_ms is None else say(language, "expiry", time=shown_time(consent.expiry_ms))


def _record(number: int, record: ReleaseRecord, language: str) -> Iterator[str]:
    start, end = map(shown_time, record.window)
    identity = say(language, record.identity) if record.identity in IDENTITIES else record.identity
    yield say(
        language, "record", number=number, flow=record.flow, cell=record.cell, start=start, end=end, n=record.n, identity=identity
    )
    if record.property:
        phrase = "statistic" if record.statistic else "property"
        yield "  " + say(language, phrase, property=record.property, statistic=record.statistic)
    if record.owner == CITY_OWNED:
        yield "  " + say(language, "city_owned")
    time, space, precision = record.level
    yield "  " + say(language, "level", time=time, space=space, precision=precision)


def _contribution(one: Contribution, language: str) -> Iterator[str]:
    consents = ", ".join(map(str, one.consents)) or "—"
    subject = one.subject.hex()
    yield say(language, "contribution", record=one.record, n=one.n, subject=subject, policy=one.policy, consents=consents)
    if one.profile:
        yield "  " + say(language, "device", profile=one.profile, zone=one.zone)


def _map(data: bytes, language: str) -> Iterator[str]:
    """Yield the lines of a payload that is one map, whatever its keys."""
    try:
        value = canonical.decode(data)
    except canonical.CanonicalError as error:
        raise PayloadError(str(error)) from error
    if not isinstance(value, dict):
        raise PayloadError("not a map")
    lines = [f"{name}: {_value(one)}" for name, one in value.items() if name != "kind"]
    yield from lines or [say(language, "nothing_more")]


def _value(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} {_value(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    return str(value)
