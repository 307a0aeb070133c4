"""A release tick: what goes into a bundle and its log entry, what stays for the next, and what a void brings back."""

from __future__ import annotations

from typing import Any

import pytest

from consent.core.disclosure import Space, Time
from gateway.audit.openings import label, split_labels, subject_label_key
from gateway.audit.payloads import VoidPayload
from gateway.core import changes, release
from gateway.core.plans import Device
from gateway.core.records import read_row
from gateway.recipient.opening import Bundle, open_bundle
from gateway.recipient.records import Record
from gateway.recipient.wire import MAX_BUNDLE_BYTES
from tests.unit.core.building import (
    DAY_MS,
    HOUR_MS,
    LATENESS_MS,
    MIDNIGHT_MS,
    MINUTE_MS,
    RECIPIENT_KEY,
    Gate,
    frame,
    limited,
    only,
    reading,
    result_of,
    town,
)

T = MIDNIGHT_MS


def hour_with(gate: Gate, homes: list[Device], kwh: float = 1.0) -> None:
    """Let some homes report once, and the hour and its lateness pass."""
    gate.take(*(reading(home, gate.now_ms + MINUTE_MS, kwh=kwh) for home in homes))
    gate.to(gate.now_ms + HOUR_MS + LATENESS_MS)


def whole(bundle: Bundle | None) -> Bundle:
    """Return a bundle that must be there."""
    assert bundle is not None
    return bundle


# what leaves, and when


def test_nothing_ended_nothing_formed() -> None:
    """An open window gives nothing, and an empty bundle is none."""
    gate = Gate(only("hourly"))
    for home in gate.homes(2, "hourly"):
        gate.send(home, kwh=1)
    size = gate.state.log.size
    gate.to(T + HOUR_MS + LATENESS_MS - 1)
    assert gate.form() is None
    assert gate.state.log.size == size


def test_window_ends_when_its_lateness_has_passed() -> None:
    """A quarter of an hour after the hour, by the gateway's clock."""
    gate = Gate(only("hourly"))
    hour_with(gate, gate.homes(2, "hourly"))
    (record,) = whole(gate.bundle()).records
    assert record == Record(
        flow="hourly",
        purpose="energy",
        observed_property="consumption",
        unit="kW.h",
        result=2.0,
        phenomenon_time=(T, T + HOUR_MS),
        cell="north",
        identity="aggregate",
        retention_days=365,
        statistic="sum",
        n=2,
    )


def test_no_window_ends_before_the_queue_has_run_dry() -> None:
    """After a reconnect the broker may still hold readings of the hour."""
    gate = Gate(only("hourly"))
    homes = gate.homes(2, "hourly")
    gate.reconnect(session_present=True)
    gate.state.dry = False
    hour_with(gate, homes)
    assert gate.form() is None
    gate.state.dry = True
    gate.to(gate.now_ms)
    assert result_of(gate.records(), "hourly") == [2.0]


def test_each_recipient_gets_its_own() -> None:
    """A bundle holds what its recipient is entitled to, and nothing else."""
    gate = Gate(only("hourly", "street-noise"))
    homes, street = gate.homes(2, "hourly"), gate.device()
    gate.send(street, db=60)
    hour_with(gate, homes)
    assert {record.flow for record in gate.records("public")} == {"street-noise"}
    assert {record.flow for record in gate.records("office")} == {"hourly"}
    assert gate.form("public") is None


def test_open_data_in_plain_json_without_subjects() -> None:
    """A recipient without a key gets what is about nobody; its release has the one part and labels that are all padding."""
    gate = Gate(only("street-noise"))
    gate.send(gate.device(), T, db=61.2)
    unsent = gate.form("public")
    assert unsent is not None
    assert unsent.content.startswith(b"{")
    (record,) = gate.deliver(unsent).records
    assert (record.result, record.identity, record.cell, record.n) == (61.2, "per-record", "mill", None)
    assert record.phenomenon_time == (T, T + 15 * MINUTE_MS)
    assert gate.contributions(unsent.index) == []
    assert unsent.subjects == frozenset()


