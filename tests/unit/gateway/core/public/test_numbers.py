"""The public's numbers: shown as they stood at the full hour, the same after a kill, and without a trace of what was voided."""

from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.log.payloads import VoidPayload
from gateway.core.effects import PublicRow
from gateway.core.public.numbers import DAYS_KEPT, PublicNumbers
from gateway.core.public.tally import HOUR_MS, BundleTally, FlowKey, FlowTally, HourTally, Mean, SeriesKey
from gateway.core.release.void import void_bundle
from tests.support.gate import DAY_MS, LATENESS_MS, MIDNIGHT_MS, MINUTE_MS, Gate, only
from tests.support.publications import FIRST_DAY_MS, day_with, exact_town, joined, noisy_town
from tests.support.recounted import Release, as_counted, recounted

FIRST_HOUR = MIDNIGHT_MS // HOUR_MS
FLOW = FlowKey("a", "office", "city", "per-record")
SERIES = SeriesKey("a", "mill", "LAeq", "0.1")


class Database:
    """Holds what is stored, as the table does."""

    def __init__(self) -> None:
        self.rows: dict[tuple[bool, int], PublicRow] = {}

    def commit(self, numbers: PublicNumbers) -> None:
        """Write what must become durable, and have it shown."""
        for row in numbers.take_rows():
            former = self.rows.get((row.is_day, row.number))
            shown = row.shown if row.shown is not None or former is None else former.shown
            self.rows[row.is_day, row.number] = PublicRow(row.is_day, row.number, row.content, shown)
        numbers.show()

    def restarted(self) -> PublicNumbers:
        """Return what a start makes of it."""
        numbers = PublicNumbers()
        numbers.resume(self.rows.values())
        return numbers


