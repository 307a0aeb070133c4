"""The real ``CitizenGate``: asks the gateway over `portal.sock`, one question at a time on each connection; keeps no answer."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from consent.messages import Parameters, Result
from consent.portal.gates.public import GateAwayError

R = TypeVar("R", bound=Result)


class CitizenDoor:
    """The gateway behind one socket; of one event loop."""

    def __init__(self, path: Path) -> None:
        """Name the socket; nothing is opened before the first question."""
        self._path = path

    async def ask(self, method: str, params: Parameters, kind: type[R], *, session: str = "", request: str = "") -> R:
        """Return the gateway's answer; see ``CitizenGate``."""
        raise GateAwayError
