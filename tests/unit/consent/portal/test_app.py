"""The application as a whole: what fails becomes a page that says so, and nothing of a request is written down."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace

import msgspec
import pytest
from starlette.testclient import TestClient

from consent.portal.answers import Page
from consent.portal.app import make_app
from consent.portal.frame import PageFrame
from consent.portal.gates.public import GateRefusedError
from consent.portal.http.bounds import Refusal
from consent.portal.rendering import render
from consent.portal.visit import Visit
from consent.public_messages import PlaceTold, PublicBalance
from consent.texts.portal import page_sentences
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.portal import SaidGate, SaidRecord, portal_client, said_head, said_site, said_state

POLICIES = load_policies(ROOT / "policies")


def record() -> SaidRecord:
    """Return a record in order."""
    return SaidRecord(POLICIES, said_head())


@dataclass
class FailingGate(SaidGate):
    """A gate with a fault in a part of it, or that knows nothing of what is asked."""

    error: type[Exception] = RuntimeError

    async def balance(self, day: str = "") -> PublicBalance:
        """Fail."""
        raise self.error

    async def place(self, zone: str, day: str = "") -> PlaceTold:
        """Fail."""
        raise self.error


@pytest.mark.parametrize("language", ["en", "es", "pt"])
@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("missing", 404),
        ("method", 405),
        ("long", 414),
        ("headers", 431),
        ("body", 413),
        ("often", 429),
        ("away", 503),
        ("failed", 500),
    ],
)
def test_everything_that_goes_wrong_is_a_page_in_words(kind: str, status: int, language: str) -> None:
    """Cause, what still holds and what to do, in the reader's language; for pages never a bare line of a framework."""
    gate = SaidGate(said_state(), away=kind == "away")
    if kind == "failed":
        gate = FailingGate(said_state())
    site = said_site(gate, record())
    if kind == "often":
        site = replace(site, config=msgspec.structs.replace(site.config, requests_per_minute=4))
    client = TestClient(make_app(site), raise_server_exceptions=False)
    headers = {"accept-language": language}
    if kind == "often":
        client.get("/", headers=headers)
    answer = {
        "missing": lambda: client.get("/nowhere", headers=headers),
        "method": lambda: client.post("/", headers=headers),
        "long": lambda: client.get("/" + "a" * 600, headers=headers),
        "headers": lambda: client.get("/", headers={**headers, "x": "a" * 13_000}),
        "body": lambda: client.request("GET", "/", content=b"x", headers=headers),
        "often": lambda: client.get("/", headers=headers),
        "away": lambda: client.get("/balance", headers=headers),
        "failed": lambda: client.get("/balance", headers=headers),
    }[kind]()
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert f'<html lang="{language}">' in answer.text
    assert 'id="holds"' in answer.text
    assert 'id="do"' in answer.text
    assert "Traceback" not in answer.text
    if status in (429, 503):
        assert int(answer.headers["retry-after"]) > 0


def test_every_refusal_has_its_words() -> None:
    """In each language there is a page for each."""
    for sentences in page_sentences("errors").values():
        for kind in (*Refusal, "missing", "away", "failed"):
            assert {f"{kind}.{key}" for key in ("heading", "cause", "holds", "do")} <= sentences.keys()


def test_what_the_gate_refuses_is_not_there() -> None:
    """A day that it does not know is no fault of the portal's."""
    client = portal_client(FailingGate(said_state(), error=GateRefusedError), record())
    assert client.get("/balance?day=2020-01-01").status_code == 404
    assert client.get("/balance.csv?day=2020-01-01").headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "address",
    [
        "/places/%00",
        "/places/..%2f..%2fetc",
        "/places/<script>alert(1)</script>",
        "/s/%F0%9F%92%A7",
        "/flows/{{7*7}}",
        "/%ff%fe",
        "/;a=b",
        "/\\..\\",
        "/places/" + "a" * 300,
    ],
)
def test_address_that_is_none_leads_nowhere_and_is_not_repeated(address: str) -> None:
    """Whatever stands in it."""
    answer = portal_client(SaidGate(said_state()), record()).get(address)
    assert answer.status_code == 404
    assert "<script>alert" not in answer.text
    assert "49" not in answer.text.partition("<main")[2].partition("<h1")[0]


@pytest.mark.parametrize(
    "query", ["lang=xx", "lang=es&lang=pt", "lang=%00", "lang=<script>", "x=%22%3E%3Cscript%3E", "&&&=&", "%ff=%fe", "lang"]
)
def test_query_is_untrusted_text(query: str) -> None:
    """It may choose a language; it never becomes markup, and never breaks a page."""
    answer = portal_client(SaidGate(said_state()), record()).get(f"/offline?{query}")
    assert answer.status_code == 200
    assert "<script>" not in answer.text
    assert answer.text.count("<script") == 1


def test_nobody_writes_down_who_reads_what(caplog: pytest.LogCaptureFixture) -> None:
    """Not even where a page fails: the fault is told, the address is not."""
    caplog.set_level(logging.DEBUG)
    for gate in (SaidGate(said_state()), FailingGate(said_state()), SaidGate(said_state(), away=True)):
        portal_client(gate, record()).get("/balance?day=2026-11-07", headers={"user-agent": "reader-of-pages"})
    ours = [line.getMessage() for line in caplog.records if not line.name.startswith(("httpx", "asyncio"))]
    assert not [line for line in ours if "2026-11-07" in line or "reader-of-pages" in line]


def test_refusals_cost_one_rendering_a_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is refused a thousand times costs what one page costs."""
    rendered = []

    def counting(page: Page, visit: Visit, frame: PageFrame) -> str:
        rendered.append(visit.language)
        return render(page, visit, frame)

    monkeypatch.setattr("consent.portal.app.render", counting)
    client = portal_client(SaidGate(said_state()), record())
    for _ in range(20):
        client.post("/")
        client.post("/", headers={"accept-language": "pt"})
    assert sorted(rendered) == ["en", "pt"]


@pytest.mark.parametrize("path", ["/places/", "/places//", "/s/NQ3/", "/balance.csv/"])
def test_nobody_is_sent_elsewhere(path: str) -> None:
    """A slash too many is an address that is none: a redirect would lead to whatever host the request names."""
    client = portal_client(SaidGate(said_state()), record())
    answer = client.get(path, headers={"host": "evil.example"}, follow_redirects=False)
    assert answer.status_code == 404
    assert "evil.example" not in answer.text


@pytest.mark.parametrize("path", ["//evil.example/x", "///evil.example", "/places//evil.example"])
def test_links_of_an_address_that_is_none_lead_to_this_portal(path: str) -> None:
    """A link that began with two slashes would lead to another host."""
    client = portal_client(SaidGate(said_state()), record())
    answer = client.get(f"http://testserver{path}", follow_redirects=False)
    assert answer.status_code == 404
    assert not re.findall(r'(?:href|src|action)="(?://|[^"#/?]*\\)', answer.text)
