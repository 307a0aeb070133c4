"""A receipt as a page that a person understands: what they said, about what, to whom it goes, until when, and what they can do.

All of it comes from the receipt itself, so that its holder needs neither gateway nor policies. The words are the program's and
the city's own, as the receipt quotes them. Nothing here is checked: ``check`` does that.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Final, TypeVar

import msgspec

from consent.core.canonical import bounded_map
from consent.core.consents.records import CHANNELS, PASSKEY, PURPOSE_PREFIX, Consent, Status
from consent.core.disclosure import Disclosure, Identity
from consent.core.explain.phrases import Phrases
from consent.core.exposure import Exposure, Leaving, exposures
from consent.core.languages import spoken_language
from consent.core.passkeys.proof import Proof
from consent.core.periods import Period
from consent.core.policies.notice import FlowTerms
from consent.core.policies.policy import Statistic
from consent.core.profiles.profile import Texts
from consent.core.receipts.canonical_json import Json
from consent.core.receipts.check import record_in
from consent.core.receipts.record import at_most
from consent.core.receipts.rights import right_titles
from consent.core.receipts.terms import BEFORE_NOISE, thing
from consent.core.receipts.words import (
    Controller,
    Described,
    Node,
    Notice,
    Process,
    ReceiptProperty,
    ReceiptPurpose,
    ReceiptRecipient,
    from_json,
    one,
    process_name,
)
from consent.errors import RecordError
from consent.printable import as_lines
from consent.texts.load import sentences

SENTENCES: Final = sentences("receipt")

WIDTH: Final = 80
LINES: Final = 66
"""What a sheet of A4 holds in a type of ten points."""

MOST_FLOWS: Final = 3
"""How many flows are told in full; whoever said yes to a purpose of many finds the others in the file."""

MOST_REASONS: Final = 2
"""Up to how many flows are told with the reasons that the policies give: all are in the file, and the page is one sheet."""

_INDENT: Final = "  "
_COMMAND: Final = "sluice "

_LATEST_MS: Final = 253_402_300_799_999  # the calendar's end

N = TypeVar("N", bound=Node)


class _Entry(msgspec.Struct, frozen=True):
    origin: str
    index: int = msgspec.field(name="logIndex")


class _Stated(msgspec.Struct, frozen=True):
    """What a page tells that stands beside the record."""

    conforms_to: list[str] = msgspec.field(name="conformsTo")
    included: list[Json]
    entry: _Entry = msgspec.field(name="logEntry")
    label_key: str = msgspec.field(name="labelKey", default="")
    handed_over: list[int] | None = msgspec.field(name="handedOver", default=None)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page.

    Attributes:
        heading: What it tells.
        paragraphs: Sentences, wrapped when printed; a command to type, which is not.
    """

    heading: str
    paragraphs: tuple[str, ...]


def receipt_page(receipt: Json, *, locale: str = "", asked: str = "", file: str = "receipt.jsonld", verdict: str = "") -> str:
    """Return a receipt as a page of text, of at most ``LINES`` lines for what a city usually asks.

    Args:
        locale, asked: As in ``spoken_language``; the receipt names the city's languages.
        file: Where the receipt lies, for the commands that are told.
        verdict: What stands below the title: that the receipt was `checked`, `unchecked`, or found `wrong`; empty for nothing.
    Raises: RecordError: the receipt is malformed.
    """
    try:
        stated = msgspec.convert(receipt, _Stated)
    except msgspec.ValidationError as error:
        raise RecordError("the receipt is malformed") from error
    words = from_json(stated.included)
    notice = one(Notice, words)
    languages = () if notice is None else tuple(notice.language)
    page = _Page(record_in(receipt), stated, words, spoken_language(languages, locale, asked), languages)
    return page.text(file, verdict)


