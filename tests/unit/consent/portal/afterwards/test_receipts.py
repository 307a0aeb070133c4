"""The pages and files of a receipt: what holds, what does not, on paper, offline, and nothing of a number of others."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from markupsafe import Markup
from starlette.testclient import TestClient

import tests.support.portal as said_portal
from consent.core.consents.records import Status, record_hash
from consent.core.languages import LANGUAGES
from consent.core.receipts.check import check_receipt
from consent.portal.afterwards import receipts
from consent.portal.config import PortalConfig
from consent.portal.sensors.qr_code import Redundancy, qr_code
from consent.texts.portal import page_sentences
from tests.support.afterwards import answered, own_client, shown, small_record
from tests.support.portal import SaidHome, SaidRecord, form_on
from tests.support.read_pages import words_of
from tests.support.receipt_samples import life, said, signed, verify

HERE = "https://sensors.ribera.example"
ALL = ("", ".json", ".ics", "/proof", "/print")


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the portal know its own address."""
    monkeypatch.setattr(said_portal, "PortalConfig", lambda **others: PortalConfig(**{**others, "address": HERE}))


def reader(*answers: tuple[int, Status], record: SaidRecord | None = None) -> TestClient:
    """Return somebody whose household gave these answers."""
    return own_client(answered([(index, said(status)) for index, status in answers]), record)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", Status)
def test_every_answer_has_its_page_in_every_language(status: Status, language: str) -> None:
    """Its status in the heading, what was agreed, its number, and that no proof is there before the record is signed again."""
    page = reader((5, status)).get(f"/my/receipts/5?lang={language}")
    assert page.status_code == 200
    words, sentences = words_of(page.text), page_sentences("receipt")[language]
    assert sentences[f"said.{status.value}"].partition("{title}")[0].strip() in words
    assert sentences["proof-soon"] in words
    assert sentences["in-record"].format(n=5) in words
    assert page.headers["cache-control"] == "no-store"


def test_answer_in_force_can_be_stopped_and_paused_by_itself() -> None:
    """In one tap each, naming its own scope: never everything."""
    page = reader((5, Status.GIVEN)).get("/my/receipts/5").text
    own = [form for form in page.split("<form")[1:] if 'name="scope"' in form]
    assert len(own) == 2
    assert all('value="purpose:energy"' in form for form in own)
    assert {form_on(f"<form{form}")[0] for form in own} == {"/my/stop", "/my/pause"}


@pytest.mark.parametrize("status", [Status.REFUSED, Status.WITHDRAWN, Status.EXPIRED, Status.REQUESTED])
def test_what_is_not_in_force_cannot_be_stopped(status: Status) -> None:
    """There is nothing left to stop."""
    assert 'name="scope"' not in reader((5, status)).get("/my/receipts/5").text


def test_paused_answer_can_be_stopped_and_not_paused_again() -> None:
    """One of the two is left."""
    assert reader((5, Status.PAUSED)).get("/my/receipts/5").text.count('name="scope"') == 1


def test_answer_that_was_replaced_says_by_which() -> None:
    """By the next of the same scope and person, with a link; and nothing of it can be stopped."""
    chain = life()
    client = own_client(answered([(5 + n, consent) for n, consent in enumerate(chain)]))
    page = client.get("/my/receipts/7").text
    assert 'href="/my/receipts/8"' in page
    assert "not in force any more" in page
    assert 'name="scope"' not in page


def test_yes_that_has_run_out_is_not_in_force_though_its_record_says_yes() -> None:
    """The door says how it stands now, before the gate has made the record of its end."""
    consent = said(Status.GIVEN)
    client = own_client(answered([(5, consent)], [shown(consent, 5, Status.EXPIRED)]))
    page = client.get("/my/receipts/5").text
    assert "It has run out" in page
    assert 'name="scope"' not in page


@pytest.mark.parametrize("end", ALL)
def test_number_that_is_not_ones_own_is_nowhere(end: str) -> None:
    """Neither page nor file; and its receipt is not even asked for."""
    home = answered([(5, said(Status.GIVEN))])
    client = own_client(home, small_record(proofs={5: b"p", 6: b"p"}))
    assert client.get(f"/my/receipts/6{end}").status_code == 404
    assert "consent.receipt" not in [method for method, *_ in home.asked]


@pytest.mark.parametrize("end", ALL)
def test_only_the_sessions_own_token_is_used(end: str) -> None:
    """For every question that the page asks."""
    home = answered([(5, said(Status.GIVEN))])
    own_client(home, small_record(proofs={5: b"p"})).get(f"/my/receipts/5{end}")
    assert home.asked
    assert {session for _, _, session, _ in home.asked} == {said_portal.TOKEN}


