"""A portal without a gateway or a network: the shipped rules, a record and a gate that say what a test gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TypeVar

from httpx2 import Response
from starlette.testclient import TestClient

from consent.citizen_messages import SessionKind, SessionOpened
from consent.core.policies.policy import PolicySet
from consent.messages import Parameters, Result
from consent.portal.app import make_app
from consent.portal.config import PortalConfig
from consent.portal.gates.public import GateAwayError
from consent.portal.http.cookies import SESSION
from consent.portal.record import Head, RecordFault, RulesChange, SeenBy
from consent.portal.sessions.store import WebSessions
from consent.portal.site import Site
from consent.public_messages import EntryTold, PlaceTold, PublicBalance, PublicFlows, PublicSensors, PublicState
from gateway.audit.log.entries import Entry

R = TypeVar("R", bound=Result)

NOW_MS = 1_796_000_000_000


@dataclass
class SaidGate:
    """A gate that answers what it is told to; `away` makes it silent."""

    says_state: PublicState
    says_sensors: PublicSensors = field(default_factory=lambda: PublicSensors(sensors=[]))
    says_flows: PublicFlows = field(default_factory=lambda: PublicFlows(day="2026-11-28", flows=[]))
    says_balance: PublicBalance | None = None
    says_places: dict[str, PlaceTold] = field(default_factory=dict)
    says_entries: dict[int, EntryTold] = field(default_factory=dict)
    away: bool = False

    def _answer(self) -> None:
        if self.away:
            raise GateAwayError

    async def state(self) -> PublicState:
        """As the protocol has it."""
        self._answer()
        return self.says_state

    async def sensors(self) -> PublicSensors:
        """As the protocol has it."""
        self._answer()
        return self.says_sensors

    async def flows(self) -> PublicFlows:
        """As the protocol has it."""
        self._answer()
        return self.says_flows

    async def balance(self, day: str = "") -> PublicBalance:
        """As the protocol has it."""
        self._answer()
        return self.says_balance or PublicBalance(
            day=day or "2026-11-28", until_ms=0, group=15, days=[], accounts={}, steps={}, told=[]
        )

    async def place(self, zone: str, day: str = "") -> PlaceTold:
        """As the protocol has it."""
        self._answer()
        return self.says_places.get(zone, PlaceTold(zone=zone, day=day or "2026-11-28", series=[]))

    async def entry(self, index: int) -> EntryTold:
        """As the protocol has it."""
        self._answer()
        return self.says_entries.get(index, EntryTold(known=False))


@dataclass
class SaidHome:
    """A citizens' door that answers what it is told to, by method.

    Attributes:
        says: An exception is raised; a function is called with (parameters, session).
        asked: What it was asked, in order: (method, parameters, session, request).
    """

    says: dict[str, object] = field(default_factory=dict)
    asked: list[tuple[str, Parameters, str, str]] = field(default_factory=list)

    async def ask(self, method: str, params: Parameters, kind: type[R], *, session: str = "", request: str = "") -> R:
        """As the protocol has it."""
        self.asked.append((method, params, session, request))
        said = self.says.get(method, GateAwayError())
        if callable(said):
            said = said(params, session)
        if isinstance(said, Exception):
            raise said
        assert isinstance(said, kind), f"{method} was told to say {said}"
        return said


@dataclass
class SaidRecord:
    """A record that holds what it is told to."""

    policies: PolicySet | None
    head: Head | None = None
    changes: Sequence[RulesChange] = ()
    is_read: bool = True
    entries: dict[int, Entry] = field(default_factory=dict)
    fault: RecordFault | None = None
    proofs: dict[int, bytes] = field(default_factory=dict)

    def count(self, kind: str) -> int:
        """As the protocol has it."""
        return sum(entry.kind.word == kind for entry in self.entries.values())

    def entry(self, index: int) -> Entry | None:
        """As the protocol has it."""
        return self.entries.get(index)

    def proof(self, index: int) -> bytes | None:
        """As the protocol has it."""
        return self.proofs.get(index)


def said_state(**others: object) -> PublicState:
    """Return the state of a gateway in order, but for what is given."""
    usual: dict[str, object] = {
        "gateway": "gw-test",
        "now_ms": NOW_MS,
        "simulated": False,
        "rate": 1.0,
        "hears_sensors": True,
        "reaches_city": True,
        "confirmed": True,
        "disk_full": False,
        "heard_ms": NOW_MS - 1000,
    }
    return PublicState(**{**usual, **others})  # type: ignore[arg-type]


def said_head(size: int = 2418) -> Head:
    """Return a checkpoint that was signed and cosigned just now."""
    seen = (SeenBy("asociacion-vecinal", NOW_MS - 8000), SeenBy("universidad", NOW_MS - 11_000))
    return Head("ribera.example/gw-test", "ribera.example/gw-test+00000000+AAAA", size, bytes(32), NOW_MS, NOW_MS, seen)


def said_site(gate: SaidGate, record: SaidRecord, log_folder: str = "/nowhere", home: SaidHome | None = None) -> Site:
    """Return a site that stands on them, with no bound on how often it is asked."""
    config = PortalConfig(log_folder=log_folder, door="", requests_per_minute=0)
    return Site(config, record, gate, home or SaidHome(), lambda: NOW_MS)


def portal_client(gate: SaidGate, record: SaidRecord, home: SaidHome | None = None) -> TestClient:
    """Return a client of a portal that stands on them."""
    return TestClient(make_app(said_site(gate, record, home=home)), raise_server_exceptions=False)


# whoever comes in

HTTPS = "https://testserver"
"""Where a client that keeps cookies asks: those of the portal are for TLS alone."""
COOKIE_DOMAIN = "testserver.local"
"""As the standard library keeps the cookies of a host without a dot."""
TOKEN = "5e" * 32
"""Of the session of a client that is signed in."""
SESSION_ENDS_MS = NOW_MS + 3_600_000
FROM_HERE = {"origin": HTTPS, "sec-fetch-site": "same-origin"}
"""What a browser says with a form of one of the portal's own pages."""


