"""Whoever is spoken to in Spanish or Portuguese is told nothing in English: all that a citizen can be shown is looked through.

The list of English words is made from our own English sentences, from the names that policies and logs use, and from what the
shipped policies say in English, so it grows with them. What is typed stands between backticks or in a line of its own that begins
with `sluice`, and is no language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

import pytest

from consent.core.consents.records import Consent, Status, encode
from consent.core.decide import Decision, Owner
from consent.core.disclosure import BOTTOM, TOP, Identity, Space, Time
from consent.core.explain.explain import OF_CONSENT, OF_LIMITS, OF_RULES, Explanation, ExplanationRequest, explain
from consent.core.explain.phrases import PhraseBook, Phrases
from consent.core.lifecycle.notifications import MessageKind, text_of
from consent.core.outcome import reason_besides
from consent.core.policies.policy import PolicySet, Statistic
from consent.core.receipts.page import receipt_page
from consent.core.receipts.receipts import Issue
from consent.core.receipts.rights import rights_nodes
from consent.texts.load import TEXTS
from gateway.audit.explain.content import OpeningContent
from gateway.audit.explain.explain import explain as explain_entry
from gateway.audit.explain.explain import trust_lines
from gateway.audit.log.chain import Chain
from gateway.audit.log.earlier_payloads import EarlierPolicyPayload
from gateway.audit.log.entries import Kind
from gateway.audit.log.openings import Opening, Part, commit
from gateway.audit.log.payloads import (
    AccountPayload,
    Contribution,
    EmptiedOpening,
    ErasurePayload,
    GapPayload,
    GenesisPayload,
    KeyPayload,
    PolicyPayload,
    ReleasePayload,
    ReleaseRecord,
    VoidPayload,
)
from gateway.audit.verify.trust import Cosigned, Trust
from gateway.commands.policies import outcome_text
from tests.support.checkout import ROOT
from tests.support.consent_samples import NOW_MS, agreed, limits_of
from tests.support.policy_folder import load_policies
from tests.support.receipt_samples import CASES, PLACE, receipt_of, signed

RIBERA = load_policies(ROOT / "policies")
TRANSLATIONS = ("es", "pt")

SHARED = {
    "es": {"a", "describe", "no", "real", "sensor", "utc", "ε", "μ"},
    "pt": {"a", "as", "do", "for", "no", "real", "sensor", "utc", "ε", "μ"},
}
"""Words of our English sentences that are words of the language too; whoever adds one vouches for it."""

NAMES = {"ayuntamiento", "de", "ribera", "plaza", "del", "puente", "example", "https", "pm"}
"""What the made-up city calls itself, and parts of its addresses."""

NOT_LANGUAGE = re.compile(
    r"`[^`]*`|https?://\S+|\S+@\S+|^ *sluice .*$|\b[0-9a-f]{16,}\b|\bSHA-256\b|Ayuntamiento de Ribera", re.MULTILINE
)
WORD = re.compile(r"[^\W\d_]+")


def words(text: str) -> set[str]:
    """Return the words of a text, small, without what is typed and without gaps."""
    return {word.lower() for word in WORD.findall(NOT_LANGUAGE.sub(" ", re.sub(r"\{[a-z0-9_]*\}", " ", text)))}


def texts_of(language: str) -> Iterator[str]:
    """Yield all sentences of a language."""
    for part in TEXTS[language].values():
        yield from part.values()


def titles(policies: PolicySet, language: str) -> Iterator[str]:
    """Yield all that policies say to people in a language."""
    said = [each.title for each in policies.flows.values()] + [each.why for each in policies.flows.values()]
    said += [each.title for each in policies.purposes.values()] + [each.title for each in policies.recipients.values()]
    said += [each.title for each in policies.properties.values()] + [each.title for each in policies.profiles.values()]
    said += [each.title for each in policies.zones.values()]
    yield from (texts[language] for texts in (*said, *policies.districts.values(), *policies.neighbourhood_titles.values()))


def terms(policies: PolicySet) -> Iterator[str]:
    """Yield the names that policies and logs use for levels, axes, statuses, statistics and reasons, and the ids of things."""
    yield from (level.label for level in (*Identity, *Time, *Space))
    yield from ("identity", "time", "space", "precision", "group", "retention", "budget")
    yield from (str(each.value) for each in (*Status, *Statistic, *MessageKind, *Owner))
    yield from (kind.word for kind in Kind)
    yield from (*OF_CONSENT, *OF_LIMITS, *OF_RULES)
    yield from (
        *policies.flows,
        *policies.purposes,
        *policies.recipients,
        *policies.profiles,
        *policies.zones,
        *policies.districts,
    )
    yield from (purpose.dpv for purpose in policies.purposes.values())


@cache
def english_words(language: str) -> frozenset[str]:
    """Return the English words that have no place in a text of another language."""
    english = {word for each in (*texts_of("en"), *titles(RIBERA, "en"), *terms(RIBERA)) for word in words(each)}
    own = {word for each in titles(RIBERA, language) for word in words(each)}
    return frozenset(english - SHARED[language] - own - NAMES)


def english_in(text: str, language: str) -> set[str]:
    """Return the English words in a text that is to be in another language."""
    return words(text) & english_words(language)


# everything that can be shown


def consents(flow: str) -> Iterator[list[Consent | None]]:
    """Yield what the residents of a household may have said: nothing, each status, limits on each axis, two together."""
    yield []
    yield [None]
    for status in Status:
        permits = status in (Status.GIVEN, Status.RENEWED)
        yield [replace(agreed(RIBERA, flow, TOP if permits else BOTTOM), status=status)]
    for limits in LIMITS:
        yield [agreed(RIBERA, flow, limits)]
    yield [agreed(RIBERA, flow), None]
    yield [agreed(RIBERA, flow, LIMITS[0]), agreed(RIBERA, flow, LIMITS[0])]


LIMITS = [
    *(limits_of(identity=level) for level in Identity),
    *(limits_of(time=level) for level in Time),
    *(limits_of(space=level) for level in Space),
    *(limits_of(group=group) for group in (1, 2, 40)),
    *(limits_of(retention_days=days) for days in (0, 1, 30)),
    *(limits_of(budget=amount) for amount in (0.0, 0.5)),
]


def explanations(language: str) -> Iterator[Explanation]:
    """Yield explanations of every flow, class, district, owner and reason, with whatever the residents have said."""
    zones = ("north-quay", "potters-lane", "convent-garden", "nowhere")
    for flow, profile in product(RIBERA.flows, RIBERA.profiles):
        for zone, owner in product(zones, Owner):
            said: list[Consent | None] | None
            for said in (None, *consents(flow)):
                request = ExplanationRequest(RIBERA, flow, said, zone, profile, NOW_MS, owner, 0)
                decision = request.decide()
                yield explain(request, decision, language, reason_besides(RIBERA, flow, profile, decision))
    for reason in (*OF_LIMITS, *OF_RULES):  # those of consents come about above
        said = [agreed(RIBERA, "energy-hourly")]
        request = ExplanationRequest(RIBERA, "energy-hourly", said, "north-quay", "meter", NOW_MS, Owner.RESIDENT)
        yield explain(request, Decision(BOTTOM, reason, (), 0, None), language)
    for identity, time, space in product([*Identity][1:], [*Time][1:], [*Space][1:]):
        told = limits_of(identity=identity, time=time, space=space, group=15)
        for flow, profile, home in (("energy-hourly", "meter", [None]), ("city-sensors", "footfall", None)):
            request = ExplanationRequest(RIBERA, flow, home, "north-quay", profile, NOW_MS, Owner.CITY)
            yield explain(request, Decision(told, "", (), 0, None), language)


def explained(language: str) -> Iterator[str]:
    """Yield what `policy explain` prints."""
    for number, explanation in enumerate(explanations(language)):
        data = explanation.as_data()
        yield data["text"]
        yield from (text for axis in data["axes"] for text in axis["text"].values())
        if number % 50 == 0:
            found: dict[str, Any] = {"policy_entry": 2, "consent_entries": [3, 4], "expires_ms": NOW_MS}
            yield outcome_text(
                {**data, **found, "devices": [{"device": "0" * 32, "since_ms": since} for since in (None, NOW_MS)]}
            )


def notified(language: str) -> Iterator[str]:
    """Yield every message to a household, about every flow and purpose, and about what is no longer known."""
    book = PhraseBook(RIBERA, language)
    scopes = [*RIBERA.flows, *(f"purpose:{purpose}" for purpose in RIBERA.purposes)]
    for kind in MessageKind:
        yield from (text_of(kind, book.scope(scope), language) for scope in scopes)
        yield text_of(kind, Phrases(language).say("former"), language)


def pages(language: str) -> Iterator[str]:
    """Yield a receipt of every status and channel, about every flow and purpose, with limits on each axis."""
    for status, scope in product(Status, ("purpose:energy-planning", "energy-hourly", "energy-daily-totals", "noise-hourly")):
        permits = status in (Status.GIVEN, Status.RENEWED, Status.PAUSED)
        for limits, channel in ((LIMITS[7], "operator"), (limits_of(group=40, retention_days=1, budget=0.5), "portal")):
            consent = replace(agreed(RIBERA, scope, limits if permits else BOTTOM), status=status, channel=channel)
            for verdict in ("checked", "unchecked", "wrong"):
                issue = Issue(NOW_MS, b"l" * 32, (1, 2) if permits else ())
                yield receipt_page(receipt_of(signed(consent), RIBERA, PLACE, issue), asked=language, verdict=verdict)
    yield receipt_page(CASES["policies unknown"], asked=language)


def audited(language: str) -> Iterator[str]:
    """Yield what `audit explain` prints of every kind of entry, with what an opening of it may hold."""
    record = ReleaseRecord("energy-hourly", ("1h", "district", "0.1"), "riverside", (0, 1), 3, "aggregate", "consumption", "sum")
    records = [replace_record(record, level, identity) for level in LEVELS for identity in ("aggregate", "per-record", "stable")]
    street = ReleaseRecord("city-sensors", ("exact", "block", "0.1"), "north-quay", (0, 1), 1, "per-epoch", "pm25", "", "city")
    share = Contribution(0, bytes(16), {}, 1, (2,), 1, "meter", "north-quay")
    openings: list[tuple[Kind, list[bytes]]] = [
        (Kind.GENESIS, [GenesisPayload("o", simulated).encode()]) for simulated in (True, False)
    ]
    openings += [(Kind.POLICY, [PolicyPayload(bytes(32), {name: bytes(32) for name in RIBERA.recipients}).encode()])]
    openings += [(Kind.POLICY, [EarlierPolicyPayload(bytes(32)).encode()])]
    openings += [(Kind.RELEASE, [ReleasePayload("city-energy", (*records, street)).encode(), share.encode()])]
    openings += [(Kind.VOID, [VoidPayload(3).encode()]), (Kind.ACCOUNT, [AccountPayload({"frames.received": 3}, {}).encode()])]
    openings += [(Kind.KEY, [KeyPayload(bytes(16), residents).encode()]) for residents in ((), (bytes(16),))]
    openings += [(Kind.ERASURE, [ErasurePayload(bytes(32), 2, (EmptiedOpening(3, (1, 2)),)).encode()])]
    openings += [(Kind.GAP, [GapPayload(reason, "b", "unknown").encode()]) for reason in GAPS]
    for status, channel in product(Status, ("operator", "portal", "gateway", "fax")):
        consent = replace(agreed(RIBERA, "energy-hourly", LIMITS[7]), status=status, channel=channel)
        purpose = agreed(RIBERA, "purpose:energy-planning", TOP)
        openings += [(Kind.CONSENT, [encode(each)]) for each in (consent, replace(purpose, expiry_ms=NOW_MS))]
    for kind, parts in openings:
        salted = [(bytes(32), part) for part in parts]
        opening = Opening(0, tuple(Part(*part) for part in salted))
        yield "\n".join(OpeningContent(language, RIBERA).lines(entry_of(kind, salted), opening))
    for kind in Kind:
        yield explain_entry(entry_of(kind, [(bytes(32), b"")]), None, 9, language, RIBERA).to_text(language)
    seen = (Cosigned("w", 5),)
    for trust in (Trust("k"), Trust("k", False, seen, 2, False, ("line 5 `x`",))):
        yield "\n".join(trust_lines("o", trust, language)[:3]).replace(", ".join(map(str, seen)), "")


LEVELS = [(time.label, space.label, "1") for time, space in product(Time, Space)]
GAPS = ("unclean-end", "away", "session-lost", "clock-set", "unwitnessed", "restored", "restored-books")


def replace_record(record: ReleaseRecord, level: tuple[str, str, str], identity: str) -> ReleaseRecord:
    """Return a record at other levels."""
    return ReleaseRecord(record.flow, level, record.cell, record.window, 1, identity, record.property, "mean")


def entry_of(kind: Kind, salted: list[tuple[bytes, bytes]]) -> Any:
    """Return an entry of a kind."""
    some = bytes(32)
    of_release = some if kind is Kind.RELEASE else None
    of_erasure = (some, 3) if kind is Kind.ERASURE else (None, None)
    return Chain().make(
        kind,
        NOW_MS,
        commit(salted),
        policy=some if kind is Kind.POLICY else None,
        bundle_sha256=of_release,
        labels_root=of_release,
        subject_sha256=of_erasure[0],
        parts_deleted=of_erasure[1],
    )


def of_rights(language: str) -> Iterator[str]:
    """Yield the rights, as receipts list them."""
    for node in rights_nodes("https://ribera.example/sensors", True, [language]):
        yield from (node["title"][language], node["description"][language])


# the checks


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_sentences_share_with_english_only_words_that_are_the_languages_own(language: str) -> None:
    """An English word in a translation shows here; one that both have is vouched for by name."""
    english = {word for text in texts_of("en") for word in words(text)}
    own = {word for text in texts_of(language) for word in words(text)}
    assert english & own == SHARED[language]


@pytest.mark.parametrize("language", TRANSLATIONS)
@pytest.mark.parametrize("shown", [explained, notified, pages, audited, of_rights], ids=lambda shown: str(shown.__name__))
def test_no_text_that_a_citizen_can_be_shown_holds_an_english_word(shown: Any, language: str) -> None:
    """Rendered with the shipped policies; ids of flows, levels and statuses would be found as well."""
    texts = list(shown(language))
    assert texts
    found = {text: english for text in dict.fromkeys(texts) if (english := english_in(text, language))}
    assert not found


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_english_sentence_is_found_wherever_it_slips_in(language: str) -> None:
    """Each of ours but the few that are all names and signs; so is an id, and a level as policies write it."""
    missed = [text for text in texts_of("en") if words(text) - SHARED[language] and not english_in(text, language)]
    assert missed == []
    for slipped in ("«energy-hourly»", "tiempo exact, espacio district", "no más que: identity stable", "estado: withdrawn"):
        assert english_in(slipped, language), slipped
