"""The page on which the record is checked, without a browser: what it says, where it leads, and what it hands to the script."""

from __future__ import annotations

import re
from html import unescape

import pytest

from consent.portal.record import RecordFault, SeenBy
from consent.texts.portal import page_sentences
from gateway.audit.log.entries import Entry, Kind
from tests.support.checkout import ROOT
from tests.support.log import SIGNER
from tests.support.portal import NOW_MS, SaidRecord
from tests.support.read_pages import WITNESS, client, head, record, setup_of, words_of

SCRIPT = ROOT / "consent" / "portal" / "static" / "check.js"
SCRIPT_BYTES = 16_000


@pytest.mark.parametrize(("language", "number"), [("en", "2,417"), ("es", "2417"), ("pt", "2417")])
def test_page_says_without_script_what_the_record_is(language: str, number: str) -> None:
    """How long, its key's end, who has seen it, what it cannot show; with the gate away as well."""
    entries = {0: entry_of(Kind.GENESIS), 1: entry_of(Kind.RELEASE), 2: entry_of(Kind.RELEASE)}
    said = words_of(client(record(entries=entries)).get(f"/check?lang={language}").text)
    sentences = page_sentences("check")[language]
    for key in ("heading", "lead", "no-script", "cannot.sensor", "cannot.use", "cannot.other-ways", "look-up.label"):
        assert sentences[key] in said
    assert number in said
    assert SIGNER.vkey()[-8:] in said
    assert bytes(range(32)).hex() in said
    assert "asociacion-vecinal" in said
    assert f"{page_sentences('entry')[language]['kind.release']} 2" in said


def test_witness_that_has_not_cosigned_is_named_as_such() -> None:
    """And where none is asked, that is said."""
    unseen = words_of(
        client(record(head=head(witnesses=(SeenBy("universidad", 0, "u.example/w+00000000+AAAA"),)))).get("/check").text
    )
    assert "universidad: has not confirmed this yet" in unseen
    assert "None is asked." in words_of(client(record(head=head(witnesses=()))).get("/check").text)


@pytest.mark.parametrize(
    ("typed", "number"), [("2405", "2405"), ("2,405", "2405"), ("2 405", "2405"), (" 2.405 ", "2405"), ("2\u202f405", "2405")]
)
def test_number_is_looked_up_as_people_type_it(typed: str, number: str) -> None:
    """By an address of its own, in the language that was chosen."""
    answer = client(record()).get("/check", params={"n": typed, "lang": "pt"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/check/{number}?lang=pt")


@pytest.mark.parametrize("typed", ["", "x", "-1", "1e3", "//evil.example", "2405\r\nset-cookie: a=b", "９"])
def test_what_is_no_number_leads_nowhere(typed: str) -> None:
    """The page is shown again."""
    answer = client(record()).get("/check", params={"n": typed}, follow_redirects=False)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (RecordFault("key", "log.vkey", NOW_MS), "not the one that was there before"),
        (RecordFault("signature", "checkpoint", NOW_MS), "not signed with its key"),
        (RecordFault("absent", "checkpoint", NOW_MS), "no longer there"),
        (RecordFault("rollback", "checkpoint", NOW_MS, 2000, 2418), "2,000 numbers, where there were 2,418"),
        (RecordFault("fork", "checkpoint", NOW_MS, 2500, 2418), "one of 2,418 numbers"),
        (RecordFault("damaged", "tile/<0>/001", NOW_MS, 2418), "tile/<0>/001"),
        (RecordFault("cosignature", "asociacion-vecinal", NOW_MS), "asociacion-vecinal is wrong"),
    ],
)
def test_what_does_not_hold_stands_in_the_heading(fault: RecordFault, says: str) -> None:
    """And in words beneath, in every language; before there was anything that held, too."""
    for known in (head(), None):
        page = client(record(fault=fault, head=known)).get("/check")
        assert page.status_code == 200
        assert "We found: no." in words_of(page.text)
        assert says in words_of(page.text)
        for language in ("es", "pt"):
            assert client(record(fault=fault, head=known)).get(f"/check?lang={language}").status_code == 200


def test_before_there_is_a_record_the_page_says_so() -> None:
    """There is nothing to be checked, and nothing fails."""
    page = client(SaidRecord(None)).get("/check").text
    assert "There is no record yet" in words_of(page)
    assert "check.js" not in page


def test_script_is_given_keys_and_sentences_and_no_number() -> None:
    """It trusts nothing else of the page."""
    setup = setup_of(client(record()).get("/check?lang=es").text)
    assert setup["key"] == SIGNER.vkey()
    assert setup["witnesses"] == [{"name": WITNESS.name, "vkey": WITNESS.vkey}]
    assert (setup["log"], setup["entry"], setup["locale"]) == ("/log/", None, "es-ES")
    assert setup["words"]["verdict.no"] == page_sentences("check")["es"]["say.verdict.no"]


def test_script_finds_every_sentence_that_it_says() -> None:
    """Keys that are written out in it, and those that it puts together."""
    source = SCRIPT.read_text("utf-8")
    told = set(re.findall(r'(?:say|unknown|Finding)\(\s*(?:[a-z]+ \? )?"([a-z.]+)"(?: : "([a-z.]+)")?', source))
    written = {key for pair in told for key in pair if key}
    assert {"tree.all", "tree.some", "growth.fork", "missing", "signature.insecure"} <= written
    made = {
        f"{part}.{word}"
        for part, said in {"state": "holds fails open", "verdict": "yes no open"}.items()
        for word in said.split()
    }
    known = {key.removeprefix("say.") for key in page_sentences("check")["en"] if key.startswith("say.")}
    one = {"one.yes", "one.no", "one.open"}  # on the page of one number, in place of the verdicts
    assert written | made | one == known


def test_script_is_short_enough_to_be_read_and_served_as_it_stands() -> None:
    """Lines as people write them; nothing is evaluated, and nothing fetched from elsewhere."""
    source = SCRIPT.read_bytes()
    assert len(source) <= SCRIPT_BYTES
    assert max(map(len, source.decode().splitlines())) <= 130
    assert source.count(b"\n") > 300
    assert not re.search(rb"\beval\b|new Function|innerHTML|insertAdjacentHTML|document\.write|import\(|https?://", source)
    page = client(record()).get("/check").text
    found = re.search(r'<script type="module" src="([^"]+)"', page)
    assert found is not None
    assert client(record()).get(unescape(found[1])).content == source
    assert f"A script of {-(-len(source) // 1000)} KB does it" in words_of(page)


def test_program_for_a_computer_of_ones_own_is_the_one_of_the_exports() -> None:
    """Byte for byte, to be kept under its name."""
    answer = client(record()).get("/verify.py")
    assert answer.content == (ROOT / "gateway" / "audit" / "standalone" / "verify.py").read_bytes()
    assert answer.headers["content-disposition"] == 'attachment; filename="verify.py"'


def entry_of(kind: Kind) -> Entry:
    """Return an entry of a kind."""
    return Entry(kind, NOW_MS, 0, bytes(32), -1, bytes(32))
