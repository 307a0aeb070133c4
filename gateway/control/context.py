"""What a control method is handed besides its parameters: the gateway that it works on, and who asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Flag, auto
from typing import TypeVar

from consent.core.consents.records import OPERATOR as OPERATOR_CHANNEL
from consent.core.consents.records import SESSION as SESSION_CHANNEL
from consent.core.languages import LANGUAGES, spoken_language
from gateway.app import Gateway
from gateway.core.state import State
from gateway.durable.state import Durable
from gateway.edge.clock import GatewayClock
from gateway.edge.store.store import Store
from gateway.edge.system_clock import CLOCK_SET_MS, real_ms
from gateway.errors import SluiceError

K = TypeVar("K")


class MethodError(SluiceError):
    """A request that cannot be carried out, in one line, in the words of the person who asked."""

    exit_status = 2

    def __init__(self, message: str, reason: str = "") -> None:
        """Take the line, and the word by which pages tell it from other refusals."""
        super().__init__(message)
        self.reason = reason


class Door(Flag):
    """The doors that requests come through; each method says which of them it may be called by."""

    SHELL = auto()
    """`control.sock`: the operator's, for whoever may open it."""
    CITIZEN = auto()
    """`portal.sock`, with the token of a session: a resident who has shown who they are."""
    PUBLIC = auto()
    """`portal.sock` without one: whoever asks has shown nothing of who they are."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the operator, a resident of one subject, or anyone.

    Attributes:
        door: Through which the request came.
        channel: What the consents that come of it say about how they were given, where nothing else says it.
        subject: Of a resident; empty for the operator, who may act for every subject, and for anyone, who may act for none.
        resident: The one who asks; empty for the others.
        session: The name of a resident's session (``gateway.core.registry.Session.token_hash``); empty for the others.
        token: Its token.
        request: The id that whoever asks has given the request; empty: none.
        connection: Stands for the connection by which the request came, and is no other's; None where it came by none.
    """

    door: Door
    channel: str
    subject: bytes = b""
    resident: bytes = b""
    session: bytes = b""
    token: str = field(default="", repr=False)
    request: bytes = b""
    connection: object | None = None

    def may_see(self, subject: bytes | None) -> bool:
        """Return whether what is about a subject, or about none, is for the caller."""
        if Door.PUBLIC in self.door:
            return subject is None
        return not self.subject or subject == self.subject

    def refuse_other(self, subject: bytes, resident: bytes) -> None:
        """Refuse a request about another subject, or in another resident's name.

        Raises: MethodError: it is one; the same is said of a subject or resident that does not exist.
        """
        if subject and not self.may_see(subject):
            raise MethodError("there is no such subject")
        if self.resident and resident and resident != self.resident:
            raise MethodError("the subject has no such resident")


OPERATOR = Caller(Door.SHELL, OPERATOR_CHANNEL)
ANYONE = Caller(Door.PUBLIC, SESSION_CHANNEL)


def citizen(subject: bytes, resident: bytes, session: bytes, token: str = "") -> Caller:
    """Return a resident who has come in, and may by that alone read what is the household's, and tell less."""
    return Caller(Door.CITIZEN, SESSION_CHANNEL, subject, resident, session, token)


class Control:
    """The gateway as methods see it: its memory, its database and its clock.

    Attributes:
        durable: For the few methods whose work is the disk's: policies, backups, erasures.
        running: The gateway whose loop the methods run in; None where a command works alone.
        real_ms: Returns the real time, in which sessions and challenges end.
    """

    def __init__(self, durable: Durable, running: Gateway | None = None, real_ms: Callable[[], int] = real_ms) -> None:
        """Stand on a state that has been opened."""
        self.durable = durable
        self.running = running
        self.real_ms = real_ms
        self._kept: dict[type, object] = {}

    def refuse_wrong_clock(self) -> None:
        """Refuse while the clock is seconds behind the log, or not set: what is permitted then would hold for readings of before.

        Raises: MethodError: it is so.
        """
        problem = self.durable.clock_problem()
        if problem and self.clock.now_ms() - self.clock.shown_ms() >= CLOCK_SET_MS:
            raise MethodError(f"the gateway's clock is wrong: {problem}; until it is right, nothing can be permitted")

    def kept(self, kind: type[K]) -> K:
        """Return what methods keep here from one request to the next, new at first."""
        if kind not in self._kept:
            self._kept[kind] = kind()
        kept: K = self._kept[kind]  # type: ignore[assignment]  # by its own type
        return kept

    @property
    def state(self) -> State:
        """Return what the gateway holds in memory."""
        return self.durable.state

    @property
    def store(self) -> Store:
        """Return the database."""
        return self.durable.store

    @property
    def clock(self) -> GatewayClock:
        """Return the gateway's clock."""
        return self.durable.clock

    def language(self, asked: str, locale: str) -> str:
        """Return the language in which to answer: the one asked for, or that of the asker's locale where the city has it.

        Raises: MethodError: either is none of ours.
        """
        for name, value in (("language", asked), ("locale", locale)):
            if value and value not in LANGUAGES:
                raise MethodError(f"`{name}`: `{value}` is none of {', '.join(LANGUAGES)}")
        return spoken_language(self.state.policies.city.languages, locale, asked)

    async def commit(self) -> None:
        """Make durable whatever is not, so that the database holds all that the memory does."""
        if self.durable.must_commit():
            await self.durable.commit()
