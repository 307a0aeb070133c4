"""Registers: whatever they do by design, the windows add up to what was consumed, and a wrong telegram only leaves people out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from consent.core.disclosure import TOP
from consent.core.outcome import NEVER_MS
from consent.core.profiles.profile import Counter, Field, Restart
from gateway.core.ingest.counters import (
    PARTS,
    CounterRule,
    Register,
    counters_from_state,
    counters_state,
)
from gateway.core.model import UNKNOWN_MS
from gateway.core.windows.accumulators import Amount
from gateway.core.windows.cohorts import Cohort
from gateway.core.windows.targets import Terms, new_target
from gateway.core.windows.windows import Kept, Windows
from tests.support.gate import DAY_MS, HOUR_MS, MIDNIGHT_MS, MINUTE_MS

ANN, METER = b"a" * 16, b"m" * 16
STEP = Decimal("0.001")
COHORT = Cohort("grid", "total", "delta", "aggregate", "1h", "district", "0.001", "north", public=False)
T = TypeVar("T")
Told = tuple[int, int]
"""(time, watt hours that the register showed)"""


def rule(
    most: str | None = "25", bits: int | None = None, zone: str = "", scale: str = "0.001", step: Decimal = STEP
) -> CounterRule:
    """Return the rule of a field that counts watt hours, of a property in kilowatt hours."""
    restarts = Restart.DAILY if zone else Restart.NEVER
    counter = Counter(None if most is None else Decimal(most), bits, restarts, zone or "UTC")
    found = CounterRule.of(Field(("total",), "W.h", Decimal(scale), counter=counter), step)
    assert found is not None
    return found


class Meter:
    """One household's register, feeding hourly figures and remembered as the gateway would."""

    def __init__(self, how: CounterRule, since_ms: int = 0) -> None:
        """Begin with a gateway that has never heard of it."""
        self.windows = Windows({"total": STEP})
        self.register = Register(self.windows.counters, (ANN, METER, "total"), how)
        terms = Terms(TOP, since_ms, NEVER_MS, 0, ())
        self.target = new_target(self.windows, COHORT, (ANN, METER), terms, None, self.register)

    def tell(self, t_ms: int, shown: int, earliest_ms: int | None = None) -> bool:
        """Take a reading of so many watt hours; return whether it was taken for consumption."""
        if self.register.judge(t_ms if earliest_ms is None else earliest_ms, t_ms, shown * PARTS) is None:
            self.register.doubt()
            return False
        self.target.take(t_ms, shown)
        self.register.keep()
        return True

    def hours(self, readings: Sequence[Told]) -> dict[int, Amount]:
        """Take readings, and return what the hours are worth in which this household is."""
        for reading in readings:
            self.tell(*reading)
        return self.figures()

    def figures(self) -> dict[int, Amount]:
        """Return what the hours are worth in which this household is; each ends."""
        self.windows.advance(NEVER_MS)
        values = {window.start_ms: window.members[ANN].value() for window in self.windows}
        return {start_ms: value for start_ms, value in values.items() if value is not None}


