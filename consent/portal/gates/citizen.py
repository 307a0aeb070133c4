"""The citizens' door, from the portal's side: what pages ask for a person who has come in, or is about to.

``citizen_door`` asks it, ``gateway.control.citizens`` answers. Each call raises ``GateAwayError`` where the gateway was not
asked, or has not answered a question; ``OutcomeUnknownError`` where a change was sent and no answer came; ``SessionEndedError``
where the token is of no session any more; and ``GateRefusedError`` with the gateway's words.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from consent.messages import Parameters, Result

R = TypeVar("R", bound=Result)


class SessionEndedError(Exception):
    """The session is none any more: the person has to come in again."""


class OutcomeUnknownError(Exception):
    """A change was sent, and nothing came back: nobody knows yet whether it holds."""


class CitizenGate(Protocol):
    """What the pages ask for one person."""

    async def ask(self, method: str, params: Parameters, kind: type[R], *, session: str = "", request: str = "") -> R:
        """Return the gateway's answer to a method of ``gateway.control.methods``.

        Args:
            method: One of the door for citizens, or of that for anyone.
            kind: The struct that it answers.
            session: The token of the session; empty for a visitor.
            request: The id of a change; see ``consent.control.ControlRequest.request``. Empty: it is a question.
        """