def stranger_client(gate: SaidGate, record: SaidRecord, home: SaidHome | None = None) -> TestClient:
    """Return a client that keeps cookies and has not come in, for `/claim` and `/in`; it follows no redirection."""
    app = make_app(said_site(gate, record, home=home))
    return TestClient(app, HTTPS, raise_server_exceptions=False, follow_redirects=False)


def signed_in_client(
    gate: SaidGate, record: SaidRecord, home: SaidHome, kind: SessionKind = "passkey", token: str = TOKEN
) -> TestClient:
    """Return a client whose session the portal knows, without a gateway that opened it; it follows no redirection."""
    sessions = WebSessions(None, lambda: NOW_MS)
    cookie = sessions.open(SessionOpened(token=token, kind=kind, ends_ms=SESSION_ENDS_MS))
    client = TestClient(
        make_app(said_site(gate, record, home=home), sessions), HTTPS, raise_server_exceptions=False, follow_redirects=False
    )
    client.cookies.set(SESSION, cookie, domain=COOKIE_DOMAIN)
    return client


class FormReader(HTMLParser):
    """Reads the forms of a page.

    Attributes:
        forms: Of each its address and its fields: hidden and typed ones, the choices that are made, none of its buttons.
    """

    def __init__(self, page: str) -> None:
        """Read a page."""
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._is_open = False
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """As the standard library has it."""
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and found.get("method", "").lower() == "post":
            self.forms.append((found.get("action", ""), {}))
            self._is_open = True
        elif tag == "form":
            self._is_open = False
        if not self._is_open:
            return
        fields = self.forms[-1][1]
        if tag == "input" and "name" in found and found.get("type") not in ("submit", "button", "image"):
            if found.get("type") not in ("radio", "checkbox") or "checked" in found:
                fields[found["name"]] = found.get("value", "")
        elif tag == "textarea" and "name" in found:
            fields[found["name"]] = ""
        elif tag == "select":
            self._select = found.get("name", "")
        elif tag == "option" and self._select and ("selected" in found or self._select not in fields):
            fields[self._select] = found.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """As the standard library has it."""
        if tag == "form":
            self._is_open = False
        elif tag == "select":
            self._select = ""


def form_on(page: str, action: str = "") -> tuple[str, dict[str, str]]:
    """Return the address and the fields of a page's form: of the first, or of the first whose address begins so."""
    forms = FormReader(page).forms
    return next(form for form in forms if form[0].startswith(action))


def send_form(client: TestClient, page: str, values: Mapping[str, str] | None = None, action: str = "") -> Response:
    """Open a page, fill in its form, send it as a browser does, and return the answer.

    Args:
        page: Its address.
        values: What is filled in, besides what the form holds.
        action: How the address of the form begins, where the page has several.
    """
    address, fields = form_on(client.get(page).text, action)
    return client.post(address or page, data={**fields, **(values or {})}, headers=FROM_HERE)
