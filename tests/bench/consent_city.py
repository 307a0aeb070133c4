"""The city that the consent bench asks about: citizens with one meter each, five flows for five purposes, and what they said.

What they said is drawn from a seed and deliberately mixed: hardly two of them permit the same, some refuse or have withdrawn,
paused, said nothing or said yes to older terms, and in every fifth household two have a say. The records are held as the
running gateway holds them, in its book; nothing is signed or logged, since that is not measured here.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from consent.core.consents.records import Consent, Status
from consent.core.decide import Owner
from consent.core.disclosure import LARGEST_GROUP, TOP, Disclosure, Identity, Space, Time
from consent.core.policies.notice import FlowTerms, notice_of
from consent.core.policies.policy import PolicySet
from gateway.audit.log.notes import Signer
from gateway.core.changes import changes
from gateway.core.plans import Device, InForce
from gateway.core.registry import Resident, Subject
from gateway.core.state import GatewayIdentity, State
from tests.support.city import city

NOW_MS: Final = 1_774_047_600_000
DAY_MS: Final = 86_400_000
FLOWS: Final = ("by-the-hour", "by-the-quarter", "household-days", "samples", "city-days")
PROPERTY: Final = "consumption"

_ASKS: dict[str, dict[str, Any]] = {
    "by-the-hour": {
        "identity": "aggregate",
        "time": "1h",
        "space": "district",
        "precision": {"consumption": 0.1},
        "group": 15,
        "retention": 365,
    },
    "by-the-quarter": {"identity": "aggregate", "time": "15min", "space": "block", "precision": {}, "group": 20, "retention": 90},
    "household-days": {
        "identity": "per-epoch",
        "time": "day",
        "space": "district",
        "precision": {"consumption": 1},
        "group": 1,
        "retention": 180,
    },
    "samples": {
        "identity": "per-record",
        "time": "1h",
        "space": "city",
        "precision": {"consumption": 0.01},
        "group": 1,
        "retention": 30,
    },
    "city-days": {
        "identity": "aggregate",
        "time": "day",
        "space": "city",
        "precision": {"consumption": 1},
        "group": 30,
        "retention": 1825,
    },
}
_CAPS: dict[str, dict[str, str]] = {
    "meter": {},
    "shared-meter": {"identity": "aggregate", "space": "district"},
    "slow-meter": {"time": "1h"},
}

_STATUSES: Final = (
    (0.02, Status.REQUESTED),
    (0.03, Status.REFUSED),
    (0.04, Status.WITHDRAWN),
    (0.02, Status.PAUSED),
    (0.01, Status.REVOKED),
    (0.10, Status.RENEWED),
    (0.75, Status.GIVEN),
)
"""How often each is said; as often as is left, nothing was said at all."""

_RETENTIONS: Final = (30, 60, 90, 120, 180, 270, 365, 540, 730)
_GROUPS: Final = (12, 15, 20, 25, 30, 40, 50)
_LEVELS: Final[tuple[tuple[float, str, tuple[Any, ...]], ...]] = (
    (0.3, "identity", (Identity.AGGREGATE, Identity.PER_RECORD, Identity.PER_EPOCH)),
    (0.4, "time", tuple(level for level in Time if level)),
    (0.4, "space", tuple(level for level in Space if level)),
    (0.5, "precision", tuple(((PROPERTY, Decimal(step)),) for step in ("0.01", "0.1", "1"))),
    (0.3, "group", _GROUPS),
    (0.5, "retention_days", _RETENTIONS),
)
"""How often a consent bounds each axis, and to what."""


def bench_policies() -> PolicySet:
    """Return the city's policies."""
    bench = (
        city(
            id="bench",
            name="Bench",
            address="Calle Mayor 1",
            contact="https://bench.example/sensors",
            data_protection_officer="privacy@bench.example",
            jurisdiction="ES",
            storage_place="Bench",
            timezone="Europe/Madrid",
        )
        .ceiling(identity="per-epoch", space="block", group=10, retention=1825)
        .district("north")
        .zone("quay", "north")
        .zone("market", "north", neighbourhood="old-town")
        .zone("garden", "north", neighbourhood="convent")
        .neighbourhood("old-town", "old-town", time="1h", retention=365)
        .neighbourhood("convent", "convent", space="district", group=20)
        .measures(PROPERTY, 0, 200)
        .recipient("office")
    )
    for flow, ask in _ASKS.items():
        statistic = "" if flow == "samples" else "sum"
        bench.purpose(flow, flow).flow(flow, PROPERTY, purpose=flow, recipient="office", statistic=statistic, **ask)
    for name, cap in _CAPS.items():
        bench.device(name, {PROPERTY: "kwh"}, title="Meter", cap=cap)
    return bench.policies()