def test_file_is_the_receipt_and_holds_offline() -> None:
    """With the log's key alone, as `sluice consent check-receipt` does it."""
    answer = reader((5, Status.GIVEN)).get("/my/receipts/5.json")
    assert answer.headers["content-type"] == "application/ld+json"
    assert 'filename="receipt-5.jsonld"' in answer.headers["content-disposition"]
    receipt = json.loads(answer.content)
    assert check_receipt(receipt, verify) == []
    assert check_receipt({**receipt, "signature": "A" * 86}, verify) != []


def test_calendar_has_the_day_on_which_the_answer_ends(address: None) -> None:
    """By the record's hash; in the reader's language; with the receipt's address."""
    answer = reader((5, Status.GIVEN)).get("/my/receipts/5.ics?lang=es")
    assert answer.headers["content-type"].startswith("text/calendar")
    lines = answer.text.replace("\r\n ", "").split("\r\n")
    assert f"UID:{record_hash(said(Status.GIVEN)).hex()}" in lines
    assert "SUMMARY:Termina su sí: Energy" in lines
    assert f"URL:{HERE}/my/receipts/5" in lines


def test_answer_without_an_end_has_no_calendar_and_no_link_to_one() -> None:
    """It holds until it is taken back."""
    consent = signed(replace(said(Status.GIVEN), expiry_ms=None))
    client = own_client(answered([(5, consent)]))
    assert client.get("/my/receipts/5.ics").status_code == 404
    assert ".ics" not in client.get("/my/receipts/5").text


def test_proof_is_the_records_own() -> None:
    """As a file under the number's name; nowhere before the record is signed again."""
    client = reader((5, Status.GIVEN), record=small_record(proofs={5: b"c2sp.org/tlog-proof@v1\n"}))
    answer = client.get("/my/receipts/5/proof")
    assert answer.content == b"c2sp.org/tlog-proof@v1\n"
    assert 'filename="5.tlog-proof"' in answer.headers["content-disposition"]
    assert "/my/receipts/5/proof" in client.get("/my/receipts/5").text
    assert reader((5, Status.GIVEN)).get("/my/receipts/5/proof").status_code == 404


@pytest.mark.parametrize(("size", "codes"), [(0, 1), (1200, 2), (1201, 1)])
def test_paper_has_the_proof_as_a_code_only_where_it_can_be_read(size: int, codes: int, address: None) -> None:
    """Up to 1,200 bytes; else it says that it is a file."""
    proofs = {5: b"x" * size} if size else {}
    page = reader((5, Status.GIVEN), record=small_record(proofs=proofs)).get("/my/receipts/5/print").text
    assert page.count('shape-rendering="crispEdges"') == codes
    assert ("too long for a code" in page) == (size > 1200)


def test_code_on_paper_holds_address_and_fingerprint(address: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind `#`, so that no server log holds it; paper and file can be compared by it."""
    drawn: list[str] = []

    def draw(text: str, label: str, level: Redundancy = Redundancy.STURDY) -> Markup:
        drawn.append(text)
        return qr_code(text, label, level)

    monkeypatch.setattr(receipts, "qr_code", draw)
    page = reader((5, Status.GIVEN)).get("/my/receipts/5/print").text
    digest = record_hash(said(Status.GIVEN)).hex()
    assert drawn == [f"{HERE}/my/receipts/5#{digest[:32]}"]
    assert digest[:4] in page
    assert "sensors.ribera.example/check/5" in page


def test_portal_that_does_not_know_its_address_says_so_on_paper() -> None:
    """And draws no code that leads nowhere."""
    page = reader((5, Status.GIVEN)).get("/my/receipts/5/print").text
    assert "crispEdges" not in page
    assert page_sentences("receipt")["en"]["no-address"].partition("`")[0] in page


def test_titles_of_the_rules_stay_texts() -> None:
    """Whatever a city writes."""
    consent = signed(replace(said(Status.REVOKED), authority="<script>alert(1)</script>"))
    page = own_client(answered([(5, consent)])).get("/my/receipts/5").text
    assert "<script>alert(1)" not in page


def test_gate_that_is_away_is_said() -> None:
    """503, and the page says that nothing was changed."""
    assert own_client(SaidHome()).get("/my/receipts/5").status_code == 503


@pytest.mark.parametrize("end", ["", "/print"])
def test_everything_can_be_stopped_from_every_page_of_a_receipt(end: str) -> None:
    """In one tap, as from all own pages."""
    page = reader((5, Status.GIVEN)).get(f"/my/receipts/5{end}").text
    address, fields = form_on(page, "/my/stop")
    assert (address, "scope" in fields) == ("/my/stop", False)
