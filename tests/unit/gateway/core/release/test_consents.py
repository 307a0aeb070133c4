"""Every check is made again at release: withdrawals, levels, ended consents and new devices act on what is open and waits."""

from __future__ import annotations

import pytest

from consent.core.disclosure import Space
from gateway.core.release.bundle import advance_watermark
from gateway.core.release.void import void_bundle
from tests.support.gate import (
    HOUR_MS,
    LATENESS_MS,
    MIDNIGHT_MS,
    MINUTE_MS,
    Gate,
    hour_with,
    limited,
    only,
    reading,
    result_of,
    whole,
)

T = MIDNIGHT_MS


def test_withdrawal_takes_the_subject_out_of_the_open_window() -> None:
    """From the moment it is confirmed, no figure formed holds anything of theirs."""
    gate = Gate(only("hourly"))
    homes = gate.homes(4, "hourly")
    for n, home in enumerate(homes):
        gate.send(home, kwh=10**n)
    gate.withdraw(homes[3], "hourly")
    assert gate.count("pairs.withdrawn") == 1
    gate.send(homes[3], T + 1, kwh=1_000)
    gate.to(T + HOUR_MS + LATENESS_MS)
    bundle = whole(gate.bundle())
    assert [(record.result, record.n) for record in bundle.records] == [(111.0, 3)]
    assert gate.stood_in(bundle.log_index) == {home.subject for home in homes[:3]}


def test_withdrawal_of_an_ended_window_not_yet_drawn() -> None:
    """Aggregates are computed when bundled: an outage leaves withdrawals free to act on hours that are long over."""
    gate = Gate(only("hourly"))
    homes = gate.homes(3, "hourly")
    hour_with(gate, homes)
    gate.withdraw(homes[0], "hourly")
    assert [(record.result, record.n) for record in gate.records()] == [(2.0, 2)]


def test_withdrawal_below_the_group_suppresses_the_rest() -> None:
    """One of two leaves: the other is not shown alone."""
    gate = Gate(only("hourly"))
    homes = gate.homes(2, "hourly")
    hour_with(gate, homes)
    gate.withdraw(homes[0], "hourly")
    assert gate.records() == []
    assert (gate.count("pairs.withdrawn"), gate.count("pairs.suppressed.k")) == (1, 1)


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
    """Windows that were under way at the withdrawal stay without them, even if they change their mind."""
    gate = Gate(only("hourly"))
    homes = gate.homes(3, "hourly")
    for home in homes:
        gate.send(home, T + MINUTE_MS, kwh=1)
    gate.withdraw(homes[0], "hourly")
    gate.grant(homes[0], "hourly")
    gate.send(homes[0], T + 2 * MINUTE_MS, kwh=1)
    gate.to(T + HOUR_MS + LATENESS_MS)
    assert [(record.result, record.n) for record in gate.records()] == [(2.0, 2)]
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


def test_level_change_acts_on_open_windows_like_a_withdrawal() -> None:
    """Whoever permits less leaves the finer window at once, and enters the coarser with the next one that begins."""
    gate = Gate(only("hourly"))
    homes = gate.homes(3, "hourly")
    for home in homes:
        gate.send(home, T + MINUTE_MS, kwh=1)
    gate.now_ms = T + 2 * MINUTE_MS
    gate.grant(homes[0], "hourly", limited(space=Space.CITY))
    assert gate.count("pairs.withdrawn") == 1
    gate.send(homes[0], T + 3 * MINUTE_MS, kwh=5)
    gate.to(T + HOUR_MS + LATENESS_MS)
    assert [(record.cell, record.result) for record in gate.records()] == [("north", 2.0)]
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


def test_renewal_with_the_same_limits_keeps_windows_and_records() -> None:
    """Saying yes again loses nothing."""
    gate = Gate(only("hourly", "raw"))
    homes = gate.homes(2, "hourly", "raw")
    for home in homes:
        gate.send(home, T, kwh=1)
    gate.now_ms = T + 1
    for scope in ("hourly", "raw"):
        gate.grant(homes[0], scope)
    gate.to(T + HOUR_MS + LATENESS_MS)
    assert sorted(record.flow for record in gate.records()) == ["hourly", "raw", "raw"]


def test_expiry_at_release_withholds_what_was_taken_in_before() -> None:
    """Consent is required for the reading's time and at release: at its very millisecond it holds no more."""
    gate = Gate(only("hourly", "raw"))
    homes = gate.homes(3, "hourly", "raw")
    for scope in ("hourly", "raw"):
        gate.grant(homes[0], scope, expiry_ms=T + HOUR_MS + LATENESS_MS)
    for home in homes:
        gate.send(home, T, kwh=1)
    gate.now_ms = T + HOUR_MS + LATENESS_MS
    advance_watermark(gate.state, gate.now_ms, LATENESS_MS)  # without the step that lets consents run out
    records = gate.records()
    assert [(r.result, r.n) for r in records if r.flow == "hourly"] == [(2.0, 2)]
    assert len(result_of(records, "raw")) == 2
    assert gate.count("pairs.withdrawn") == 1
    assert gate.count("pairs.withheld_at_release") == 1


def test_expiry_one_millisecond_later_still_leaves() -> None:
    """Until its end a consent holds."""
    gate = Gate(only("hourly"))
    homes = gate.homes(2, "hourly")
    gate.grant(homes[0], "hourly", expiry_ms=T + HOUR_MS + LATENESS_MS + 1)
    hour_with(gate, homes)
    assert [(record.result, record.n) for record in gate.records()] == [(2.0, 2)]


def test_second_device_of_a_household_ends_nothing_of_the_first() -> None:
    """A meter added in the middle of an hour counts from the next; the first one's hour stays whole, and both are one subject."""
    gate = Gate(only("hourly", "raw"))
    homes = gate.homes(2, "hourly", "raw")
    for home in homes:
        gate.send(home, T + MINUTE_MS, kwh=1)
    gate.now_ms = T + 10 * MINUTE_MS
    second = gate.device(homes[0].subject)
    gate.send(homes[0], T + 20 * MINUTE_MS, kwh=2)
    gate.send(second, T + 20 * MINUTE_MS, kwh=100)
    for home in (*homes, second):
        gate.send(home, T + HOUR_MS, kwh=1)
    gate.to(T + 2 * HOUR_MS + LATENESS_MS)
    records = gate.records()
    assert [(r.result, r.n) for r in records if r.flow == "hourly"] == [(4.0, 2), (3.0, 2)]
    assert len(result_of(records, "raw")) == 7
    assert gate.count("pairs.withdrawn") == 0