def full_asks(policies: PolicySet) -> dict[str, Disclosure]:
    """Return what counts as all that each flow asks for: a group binds only where figures are asked for."""
    return {
        flow.id: flow.ask if flow.ask.identity is Identity.AGGREGATE else replace(flow.ask, group=LARGEST_GROUP)
        for flow in policies.flows.values()
    }


@dataclass(frozen=True, slots=True)
class Citizen:
    """A household with one meter.

    Attributes:
        id: Of the subject.
        consents: What each resident said about any of the flows.
    """

    id: bytes
    residents: tuple[bytes, ...]
    zone: str
    profile: str
    consents: tuple[Consent, ...]


def citizens(policies: PolicySet, count: int, seed: int = 1) -> Iterator[Citizen]:
    """Draw citizens; the first of many are the same as all of few."""
    drawn = random.Random(seed)
    zones, profiles = sorted(policies.zones), sorted(policies.profiles)
    older = {flow: _older(policies.terms[flow]) for flow in FLOWS}
    for _ in range(count):
        subject = drawn.randbytes(16)
        residents = tuple(drawn.randbytes(16) for _ in range(2 if drawn.random() < 0.2 else 1))
        said = [_said(drawn, policies.terms[flow], older[flow]) for _ in residents for flow in FLOWS]
        owners = [resident for resident in residents for _ in FLOWS]
        consents = tuple(
            replace(consent, subject=subject, resident=resident)
            for resident, consent in zip(owners, said, strict=True)
            if consent is not None
        )
        yield Citizen(subject, residents, drawn.choice(zones), drawn.choice(profiles), consents)


def _older(terms: FlowTerms) -> tuple[FlowTerms, FlowTerms]:
    """Return terms that no longer hold, since they asked for less, and some that do, since they asked for more."""
    days = terms.ask.retention_days
    less, more = replace(terms.ask, retention_days=days - 1), replace(terms.ask, retention_days=days + 1)
    return replace(terms, ask=less), replace(terms, ask=more)


def _said(drawn: random.Random, terms: FlowTerms, older: tuple[FlowTerms, FlowTerms]) -> Consent | None:
    status = _status(drawn)
    if status is None:
        return None
    agreed = (drawn.choice(older) if drawn.random() < 0.04 else terms,)
    said_ms = NOW_MS - drawn.randrange(1, 300) * DAY_MS
    days_left = drawn.randrange(-20, 380) if drawn.random() < 0.3 else None
    return Consent(
        subject=b"",
        resident=b"",
        scope=terms.flow,
        limits=_limits(drawn),
        status=status,
        notice=notice_of(agreed),
        time_ms=said_ms,
        since_ms=said_ms,
        expiry_ms=None if days_left is None else NOW_MS + days_left * DAY_MS,
        channel="operator",
        signature=b"",
        terms=agreed,
    )


def _status(drawn: random.Random) -> Status | None:
    point = drawn.random()
    for share, status in _STATUSES:
        point -= share
        if point < 0:
            return status
    return None


def _limits(drawn: random.Random) -> Disclosure:
    return replace(TOP, **{axis: drawn.choice(levels) for share, axis, levels in _LEVELS if drawn.random() < share})


def topic_of(number: int) -> str:
    """Return the topic of the ``number``-th citizen's meter."""
    return f"bench/meter/{number:06d}"


def gateway_state(policies: PolicySet, count: int) -> State:
    """Return a gateway's memory that knows the citizens, their meters and what they said; no plan is compiled yet."""
    drawn = random.Random(2)
    state = State(GatewayIdentity("gw", Signer("bench.example/gw", bytes(32)), lambda device, _: device, drawn.randbytes, 1))
    changes.put_in_force(state, InForce(policies, 0, dict.fromkeys(policies.flows, 0)))
    index = 0
    for number, citizen in enumerate(citizens(policies, count)):
        residents = tuple(Resident(resident, 0) for resident in citizen.residents)
        state.registry.know_subject(Subject(citizen.id, drawn.randbytes(32), residents))
        for consent in citizen.consents:
            index += 1
            state.registry.book.apply(consent, index)
        topic = topic_of(number)
        device = Device(drawn.randbytes(16), topic, citizen.profile, citizen.zone, citizen.id, 0, 0, Owner.RESIDENT)
        state.registry.know_device(device)
    return state
