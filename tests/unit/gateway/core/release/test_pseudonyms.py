"""Totals under pseudonyms: one a day for a recipient and purpose, and a key that is forgotten when the day is done."""

from __future__ import annotations

from typing import Any

from gateway.core.plans import Device
from gateway.core.release.bundle import bundle_acknowledged, bundle_sent
from gateway.core.release.void import void_bundle
from gateway.recipient.opening import open_bundle
from gateway.recipient.records import Record
from tests.support.gate import (
    DAY_MS,
    LATENESS_MS,
    MIDNIGHT_MS,
    MINUTE_MS,
    RECIPIENT_KEY,
    Gate,
    only,
    reading,
    town,
    whole,
)

T = MIDNIGHT_MS


def _days(gate: Gate, homes: list[Device], days: int) -> list[Record]:
    """Let homes report for some days; return all records."""
    found = []
    for _ in range(days):
        gate.take(*(reading(home, gate.now_ms + MINUTE_MS, kwh=n + 1) for n, home in enumerate(homes)))
        gate.to(gate.now_ms + DAY_MS)
        gate.to(gate.now_ms)
        found += gate.records()
    gate.to(gate.now_ms + LATENESS_MS)
    return found + gate.records()


def test_pseudonyms_one_a_day_and_new_the_next() -> None:
    """Within a day a home has one pseudonym for a recipient and purpose; nothing joins the days."""
    gate = Gate(town(("precision = { consumption = 0.01 }, retention = 30", "precision = { consumption = 1 }, retention = 30")))
    homes = gate.homes(3, "daily")
    records = [record for record in _days(gate, homes, 2) if record.flow == "daily"]
    by_day: dict[Any, set[bytes | None]] = {}
    for record in records:
        assert (record.identity, record.n, record.id, record.statistic) == ("per-epoch", None, None, "sum")
        by_day.setdefault(record.epoch, set()).add(record.pseudonym)
    assert set(by_day) == {("2026-03-02", 1), ("2026-03-03", 1)}
    assert [len(pseudonyms) for pseudonyms in by_day.values()] == [3, 3]
    assert len(set().union(*by_day.values())) == 6


def test_pseudonym_same_for_two_flows_of_a_purpose_on_one_day() -> None:
    """That is what makes it a pseudonym: records of one day belong together."""
    daily = "\n[flow.daily]" + town().files["city.toml"].decode().split("\n[flow.daily]")[1].split("\n[flow.")[0]
    twice = town((daily, daily + daily.replace("[flow.daily]", "[flow.daily-too]")))
    gate = Gate(twice)
    home = gate.home("daily", "daily-too")
    records = _days(gate, [home], 1)
    assert sorted(record.flow for record in records) == ["daily", "daily-too"]
    assert len({record.pseudonym for record in records}) == 1


def test_pseudonym_key_forgotten_once_the_days_totals_are_acknowledged() -> None:
    """Not before, since the rest of the day's totals must match; not later, since what is gone cannot be seized."""
    gate = Gate(only("daily"))
    for home in gate.homes(2, "daily"):
        gate.send(home, kwh=1)
    gate.to(T + DAY_MS + LATENESS_MS)
    unsent = gate.form()
    assert unsent is not None
    assert len(gate.state.domain_keys.domains()) == 1
    bundle_sent(gate.state, "office")
    assert len(gate.state.domain_keys.domains()) == 1
    bundle_acknowledged(gate.state, unsent.index)
    assert gate.state.domain_keys.domains() == ()


def test_pseudonym_key_kept_while_a_bundle_may_still_be_voided() -> None:
    """A bundle formed again after a void must not carry other pseudonyms under the same epoch."""
    gate = Gate(only("daily", "street-noise"))
    home = gate.home("daily")
    gate.send(home, kwh=1)
    gate.send(gate.device(), db=60)
    gate.to(T + DAY_MS + LATENESS_MS)
    public, office = gate.form("public"), gate.form("office")
    assert public is not None
    assert office is not None
    gate.deliver(public)
    void_bundle(gate.state, "office", gate.now_ms)
    gate.commit()
    first = pseudonyms_in(gate, office.content, office.index)
    again = gate.form("office")
    assert again is not None
    assert pseudonyms_in(gate, again.content, again.index) == first


def pseudonyms_in(gate: Gate, content: bytes, index: int) -> list[bytes | None]:
    """Return the pseudonyms in a bundle that nobody was sent."""
    return [record.pseudonym for record in open_bundle(content, RECIPIENT_KEY, index).records]


def test_pseudonym_key_forgotten_where_the_days_totals_come_to_nothing() -> None:
    """What was formed, voided and then suppressed needs the key no longer."""
    gate = Gate(only("daily"))
    gate.send(gate.home("daily"), kwh=1)
    gate.to(T + DAY_MS + LATENESS_MS)
    assert gate.form() is not None
    void_bundle(gate.state, "office", gate.now_ms)
    gate.reconnect(session_present=False)
    gate.to(gate.now_ms)
    assert gate.form() is None
    assert gate.count("pairs.suppressed.partial") == 1
    assert gate.state.domain_keys.domains() == ()


def test_pseudonym_key_kept_while_the_day_has_open_windows() -> None:
    """A total that waits for the next bundle needs the key of those that have left."""
    gate = Gate(only("daily"))
    homes = gate.homes(700, "daily")
    gate.take(*(reading(home, T, kwh=1) for home in homes))
    gate.to(T + DAY_MS + LATENESS_MS)
    whole(gate.bundle())
    assert len(gate.state.domain_keys.domains()) == 1
    gate.records()
    assert gate.state.domain_keys.domains() == ()
