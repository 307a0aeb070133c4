"""What the opening of an entry holds, a line each, in one of our languages.

Flows, recipients, places and kinds of devices go by the titles that the policies give them, and by their ids, marked as such,
where the policies are not at hand or have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, Protocol

from consent.core.canonical import bounded_map
from consent.core.consents.records import PASSKEY, PURPOSE_PREFIX, Consent, decode
from consent.core.explain.phrases import SENTENCES as EXPLAINED
from consent.core.explain.phrases import PhraseBook, Phrases
from consent.core.passkeys.proof import Proof
from consent.core.policies.fingerprint import fingerprint_of
from consent.core.policies.policy import PolicySet
from consent.core.profiles.profile import Texts
from consent.errors import RecordError
from consent.texts.load import sentences
from gateway.audit.log import canonical
from gateway.audit.log.balances import IDENTITIES
from gateway.audit.log.earlier_payloads import EarlierErasurePayload, decode_erasure, decode_policy, decode_release, decode_void
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.handover import Handover, HandoverError
from gateway.audit.log.openings import Opening, Part
from gateway.audit.log.payloads import (
    CITY_OWNED,
    AccountPayload,
    Contribution,
    CredentialsEndedPayload,
    GapPayload,
    GenesisPayload,
    HouseholdKeyPayload,
    KeyPayload,
    LogKeyPayload,
    PayloadError,
    PolicyPayload,
    PublicationPart,
    ReleasedDraw,
    ReleaseRecord,
    RootKeyPayload,
    decode_key,
)
from gateway.audit.verify.report import shown_time

SENTENCES: Final = sentences("audit")
"""By language and phrase; kinds of entries, statuses and levels of identity have one under their name in the log."""

_STEP: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)


def _handover(note: bytes) -> Handover:
    try:
        return Handover.parse(note)
    except HandoverError as error:
        raise PayloadError(f"not a handover of the log's key: {error}") from error


class Titled(Protocol):
    """Whatever the policies have a title for."""

    @property
    def title(self) -> Texts:
        """The title, by language."""


def say(language: str, phrase: str, **values: object) -> str:
    """Return a phrase in a language, its placeholders filled."""
    return SENTENCES[language][phrase].format(**values)


class OpeningContent:
    """What openings hold, in one language, with the titles of one set of policies."""

    def __init__(self, language: str, policies: PolicySet | None) -> None:
        """Use one of ``LANGUAGES``; without policies everything goes by its id."""
        self._language = language
        self._policies = policies
        self._phrases = Phrases(language)
        self._book = None if policies is None else PhraseBook(policies, language)

    def _say(self, phrase: str, **values: object) -> str:
        return say(self._language, phrase, **values)

    def _word(self, table: str, name: str) -> str:
        """Return the words for one of the log's own names; one that this version does not know stands as it is."""
        return SENTENCES[self._language].get(f"{table}.{name}", f"`{name}`")

    def _title(self, part: str, name: str) -> str:
        """Return the title of something in a part of the policies, in quotation marks, or its id marked as one."""
        known: Mapping[str, Titled] = {} if self._policies is None else getattr(self._policies, part)
        title = self._book.text(known[name].title) if self._book is not None and name in known else ""
        return self._phrases.quoted(title) if title else f"`{name}`"

    def _property(self, name: str) -> tuple[str, str]:
        """Return the title of an observed property, and its unit."""
        known = {} if self._policies is None else self._policies.properties
        return self._title("properties", name), known[name].unit if name in known else ""

    def _place(self, name: str) -> str:
        """Return the name of a zone, of a district or of the whole city."""
        policies, book = self._policies, self._book
        if policies is None or book is None:
            return f"`{name}`"
        if name == policies.city.id:
            return self._phrases.quoted(policies.city.name)
        title = book.text(policies.zones[name].title if name in policies.zones else policies.districts.get(name, {}))
        return self._phrases.quoted(title) if title else f"`{name}`"

    def lines(self, entry: Entry, opening: Opening) -> Iterator[str]:
        """Yield what an opening holds.

        Raises: PayloadError: it does not hold what an entry of its kind must.
        """
        if opening.first is not None:
            yield from self._payload(entry.kind, opening.first)
        if entry.kind is Kind.RELEASE:
            records = None if opening.first is None else len(decode_release(opening.first).records)
            for part in opening.parts[1:]:
                if isinstance(part, Part):
                    yield from self._contribution(Contribution.decode(part.data), records)
        if opening.erased_count:
            yield self._say("erased", n=opening.erased_count)

    def _payload(self, kind: Kind, data: bytes) -> Iterator[str]:
        match kind:
            case Kind.GENESIS:
                genesis = GenesisPayload.decode(data)
                yield self._say("origin", origin=genesis.origin)
                yield self._say("simulated_clock" if genesis.simulated_clock else "real_clock")
            case Kind.CONSENT | Kind.WITHDRAWAL:
                yield from self._consent(data)
            case Kind.RELEASE:
                release = decode_release(data)
                yield self._say("recipient", recipient=self._title("recipients", release.recipient))
                if release.publication is not None:
                    yield self._publication(release.publication)
                for number, record in enumerate(release.records):
                    yield from self._record(number, record)
                for number, draw in enumerate(release.draws):
                    yield from self._draw(number, draw)
            case Kind.KEY:
                yield from self._key(data)
            case Kind.VOID:
                yield self._say("voided", release=decode_void(data).release)
            case Kind.ACCOUNT:
                totals = AccountPayload.decode(data).totals
                yield from (f"`{name}`: {total}" for name, total in sorted(totals.items()) if total)
            case Kind.ERASURE:
                yield from self._erasure(data)
            case Kind.POLICY:
                yield from self._keys(data)
            case Kind.GAP:
                yield from self._gap(data)
            case _:
                yield from self._map(data)

    def _key(self, data: bytes) -> Iterator[str]:
        """Yield which of the gateway's own keys is new, who speaks for a subject, or which credential came to be or ended."""
        payload = decode_key(data)
        if isinstance(payload, LogKeyPayload):
            yield self._say("log_key", key=f"`{_handover(payload.handover).new.vkey()}`")
        elif isinstance(payload, RootKeyPayload):
            yield self._say("root_key", generation=payload.generation)
        else:
            yield from self._household(payload)

    def _household(self, payload: HouseholdKeyPayload) -> Iterator[str]:
        yield self._say("subject", id=payload.subject.hex())
        if isinstance(payload, KeyPayload):
            ids = ", ".join(resident.hex() for resident in payload.residents)
            yield self._say("residents", ids=ids) if ids else self._say("nobody")
            return
        yield self._say("of_resident", id=payload.resident.hex())
        if isinstance(payload, CredentialsEndedPayload):
            yield from (self._say("ended_passkey", key=key.hex()) for key in payload.keys_sha256)
            if payload.paper:
                yield self._say("ended_paper")
            yield self._say(f"ended_by_{payload.by}")
            return
        if payload.key_sha256:
            yield self._say("enrolled_passkey", site=f"`{payload.relying_party}`", key=payload.key_sha256.hex())
        if payload.paper_sha256:
            yield self._say("enrolled_paper", paper=payload.paper_sha256.hex())
        yield self._say(f"how_{payload.how}")

    def _gap(self, data: bytes) -> Iterator[str]:
        try:
            gap = GapPayload.decode(data)
        except PayloadError:  # another version's, which is shown as it stands
            yield from self._map(data)
            return
        yield self._word("gap-reason", gap.reason)
        yield self._word("clock", gap.clock)

    def _keys(self, data: bytes) -> Iterator[str]:
        """Yield the recipients' keys that came into force with policies."""
        payload = decode_policy(data)
        keys = payload.keys if isinstance(payload, PolicyPayload) else {}
        for recipient, sha256 in sorted(keys.items()):
            yield self._say("recipient_key", recipient=self._title("recipients", recipient), fingerprint=fingerprint_of(sha256))
        if not keys:
            yield self._say("nothing_more")

    def _erasure(self, data: bytes) -> Iterator[str]:
        """Yield what an erasure emptied; one of the earlier form says no more than its entry."""
        payload = decode_erasure(data)
        if isinstance(payload, EarlierErasurePayload):
            yield self._say("nothing_more")
            return
        for each in payload.emptied:
            yield self._say("emptied", parts=", ".join(map(str, each.parts)), entry=each.entry)

    def _consent(self, data: bytes) -> Iterator[str]:
        try:
            consent = decode(data)
        except RecordError as error:
            raise PayloadError(f"not the record of a consent: {error}") from error
        yield self._say("subject", id=consent.subject.hex())
        yield self._say("resident", id=consent.resident.hex())
        if consent.scope.startswith(PURPOSE_PREFIX):
            yield self._say("scope_purpose", scope=self._title("purposes", consent.scope.removeprefix(PURPOSE_PREFIX)))
        else:
            yield self._say("scope_flow", scope=self._title("flows", consent.scope))
        yield self._say("status", status=self._say(consent.status.value))
        if consent.permits:
            yield from self._permission(consent)
        yield self._channel(consent)
        if consent.authority:
            yield self._say("authority", authority=consent.authority)

    def _channel(self, consent: Consent) -> str:
        """Return how a record came in, and of a passkey its key."""
        known = f"channel_{consent.channel}"
        if known not in SENTENCES[self._language]:
            return self._say("channel", channel=f"`{consent.channel}`")
        if consent.channel != PASSKEY:
            return self._say(known)
        try:
            key = Proof.decode(consent.signature).key_sha256.hex()
        except RecordError as error:
            raise PayloadError(f"not the record of a consent: {error}") from error
        return self._say(known, key=key)

    def _permission(self, consent: Consent) -> Iterator[str]:
        """Yield the limits that the resident set, and no axis that they left open."""
        limits = self._phrases.bounds(bounded_map(consent.limits), self._property)
        yield self._say("limits") if limits else self._say("no_limits")
        yield from (f"  {axis}: {level}" for axis, level in limits)
        yield self._say("since", time=shown_time(consent.since_ms))
        ends_ms = consent.expiry_ms
        yield self._say("no_expiry") if ends_ms is None else self._say("expiry", time=shown_time(ends_ms))

    def _record(self, number: int, record: ReleaseRecord) -> Iterator[str]:
        start, end = map(shown_time, record.window)
        identity = self._say(record.identity) if record.identity in IDENTITIES else f"`{record.identity}`"
        flow, cell = self._title("flows", record.flow), self._place(record.cell)
        yield self._say("record", number=number, flow=flow, cell=cell, start=start, end=end, n=record.n, identity=identity)
        title, unit = self._property(record.property)
        if record.statistic:
            yield "  " + self._say("statistic", property=title, statistic=self._word("how-figured", record.statistic))
        elif record.property:
            yield "  " + self._say("property", property=title)
        if record.owner == CITY_OWNED:
            yield "  " + self._say("city_owned")
        yield "  " + self._level(record.level, unit)

    def _publication(self, part: PublicationPart) -> str:
        """Return of which publication a release is which part; parts are counted from 1, as people do."""
        kind = self._word("published", part.kind)
        return self._say("publication", kind=kind, end=shown_time(part.end), part=part.part + 1, parts=part.parts)

    def _draw(self, number: int, draw: ReleasedDraw) -> Iterator[str]:
        start, end = map(shown_time, draw.span)
        flow, cell = self._title("flows", draw.flow), self._place(draw.cell)
        yield self._say("draw", number=number, flow=flow, cell=cell, start=start, end=end, n=draw.n)
        title, unit = self._property(draw.property)
        yield "  " + self._say("statistic", property=title, statistic=self._word("how-figured", draw.statistic))
        yield "  " + self._say("told", records=draw.records, told=draw.told)
        if draw.mechanism == "none":
            yield "  " + self._say("exact")
        else:
            clip, presence = self._amount(draw.clip, unit), self._amount(draw.presence, unit)
            yield "  " + self._say("noise", mu=draw.mu, draws=draw.draws, clip=clip, presence=presence)
        if draw.struck:
            yield "  " + self._say("struck", n=len(draw.struck))
        yield "  " + self._level(draw.level, unit)

    def _level(self, level: tuple[str, str, str], unit: str) -> str:
        """Return how finely something was told; levels that this version does not know stand as they are."""
        time, space, step = level
        words = EXPLAINED[self._language]
        return self._say(
            "level",
            time=words.get(f"time.{time}", f"`{time}`"),
            space=words.get(f"area.{space}", f"`{space}`"),
            precision=self._phrases.step(Decimal(step), unit) if _STEP.fullmatch(step) else f"`{step}`",
        )

    def _amount(self, text: str, unit: str) -> str:
        """Return a decimal of the log with its unit; anything else stands as it is."""
        return self._phrases.amount(Decimal(text), unit) if _STEP.fullmatch(text) else f"`{text}`"

    def _contribution(self, one: Contribution, records: int | None) -> Iterator[str]:
        """Yield a subject's part in one of a release's so many records, or in a draw behind them."""
        consents = ", ".join(map(str, one.consents)) or "—"
        drawn = records is not None and one.record >= records
        phrase, number = ("contribution_draw", one.record - (records or 0)) if drawn else ("contribution", one.record)
        yield self._say(phrase, record=number, n=one.n, subject=one.subject.hex(), policy=one.policy, consents=consents)
        if one.profile:
            yield "  " + self._say("device", profile=self._title("profiles", one.profile), zone=self._place(one.zone))

    def _map(self, data: bytes) -> Iterator[str]:
        """Yield the lines of a payload that is one map, whatever its keys."""
        try:
            value: Any = canonical.decode(data)
        except canonical.CanonicalError as error:
            raise PayloadError(str(error)) from error
        if not isinstance(value, dict):
            raise PayloadError("not a map")
        lines = [f"`{name}`: {_value(one)}" for name, one in value.items() if name != "kind"]
        yield from lines or [self._say("nothing_more")]


def _value(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} {_value(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    return str(value)
