"""What a sink is: where bundles go, as ``gateway.delivery`` knows it, whatever carries them there.

A bundle counts as sent once a sink has taken it: from then on it stands, is sent again unchanged where it must be, and is kept
until the other side has acknowledged it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A bundle on its way to a recipient.

    Attributes:
        index: Of its log entry, by which it is acknowledged.
        recipient: As the policies name it.
        content: The bundle's bytes.
        origin: Of the log that accounts for it.
    """

    index: int
    recipient: str
    content: bytes
    origin: str


class Sink(Protocol):
    """One connection upstream, shared by the recipients behind it.

    Bundles are taken while it runs. It calls what it was made with: ``acknowledged`` with the log index of each bundle that the
    other side has, and ``wake`` when there is something new to do.
    """

    @property
    def connected(self) -> bool:
        """Whether a bundle formed now could be sent."""

    def offer(self, bundle: Outgoing) -> bool:
        """Send a bundle now, or not at all.

        Returns: False where no byte of it has been written.
        """

    def send_again(self, bundle: Outgoing) -> None:
        """Take a bundle that was sent before the last restart; it goes out unchanged once connected."""

    def flush(self) -> None:
        """Send what is to be sent again, as far as the connection takes it."""

    async def run(self) -> None:
        """Stay connected until cancelled."""


Acknowledged = Callable[[int], None]
Wake = Callable[[], None]
Sinks = Callable[[Acknowledged, Wake], Mapping[str, Sink]]
"""Makes the sinks, by the name that policies call them by."""
