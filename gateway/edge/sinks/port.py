"""The interface of a sink: where bundles go, as ``gateway.delivery`` sees it, whatever transport is behind it.

A bundle counts as sent once a sink has accepted it: from then on it is final, is sent again unchanged if need be, and is kept
until it is acknowledged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A bundle on its way to a recipient.

    Attributes:
        index: Log index of its entry, by which it is acknowledged.
        recipient: The name that policies use.
        content: The bundle's bytes.
        origin: Origin of the log that accounts for it.
    """

    index: int
    recipient: str
    content: bytes
    origin: str


class Sink(Protocol):
    """One connection upstream, shared by the recipients behind it.

    Bundles are accepted while it runs. It calls what it was created with: ``acknowledged`` with the log index of each bundle that
    was acknowledged, and ``wake`` when there is something new to do.
    """

    @property
    def connected(self) -> bool:
        """Whether a bundle formed now could be sent."""

    @property
    def ids_bound(self) -> bool | None:
        """Whether nobody with another account can take the connection over; None while that is not known."""

    @property
    def problem(self) -> str | None:
        """Why it is not connected; None where it is, or has not been tried yet."""

    @property
    def counters(self) -> Counter[str]:
        """How often each event of the connection happened."""

    def offer(self, bundle: Outgoing) -> bool:
        """Send a bundle now, or not at all.

        Returns: False where no byte of it has been written.
        """

    def send_again(self, bundle: Outgoing) -> None:
        """Accept a bundle that was sent before the last restart; it is sent unchanged once connected."""

    def flush(self) -> None:
        """Send what has to be sent again, as far as the connection accepts it."""

    async def run(self) -> None:
        """Stay connected until cancelled."""


Acknowledged = Callable[[int], None]
Wake = Callable[[], None]
Sinks = Callable[[Acknowledged, Wake], Mapping[str, Sink]]
"""Makes the sinks, by the name that policies use."""
