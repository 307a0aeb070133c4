"""Every check is made again at release: withdrawals, levels, ended consents and new devices act on what is open and waits."""

from __future__ import annotations

import pytest

from consent.core.disclosure import Space
from gateway.core.release.bundle import advance_watermark
from gateway.core.release.void import void_bundle
from tests.support.gate import (
    DAY_MS,
    HOUR_MS,
    LATENESS_MS,
    MIDNIGHT_MS,
    MINUTE_MS,
    Gate,
    limited,
    only,
    reading,
    result_of,
    whole,
)
from tests.support.publications import FIRST_DAY_MS as DAY
from tests.support.publications import day_with, joined

T = MIDNIGHT_MS


def test_withdrawal_takes_the_subject_out_of_the_open_day() -> None:
    """From the moment it is confirmed, no figure formed holds anything of theirs."""
    gate, homes = joined(only("hourly"), 4, "hourly")
    for home, kwh in zip(homes, (1, 1, 1, 50), strict=True):
        gate.send(home, DAY, kwh=kwh)
    gate.withdraw(homes[3], "hourly")
    assert gate.count("pairs.withdrawn") == 1
    gate.send(homes[3], DAY + 1, kwh=1_000)
    gate.to(DAY + DAY_MS + LATENESS_MS)
    bundle = whole(gate.bundle())
    assert [(record.result, record.n) for record in bundle.records] == [(3.0, 0)]
    assert gate.stood_in(bundle.log_index) == {home.subject for home in homes[:3]}


def test_withdrawal_of_an_ended_day_not_yet_drawn() -> None:
    """Figures are drawn when they leave: an outage leaves withdrawals free to act on days that are long over."""
    gate, homes = joined(only("hourly"), 6, "hourly")
    day_with(gate, homes, hours=1, kwh=1)
    gate.withdraw(homes[0], "hourly")
    assert [(record.result, record.n) for record in gate.records()] == [(5.0, 5)]


def test_withdrawal_below_the_group_suppresses_the_rest() -> None:
    """One of two leaves: the other is not shown alone."""
    gate, homes = joined(only("hourly"), 2, "hourly")
    day_with(gate, homes, hours=1)
    gate.withdraw(homes[0], "hourly")
    assert gate.records() == []
    assert (gate.count("pairs.withdrawn"), gate.count("pairs.suppressed")) == (1, 1)


@pytest.mark.parametrize("again", [False, True])
def test_withdrawal_keeps_back_waiting_records_even_after_a_new_consent(again: bool) -> None:
    """What waited when they withdrew never leaves; with a standing clock as well as with a running one."""
    for passed_ms in (0, 1, HOUR_MS):
        gate = Gate(only("raw"))
        home = gate.home("raw")
        gate.send(home, T, kwh=1)
        gate.withdraw(home, "raw")
        gate.now_ms += passed_ms
        if again:
            gate.grant(home, "raw")
            gate.send(home, gate.now_ms + 1, kwh=2)
        assert result_of(gate.records(), "raw") == ([2.0] if again else [])
        assert gate.count("pairs.withheld_at_release.withdrawn") == 1
        assert gate.outbox == {}


def test_withdrawal_and_new_consent_at_once_bring_no_contribution_back() -> None:
    """The day that was under way at the withdrawal stays without them, even if they change their mind."""
    gate, homes = joined(only("hourly"), 4, "hourly")
    for home in homes:
        gate.send(home, DAY + MINUTE_MS, kwh=1)
    gate.withdraw(homes[0], "hourly")
    gate.grant(homes[0], "hourly")
    gate.send(homes[0], DAY + 2 * MINUTE_MS, kwh=1)
    gate.to(DAY + DAY_MS + LATENESS_MS)
    assert [record.result for record in gate.records()] == [3.0]
    assert (gate.count("pairs.withdrawn"), gate.count("pairs.withheld.partial")) == (1, 1)


def test_withdrawal_of_one_waiting_leaves_the_others_of_its_row() -> None:
    """Only the withdrawn readings of a row are gone."""
    gate = Gate(only("raw"))
    homes = gate.homes(3, "raw")
    gate.take(*(reading(home, T + i, kwh=n) for n, home in enumerate(homes) for i in range(2)))
    gate.withdraw(homes[1], "raw")
    bundle = whole(gate.bundle())
    assert sorted(record.result for record in bundle.records) == [0.0, 0.0, 2.0, 2.0]
    assert gate.stood_in(bundle.log_index) == {homes[0].subject, homes[2].subject}
    assert (gate.count("pairs.released"), gate.count("pairs.withheld_at_release.withdrawn")) == (4, 2)