def test_retention_is_the_shortest_of_the_members() -> None:
    """The recipient keeps a figure no longer than the strictest of those in it permits."""
    gate = Gate(only("hourly"))
    homes = [gate.home("hourly"), gate.home("hourly", limits=limited(retention_days=9))]
    hour_with(gate, homes)
    assert whole(gate.bundle()).records[0].retention_days == 9


def test_levels_never_rolled_up_together() -> None:
    """Homes of different levels stand in different figures; too few of a level give none."""
    gate = Gate(only("hourly"))
    fine, coarse = gate.homes(2, "hourly"), gate.homes(3, "hourly", limits=limited(space=Space.CITY))
    lone = gate.homes(1, "hourly", limits=limited(time=Time.DAY))
    hour_with(gate, [*fine, *coarse, *lone])
    gate.to(T + DAY_MS + LATENESS_MS)
    assert sorted((record.cell, record.n) for record in gate.records()) == [("north", 2), ("town", 3)]
    assert gate.count("pairs.suppressed.k") == 1


# the log entry


def test_opening_says_what_each_record_rests_on() -> None:
    """Part 0 tells the bundle without its values; one more part for each subject in a record, with the entries it rests on."""
    gate = Gate(only("hourly", "raw"))
    homes = gate.homes(2, "hourly", "raw")
    gate.send(homes[0], T + 2 * MINUTE_MS, kwh=3)
    hour_with(gate, homes)
    bundle = whole(gate.bundle())
    payload = gate.release_payload(bundle.log_index)
    assert payload.recipient == "office"
    listed = [(r.flow, r.level, r.cell, r.window, r.n, r.identity) for r in payload.records]
    assert listed[0] == ("hourly", ("1h", "district", "0.001"), "north", (T, T + HOUR_MS), 3, "aggregate")
    assert [row[0] for row in listed] == [record.flow for record in bundle.records] == ["hourly", "raw", "raw", "raw"]
    parts = gate.contributions(bundle.log_index)
    assert {(p.record, p.subject, p.n) for p in parts if p.record == 0} == {(0, homes[0].subject, 2), (0, homes[1].subject, 1)}
    assert sorted(p.record for p in parts) == [0, 0, 1, 2, 3]
    assert sum(p.n for p in parts) == sum(r.n for r in payload.records)
    force = gate.state.force
    assert force is not None
    for part in parts:
        entries = [e.index for e in gate.state.book.for_subject(part.subject)]
        assert part.policy == force.entry
        assert len(part.consents) == 1
        assert set(part.consents) <= set(entries)
    assert parts[0].disclosure == {
        "identity": "aggregate",
        "time": "1h",
        "space": "district",
        "precision": {"consumption": "0.001"},
        "group": 2,
        "retention": 365,
        "budget": "none",
    }


def test_opening_holds_no_value() -> None:
    """An auditor sees who stood in what, and never what they used."""
    gate = Gate(only("raw"))
    gate.send(gate.home("raw"), kwh=98.765)
    unsent = gate.form()
    assert unsent is not None
    assert b"98" not in b"".join(part.data for part in gate.openings[unsent.index].parts if not isinstance(part, bytes))


def test_labels_let_each_subject_find_its_releases() -> None:
    """Each subject's label is in the file, which is padded to a power of two."""
    gate = Gate(only("hourly"))
    homes = gate.homes(3, "hourly")
    stranger = gate.home()
    hour_with(gate, homes)
    release.form_bundle(gate.state, "office", [], gate.now_ms, gate._seals["office"].on("2026-03-02"))
    (row,) = gate.state.take_commit().log
    assert row.labels is not None
    found = split_labels(row.labels)
    assert len(found) == 4
    secrets = gate.state.subject_secrets
    own = {
        home.subject: label(subject_label_key(secrets[home.subject or b""]), row.index) in found for home in [*homes, stranger]
    }
    assert [own[home.subject] for home in [*homes, stranger]] == [True, True, True, False]


