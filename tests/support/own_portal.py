"""A portal over the citizens' door of a gateway in this process: every page as it is served; nothing is said for the gateway."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.types import ASGIApp

from consent.citizen_messages import SessionOpened
from consent.messages import Parameters, Result, decode, encode
from consent.portal.app import make_app
from consent.portal.config import PortalConfig
from consent.portal.gates.citizen import SessionEndedError
from consent.portal.gates.public import GateRefusedError
from consent.portal.http.cookies import SESSION
from consent.portal.sessions.store import WebSessions
from consent.portal.site import Site
from gateway.control import doors
from gateway.control.context import ANYONE, MethodError
from gateway.durable.state import answer_of
from tests.support.checkout import ROOT
from tests.support.citizens_door import CitizensDoor, Person
from tests.support.policy_folder import load_policies
from tests.support.portal import FROM_HERE, SaidGate, SaidRecord, form_on, said_head, said_state

R = TypeVar("R", bound=Result)

_LONG = 22
"""So many letters a name has at least that is one household's alone: 16 bytes in base64."""


@dataclass(frozen=True)
class RealHome:
    """The gateway's own handlers behind the portal's side of the door; all that passes goes through JSON, as on the wire."""

    door: CitizensDoor

    async def ask(self, method: str, params: Parameters, kind: type[R], *, session: str = "", request: str = "") -> R:
        """As the protocol has it."""
        control = self.door.control
        try:
            caller = doors.come_in(control, ANYONE, session, request)
            answer = await answer_of(doors.action(control, method, encode(params), caller))
        except MethodError as error:
            if error.reason == "session-ended":
                raise SessionEndedError from error
            raise GateRefusedError(str(error), error.reason) from error
        return decode(encode(answer), kind)


@dataclass(frozen=True)
class Told:
    """An answer: its status, its headers and its body, as text."""

    status: int
    headers: tuple[tuple[str, str], ...]
    text: str

    def header(self, name: str) -> str:
        """Return a header; empty where there is none."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def all(self) -> str:
        """Everything that the browser got."""
        return "\n".join([*(f"{key}: {value}" for key, value in self.headers), self.text])


class _GoneError(Exception):
    """The reader has enough of a stream."""


@dataclass
class OwnPortal:
    """The portal of that gateway.

    Attributes:
        cookie: By the token of a session, the cookie that a browser of it sends.
    """

    door: CitizensDoor
    sessions: WebSessions = field(init=False)
    app: ASGIApp = field(init=False)
    cookie: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Serve it."""
        record = SaidRecord(load_policies(ROOT / "policies"), said_head())
        config = PortalConfig(log_folder="/nowhere", door="", requests_per_minute=0)
        site = Site(config, record, SaidGate(said_state()), RealHome(self.door), lambda: self.door.real_ms)
        self.sessions = WebSessions(None, site.now_ms)
        self.app = make_app(site, self.sessions)

    def come_in(self, opened: Mapping[str, Any]) -> str:
        """Return the cookie of a session that the gateway has opened."""
        session = SessionOpened(token=opened["token"], kind=opened["kind"], ends_ms=opened["ends_ms"])
        return f"{SESSION}={self.sessions.open(session)}"

    async def ask(self, method: str, address: str, cookie: str = "", form: Mapping[str, str] | None = None) -> Told:
        """Return the answer to a request; of a stream, what came first."""
        path, _, query = address.partition("?")
        body = b"" if form is None else urlencode(form).encode()
        headers = [(b"host", b"testserver"), *([(b"cookie", cookie.encode())] if cookie else [])]
        if form is not None:
            headers += [(name.encode(), value.encode()) for name, value in FROM_HERE.items()]
            headers += [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/x-www-form-urlencoded")]
        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode()}
        said: list[Any] = []

        parts = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            if not parts:
                await asyncio.Event().wait()  # the reader stays
            return parts.pop()

        async def send(message: Any) -> None:
            said.append(message)
            if message.get("more_body"):
                raise _GoneError

        try:
            await self.app(
                {**scope, "headers": headers, "client": ("192.0.2.7", 7), "scheme": "https", "server": ("testserver", 443)},
                receive,
                send,
            )
        except* _GoneError:
            pass
        told = tuple((key.decode().lower(), value.decode()) for key, value in said[0]["headers"])
        text = b"".join(message.get("body", b"") for message in said[1:])
        return Told(said[0]["status"], told, text.decode(errors="replace"))

    async def send(self, page: str, cookie: str, values: Mapping[str, str], action: str = "") -> Told:
        """Open a page, fill in its form, and send it, or to another address with that page's guard."""
        _, fields = form_on((await self.ask("GET", page, cookie)).text)
        return await self.ask("POST", action or page, cookie, {**fields, **values})


def names_in(value: Any) -> Iterator[str]:
    """Yield every text of an answer that is long enough to be the name of one thing alone, as the pages may write it."""
    if isinstance(value, dict):
        for part in value.values():
            yield from names_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from names_in(part)
    elif isinstance(value, str) and len(value) >= _LONG and " " not in value:
        yield value
        try:
            raw = bytes.fromhex(value)
        except ValueError:
            return
        yield base64.b64encode(raw).decode()
        yield base64.urlsafe_b64encode(raw).decode().rstrip("=")


async def names_of(person: Person) -> set[str]:
    """Return all that names a household, a person of it, or something of theirs."""
    shown = await person.ask("home.show")
    consents = await person.ask("consent.show", subject="00" * 16)
    secrets = {person.token, person.paper_code, person.paper_code.replace("-", "")}
    return {*names_in(shown), *names_in(consents), *secrets} - {""}
