"""A portal without a gateway or a network: the shipped rules, a record and a gate that say what a test gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from starlette.testclient import TestClient

from consent.core.policies.policy import PolicySet
from consent.messages import Parameters, Result
from consent.portal.app import make_app
from consent.portal.config import PortalConfig
from consent.portal.gates.public import GateAwayError
from consent.portal.record import Head, RecordFault, RulesChange, SeenBy
from consent.portal.site import Site
from consent.public_messages import EntryTold, PlaceTold, PublicBalance, PublicFlows, PublicSensors, PublicState
from gateway.audit.log.entries import Entry

R = TypeVar("R", bound=Result)

NOW_MS = 1_796_000_000_000


@dataclass
class SaidGate:
    """A gate that answers what it is told to; `away` makes it silent."""

    says_state: PublicState
    says_sensors: PublicSensors = field(default_factory=lambda: PublicSensors(sensors=[]))
    says_flows: PublicFlows = field(default_factory=lambda: PublicFlows(day="2026-11-28", flows=[]))
    says_balance: PublicBalance | None = None
    says_places: dict[str, PlaceTold] = field(default_factory=dict)
    says_entries: dict[int, EntryTold] = field(default_factory=dict)
    away: bool = False

    def _answer(self) -> None:
        if self.away:
            raise GateAwayError

    async def state(self) -> PublicState:
        """As the protocol has it."""
        self._answer()
        return self.says_state

    async def sensors(self) -> PublicSensors:
        """As the protocol has it."""
        self._answer()
        return self.says_sensors

    async def flows(self) -> PublicFlows:
        """As the protocol has it."""
        self._answer()
        return self.says_flows

    async def balance(self, day: str = "") -> PublicBalance:
        """As the protocol has it."""
        self._answer()
        return self.says_balance or PublicBalance(
            day=day or "2026-11-28", until_ms=0, group=15, days=[], accounts={}, steps={}, told=[]
        )

    async def place(self, zone: str, day: str = "") -> PlaceTold:
        """As the protocol has it."""
        self._answer()
        return self.says_places.get(zone, PlaceTold(zone=zone, day=day or "2026-11-28", series=[]))

    async def entry(self, index: int) -> EntryTold:
        """As the protocol has it."""
        self._answer()
        return self.says_entries.get(index, EntryTold(known=False))


@dataclass
class SaidHome:
    """A citizens' door that answers what it is told to, by method.

    Attributes:
        says: An exception is raised; a function is called with (parameters, session).
        asked: What it was asked, in order: (method, parameters, session, request).
    """

    says: dict[str, object] = field(default_factory=dict)
    asked: list[tuple[str, Parameters, str, str]] = field(default_factory=list)

    async def ask(self, method: str, params: Parameters, kind: type[R], *, session: str = "", request: str = "") -> R:
        """As the protocol has it."""
        self.asked.append((method, params, session, request))
        said = self.says.get(method, GateAwayError())
        if callable(said):
            said = said(params, session)
        if isinstance(said, Exception):
            raise said
        assert isinstance(said, kind), f"{method} was told to say {said}"
        return said


@dataclass
class SaidRecord:
    """A record that holds what it is told to."""

    policies: PolicySet | None
    head: Head | None = None
    changes: Sequence[RulesChange] = ()
    is_read: bool = True
    entries: dict[int, Entry] = field(default_factory=dict)
    fault: RecordFault | None = None
    proofs: dict[int, bytes] = field(default_factory=dict)

    def count(self, kind: str) -> int:
        """As the protocol has it."""
        return sum(entry.kind.word == kind for entry in self.entries.values())

    def entry(self, index: int) -> Entry | None:
        """As the protocol has it."""
        return self.entries.get(index)

    def proof(self, index: int) -> bytes | None:
        """As the protocol has it."""
        return self.proofs.get(index)


def said_state(**others: object) -> PublicState:
    """Return the state of a gateway in order, but for what is given."""
    usual: dict[str, object] = {
        "gateway": "gw-test",
        "now_ms": NOW_MS,
        "simulated": False,
        "rate": 1.0,
        "hears_sensors": True,
        "reaches_city": True,
        "confirmed": True,
        "disk_full": False,
        "heard_ms": NOW_MS - 1000,
    }
    return PublicState(**{**usual, **others})  # type: ignore[arg-type]


def said_head(size: int = 2418) -> Head:
    """Return a checkpoint that was signed and cosigned just now."""
    seen = (SeenBy("asociacion-vecinal", NOW_MS - 8000), SeenBy("universidad", NOW_MS - 11_000))
    return Head("ribera.example/gw-test", "ribera.example/gw-test+00000000+AAAA", size, bytes(32), NOW_MS, NOW_MS, seen)


def said_site(gate: SaidGate, record: SaidRecord, log_folder: str = "/nowhere", home: SaidHome | None = None) -> Site:
    """Return a site that stands on them, with no bound on how often it is asked."""
    config = PortalConfig(log_folder=log_folder, door="", requests_per_minute=0)
    return Site(config, record, gate, home or SaidHome(), lambda: NOW_MS)


def portal_client(gate: SaidGate, record: SaidRecord, home: SaidHome | None = None) -> TestClient:
    """Return a client of a portal that stands on them."""
    return TestClient(make_app(said_site(gate, record, home=home)), raise_server_exceptions=False)
