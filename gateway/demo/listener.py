"""The demo's recipients: real ones, which open bundles, by keys of their own, and deliver them once the log covers them."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.audit.log.notes import Verifier
from gateway.demo.city import DemoCity
from gateway.demo.measured import OpenedFigure
from gateway.recipient.broker import BrokerAddress, Subscription
from gateway.recipient.coverage import Coverage
from gateway.recipient.follow import follow, introduce
from gateway.recipient.inbox import Inbox
from gateway.recipient.keys import load_private
from gateway.recipient.opening import OpenedBundle
from gateway.recipient.records import Record

_FIGURES_KEPT: Final = 1000


@dataclass(slots=True)
class Listened:
    """Counts of what the recipients opened.

    Attributes:
        public_ids: Distinct ids of single-reading records.
        public_records: How many such records were opened, de-duplicated by log index.
        latest: The latest record of each observed property and identity.
        figures: The latest figures with noise.
        complaints: Rejected bundles and changes of the connections, one line each.
    """

    records: Counter[str] = field(default_factory=Counter)
    bundles: Counter[str] = field(default_factory=Counter)
    public_ids: set[bytes] = field(default_factory=set)
    public_records: int = 0
    latest: dict[str, Record] = field(default_factory=dict)
    figures: deque[OpenedFigure] = field(default_factory=lambda: deque(maxlen=_FIGURES_KEPT))
    complaints: list[str] = field(default_factory=list)

    def take(self, bundle: OpenedBundle) -> None:
        """Count a delivered bundle."""
        recipient = bundle.address.recipient
        self.bundles[recipient] += 1
        self.records[recipient] += len(bundle.records)
        for record in bundle.records:
            self.latest[f"{record.observed_property} {record.identity}"] = record
            if record.standard_error is not None:
                self.figures.append(OpenedFigure(record, bundle.log_index))
            if record.id is not None:
                self.public_ids.add(record.id)
                self.public_records += 1


class Listeners:
    """One listener for each recipient."""

    def __init__(self, city: DemoCity, host: str, port: int) -> None:
        """Receive from the broker that the gateway publishes to; bundles are stored in `received/<recipient>`."""
        self.heard = Listened()
        self._city = city
        self._broker = BrokerAddress(host, port)
        self._inboxes = {name: self._inbox(name, key) for name, key in city.recipients.items()}

    def _inbox(self, recipient: str, key: Path | None) -> Inbox:
        coverage = Coverage(self._city.place.log, Verifier.parse(self._city.vkey))
        folder = self._city.folder / "received" / recipient
        folder.parent.mkdir(exist_ok=True)
        return Inbox(folder, None if key is None else load_private(key), coverage, self.heard.complaints.append)

    @property
    def waiting(self) -> int:
        """How many bundles wait for a checkpoint that covers them."""
        return sum(inbox.waiting for inbox in self._inboxes.values())

    def _subscription(self, recipient: str) -> Subscription:
        return Subscription(self._city.gateway, recipient)

    async def introduce(self) -> None:
        """Open the sessions at the broker, which keeps bundles from then on."""
        for recipient in self._inboxes:
            await introduce(self._broker, self._subscription(recipient))

    async def run(self, stop: asyncio.Event) -> None:
        """Receive bundles until `stop` is set."""
        take, complain = self.heard.take, self.heard.complaints.append
        async with asyncio.TaskGroup() as group:
            for recipient, inbox in self._inboxes.items():
                listening = follow(self._broker, self._subscription(recipient), inbox, take, complain, stop)
                group.create_task(listening, name=f"listener {recipient}")