def test_withdrawal_of_one_waiting_counts_once_though_the_bundle_is_formed_again() -> None:
    """A row that comes back from a voided bundle comes without the readings that were withheld from it."""
    gate = Gate(only("raw"))
    homes = gate.homes(2, "raw")
    gate.take(*(reading(home, T, kwh=n) for n, home in enumerate(homes)))
    gate.withdraw(homes[0], "raw")
    assert gate.form() is not None
    void_bundle(gate.state, "office", gate.now_ms)
    assert gate.count("pairs.waiting") == 1
    assert result_of(gate.records(), "raw") == [1.0]
    assert (gate.count("pairs.withheld_at_release"), gate.count("pairs.waiting")) == (1, 0)


def test_level_change_acts_on_the_open_day_like_a_withdrawal() -> None:
    """Whoever permits less leaves the finer cohort at once, and enters the coarser with the next day."""
    gate, homes = joined(only("hourly"), 4, "hourly")
    for home in homes:
        gate.send(home, DAY + MINUTE_MS, kwh=1)
    gate.now_ms = DAY + 30 * MINUTE_MS
    gate.grant(homes[0], "hourly", limited(space=Space.CITY))
    assert gate.count("pairs.withdrawn") == 1
    gate.send(homes[0], DAY + 40 * MINUTE_MS, kwh=5)
    gate.to(DAY + DAY_MS + LATENESS_MS)
    assert [(record.cell, record.result) for record in gate.records()] == [("north", 3.0)]
    assert gate.count("pairs.withheld.partial") == 1


def test_level_change_keeps_back_waiting_records() -> None:
    """Records made under wider terms do not leave under narrower ones."""
    gate = Gate(only("raw"))
    home = gate.home("raw")
    gate.send(home, T, kwh=1)
    gate.now_ms = T + 1
    gate.grant(home, "raw", limited(retention_days=3))
    assert gate.records() == []
    assert gate.count("pairs.withheld_at_release") == 1


def test_renewal_with_the_same_limits_keeps_the_day_and_records() -> None:
    """Saying yes again loses nothing."""
    gate, homes = joined(only("hourly", "raw"), 3, "hourly", "raw")
    for home in homes:
        gate.send(home, DAY, kwh=1)
    gate.now_ms = DAY + 30 * MINUTE_MS
    for scope in ("hourly", "raw"):
        gate.grant(homes[0], scope)
    gate.to(DAY + DAY_MS + LATENESS_MS)
    assert sorted(record.flow for record in gate.records()) == ["hourly", "raw", "raw", "raw"]


def test_expiry_at_release_withholds_what_was_taken_in_before() -> None:
    """Consent is required for the reading's time and at release: at its very millisecond it holds no more."""
    gate, homes = joined(only("hourly", "raw"), 4, "hourly", "raw")
    end_ms = DAY + DAY_MS + LATENESS_MS
    for scope in ("hourly", "raw"):
        gate.grant(homes[0], scope, expiry_ms=end_ms)
    for home in homes:
        gate.send(home, DAY + DAY_MS - 1, kwh=1)
    gate.now_ms = end_ms
    advance_watermark(gate.state, gate.now_ms, LATENESS_MS)  # without the step that lets consents run out
    records = gate.records()
    assert result_of(records, "hourly") == [3.0]
    assert len(result_of(records, "raw")) == 3
    assert gate.count("pairs.withdrawn") == 1
    assert gate.count("pairs.withheld_at_release") == 1


def test_expiry_one_millisecond_later_still_leaves() -> None:
    """Until its end a consent holds."""
    gate, homes = joined(only("hourly"), 3, "hourly")
    gate.grant(homes[0], "hourly", expiry_ms=DAY + DAY_MS + LATENESS_MS + 1)
    day_with(gate, homes, hours=1, kwh=1)
    assert result_of(gate.records(), "hourly") == [3.0]


def test_second_device_of_a_household_ends_nothing_of_the_first() -> None:
    """A meter added in the middle of a day counts from the next; the first one's day stays whole, and both are one subject."""
    gate, homes = joined(only("hourly", "raw"), 5, "hourly", "raw")
    for home in homes:
        gate.send(home, DAY + MINUTE_MS, kwh=1)
    gate.now_ms = DAY + 30 * MINUTE_MS
    second = gate.device(homes[0].subject)
    gate.send(homes[0], DAY + 40 * MINUTE_MS, kwh=1)
    gate.send(second, DAY + 40 * MINUTE_MS, kwh=50)
    for home in (*homes, second):
        gate.send(home, DAY + DAY_MS, kwh=1)
    gate.to(DAY + 2 * DAY_MS + LATENESS_MS)
    records = gate.records()
    assert result_of(records, "hourly") == [6.0, 6.0]
    assert len(result_of(records, "raw")) == 13
    assert gate.count("pairs.withdrawn") == 0
