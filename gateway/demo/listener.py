"""The city that listens: real recipients with their own keys, which open what comes and hand it on once the log covers it."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from gateway.audit.log.notes import Verifier
from gateway.demo.city import DemoCity
from gateway.recipient.coverage import Coverage
from gateway.recipient.follow import BrokerAddress, Subscription, follow, introduce
from gateway.recipient.inbox import Inbox
from gateway.recipient.keys import load_private
from gateway.recipient.opening import OpenedBundle
from gateway.recipient.records import Record


@dataclass(slots=True)
class Heard:
    """What the recipients opened.

    Attributes:
        public_ids: Distinct ids of records of single readings.
        public_records: All of them that were opened, after de-duplication by log index.
        latest: The latest record of each observed property.
        complaints: Bundles that were refused, and outages; one line each.
    """

    records: Counter[str] = field(default_factory=Counter)
    bundles: Counter[str] = field(default_factory=Counter)
    public_ids: set[bytes] = field(default_factory=set)
    public_records: int = 0
    latest: dict[str, Record] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def take(self, bundle: OpenedBundle) -> None:
        """Count a bundle that was handed on."""
        recipient = bundle.address.recipient
        self.bundles[recipient] += 1
        self.records[recipient] += len(bundle.records)
        for record in bundle.records:
            self.latest[f"{record.observed_property} {record.identity}"] = record
            if record.id is not None:
                self.public_ids.add(record.id)
                self.public_records += 1


class Listeners:
    """One listener for each recipient."""

    def __init__(self, city: DemoCity, host: str, port: int) -> None:
        """Listen at the broker that the gateway sends to; bundles lie in `received/<recipient>` as they came."""
        self.heard = Heard()
        self._city = city
        self._broker = BrokerAddress(host, port)
        self._inboxes = {name: self._inbox(name, key) for name, key in city.recipients.items()}

    def _inbox(self, recipient: str, key: Path) -> Inbox:
        coverage = Coverage(self._city.place.log, Verifier.parse(self._city.vkey))
        folder = self._city.folder / "received" / recipient
        folder.parent.mkdir(exist_ok=True)
        return Inbox(folder, load_private(key), coverage, self.heard.complaints.append)

    @property
    def waiting(self) -> int:
        """How many bundles are kept aside until a checkpoint covers them."""
        return sum(inbox.waiting for inbox in self._inboxes.values())

    def _subscription(self, recipient: str) -> Subscription:
        return Subscription(self._city.gateway, recipient)

    async def introduce(self) -> None:
        """Have the broker keep bundles from now on."""
        for recipient in self._inboxes:
            await introduce(self._broker, self._subscription(recipient))

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until told to stop."""
        take, complain = self.heard.take, self.heard.complaints.append
        async with asyncio.TaskGroup() as group:
            for recipient, inbox in self._inboxes.items():
                listening = follow(self._broker, self._subscription(recipient), inbox, take, complain, stop)
                group.create_task(listening, name=f"listener {recipient}")