def test_entry_and_bundle_are_one_commit() -> None:
    """Record, then release: the bundle's bytes are stored with the entry that accounts for them, and its hash is in it."""
    gate = Gate(only("raw"))
    gate.send(gate.home("raw"), kwh=1)
    rows = [(number, content) for number, (_, content) in gate.outbox.items()]
    unsent = release.form_bundle(gate.state, "office", rows, gate.now_ms, gate._seals["office"].on("2026-03-02"))
    assert unsent is not None
    commit = gate.state.take_commit()
    assert [(row.index, row.kind) for row in commit.log] == [(unsent.index, "release")]
    assert [(row.index, row.recipient, row.content) for row in commit.bundles] == [(unsent.index, "office", unsent.content)]
    assert commit.outbox_done == [1]


# size


def test_bundle_of_thousands_of_records_the_rest_goes_next() -> None:
    """No bundle is over 128 KiB, none is formed but full ones, and all records arrive once."""
    gate = Gate(only("raw", "street-noise"))
    home, street = gate.home("raw"), gate.device()
    for batch in range(4):
        gate.take(*(reading(home, T + 1_000 * batch + i, kwh=i / 1000) for i in range(1_000)))
        gate.take(*(reading(street, T + 1_000 * batch + i, db=60) for i in range(1_000)))
    for recipient in ("office", "public"):
        bundles = []
        while (unsent := gate.form(recipient)) is not None:
            assert len(unsent.content) <= MAX_BUNDLE_BYTES
            bundles.append((unsent.full, gate.deliver(unsent)))
        assert len(bundles) > 5
        assert [full for full, _ in bundles] == [True] * (len(bundles) - 1) + [False]
        ids = [record.id for _, bundle in bundles for record in bundle.records]
        assert len(ids) == len(set(ids)) == 4_000
        assert min(len(bundle.records) for _, bundle in bundles[:-1]) >= 200
    assert gate.count("pairs.released") == 8_000
    assert gate.state.waiting == {"office": 0, "public": 0}


