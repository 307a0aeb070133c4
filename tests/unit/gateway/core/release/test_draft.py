"""Packing: all ended windows are closed first, and what finds no room in a bundle loses and doubles nothing."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.core.disclosure import Space
from consent.core.policies.policy import PolicySet
from gateway.core.plans import Device
from gateway.core.release.void import void_bundle
from gateway.recipient.records import Record
from tests.support.gate import DAY_MS, HOUR_MS, LATENESS_MS, MIDNIGHT_MS, Gate, limited, only, reading
from tests.support.narrow import ROOM_FOR_ALL, form_narrow

T = MIDNIGHT_MS
POLICIES = only("daily", "raw")
SCOPES = ("daily", "raw")

Sent = tuple[int, int, int]
"""(home, hour, watt-hours)"""


def day_of(batches: Sequence[Sequence[Sent]], policies: PolicySet = POLICIES) -> Gate:
    """Return a gateway at the end of a day in which homes, some of which permit less, have reported."""
    gate = Gate(policies)
    homes: list[Device] = [gate.home(*SCOPES) for _ in range(3)]
    homes += [gate.home("raw", limits=limited(space=Space.DISTRICT)), gate.home(*SCOPES, limits=limited(retention_days=5))]
    for batch in batches:
        gate.take(*(reading(homes[home], T + hour * HOUR_MS + at, kwh=wh / 1000) for at, (home, hour, wh) in enumerate(batch)))
    gate.to(T + DAY_MS + LATENESS_MS)
    return gate


def told(records: Sequence[Record]) -> list[Record]:
    """Return records without what is drawn at random: ids, pseudonyms, and their order."""
    return sorted([msgspec.structs.replace(record, id=None, pseudonym=None) for record in records], key=repr)


batches = st.lists(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 23), st.integers(0, 90_000)), min_size=1, max_size=3), max_size=16
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(batches, st.lists(st.integers(700, 3_000), min_size=1, max_size=5), st.lists(st.booleans(), min_size=1, max_size=7))
def test_pack_when_room_is_short_loses_and_doubles_nothing(day: list[list[Sent]], rooms: list[int], voids: list[bool]) -> None:
    """Bundles of any capacity, some of them voided on the way, tell together what one with room for all tells."""
    wide, narrow = day_of(day), day_of(day)
    everything = form_narrow(wide, ROOM_FOR_ALL)
    expected = [] if everything is None else list(wide.deliver(everything).records)
    records: list[Record] = []
    formed = 0
    while (unsent := form_narrow(narrow, rooms[formed % len(rooms)])) is not None:
        if voids[formed % len(voids)] and formed < 20:
            void_bundle(narrow.state, "office", narrow.now_ms)
            narrow.commit()
        else:
            records += narrow.deliver(unsent).records
        formed += 1
        assert formed < 200, "the same bundle is formed again and again"
    assert told(records) == told(expected)
    assert len({record.id for record in records} - {None}) == sum(record.id is not None for record in records)
    for account in ("pairs.aggregated", "pairs.released", "pairs.suppressed", "pairs.withdrawn", "pairs.open", "pairs.waiting"):
        assert narrow.count(account) == wide.count(account), account
    assert narrow.count("pairs.open") == narrow.count("pairs.waiting") == 0
    assert not narrow.state.windows.open
    assert not narrow.outbox


def test_pack_window_after_the_first_without_room_stays_open_whatever_its_outcome() -> None:
    """A later window is not accounted for before its turn, though all were closed: its terms may change until then."""
    gate = Gate(only("daily"))
    homes = gate.homes(1, "daily")
    for day in range(3):
        gate.now_ms = T + day * DAY_MS
        gate.send(homes[0], kwh=1)
    gate.to(T + 3 * DAY_MS + LATENESS_MS)
    first = form_narrow(gate, 300)
    assert first is not None
    assert first.full
    assert len(gate.deliver(first).records) == 1
    assert (gate.count("pairs.suppressed"), gate.count("pairs.open")) == (0, 2)
    gate.withdraw(homes[0], "daily")
    assert form_narrow(gate, 300) is None
    assert (gate.count("pairs.withdrawn"), gate.count("pairs.suppressed"), gate.count("pairs.open")) == (2, 0, 0)
