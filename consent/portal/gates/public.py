"""The public door, from the portal's side: what the pages ask the gateway, and how they hear that it cannot be asked.

``public_door`` asks it, ``gateway.control.public`` answers.
"""

from __future__ import annotations

from typing import Protocol

from consent.public_messages import EntryTold, PlaceTold, PublicBalance, PublicFlows, PublicSensors, PublicState


class GateAwayError(Exception):
    """The gateway does not answer; the page says so, and that nothing was changed."""


class GateRefusedError(Exception):
    """The gateway has nothing of what was asked, a day or a zone that it does not know: as a page, there is nothing here.

    Attributes:
        reason: Of what a person asked, why it is refused, in one word; empty where the gateway gives none.
    """

    def __init__(self, message: str = "", reason: str = "") -> None:
        """Carry the gateway's own line on; no page shows it."""
        super().__init__(message)
        self.reason = reason


class Gate(Protocol):
    """What the pages ask the gateway. Each raises ``GateAwayError`` where it does not answer in time, ``GateRefusedError``."""

    async def state(self) -> PublicState:
        """Return how the gateway is."""

    async def sensors(self) -> PublicSensors:
        """Return what is registered."""

    async def flows(self) -> PublicFlows:
        """Return how far each flow is open, and what left by it."""

    async def balance(self, day: str = "") -> PublicBalance:
        """Return where the readings of a day went; ``day`` as `2026-11-28`, empty for the present one."""

    async def place(self, zone: str, day: str = "") -> PlaceTold:
        """Return what left of the city's own sensors in a zone; an empty ``day`` is yesterday."""

    async def entry(self, index: int) -> EntryTold:
        """Return what an entry says that may be told to anyone."""
