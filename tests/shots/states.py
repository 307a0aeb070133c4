"""The states that the portal's pages can be in, each served to a browser, and which of its pages are worth a picture there.

`usual` is a played city behind a real gateway. `larger` shows its pages with numbers of ten thousand homes, which
are made up; in the others gateway or record is away, still, empty or at fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from consent.messages import JsonObject
from consent.portal.log_record import LogRecord
from consent.portal.record import PublicRecord, RecordFault
from consent.public_messages import (
    EntryTold,
    FlowServed,
    HiddenAmong,
    PlaceTold,
    PublicBalance,
    PublicFlows,
    PublicSensors,
    PublicState,
)
from tests.support.addresses import MISSING, all_pages
from tests.support.balances import said_balance
from tests.support.policy_folder import load_policies
from tests.support.portal import SaidGate
from tests.support.served import served
from tests.support.still_city import StillCity

STILL_MS: Final = 25 * 60_000
_SOME: Final = ("/", "/flows/energy-hourly", "/balance", "/check", "/s/NQ3")
"""The pages on which a state shows."""
_HOMES: Final = {"energy-hourly": 5_210, "energy-typical-week": 5_210, "energy-daily-totals": 2_140, "noise-hourly": 320}


@dataclass(frozen=True, slots=True)
class Shown:
    """A state.

    Attributes:
        name: In file names.
        origin: Where its pages are served.
        paths: Those worth a picture.
    """

    name: str
    origin: str
    paths: tuple[str, ...]


def states(city: StillCity, folder: Path) -> Iterator[Shown]:
    """Yield each state, served until the next is asked for.

    Args:
        folder: An empty one, for a record that does not begin.
    """
    yield Shown("usual", city.origin, tuple(all_pages(city)))
    for name, log, gate, record, paths in _made(city, folder):
        with served(log, gate, record) as portal:
            yield Shown(name, portal.address, paths)


def _made(city: StillCity, empty: Path) -> Iterator[tuple[str, Path, SaidGate | None, PublicRecord | None, tuple[str, ...]]]:
    """Yield name, log folder, gate, record and pages of each state that is made up."""
    log, gate = city.place.log, gate_of(city)
    yield "larger", log, larger(gate, city), None, ("/", "/flows/energy-hourly", "/flows/energy-daily-totals", "/balance")
    yield "nothing", empty, SaidGate(gate.says_state), None, ("/", "/balance", "/rules", "/check", "/places")
    yield "away", log, None, None, (*_SOME, "/check/5")
    yield "still", log, gate, _altered(log, read_ms=-STILL_MS), ("/", "/check")
    yield "fault", log, gate, _faulty(log), ("/", "/check")
    yield "failed", log, _FailingGate(gate.says_state), None, ("/places", MISSING)


def gate_of(city: StillCity) -> SaidGate:
    """Return a gate that says what a city's gateway says now."""
    policies = load_policies(city.place.policies)

    def told(method: str, kind: type[Any], **params: object) -> Any:
        answer: JsonObject = city.call(method, dict(params))
        return msgspec.convert(answer, kind)

    return SaidGate(
        says_state=told("public.state", PublicState),
        says_sensors=told("public.sensors", PublicSensors),
        says_flows=told("public.flows", PublicFlows),
        says_balance=told("public.balance", PublicBalance),
        says_places={zone: told("public.place", PlaceTold, zone=zone) for zone in policies.zones},
        says_entries={index: told("public.entry", EntryTold, index=index) for index in range(8)},
    )


def larger(gate: SaidGate, city: StillCity) -> SaidGate:
    """Return a gate with the numbers of a large city, made up."""
    day = gate.says_flows.day
    return SaidGate(
        says_state=gate.says_state,
        says_sensors=PublicSensors(
            sensors=[msgspec.structs.replace(row, count=row.count * 40) for row in gate.says_sensors.sensors]
        ),
        says_flows=PublicFlows(day=day, flows=[_served_to_many(flow, day) for flow in gate.says_flows.flows]),
        says_balance=said_balance(day=day, days=[day]),
        says_places=gate.says_places,
        says_entries=gate.says_entries,
    )


def _served_to_many(flow: FlowServed, day: str) -> FlowServed:
    """Return how a flow would have served a month of a large city."""
    homes = _HOMES.get(flow.flow)
    if homes is None:
        return flow
    days = [
        HiddenAmong(
            day=(date.fromisoformat(day) - timedelta(days=number)).isoformat(),
            least=55 + 5 * (number * 7 % 6),
            usual=110 + 5 * (number * 5 % 9),
            figures=96,
        )
        for number in range(30)
    ]
    is_sum = flow.flow != "energy-daily-totals"
    return msgspec.structs.replace(
        flow, asked=9_600, permitted=homes, days=days if is_sum else [], bundles=30, records=2_880, last_ms=flow.last_ms
    )


class _FailingGate(SaidGate):
    """A gate by whose answers the portal breaks."""

    async def sensors(self) -> PublicSensors:
        raise RuntimeError("made to fail")


def _read(log: Path) -> LogRecord:
    record = LogRecord(log)
    record.look()
    while record.read_on():
        pass
    return record


class _AlteredRecord:
    """A record with another head or fault than it has."""

    def __init__(self, record: LogRecord, **altered: Any) -> None:
        self._record = record
        self.__dict__.update(altered)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._record, name)


def _altered(log: Path, read_ms: int) -> PublicRecord:
    record = _read(log)
    assert record.head is not None
    return _AlteredRecord(record, head=replace(record.head, read_ms=record.head.read_ms + read_ms))


def _faulty(log: Path) -> PublicRecord:
    record = _read(log)
    assert record.head is not None
    size = record.head.size
    fault = RecordFault("rollback", "checkpoint", record.head.read_ms, size - 20, size)
    return _AlteredRecord(record, fault=fault)


@contextmanager
def one_state(city: StillCity, folder: Path, name: str) -> Iterator[Shown]:
    """Serve a state by its name."""
    found = states(city, folder)
    try:
        yield next(state for state in found if state.name == name)
    finally:
        found.close()  # type: ignore[attr-defined]
