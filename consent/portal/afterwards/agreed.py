"""What a receipt says, in the reader's words: about which uses of data, what may leave, to whom, why, for how long.

All of it is read from the receipt itself, which quotes the city's words as they were when the answer was given; rules that came
later change nothing of it. ``consent.core.receipts.page`` makes the same of a receipt without a portal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from consent.core.canonical import bounded_map
from consent.core.consents.records import PURPOSE_PREFIX, Consent
from consent.core.disclosure import Disclosure, Identity
from consent.core.explain.phrases import Phrases
from consent.core.policies.notice import FlowTerms
from consent.core.policies.policy import Statistic
from consent.core.receipts.canonical_json import Json
from consent.core.receipts.check import record_in
from consent.core.receipts.record import at_most
from consent.core.receipts.rights import right_titles
from consent.core.receipts.terms import thing
from consent.core.receipts.words import (
    Controller,
    Described,
    Process,
    ReceiptProperty,
    ReceiptPurpose,
    ReceiptRecipient,
    from_json,
    one,
    process_name,
)
from consent.portal.asking.axes import guess_level, guess_title
from consent.portal.visit import Visit
from consent.portal.ways.words import kept

N = TypeVar("N", Process, ReceiptPurpose, ReceiptRecipient, ReceiptProperty)

MOST_FLOWS: Final = 12
"""Of so many uses of data the page tells; of the others, how many they are."""


@dataclass(frozen=True, slots=True)
class AgreedUse:
    """One use of data that an answer is about.

    Attributes:
        what: What may leave of it at most, in sentences; empty where nothing does.
        measured: What it reads, as a list in a sentence.
        why: As the city gave it; empty where the receipt does not describe it.
        kept: For how long whoever gets it may keep it.
    """

    flow: str
    title: str
    what: str
    measured: str
    why: str
    who: str
    purpose: str
    kept: str


@dataclass(frozen=True, slots=True)
class CityTold:
    """Whose record it is, as the receipt describes them."""

    name: str
    address: str
    contact: str
    officer: str


@dataclass(frozen=True, slots=True)
class AgreedAnswer:
    """What a receipt says.

    Attributes:
        title: Of the use of data, or of the purpose, that was answered.
        uses: What it is about; ``more`` others are left out.
        limits: (what, how far) of the household's own limits.
        rights: Besides taking it back, as a list in a sentence.
        city: None where the receipt does not describe it.
        handed_over: Numbers of what had been sent when the answer came into force; None where that is not known.
        has_search_key: Whether the receipt's file holds the search key.
    """

    consent: Consent
    title: str
    uses: tuple[AgreedUse, ...]
    more: int
    limits: tuple[tuple[str, str], ...]
    rights: str
    city: CityTold | None
    handed_over: tuple[int, ...] | None
    has_search_key: bool


def agreed_in(receipt: Json, visit: Visit) -> AgreedAnswer:
    """Return what a receipt says.

    Raises: RecordError: it is malformed.
    """
    reader = _Receipt(receipt, visit)
    consent = reader.consent
    city, handed_over = reader.city(), receipt.get("handedOver")
    return AgreedAnswer(
        consent=consent,
        title=reader.scope(consent.scope),
        uses=tuple(reader.use(terms) for terms in consent.terms[:MOST_FLOWS]),
        more=max(0, len(consent.terms) - MOST_FLOWS),
        limits=tuple(reader.limits()),
        rights=reader.rights(),
        city=city,
        handed_over=tuple(handed_over) if isinstance(handed_over, list) else None,
        has_search_key=bool(receipt.get("labelKey")),
    )


class _Receipt:
    """A receipt, read by one visitor."""

    def __init__(self, receipt: Json, visit: Visit) -> None:
        self.consent = record_in(receipt)
        self._words = {(type(node), node.id): node for node in from_json(receipt.get("included", []))}
        entry = receipt.get("logEntry")
        self._origin = str(entry.get("origin", "")) if isinstance(entry, Mapping) else ""
        self._visit = visit
        self._phrases = Phrases(visit.language)

    def scope(self, scope: str) -> str:
        """Return the title of a use of data or of a purpose; its id where the receipt gives none."""
        if scope.startswith(PURPOSE_PREFIX):
            return self._named(ReceiptPurpose, "purpose", scope.removeprefix(PURPOSE_PREFIX))
        return self._titled(Process, process_name(self.consent, scope), scope)

    def use(self, terms: FlowTerms) -> AgreedUse:
        """Return one use of data."""
        most = at_most(self.consent, terms)
        process = self._words.get((Process, process_name(self.consent, terms.flow)))
        days = (terms.ask if most is None or most.is_bottom else most).retention_days
        return AgreedUse(
            flow=terms.flow,
            title=self.scope(terms.flow),
            what="" if most is None or most.is_bottom else self._leaves(terms, most),
            measured=self._phrases.listed([self._property(name)[0] for name, _ in terms.figures]),
            why=self._visit.title(process.why).strip() if isinstance(process, Process) else "",
            who=self._named(ReceiptRecipient, "recipient", terms.recipient),
            purpose=self._named(ReceiptPurpose, "purpose", terms.purpose),
            kept=kept(self._visit, days),
        )

    def _leaves(self, terms: FlowTerms, most: Disclosure) -> str:
        """Return what may leave at most: in what form, and how finely time, place and value are told."""
        say, alone = self._phrases.say, most.identity is Identity.AGGREGATE and most.group == 1
        key = "tell.aggregate-alone" if alone else f"tell.{most.identity.label}"
        what = self._phrases.listed([self._phrases.quoted(self._property(name)[0]) for name, _ in terms.figures])
        time, space = say(f"time.{most.time.label}"), say(f"area.{most.space.label}")
        how = say("how", time=time, space=space, precision=self._phrases.listed(list(self._steps(terms, most))))
        return f"{say(key, what=what, group=most.group)} {how}"

    def _steps(self, terms: FlowTerms, most: Disclosure) -> Iterator[str]:
        for name, statistic in terms.figures:
            title, unit = self._property(name)
            step = most.step(name)
            if statistic == Statistic.COUNT:
                amount = self._phrases.say("precision.count")
            else:
                amount = self._phrases.say("precision.any") if step is None else self._phrases.step(step, unit)
            yield amount if len(terms.figures) == 1 else f"{self._phrases.quoted(title)} {amount}"

    def limits(self) -> Iterator[tuple[str, str]]:
        """Yield the household's own limits: what each is of, and how far it goes."""
        if not self.consent.limits.is_bottom:
            bounds = dict(bounded_map(self.consent.limits))
            mu = bounds.pop("mu", None)
            yield from self._phrases.bounds(bounds, self._quoted_property)
            if mu is not None:
                yield guess_title(self._visit), guess_level(self._visit, float(mu))

    def rights(self) -> str:
        """Return the rights besides withdrawal, as a list."""
        where = self._controller()
        return self._phrases.listed(right_titles(self._visit.language, under_gdpr=where is not None and where.under_gdpr))

    def city(self) -> CityTold | None:
        """Return whose record it is."""
        where = self._controller()
        return None if where is None else CityTold(where.name, where.address, where.contact, where.officer.contact)

    def _controller(self) -> Controller | None:
        words: list[Described] = list(self._words.values())
        return one(Controller, words)

    def _named(self, kind: type[N], thing_kind: str, name: str) -> str:
        return self._titled(kind, thing(thing_kind, self._origin, name), name)

    def _titled(self, kind: type[N], id_: str, name: str) -> str:
        node = self._words.get((kind, id_))
        return (self._visit.title(node.title) if isinstance(node, kind) else "") or name

    def _property(self, name: str) -> tuple[str, str]:
        id_ = thing("property", self._origin, name)
        node = self._words.get((ReceiptProperty, id_))
        return self._titled(ReceiptProperty, id_, name), node.unit if isinstance(node, ReceiptProperty) else ""

    def _quoted_property(self, name: str) -> tuple[str, str]:
        title, unit = self._property(name)
        return self._phrases.quoted(title), unit
