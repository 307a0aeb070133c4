"""The page of one number: every kind in words, what the gate tells of a release, and what is said where it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consent.portal.gates.public import GateRefusedError
from consent.portal.record import RulesChange
from consent.public_messages import EntryTold, PartTold
from consent.texts.portal import page_sentences
from gateway.audit.log.entries import NO_CONSENT, NO_POLICY, Entry, Kind
from tests.support.portal import NOW_MS, SaidGate, SaidRecord, portal_client, said_state
from tests.support.read_pages import client, head, record, rules, setup_of, words_of

HOUR_MS = 3_600_000
PART = PartTold(
    flow="noise-hourly",
    cell="riverside",
    observed_property="LAeq",
    statistic="mean",
    from_ms=NOW_MS - HOUR_MS,
    until_ms=NOW_MS,
    records=3,
    homes=15,
)


def entry(kind: Kind, **others: Any) -> Entry:
    """Return number 2,405, of a kind."""
    usual: dict[str, Any] = {
        "kind": kind,
        "time_ms": NOW_MS,
        "sequence": 2405,
        "policy": rules().sha256,
        "consent_head": 2398,
        "commitment": b"\x0c" * 32,
    }
    if kind is Kind.RELEASE:
        usual |= {"bundle_sha256": b"\x0b" * 32, "labels_root": b"\x0a" * 32}
    if kind is Kind.ERASURE:
        usual |= {"subject_sha256": b"\x0d" * 32, "parts_deleted": 4}
    return Entry(**{**usual, **others})


def said(kind: Kind, **others: Any) -> SaidRecord:
    """Return a record with that number in it, and with the rules that it rests on."""
    change = RulesChange(12, NOW_MS - 17 * 24 * HOUR_MS, rules().sha256, rules())
    return record(entries={2405: entry(kind, **others)}, changes=[change])


@pytest.mark.parametrize("language", ["en", "es", "pt"])
@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_told_in_words(kind: Kind, language: str) -> None:
    """With its time, the rules and answers that it rests on, and every field as it stands; with the gate away."""
    page = client(said(kind)).get(f"/check/2405?lang={language}")
    assert page.status_code == 200
    words, sentences = words_of(page.text), page_sentences("entry")[language]
    assert sentences[f"kind.{kind.word}"] in words
    assert sentences[f"means.{kind.word}"] in words
    assert f'href="/rules/12?lang={language}"' in page.text
    assert f'href="/check/2398?lang={language}"' in page.text
    assert f'href="/check/2404?lang={language}"' in page.text
    assert f'href="/check/2406?lang={language}"' in page.text
    assert rules().sha256.hex() in words
    assert ("0d" * 32 in words, "0b" * 32 in words) == (kind is Kind.ERASURE, kind is Kind.RELEASE)
    assert (sentences["away"] in words) == (kind is Kind.RELEASE)


def test_first_entry_rests_on_nothing() -> None:
    """No rules, no answers, and nothing before it."""
    first = {0: entry(Kind.GENESIS, sequence=0, policy=NO_POLICY, consent_head=NO_CONSENT)}
    page = client(record(entries=first)).get("/check/0").text
    assert "no rules yet" in page
    assert "nobody’s answer yet" in page
    assert 'rel="prev"' not in page
    assert 'href="/check/1"' in page


def gate(**told: Any) -> SaidGate:
    """Return a gate that tells of that number."""
    return SaidGate(said_state(), says_entries={2405: EntryTold(**{"known": True, **told})})


def test_release_is_told_by_the_titles_of_the_rules_that_it_rests_on() -> None:
    """For whom, what, where, when, among how many homes; with links to the use of data."""
    page = portal_client(gate(recipient="city-environment", parts=(PART,)), said(Kind.RELEASE)).get("/check/2405").text
    words = words_of(page)
    policies = rules()
    recipient = policies.recipients["city-environment"].title["en"]
    assert f"2,405: data for {recipient}" in words
    assert policies.flows["noise-hourly"].title["en"] in words
    assert policies.properties["LAeq"].title["en"] in words
    assert "among at least 15 homes" in words
    assert "3 values" in words
    assert 'href="/flows/noise-hourly"' in page
    assert "before it was sent" in words


def test_names_that_the_rules_do_not_know_are_shown_as_they_are_and_nothing_more() -> None:
    """Whatever stands in them."""
    part = replace_part(flow="<b>f</b>", cell="<i>c</i>", observed_property="<u>p</u>", statistic="<s>s</s>", homes=0)
    page = portal_client(gate(recipient="<a>r</a>", parts=(part,)), said(Kind.RELEASE)).get("/check/2405").text
    for text in ("<b>f</b>", "<i>c</i>", "<u>p</u>", "<s>s</s>", "<a>r</a>"):
        assert text not in page
        assert text in words_of(page)
    assert "fewer than 5" in page


def replace_part(**others: Any) -> PartTold:
    """Return other figures."""
    fields = {name: getattr(PART, name) for name in PART.__struct_fields__}
    return PartTold(**{**fields, **others})


def test_release_that_was_taken_back_says_by_which_number() -> None:
    """With a link to it."""
    page = portal_client(gate(recipient="city-environment", voided_by=2410), said(Kind.RELEASE)).get("/check/2405").text
    assert "Taken back" in page
    assert 'href="/check/2410"' in page


def test_release_whose_opening_has_expired_says_so() -> None:
    """Nobody can say any more what was in it."""
    page = portal_client(gate(known=False), said(Kind.RELEASE)).get("/check/2405").text
    assert "no longer kept" in page


def test_only_some_kinds_of_figures_are_listed_and_the_others_counted() -> None:
    """However many there are."""
    parts = tuple(replace_part(from_ms=NOW_MS - n * HOUR_MS) for n in range(1, 101))
    page = portal_client(gate(recipient="city-environment", parts=parts), said(Kind.RELEASE)).get("/check/2405").text
    assert page.count("among at least 15 homes") == 30
    assert "and 70 more" in page


class RefusingGate(SaidGate):
    """A gate that knows of no entry."""

    async def entry(self, index: int) -> EntryTold:
        """Refuse."""
        raise GateRefusedError


def test_gate_that_does_not_know_the_number_leaves_what_the_record_says() -> None:
    """As a gate that is away."""
    page = portal_client(RefusingGate(said_state()), said(Kind.RELEASE)).get("/check/2405")
    assert page.status_code == 200
    assert "We cannot reach the gate" in page.text


def test_gate_is_not_asked_of_what_is_no_release() -> None:
    """It has nothing to tell of it."""

    class Asked(SaidGate):
        async def entry(self, index: int) -> EntryTold:
            raise AssertionError

    page = portal_client(Asked(said_state()), said(Kind.CONSENT)).get("/check/2405")
    assert page.status_code == 200


@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_number_that_there_is_not_yet_is_not_found(language: str) -> None:
    """Said in words, with what the latest is."""
    page = client(record()).get(f"/check/999999?lang={language}")
    assert page.status_code == 404
    assert ("2,417" if language == "en" else "2417") in page.text
    assert client(SaidRecord(None)).get(f"/check/0?lang={language}").status_code == 404


@pytest.mark.parametrize("index", ["x", "-1", "1.5", "1" * 16, "%2e%2e", "1%00"])
def test_what_is_no_number_is_not_found(index: str) -> None:
    """Nor does it reach the record."""
    assert client(record()).get(f"/check/{index}").status_code == 404


def test_number_whose_file_does_not_hold_is_not_shown() -> None:
    """The browser is left to find out why."""
    page = client(record()).get("/check/7")
    assert page.status_code == 200
    assert "Number 7 cannot be shown" in page.text
    assert setup_of(page.text)["entry"] == 7


def test_time_that_no_calendar_has_is_shown_as_it_stands() -> None:
    """An entry may bear any."""
    page = client(said(Kind.ACCOUNT, time_ms=(1 << 63) - 1))
    assert f"{(1 << 63) - 1} ms" in page.get("/check/2405").text


def test_rules_that_came_later_are_not_those_that_it_rests_on() -> None:
    """Though they are the same again."""
    change = RulesChange(12, NOW_MS, rules().sha256, rules())
    again = record(entries={2405: entry(Kind.ACCOUNT)}, changes=[change, replace(change, index=2410)])
    assert 'href="/rules/12"' in client(again).get("/check/2405").text


def test_verdict_on_one_number_is_about_that_number() -> None:
    """The script says it where it says that of the whole on the other page."""
    setup = setup_of(client(said(Kind.ACCOUNT)).get("/check/2405").text)
    assert setup["entry"] == 2405
    assert setup["words"]["verdict.yes"] == page_sentences("check")["en"]["say.one.yes"]


def test_proof_is_a_file_to_be_kept() -> None:
    """As the record gives it; there is none of what it has not."""
    known = record(proofs={2405: b"c2sp.org/tlog-proof@v1\n"})
    answer = client(known).get("/check/2405/proof")
    assert answer.content == b"c2sp.org/tlog-proof@v1\n"
    assert answer.headers["content-disposition"] == 'attachment; filename="2405.tlog-proof"'
    assert client(known).get("/check/2406/proof").status_code == 404


def test_head_is_what_numbers_are_counted_by() -> None:
    """The last one has none after it."""
    last = record(head=head(2406), entries={2405: entry(Kind.ACCOUNT)})
    page = client(last).get("/check/2405").text
    assert 'rel="next"' not in page
    assert 'rel="prev"' in page