@pytest.mark.parametrize("row_records", [50, 110, 140, 185])
def test_bundle_filled_by_the_size_of_its_own_form(row_records: int) -> None:
    """Open data takes more room than sealed records, and whatever the size of the rows, no bundle overflows."""
    gate = Gate(only("raw", "street-noise"))
    home, street = gate.home("raw"), gate.device()
    for batch in range(1_200 // row_records):
        gate.take(*(reading(home, T + 1_000 * batch + i, kwh=1) for i in range(row_records)))
        gate.take(*(reading(street, T + 1_000 * batch + i, db=60) for i in range(row_records)))
    assert len(gate.records("office")) == len(gate.records("public")) == 1_200 // row_records * row_records


def test_bundle_of_thousands_of_members_the_rest_goes_next() -> None:
    """A window of pseudonymous totals may span bundles: everybody's total leaves once, under one domain."""
    gate = Gate(only("daily"))
    homes = gate.homes(1_200, "daily")
    gate.take(*(reading(home, T + MINUTE_MS, kwh=number / 100) for number, home in enumerate(homes)))
    gate.to(T + DAY_MS + LATENESS_MS)
    first = gate.form()
    assert first is not None
    assert first.full
    assert len(gate.state.windows.open) == 1
    records = [*gate.deliver(first).records, *gate.records()]
    assert len(records) == len({record.pseudonym for record in records}) == 1_200
    assert sorted(record.result for record in records)[:2] == [0.005, 0.015]
    assert len({record.epoch for record in records}) == 1
    assert gate.count("pairs.aggregated") == 1_200
    assert not gate.state.windows.open


def test_bundle_of_many_figures_the_rest_goes_next() -> None:
    """Windows that find no room stay as they are, and nothing of them is accounted before its time."""
    gate = Gate(only("hourly"))
    homes = gate.homes(2, "hourly")
    hours = 800
    gate.now_ms = T + hours * HOUR_MS
    for hour in range(hours):
        gate.take(*(reading(home, T + hour * HOUR_MS, kwh=1) for home in homes))
    gate.to(gate.now_ms + LATENESS_MS)
    first = gate.form()
    assert first is not None
    assert first.full
    assert gate.count("pairs.open") == 2 * (hours - len(gate.deliver(first).records)) > 0
    records = gate.records()
    assert gate.count("pairs.aggregated") == 2 * hours
    assert len(records) == hours - len(gate.release_payload(first.index).records)


# pseudonyms


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
    assert [record.flow for record in records] == ["daily", "daily-too"]
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
    release.handed_over(gate.state, "office")
    assert len(gate.state.domain_keys.domains()) == 1
    release.acknowledged(gate.state, unsent.index)
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
    release.void(gate.state, "office", gate.now_ms)
    gate.commit()
    first = pseudonyms_in(gate, office.content, office.index)
    again = gate.form("office")
    assert again is not None
    assert pseudonyms_in(gate, again.content, again.index) == first


def pseudonyms_in(gate: Gate, content: bytes, index: int) -> list[bytes | None]:
    """Return the pseudonyms in a bundle that nobody was sent."""
    return [record.pseudonym for record in open_bundle(content, RECIPIENT_KEY, index).records]


def test_pseudonym_key_forgotten_where_the_days_totals_come_to_nothing() -> None:
    """What was formed, taken back and then suppressed needs the key no longer."""
    gate = Gate(only("daily"))
    gate.send(gate.home("daily"), kwh=1)
    gate.to(T + DAY_MS + LATENESS_MS)
    assert gate.form() is not None
    release.void(gate.state, "office", gate.now_ms)
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


# withdrawal, level, expiry


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
    release.void(gate.state, "office", gate.now_ms)
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
    release.advance(gate.state, gate.now_ms, LATENESS_MS)  # without the step that lets consents run out
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


# voiding, handing over


def held(gate: Gate) -> dict[Any, dict[bytes, Any]]:
    """Return what stands in the windows."""
    return {window.key: {who: member.state() for who, member in window.members.items()} for window in gate.state.windows}


def test_void_brings_everything_back_and_is_logged() -> None:
    """A bundle of which no byte has left can be taken back: windows, records and books are as before, and the log says so."""
    gate = Gate(only("hourly", "daily", "raw"))
    homes = gate.homes(2, "hourly", "daily", "raw")
    for home in homes:
        gate.send(home, T, kwh=1)
    gate.to(T + DAY_MS + LATENESS_MS)
    before = (held(gate), dict(gate.outbox), gate.count("pairs.open"), gate.count("pairs.waiting"))
    unsent = gate.form()
    assert unsent is not None
    assert (gate.outbox, gate.count("pairs.open"), gate.count("pairs.waiting")) == ({}, 0, 0)
    release.void(gate.state, "office", gate.now_ms)
    commit = gate.commit()
    assert commit.bundles_done == [unsent.index]
    (entry,) = commit.log
    assert entry.kind == "void"
    (part,) = gate.openings[entry.index].parts
    assert not isinstance(part, bytes)
    assert VoidPayload.decode(part.data) == VoidPayload(unsent.index)
    after = (held(gate), dict(gate.outbox), gate.count("pairs.open"), gate.count("pairs.waiting"))
    assert after == before
    assert (gate.count("bundles.formed"), gate.count("bundles.voided"), gate.count("bundles.ready")) == (1, 1, 0)
    assert sorted(record.flow for record in gate.records()) == ["daily", "daily", "hourly", "raw", "raw"]


def test_withdrawal_voids_what_has_not_been_handed_over() -> None:
    """The bundle that stands ready holds the subject: it never leaves, and the one formed instead does not hold it."""
    gate = Gate(only("hourly", "raw"))
    homes = gate.homes(3, "hourly", "raw")
    for home in homes:
        gate.send(home, T, kwh=1)
    gate.to(T + HOUR_MS + LATENESS_MS)
    ready = gate.form()
    assert ready is not None
    assert homes[0].subject in ready.subjects
    gate.withdraw(homes[0], "hourly")
    gate.withdraw(homes[0], "raw")
    assert gate.state.unsent == {}
    bundle = whole(gate.bundle())
    assert [(r.flow, r.n) for r in bundle.records] == [("hourly", 2), ("raw", None), ("raw", None)]
    assert homes[0].subject not in gate.stood_in(bundle.log_index)
    assert gate.count("bundles.voided") == 1


def test_withdrawal_leaves_what_has_been_handed_over() -> None:
    """Bytes that have left stand, and it is known whom they speak of."""
    gate = Gate(only("raw"))
    home = gate.home("raw")
    gate.send(home, T, kwh=1)
    unsent = gate.form()
    assert unsent is not None
    release.handed_over(gate.state, "office")
    gate.withdraw(home, "raw")
    handed = gate.state.handed[unsent.index]
    assert (handed.recipient, handed.subjects, handed.full) == ("office", frozenset({home.subject}), False)
    assert (gate.count("bundles.sent"), gate.count("bundles.voided"), gate.count("pairs.released")) == (1, 0, 1)
    release.acknowledged(gate.state, unsent.index)
    assert gate.commit().bundles_done == [unsent.index]
    assert gate.count("bundles.acknowledged") == 1


def test_void_of_a_window_drawn_in_part_joins_what_stayed() -> None:
    """Members that found no room and members that come back are one window again."""
    gate = Gate(only("daily"))
    homes = gate.homes(700, "daily")
    gate.take(*(reading(home, T, kwh=1) for home in homes))
    gate.to(T + DAY_MS + LATENESS_MS)
    first = gate.form()
    assert first is not None
    assert 0 < gate.count("pairs.open") < 700
    release.void(gate.state, "office", gate.now_ms)
    assert gate.count("pairs.open") == 700
    (window,) = gate.state.windows
    assert len(window.members) == 700
    assert len(gate.records()) == 700


def test_void_does_not_bring_back_what_was_suppressed_with_it() -> None:
    """Who was not in the figure has its account already."""
    gate = Gate(only("hourly"))
    homes = [*gate.homes(2, "hourly"), gate.home("hourly", limits=limited(group=9))]
    hour_with(gate, homes)
    assert gate.form() is not None
    assert gate.count("pairs.suppressed.k") == 1
    release.void(gate.state, "office", gate.now_ms)
    assert [(r.result, r.n) for r in gate.records()] == [(2.0, 2)]
    assert (gate.count("pairs.suppressed.k"), gate.count("pairs.aggregated")) == (1, 2)


def test_policy_change_takes_back_bundles_that_have_not_left() -> None:
    """A flow that is struck out of the policies gets nothing any more, not even what stood ready."""
    gate = Gate(only("hourly", "raw"))
    homes = gate.homes(2, "hourly", "raw")
    for home in homes:
        gate.send(home, T, kwh=1)
    gate.to(T + HOUR_MS + LATENESS_MS)
    assert gate.form() is not None
    gate.apply(only("hourly"))
    assert {record.flow for record in gate.records()} == {"hourly"}
    assert gate.count("pairs.withheld_at_release.withdrawn") == 2


def test_device_struck_off_takes_its_public_readings_along() -> None:
    """What waits of a device that is no longer registered does not leave."""
    gate = Gate(only("street-noise", "street-hourly"))
    street, other = gate.device(), gate.device()
    for device in (street, other):
        gate.send(device, T, db=60)
    changes.revoke_device(gate.state, street.topic, gate.now_ms)
    gate.commit()
    gate.take(frame(street.topic, b'{"t":%d,"db":60}' % T))
    gate.to(T + HOUR_MS + LATENESS_MS)
    assert sorted(record.flow for record in gate.records("public")) == ["street-hourly", "street-noise"]
    assert gate.count("frames.rejected.unknown_device") == 1
    assert (gate.count("pairs.withdrawn"), gate.count("pairs.withheld_at_release")) == (1, 1)


def test_row_without_anything_left_is_done() -> None:
    """A row whose every reading is withheld makes no bundle, and is gone all the same."""
    gate = Gate(only("raw"))
    home = gate.home("raw")
    gate.send(home, T, kwh=1)
    ((_, content),) = gate.outbox.values()
    assert len(read_row(content)) == 1
    gate.withdraw(home, "raw")
    size = gate.state.log.size
    assert gate.form() is None
    assert (gate.outbox, gate.state.waiting, gate.state.log.size) == ({}, {"office": 0}, size)
