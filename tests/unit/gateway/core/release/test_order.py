"""The order of a bundle's records, attacked: neither a place nor the bundle that one is in tells whose a record is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from gateway.core.plans import Device
from gateway.core.release.order import random_some
from gateway.core.release.void import void_unsent
from gateway.recipient.opening import open_bundle
from gateway.recipient.records import Record
from tests.support.gate import DAY_MS, LATENESS_MS, MINUTE_MS, RECIPIENT_KEY, CountedBytes, Gate, only, reading
from tests.support.narrow import form_narrow
from tests.support.replayed import replayed

HOMES = 40
DAYS = 6

Places = list[list[int]]
"""For each day, whose record stands at each place: a home's number."""


def use(homes: Sequence[Device], gate: Gate) -> None:
    """Let every home use its own amount, the same every day, by which the test knows it and no recipient could."""
    gate.take(*(reading(home, gate.now_ms + MINUTE_MS, kwh=number + 0.5) for number, home in enumerate(homes)))


def whose(records: Sequence[Record]) -> list[int]:
    """Return whose each record is."""
    return [int(record.result) for record in records]


def linked(places: Places) -> float:
    """Return the part of records whose home also has the record at the same place of the next day."""
    pairs = [(one, other) for day, next_day in pairwise(places) for one, other in zip(day, next_day, strict=True)]
    return sum(one == other for one, other in pairs) / len(pairs)


def daily_totals(gate: Gate, homes: Sequence[Device]) -> Places:
    """Let days pass; return whose records the city gets, in the order in which it gets them."""
    places: Places = []
    for _ in range(DAYS):
        use(homes, gate)
        gate.to(gate.now_ms // DAY_MS * DAY_MS + DAY_MS + LATENESS_MS)
        places.append(whose(gate.records()))
    return places


def test_daily_totals_are_not_linked_by_their_place() -> None:
    """From day to day a pseudonym is new, and the place tells no more than a guess."""
    gate = Gate(only("daily"))
    places = daily_totals(gate, gate.homes(HOMES, "daily"))
    assert all(sorted(day) == list(range(HOMES)) for day in places)
    assert linked(places) < 4 / HOMES


def test_daily_totals_are_not_linked_by_the_bundle_that_they_are_in() -> None:
    """Where they fill several bundles, which of these one is in is random too."""
    gate = Gate(only("daily"))
    homes = gate.homes(HOMES, "daily")
    bundles: Places = []
    for _ in range(DAYS):
        use(homes, gate)
        gate.to(gate.now_ms // DAY_MS * DAY_MS + DAY_MS + LATENESS_MS)
        of_home = dict.fromkeys(range(HOMES), -1)
        for number in range(2):
            unsent = form_narrow(gate, most=HOMES // 2)
            assert unsent is not None
            of_home |= dict.fromkeys(whose(gate.deliver(unsent).records), number)
        assert form_narrow(gate, most=HOMES // 2) is None
        bundles.append(list(of_home.values()))
    assert 0.3 < linked(bundles) < 0.7


def test_single_readings_are_not_linked_by_their_place() -> None:
    """Sensors report in the same order in each batch; their readings do not stand in it."""
    gate = Gate(only("raw"))
    homes = gate.homes(HOMES, "raw")
    places: Places = []
    for _ in range(DAYS):
        gate.now_ms += MINUTE_MS
        use(homes, gate)
        places.append(whose(gate.records()))
    assert all(sorted(batch) == list(range(HOMES)) for batch in places)
    assert linked(places) < 4 / HOMES


def test_order_of_a_bundle_formed_again_is_another_and_each_is_consistent() -> None:
    """Records, the log's list of them and each subject's part agree on the place; a bundle that was voided tells nothing."""
    gate = Gate(only("daily", "raw"))
    homes = gate.homes(HOMES, "daily", "raw")
    use(homes, gate)
    gate.to(DAY_MS + gate.now_ms // DAY_MS * DAY_MS + LATENESS_MS)
    orders = []
    for _ in range(2):
        unsent = gate.form()
        assert unsent is not None
        records = open_bundle(unsent.content, RECIPIENT_KEY, unsent.index).records
        orders.append(whose(records))
        listed = gate.release_payload(unsent.index).records
        assert [(one.flow, one.identity) for one in listed] == [(record.flow, record.identity) for record in records]
        subjects = [home.subject for home in homes]
        parts = gate.contributions(unsent.index)
        assert [part.record for part in parts] == list(range(2 * HOMES))
        assert [subjects.index(part.subject) for part in parts] == whose(records)
        void_unsent(gate.state, gate.now_ms)
        gate.commit()
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])
    gate.records()
    assert replayed(gate).exit_status == 0


def test_some_are_chosen_at_random_each_once_and_all_where_they_are_few() -> None:
    """Every one of four is among two in half of the draws, wherever it stands."""
    those, drawn = [bytes([number]) for number in range(4)], CountedBytes()
    assert random_some(those, 4, drawn) == random_some(those, 9, drawn) == those
    found = Counter[bytes]()
    for _ in range(400):
        some = random_some(those, 2, drawn)
        assert len(set(some)) == 2
        found.update(some)
    assert set(found) == set(those)
    assert all(140 < times < 260 for times in found.values())
