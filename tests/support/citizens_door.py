"""Asks at the citizens' door of a state in this process, as the portal does, with passkeys in software; clocks stand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from consent.core.passkeys.relying_party import RelyingParty
from gateway.control import doors
from gateway.control.context import ANYONE, Control, MethodError
from gateway.durable.state import Durable, answer_of
from tests.support.asking import Answer, as_plain, call
from tests.support.inside import SetClock, started
from tests.support.live import LiveGateway
from tests.support.passkey_forms import assertion, registration
from tests.support.virtual_passkey import VirtualPasskey

SITE = RelyingParty.at("https://sensors.ribera.example")
PORTAL = f'\n[portal]\naddress = "{SITE.origin}"\n'
START_MS = 1_780_000_000_000
HOUR_MS, DAY_MS = 3_600_000, 86_400_000


@dataclass
class CitizensDoor:
    """The door of one gateway.

    Attributes:
        real_ms: Real time; it stands until the test sets it.
    """

    durable: Durable
    real_ms: int = 1_790_000_000_000
    _made: int = 0
    control: Control = field(init=False)

    def __post_init__(self) -> None:
        """Open it."""
        self.control = Control(self.durable, real_ms=lambda: self.real_ms)

    async def ask(self, method: str, session: str = "", request_id: str = "", /, **params: Any) -> Answer:
        """Ask, as a visitor or with a session; commit no more than the method does by itself.

        Raises: MethodError: it is refused.
        """
        caller = doors.come_in(self.control, ANYONE, session, request_id)
        return as_plain(await answer_of(doors.action(self.control, method, params, caller)))

    def passkey(self, **options: Any) -> VirtualPasskey:
        """Return a new passkey of this site, with an id that no other has."""
        self._made += 1
        return VirtualPasskey(
            **{"origin": SITE.origin, "relying_party": SITE.id, "credential": bytes([self._made]) * 32, **options}
        )

    def letter(self) -> dict[str, str]:
        """Register a meter of a new household; return its ids, with the claim code of its letter."""
        self._made += 1
        row = {"profile": "meter", "zone": "north-quay", "topic": f"t/{self._made}", "owner": "resident", "subject": "new"}
        (added,) = call(self.durable, "device.add", {"devices": [row]})["devices"]
        return dict(added)

    async def come_in(self, code: str, passkey: VirtualPasskey | None, session: str = "") -> Person:
        """Use a claim code, with a passkey or by paper alone."""
        looked = await self.ask("claim.look", session, code=code)
        challenge = looked["challenge"]
        made = {} if passkey is None else {"registration": registration(passkey, challenge)}
        opened = await self.ask("claim.confirm", session, code=code, challenge=challenge, **made)
        return Person(self, opened["token"], looked["paper_code"], passkey, opened)

    async def home(self) -> Person:
        """Return the first person of a new household."""
        return await self.come_in(self.letter()["claim_code"], self.passkey())

    async def refused(self, method: str, session: str = "", request_id: str = "", /, **params: Any) -> str:
        """Ask for what is refused, having changed nothing; return the reason.

        Raises: AssertionError: something has changed.
        """
        before = self._changed()
        with pytest.raises(MethodError) as refusal:
            await self.ask(method, session, request_id, **params)
        assert self._changed() == before, "it was refused, and has changed something"
        assert "\n" not in str(refusal.value)
        return refusal.value.reason

    def _changed(self) -> tuple[object, ...]:
        state = self.durable.state
        return repr(state.registry.subjects), state.registry.claims.copy(), state.log.size

    async def sign_in(self, passkey: VirtualPasskey) -> Answer:
        """Come in by a passkey."""
        asked = await self.ask("session.challenge")
        return await self.ask("session.open", assertion=assertion(passkey, asked["challenge"]))


@dataclass
class Person:
    """A person who has come in.

    Attributes:
        opened: What was answered then.
    """

    door: CitizensDoor
    token: str
    paper_code: str
    passkey: VirtualPasskey | None
    opened: Answer

    async def ask(self, method: str, request_id: str = "", /, **params: Any) -> Answer:
        """Ask with their session."""
        return await self.door.ask(method, self.token, request_id, **params)

    async def refused(self, method: str, request_id: str = "", /, **params: Any) -> str:
        """Ask for what is refused; see ``CitizensDoor.refused``."""
        return await self.door.refused(method, self.token, request_id, **params)

    async def proof(self, act: str, **params: Any) -> dict[str, str]:
        """Return their passkey's answer for an act."""
        assert self.passkey is not None
        asked = await self.ask("act.challenge", act=act, **params)
        return assertion(self.passkey, asked["challenge"])

    async def invite(self) -> str:
        """Return a claim code for one more person."""
        code: str = (await self.ask("home.invite", proof=await self.proof("subject.invite")))["claim_code"]
        return code

    async def make(self, **options: Any) -> tuple[VirtualPasskey, dict[str, str]]:
        """Return one more passkey, and what the browser says of it."""
        asked = await self.ask("passkey.challenge")
        passkey = self.door.passkey(**options)
        return passkey, registration(passkey, asked["challenge"])


@asynccontextmanager
async def citizens_door(folder: Path, extra: str = PORTAL) -> AsyncIterator[CitizensDoor]:
    """Open the door of a new gateway, whose clock stands."""
    async with started(LiveGateway(folder, 1, extra=extra), SetClock(START_MS)) as durable:
        yield CitizensDoor(durable)