class _Page:
    """One receipt, in one language."""

    def __init__(
        self, consent: Consent, stated: _Stated, words: Sequence[Described], language: str, languages: Sequence[str]
    ) -> None:
        self._consent = consent
        self._stated = stated
        self._words = words
        self._order = (language, *languages, "en")
        self._say = SENTENCES[language]
        self._language = language
        self._phrases = Phrases(language)
        self._controller = one(Controller, words)

    def text(self, file: str, verdict: str) -> str:
        """Return the whole page."""
        lines = [self._say["title"].upper()]
        lines += ["", *textwrap.wrap(self._say[verdict], WIDTH)] if verdict else []
        lines += ["", *textwrap.wrap(self._said(), WIDTH)]
        for section in self._sections(file):
            lines += ["", section.heading]
            for paragraph in section.paragraphs:
                lines += [2 * _INDENT + paragraph] if paragraph.startswith(_COMMAND) else _wrapped(paragraph)
        return as_lines(lines)

    def _sections(self, file: str) -> Iterator[Section]:
        say = self._say
        yield Section(say["what"], tuple(self._about()))
        yield Section(say["how-much"], tuple(self._how_much()))
        yield Section(say["until"], (self._until(),))
        yield Section(say["withdraw"], tuple(self._rights()))
        yield Section(say["who"], tuple(self._who()))
        yield Section(say["recorded"], tuple(self._recorded()))
        find = (say["find"], f"{_COMMAND}audit find {say['log-word']} --receipt {file}") if self._stated.label_key else ()
        check = f"{_COMMAND}consent check-receipt {file} --key {say['key-word']}"
        yield Section(say["check"], (say["signed"], check, *find))

    def _said(self) -> str:
        consent = self._consent
        told = self._say[f"said.{consent.status.value}"].format(
            instant=self._instant(consent.time_ms), what=self._scope(consent.scope), authority=consent.authority
        )
        channel = consent.channel if consent.channel in CHANNELS else "other"
        return f"{told} {self._say[f'channel.{channel}'].format(channel=consent.channel)}"

    def _scope(self, scope: str) -> str:
        if not scope.startswith(PURPOSE_PREFIX):
            return self._title(Process, process_name(self._consent, scope), scope)
        name = scope.removeprefix(PURPOSE_PREFIX)
        return self._say["purpose"].format(title=self._title(ReceiptPurpose, self._thing("purpose", name), name))

    def _thing(self, kind: str, name: str) -> str:
        return thing(kind, self._stated.entry.origin, name)

    def _title(self, kind: type[Process | ReceiptPurpose | ReceiptRecipient | ReceiptProperty], id_: str, name: str) -> str:
        """Return a title in quotation marks; of what the receipt does not describe, its name."""
        node = self._described(kind, id_)
        title = "" if node is None else self._text(node.title)
        if title:
            return self._phrases.quoted(title)
        return self._say["no-title"].format(name=f"`{name}`") if kind is Process else f"`{name}`"

    def _described(self, kind: type[N], id_: str) -> N | None:
        return next((node for node in self._words if isinstance(node, kind) and node.id == id_), None)

    def _text(self, texts: Texts) -> str:
        return next((texts[language] for language in self._order if texts.get(language)), "")

    def _instant(self, time_ms: int) -> str:
        moment = datetime.fromtimestamp(min(time_ms, _LATEST_MS) // 1000, UTC)
        return self._say["instant"].format(
            day=moment.day, month=self._say[f"month.{moment.month}"], year=moment.year, time=f"{moment:%H:%M}"
        )

    def _about(self) -> Iterator[str]:
        """Yield for each flow what leaves for it at most, how finely, to whom and why."""
        for terms in self._consent.terms[:MOST_FLOWS]:
            if self._consent.terms[1:] or self._consent.scope.startswith(PURPOSE_PREFIX):
                yield self._scope(terms.flow)
            yield " ".join(self._of_flow(terms))
        if len(self._consent.terms) > MOST_FLOWS:
            yield self._say["more"].format(n=len(self._consent.terms) - MOST_FLOWS)

    def _of_flow(self, terms: FlowTerms) -> Iterator[str]:
        most = at_most(self._consent, terms)
        what = self._phrases.listed([self._property(name)[0] for name, _ in terms.figures])
        if most is None:
            yield self._say["figures"].format(what=what)
        elif most.is_bottom:
            yield self._say["nothing"]
            return
        else:
            yield self._leaves(what, most)
            yield self._phrases.say(
                "how",
                time=self._phrases.say(f"time.{most.time.label}"),
                space=self._phrases.say(f"area.{most.space.label}"),
                precision=self._precision(terms, most),
            )
        yield self._say["to"].format(
            recipient=self._title(ReceiptRecipient, self._thing("recipient", terms.recipient), terms.recipient),
            days=self._phrases.days((terms.ask if most is None else most).retention_days),
        )
        if not self._consent.scope.startswith(PURPOSE_PREFIX):  # else the first line has named it
            yield self._say["for"].format(
                purpose=self._title(ReceiptPurpose, self._thing("purpose", terms.purpose), terms.purpose)
            )
        process = self._described(Process, process_name(self._consent, terms.flow))
        is_short = len(self._consent.terms) <= MOST_REASONS
        why = self._text(process.why).strip() if process is not None and is_short else ""
        if why:
            yield self._phrases.say("why", why=why if why[-1:] in ".!?" else f"{why}.")

    def _leaves(self, what: str, most: Disclosure) -> str:
        alone = most.identity is Identity.AGGREGATE and most.group == 1
        key = "tell.aggregate-alone" if alone else f"tell.{most.identity.label}"
        return self._phrases.say(key, what=what, group=most.group)

    def _precision(self, terms: FlowTerms, most: Disclosure) -> str:
        told = []
        for name, statistic in terms.figures:
            title, unit = self._property(name)
            step = most.step(name)
            if statistic == Statistic.COUNT:
                amount = self._phrases.say("precision.count")
            else:
                amount = self._phrases.say("precision.any") if step is None else self._phrases.step(step, unit)
            told.append(amount if len(terms.figures) == 1 else f"{title} {amount}")
        return self._phrases.listed(told)

    def _property(self, name: str) -> tuple[str, str]:
        id_ = self._thing("property", name)
        node = self._described(ReceiptProperty, id_)
        return self._title(ReceiptProperty, id_, name), "" if node is None else node.unit

    def _how_much(self) -> Iterator[str]:
        consent, say = self._consent, self._say
        paused = consent.status is Status.PAUSED
        if not consent.permits and not paused:
            yield say["closed"]
            return
        bounds = self._phrases.bounds(bounded_map(consent.limits), self._property)
        if bounds:
            yield say["limits-kept" if paused else "limits"]
            yield "; ".join(f"{axis}: {level}" for axis, level in bounds) + "."
            if not paused:
                yield say["less"]
        else:
            yield say["no-limits"] if paused else f"{say['no-limits']} {say['less']}"
        if consent.permits and not BEFORE_NOISE.intersection(self._stated.conforms_to):  # those knew no noise
            yield from (" ".join(self._exposed(each)) for each in exposures(self._leaving()))

    def _leaving(self) -> Iterator[Leaving]:
        """Yield what this answer alone lets leave at most."""
        for terms in self._consent.terms:
            most = at_most(self._consent, terms)
            if most is None or most.is_bottom:
                continue
            for name, statistic in terms.figures:
                node = self._described(ReceiptProperty, self._thing("property", name))
                quantity = name if node is None or not node.quantity else node.quantity
                mu = most.budget if most.identity is Identity.AGGREGATE else inf
                period = Period.WEEK if statistic == Statistic.TYPICAL_DAY else Period.DAY
                yield Leaving(terms.flow, name, quantity, most.identity, mu, period)

    def _exposed(self, exposure: Exposure) -> Iterator[str]:
        titles = self._phrases.listed([self._property(name)[0] for name in exposure.properties])
        return self._phrases.exposure(exposure, titles, "answer")

    def _until(self) -> str:
        consent = self._consent
        if not consent.permits and consent.status is not Status.PAUSED:
            return self._say["until-yes"]
        if consent.expiry_ms is None:
            return self._say["until-withdrawn"]
        return self._say["until-day"].format(instant=self._instant(consent.expiry_ms))

    def _rights(self) -> Iterator[str]:
        where = self._controller
        yield self._say["change-unknown"] if where is None else self._say["change"].format(contact=where.contact)
        titles = right_titles(self._language, under_gdpr=where is not None and where.under_gdpr)
        yield self._say["rights"].format(rights=", ".join(titles))

    def _who(self) -> Iterator[str]:
        where, consent = self._controller, self._consent
        if where is None:
            yield self._say["controller-unknown"].format(origin=f"`{self._stated.entry.origin}`")
        else:
            yield self._say["controller"].format(
                name=where.name, address=where.address, contact=where.contact, officer=where.officer.contact
            )
        yield self._say["holder"].format(subject=consent.subject.hex(), resident=consent.resident.hex())

    def _recorded(self) -> Iterator[str]:
        entry, handed_over = self._stated.entry, self._stated.handed_over
        yield self._say["entry"].format(index=entry.index, origin=f"`{entry.origin}`")
        if handed_over:
            yield self._say["handed-over"].format(entries=", ".join(map(str, handed_over)))
        elif handed_over is not None:
            yield self._say["handed-over-none"]
        if self._consent.channel == PASSKEY:
            yield self._say["passkey"].format(sha256=Proof.decode(self._consent.signature).key_sha256.hex())
        if self._stated.label_key:
            yield self._say["label-key"]


def _wrapped(paragraph: str) -> list[str]:
    return textwrap.wrap(
        paragraph, WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False
    )