def truth(readings: Sequence[Told]) -> dict[int, int]:
    """Return for each hour what was counted from the last reading before it to its last one, by readings that never fall."""
    last = {(t_ms - 1) // HOUR_MS * HOUR_MS: shown for t_ms, shown in readings}
    starts = list(last)
    return {start_ms: last[start_ms] - last[before_ms] for before_ms, start_ms in pairwise(starts)}


@st.composite
def consumption(draw: st.DrawFn, most_wh: int = 6_000, readings: int = 24) -> list[Told]:
    """Return readings of a total that nothing disturbs: times a few minutes to a few hours apart, and at most so much between."""
    t_ms, total = MIDNIGHT_MS + draw(st.integers(1, DAY_MS)), draw(st.integers(0, 200_000))
    found = []
    for minutes, wh in draw(st.lists(st.tuples(st.integers(1, 150), st.integers(0, most_wh)), min_size=2, max_size=readings)):
        t_ms, total = t_ms + minutes * MINUTE_MS, total + wh
        found.append((t_ms, total))
    return found


@given(consumption(), st.sampled_from([16, 24, 32]), st.integers(0, 2**32), st.booleans())
def test_hours_add_up_to_what_was_consumed_however_often_the_register_rolls_over(
    readings: list[Told], bits: int, offset: int, limited: bool
) -> None:
    """Of 16, 24 and 32 bits, with and without a most: every hour but the first is right, and so is their sum."""
    shown = [(t_ms, (total + offset) % 2**bits) for t_ms, total in readings]
    hours = Meter(rule("25" if limited else None, bits)).hours(shown)
    assert hours == truth(readings)
    last_of_first = [total for t_ms, total in readings if (t_ms - 1) // HOUR_MS == (readings[0][0] - 1) // HOUR_MS][-1]
    assert sum(hours.values()) == readings[-1][1] - last_of_first


def test_sum_of_three_registers_rolls_over_with_each_of_them() -> None:
    """The decoder adds them up; each loses 65.536 kWh by itself, or two at once."""
    meter = Meter(rule(bits=16))
    sums = [3 * 65_000, 3 * 65_300, 3 * 65_600 - 65_536, 3 * 65_900 - 3 * 65_536]
    hours = meter.hours([(MIDNIGHT_MS + n * HOUR_MS, shown) for n, shown in enumerate(sums)])
    assert list(hours.values()) == [900, 900, 900]


def test_register_that_is_no_whole_number_of_steps_rolls_over_without_losing_any() -> None:
    """65,536 pulses of 0.01 kWh are 655.36 kWh, in steps of 0.1 kWh."""
    how = rule(None, 16, scale="0.01", step=Decimal("0.1"))
    meter = Meter(how)
    for n in range(40):
        pulses = n * 5_003
        assert meter.register.judge(n * HOUR_MS, n * HOUR_MS, pulses % 2**16 * PARTS // 10) is not None
        meter.target.take(n * HOUR_MS, 0)
        meter.register.keep()
        assert meter.register.total == pulses // 10


@st.composite
def days(draw: st.DrawFn, zone: str) -> list[tuple[int, int, int]]:
    """Return readings of a register that restarts at local midnight, none soon after it: (time, shown, shown of all days)."""
    t_ms, shown, total, today = MIDNIGHT_MS + draw(st.integers(0, 3 * 365)) * DAY_MS + 700_000, 0, 0, None
    found = []
    for minutes, wh in draw(st.lists(st.tuples(st.integers(5, 1_500), st.integers(0, 6_000)), min_size=2, max_size=40)):
        t_ms += minutes * MINUTE_MS
        local = datetime.fromtimestamp(t_ms / 1000, ZoneInfo(zone))
        midnight_ms = int(local.replace(hour=0, minute=0, second=0, fold=0).timestamp() * 1000)
        assume(t_ms - midnight_ms > 10 * MINUTE_MS)
        shown = wh if local.date() != today else shown + wh
        today, total = local.date(), total + wh
        found.append((t_ms, shown, total))
    return found


ZONES = st.sampled_from(["Europe/Madrid", "America/Santiago", "Asia/Kathmandu", "UTC"])


@given(st.data(), ZONES, st.booleans())
def test_register_that_restarts_daily_adds_up_to_what_it_showed(data: st.DataObject, zone: str, limited: bool) -> None:
    """At local midnight, on days of 23 and 25 hours too; what it counts after a day's last reading nobody has seen."""
    readings = data.draw(days(zone))
    hours = Meter(rule("25" if limited else None, zone=zone)).hours([(t_ms, shown) for t_ms, shown, _ in readings])
    assert hours == truth([(t_ms, total) for t_ms, _, total in readings])


@given(st.data(), ZONES)
def test_late_readings_of_a_register_that_restarts_daily_leave_its_household_out_at_most(data: st.DataObject, zone: str) -> None:
    """What a day came to is known only once its last reading has come, and that may be after the next day's first."""
    readings = data.draw(days(zone))
    hours = Meter(rule(zone=zone)).hours([(t_ms, shown) for t_ms, shown, _ in late_by(data, readings)])
    right = truth([(t_ms, total) for t_ms, _, total in readings])
    assert all(right[start_ms] == value for start_ms, value in hours.items())


def test_device_that_restarts_late_is_not_counted_twice() -> None:
    """Its clock is behind: ten past midnight it still shows the day before."""
    day = MIDNIGHT_MS + DAY_MS
    meter = Meter(rule(zone="UTC"))
    told = [(day - 20 * MINUTE_MS, 9_000), (day + 5 * MINUTE_MS, 9_100), (day + 9 * MINUTE_MS, 50), (day + 65 * MINUTE_MS, 300)]
    assert all(meter.tell(*each) for each in told)
    assert meter.register.total == 9_100 + 300


def test_reading_soon_after_midnight_that_has_not_fallen_yet_is_settled_by_the_next() -> None:
    """Next to nothing was consumed the day before, so that the new day's register passes it before anybody looks."""
    day = MIDNIGHT_MS + DAY_MS
    meter = Meter(rule(zone="UTC"))
    for each in [(day - 20 * MINUTE_MS, 10), (day + 5 * MINUTE_MS, 12), (day + 30 * MINUTE_MS, 40)]:
        assert meter.tell(*each)
    assert meter.register.total == 50


def late_by(data: st.DataObject, readings: Sequence[T]) -> list[T]:
    """Return readings in an order in which each may come up to four places late."""
    late = data.draw(st.lists(st.integers(0, 4), min_size=len(readings), max_size=len(readings)))
    return [readings[n] for n in sorted(range(len(readings)), key=lambda n: n + late[n])]


def is_plausible(before: Told, after: Told, span: int | None, most_wh: int = 25_000) -> bool:
    """Return whether a register can have come from one reading to the other, told independently."""
    grown = after[1] - before[1]
    hours = max(1, (after[0] - before[0]) / HOUR_MS)
    return 0 <= (grown if span is None else grown % span) <= most_wh * hours


@given(consumption(most_wh=3_000), st.data(), st.sampled_from([None, 24]))
def test_one_wrong_telegram_changes_no_hour_but_those_that_its_household_is_left_out_of(
    readings: list[Told], data: st.DataObject, bits: int | None
) -> None:
    """Wherever it stands, the first and the last included, and however wrong it is."""
    span = None if bits is None else 2**bits
    at = data.draw(st.integers(0, len(readings) - 1))
    wrong = data.draw(st.integers(0, 2**24 - 1) | st.sampled_from([0, readings[at][1] + 524_288, 2**23]))
    around = [*readings[max(at - 2, 0) : at], (readings[at][0], wrong), *readings[at + 1 : at + 3]]
    place = around.index((readings[at][0], wrong))
    assume(not any(is_plausible(each, around[place], span) for each in around[:place]))
    assume(not any(is_plausible(around[place], each, span) for each in around[place + 1 :]))
    told = [*readings[:at], (readings[at][0], wrong), *readings[at + 1 :]]
    hours, right = Meter(rule(bits=bits)).hours(told), truth(readings)
    assert all(right[start_ms] == value for start_ms, value in hours.items())
    touched = {(t_ms - 1) // HOUR_MS * HOUR_MS for t_ms, _ in readings[max(at, 0) : at + 4]}
    assert right.keys() - hours.keys() <= touched, "and nobody is left out for longer"


@given(consumption(), st.data(), st.sampled_from([None, 16]))
def test_readings_in_any_order_change_no_hour_but_those_that_their_household_is_left_out_of(
    readings: list[Told], data: st.DataObject, bits: int | None
) -> None:
    """With and without rollovers among them."""
    shown = [(t_ms, total if bits is None else total % 2**bits) for t_ms, total in readings]
    hours, right = Meter(rule(bits=bits)).hours(late_by(data, shown)), truth(readings)
    assert all(right[start_ms] == value for start_ms, value in hours.items())


@given(consumption(), st.data())
def test_repeats_are_no_suspects(readings: list[Told], data: st.DataObject) -> None:
    """Each may come again, at once or later, and nothing else changes."""
    again = data.draw(st.lists(st.integers(0, len(readings) - 1), max_size=6))
    told = [each for n, each in enumerate(readings) for _ in range(1 + again.count(n))]
    assert Meter(rule()).hours(told) == truth(readings)
    meter = Meter(rule())
    assert meter.hours([*readings, *readings[-6:]]) == truth(readings)
    times = [point.t_ms for memory in meter.windows.counters.values() for point in memory]
    assert len(times) == len(set(times)), "and none takes the place of another"


def test_reading_older_than_all_that_are_remembered_may_be_from_before_a_rollover() -> None:
    """The one that came first is later, and its register had begun again meanwhile."""
    meter = Meter(rule(bits=16))
    assert meter.tell(MIDNIGHT_MS + 2 * HOUR_MS, 100)
    assert meter.tell(MIDNIGHT_MS + 1 * HOUR_MS, 65_000)
    assert meter.figures() == {MIDNIGHT_MS + HOUR_MS: 636}


@given(consumption(most_wh=3_000), st.data())
def test_restart_of_the_gateway_changes_nothing(readings: list[Told], data: st.DataObject) -> None:
    """At any moment, a suspect in memory or not."""
    wrong = data.draw(st.dictionaries(st.integers(0, len(readings) - 1), st.integers(0, 2**24), max_size=3))
    told = [(t_ms, wrong.get(n, total)) for n, (t_ms, total) in enumerate(readings)]
    at = data.draw(st.integers(0, len(told)))
    spared, restarted = Meter(rule()), Meter(rule())
    for n, reading in enumerate(told):
        if n == at:
            restarted.windows.counters.update(counters_from_state(counters_state(restarted.windows.counters)))
        assert spared.tell(*reading) == restarted.tell(*reading)
    assert spared.figures() == restarted.figures()


def told(*shown: int, minutes: int = 30) -> list[Told]:
    """Return readings half an hour apart."""
    return [(MIDNIGHT_MS + 7 * MINUTE_MS + n * minutes * MINUTE_MS, wh) for n, wh in enumerate(shown)]


def test_new_meter_begins_anew_once_its_second_reading_agrees_with_the_first() -> None:
    """The hour that this happens in is left out, and the next one is right."""
    meter = Meter(rule())
    taken = [meter.tell(*each) for each in told(50_000, 50_500, 51_000, 100, 600, 1_100, 1_600, 2_100)]
    assert taken == [True, True, True, False, True, True, True, True]
    assert meter.figures() == {MIDNIGHT_MS + 3 * HOUR_MS: 1_000}


def test_last_reading_that_the_next_two_contradict_was_the_wrong_one() -> None:
    """Its hour is left out where it can still be, since what it ended with nobody consumed."""
    meter = Meter(rule())
    for each in told(50_000, 50_500, 51_000, 60_000, 52_000, 52_500, 53_000, 53_500):
        meter.tell(*each)
    assert meter.figures() == {MIDNIGHT_MS + 3 * HOUR_MS: 1_000}


def test_growth_in_less_than_an_hour_may_be_that_of_an_hour() -> None:
    """Registers count in steps, and messages come in bursts."""
    meter = Meter(rule("2"))
    assert meter.tell(MIDNIGHT_MS, 5_000)
    assert meter.tell(MIDNIGHT_MS + 1_000, 6_000)
    assert meter.tell(MIDNIGHT_MS + 2_000, 8_000)
    assert not meter.tell(MIDNIGHT_MS + 3_000, 10_001)


def test_reading_that_may_have_waited_may_have_grown_since_it_was_made() -> None:
    """Of a device without a clock, in the broker's queue: what the next one adds was consumed meanwhile, not in a moment."""
    meter = Meter(rule("2"))
    assert meter.tell(MIDNIGHT_MS, 5_000)
    assert meter.tell(MIDNIGHT_MS + 10 * HOUR_MS, 15_000, earliest_ms=MIDNIGHT_MS)
    assert meter.tell(MIDNIGHT_MS + 10 * HOUR_MS + 1, 25_000, earliest_ms=MIDNIGHT_MS)


def test_suspect_of_unknown_time_leaves_no_trace() -> None:
    """Retained by the broker for nobody knows how long."""
    meter = Meter(rule())
    meter.tell(MIDNIGHT_MS, 5_000)
    before = counters_state(meter.windows.counters)
    assert not meter.tell(MIDNIGHT_MS + HOUR_MS, 0, earliest_ms=UNKNOWN_MS)
    assert counters_state(meter.windows.counters) == before


def test_refused_reading_from_before_the_first_whole_hour_is_not_replaced_by_an_earlier_one() -> None:
    """The first hour would hold the consumption of two."""
    meter = Meter(rule(), since_ms=MIDNIGHT_MS + MINUTE_MS)
    assert meter.hours(told(50_000, 0, 51_000, 51_500, 52_000, 52_500)) == {MIDNIGHT_MS + 2 * HOUR_MS: 1_000}


@given(st.lists(st.tuples(st.integers(0, 2**42), st.integers(-(2**70), 2**70)), max_size=30), st.sampled_from([None, 16, 32]))
def test_any_numbers_are_judged_and_can_be_stored(readings: list[Told], bits: int | None) -> None:
    """A register's total never leaves what 64 bits hold, whatever a device makes of itself."""
    for how in (rule(bits=bits), rule(None, bits), rule(None, bits, scale="1e9"), rule(zone="Europe/Madrid")):
        meter = Meter(how)
        for t_ms, parts in readings:
            if meter.register.judge(t_ms, t_ms, parts) is None:
                meter.register.doubt()
            else:
                meter.target.take(t_ms, 0)
                meter.register.keep()
        numbers = [number for row in counters_state(meter.windows.counters) for part in row[3:] for number in part]
        assert all(-(2**63) <= number < 2**63 for number in numbers)


@pytest.mark.parametrize("since_ms", [MIDNIGHT_MS + HOUR_MS, NEVER_MS])
def test_what_is_remembered_of_a_register_leaves_with_its_household(since_ms: int) -> None:
    """Whole, or what was read before a time."""
    meter = Meter(rule())
    for each in told(50_000, 50_500, 51_000, 51_500, 0):
        meter.tell(*each)
    meter.windows.purge(ANN, {} if since_ms == NEVER_MS else {COHORT: Kept(since_ms)})
    times = [point.t_ms for memory in meter.windows.counters.values() for point in memory]
    assert all(t_ms >= since_ms for t_ms in times)
    assert bool(times) == (since_ms != NEVER_MS)
    assert bool(meter.windows.counters) == (since_ms != NEVER_MS)
