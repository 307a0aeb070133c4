"""What the pages are made from: the configuration, the record, and the gateway's answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from consent.portal.config import PortalConfig
from consent.portal.gates.citizen import CitizenGate
from consent.portal.gates.public import Gate
from consent.portal.recent import RecentChanges
from consent.portal.record import PublicRecord


@dataclass(frozen=True, slots=True)
class Site:
    """The portal of one gateway.

    Attributes:
        config: As its file says.
        record: The public log, as far as it has been read.
        gate: The public door of the gateway.
        citizens: Its door for people who come in.
        now_ms: The machine's clock.
        recent: What was answered a moment ago.
    """

    config: PortalConfig
    record: PublicRecord
    gate: Gate
    citizens: CitizenGate
    now_ms: Callable[[], int]
    recent: RecentChanges = field(default_factory=RecentChanges)