def bundle(formed_ms: int, records: int = 3, told: int = 20) -> BundleTally:
    """Return what a bundle adds."""
    flows = {FLOW: FlowTally(1, records, 2 * records, formed_ms, {told: records})}
    return BundleTally(formed_ms, flows, {formed_ms // HOUR_MS: HourTally({SERIES: Mean(records, 7 * records)})}, {})


def seen(numbers: PublicNumbers) -> object:
    """Return all that is shown."""
    return copy.deepcopy((numbers.shown.hour, numbers.shown.days, numbers.shown.hours))


def test_nothing_shown_changes_within_an_hour() -> None:
    """Bundles are counted as they are formed, and seen at the turn of the next hour, once that is durable."""
    numbers, database = PublicNumbers(), Database()
    numbers.turn(FIRST_HOUR, {}, 0)
    database.commit(numbers)
    before = seen(numbers)
    for minute in range(60):
        numbers.add(bundle(MIDNIGHT_MS + minute * MINUTE_MS))
        database.commit(numbers)
        assert seen(numbers) == before
    numbers.turn(FIRST_HOUR + 1, {"pairs.considered": 5}, 0)
    assert seen(numbers) == before, "it is not durable yet"
    database.commit(numbers)
    (day,) = numbers.shown.days.values()
    assert (day.flows[FLOW].bundles, day.flows[FLOW].records, day.accounts()) == (60, 180, {"pairs.considered": 5})
    assert list(numbers.shown.hours) == [FIRST_HOUR]


STEPS = st.lists(st.sampled_from(["bundle", "void", "hour", "day", "kill"]), max_size=40)


@given(STEPS)
def test_numbers_are_the_same_after_a_kill_at_any_moment(steps: list[str]) -> None:
    """As one that is never killed, gateway and numbers count and show the same; what was voided leaves no trace."""
    lived, killed, database = PublicNumbers(), PublicNumbers(), Database()
    aside = Database()
    hour, ready = FIRST_HOUR, list[tuple[BundleTally, BundleTally]]()
    for numbers in (lived, killed):
        numbers.turn(hour, {}, 0)
    standing = 0
    for number, step in enumerate(steps):
        if step == "bundle":
            standing += len(ready)
            ready = [(bundle(hour * HOUR_MS + number), bundle(hour * HOUR_MS + number))]
            lived.add(ready[0][0])
            killed.add(ready[0][1])
        elif step == "void" and ready:
            for one, other in ready:
                lived.take_back(one)
                killed.take_back(other)
            ready = []
        elif step in ("hour", "day"):
            hour += 1 if step == "hour" else 24
            for numbers in (lived, killed):
                numbers.turn(hour, {"pairs.considered": number}, number)
        aside.commit(lived)
        database.commit(killed)
        if step == "kill":
            standing, ready = standing + len(ready), []  # what is found at a start stands
            killed = database.restarted()
        assert seen(killed) == seen(lived)
        assert killed.days == lived.days
    if hour // 24 - FIRST_HOUR // 24 < DAYS_KEPT:
        assert sum(day.flows[FLOW].bundles for day in killed.days.values() if day.flows) == standing + len(ready)
    assert database.rows == aside.rows


def test_turn_that_was_not_durable_has_not_been_seen() -> None:
    """A kill between a turn and its commit: what is shown afterwards is what was shown before."""
    numbers, database = PublicNumbers(), Database()
    numbers.turn(FIRST_HOUR, {}, 0)
    numbers.add(bundle(MIDNIGHT_MS))
    database.commit(numbers)
    before = seen(numbers)
    numbers.turn(FIRST_HOUR + 1, {}, 0)
    assert seen(numbers) == before
    numbers.take_rows()  # the commit is under way
    assert seen(numbers) == before
    assert seen(database.restarted()) == before
    numbers.show()
    assert seen(numbers) != before


def test_month_is_kept_and_no_more() -> None:
    """Of days and hours, in memory and in what is stored."""
    numbers, database = PublicNumbers(), Database()
    for day in range(DAYS_KEPT + 5):
        numbers.turn(FIRST_HOUR + 24 * day, {}, 0)
        numbers.add(bundle(MIDNIGHT_MS + day * DAY_MS))
        database.commit(numbers)
    assert len(numbers.days) == len(numbers.shown.days) == DAYS_KEPT
    assert min(numbers.days) == numbers.first_kept() == MIDNIGHT_MS // DAY_MS + 5
    assert min(numbers.shown.hours) >= 24 * numbers.first_kept()
    numbers.take_back(bundle(MIDNIGHT_MS))  # it was ready for a month, and its day is gone
    assert MIDNIGHT_MS // DAY_MS not in numbers.days


def test_commit_writes_a_tally_once_however_often_it_changed() -> None:
    """And nothing where nothing has changed."""
    numbers = PublicNumbers()
    for turn in range(50):
        numbers.add(bundle(MIDNIGHT_MS + turn))
    rows = numbers.take_rows()
    assert sorted((row.is_day, row.number) for row in rows) == [(False, FIRST_HOUR), (True, MIDNIGHT_MS // DAY_MS)]
    assert [row.shown for row in rows] == [None, None]
    assert not numbers.has_news
    assert numbers.take_rows() == []


def releases(gate: Gate, without: set[int]) -> list[Release]:
    """Return the releases of a gate's log, but those that were voided; all of one day."""
    found = []
    for index, opening in gate.openings.items():
        first = opening.first or b""
        if b"release-3" in first[:200] and index not in without:
            found.append(Release(gate.now_ms, gate.release_payload(index)))
    return found


def test_numbers_are_those_of_the_openings() -> None:
    """What left, in figures with noise, as totals and as single readings, is counted as its openings state it."""
    gate, homes = joined(exact_town(), 6, "purpose:energy")
    gate.now_ms = FIRST_DAY_MS
    before = as_counted(gate.state.public.days)
    day_with(gate, homes)
    first = gate.state.log.size
    for recipient in gate.state.policies.recipients:
        gate.records(recipient)
    theirs = releases(gate, set(range(first)))
    assert as_counted(gate.state.public.days) - before == recounted(theirs)
    assert any(at.what.startswith("told") for at in recounted(theirs))
    assert any(at.identity == "per-epoch" for at in recounted(theirs))


def test_voided_bundle_leaves_no_trace_in_the_numbers() -> None:
    """A publication, totals and single readings: days and hours are what they were, down to when the last one was formed."""
    gate, homes = joined(noisy_town(), 6, "purpose:energy")
    day_with(gate, homes)
    before = copy.deepcopy(gate.state.public.days)
    unsent = gate.form()
    assert unsent is not None
    assert gate.state.public.days != before
    void_bundle(gate.state, "office", gate.now_ms)
    gate.commit()
    assert gate.state.public.days == before
    assert b"void" in VoidPayload(unsent.index).encode()


def test_voided_readings_leave_no_trace_in_the_hours() -> None:
    """Of the city's own sensors one by one."""
    gate = Gate(only("street-noise"))
    street = gate.device()
    gate.send(street, MIDNIGHT_MS, db=60)
    assert gate.bundle("public") is not None
    before = copy.deepcopy((gate.state.public.days, gate.state.public._hours))
    gate.send(street, MIDNIGHT_MS + MINUTE_MS, db=70)
    assert gate.form("public") is not None
    assert (gate.state.public.days, gate.state.public._hours) != before
    void_bundle(gate.state, "public", gate.now_ms)
    assert (gate.state.public.days, gate.state.public._hours) == before
    gate.to(MIDNIGHT_MS + LATENESS_MS)
    assert gate.bundle("public") is not None, "they leave once more"
