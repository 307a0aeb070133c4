"""A release tick: what goes into a bundle and its log entry, and what stays for the next for want of room."""

from __future__ import annotations

import pytest

from consent.core.disclosure import Space, Time
from gateway.audit.log.openings import label, split_labels, subject_label_key
from gateway.core.plans import Device
from gateway.core.release import draft
from gateway.core.release.bundle import form_bundle, has_ended, next_guard
from gateway.core.release.guarding import guard_task
from gateway.recipient.records import Record
from gateway.recipient.wire import MAX_BUNDLE_BYTES
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
from tests.support.publications import day_with, exact_town, joined
from tests.support.refolded import refolded, standing
from tests.support.replayed import replayed

T = MIDNIGHT_MS


def hour_of_streets(gate: Gate) -> None:
    """Let two sound meters of the city report in an hour, and the hour and its lateness pass."""
    for _ in range(2):
        gate.send(gate.device(), T, db=60)
    gate.to(T + HOUR_MS + LATENESS_MS)


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
    gate = Gate(only("street-hourly"))
    hour_of_streets(gate)
    (record,) = whole(gate.bundle("public")).records
    assert record == Record(
        flow="street-hourly",
        purpose="streets",
        observed_property="LAeq",
        unit="dB",
        result=60.5,
        phenomenon_time=(T, T + HOUR_MS),
        cell="town",
        identity="aggregate",
        retention_days=365,
        statistic="mean",
        n=2,
    )


def test_no_window_ends_before_the_queue_has_run_dry() -> None:
    """After a reconnect the broker may still hold readings of the hour."""
    gate = Gate(only("street-hourly"))
    gate.reconnect(session_present=True)
    gate.state.drained = False
    hour_of_streets(gate)
    assert gate.form("public") is None
    gate.state.drained = True
    gate.to(gate.now_ms)
    assert result_of(gate.records("public"), "street-hourly") == [60.5]


def test_each_recipient_gets_its_own() -> None:
    """A bundle holds what its recipient is entitled to, and nothing else."""
    gate, homes = joined(only("hourly", "street-noise"), 3, "hourly")
    gate.send(gate.device(), db=60)
    day_with(gate, homes, hours=1)
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
    """The recipient keeps a figure no longer than the strictest of those in it permits, wherever that is known before."""
    gate = Gate(only("raw"))
    homes = [gate.home("raw"), gate.home("raw", limits=limited(retention_days=5))]
    for home in homes:
        gate.send(home, kwh=1)
    assert sorted(record.retention_days for record in whole(gate.bundle()).records) == [5, 7]


def test_levels_never_rolled_up_together() -> None:
    """Homes of different levels stand in different figures; too few of a level give none."""
    gate = Gate(only("hourly"))
    fine, coarse = gate.homes(5, "hourly"), gate.homes(10, "hourly", limits=limited(space=Space.CITY))
    lone = gate.homes(1, "hourly", limits=limited(time=Time.DAY))
    gate.to(DAY + LATENESS_MS)
    gate.records()
    day_with(gate, [*fine, *coarse, *lone], hours=1)
    assert sorted((record.cell, record.n) for record in gate.records()) == [("north", 5), ("town", 10)]
    assert gate.count("pairs.suppressed") == 1


# the log entry


def test_opening_says_what_each_record_rests_on() -> None:
    """Part 0 tells the bundle without its values; one more part for each subject in a record, with the entries it rests on."""
    gate = Gate(only("daily", "raw"))
    homes = gate.homes(2, "daily", "raw")
    gate.send(homes[0], T + 2 * MINUTE_MS, kwh=3)
    gate.take(*(reading(home, T + MINUTE_MS, kwh=1) for home in homes))
    gate.to(T + DAY_MS + LATENESS_MS)
    bundle = whole(gate.bundle())
    payload = gate.release_payload(bundle.log_index)
    assert payload.recipient == "office"
    listed = [(r.flow, r.level, r.cell, r.window, r.n, r.identity) for r in payload.records]
    assert sorted(listed)[0] == ("daily", ("day", "district", "0.01"), "north", (T, T + DAY_MS), 1, "per-epoch")
    assert [row[0] for row in listed] == [record.flow for record in bundle.records]
    assert sorted(record.flow for record in bundle.records) == ["daily", "daily", "raw", "raw", "raw"]
    parts = gate.contributions(bundle.log_index)
    assert sorted(p.record for p in parts) == [0, 1, 2, 3, 4]
    assert {(payload.records[p.record].flow, p.subject, p.n) for p in parts} == {
        ("daily", homes[0].subject, 2),
        ("daily", homes[1].subject, 1),
        ("raw", homes[0].subject, 1),
        ("raw", homes[1].subject, 1),
    }
    assert sum(p.n for p in parts) == sum(r.n for r in payload.records)
    force = gate.state.force
    assert force is not None
    for part in parts:
        entries = [e.index for e in gate.state.registry.book.for_subject(part.subject)]
        assert part.policy == force.entry
        assert len(part.consents) == 1
        assert set(part.consents) <= set(entries)
    totals = next(part for part in parts if payload.records[part.record].flow == "daily")
    assert totals.disclosure == {
        "identity": "per-epoch",
        "time": "day",
        "space": "district",
        "precision": {"consumption": "0.01"},
        "group": 1,
        "retention": 30,
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
    gate, homes = joined(only("hourly"), 3, "hourly")
    stranger = gate.home()
    day_with(gate, homes, hours=1)
    gate.commit()
    form_bundle(gate.state, "office", [], gate.now_ms, gate.form_of("office"))
    (row,) = gate.state.take_commit().log
    assert row.labels is not None
    found = split_labels(row.labels)
    assert len(found) == 4
    secrets = {subject.id: subject.secret for subject in gate.state.registry.subjects.values()}
    own = {
        home.subject: label(subject_label_key(secrets[home.subject or b""]), row.index) in found for home in [*homes, stranger]
    }
    assert [own[home.subject] for home in [*homes, stranger]] == [True, True, True, False]


def test_entry_and_bundle_are_one_commit() -> None:
    """Record, then release: the bundle's bytes are stored with the entry that accounts for them, and its hash is in it."""
    gate = Gate(only("raw"))
    gate.send(gate.home("raw"), kwh=1)
    rows = [(number, content) for number, (_, content) in gate.outbox.items()]
    unsent = form_bundle(gate.state, "office", rows, gate.now_ms, gate._seals["office"].on("2026-03-02"))
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
    assert gate.state.outbox.waiting == {"office": 0, "public": 0}


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
    gate = Gate(only("street-hourly"))
    streets = [gate.device(), gate.device()]
    hours = 800
    gate.now_ms = T + hours * HOUR_MS
    for hour in range(hours):
        gate.take(*(reading(street, T + hour * HOUR_MS, db=60) for street in streets))
    gate.to(gate.now_ms + LATENESS_MS)
    first = gate.form("public")
    assert first is not None
    assert first.full
    assert gate.count("pairs.open") == 2 * (hours - len(gate.deliver(first).records)) > 0
    records = gate.records("public")
    assert gate.count("pairs.aggregated") == 2 * hours
    assert len(records) == hours - len(gate.release_payload(first.index).records)


# what is looked at in parts


@pytest.fixture
def looks_at_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a bundle look at no more than three members of windows."""
    monkeypatch.setattr(draft, "MOST_LOOKED_AT", 3)


def totals_of(gate: Gate, homes: int) -> list[Device]:
    """Return homes that have used something on a day that has ended, each another amount, of which nothing has left."""
    found = gate.homes(homes, "daily")
    gate.take(*(reading(home, T + MINUTE_MS, kwh=number + 0.5) for number, home in enumerate(found)))
    gate.to(T + DAY_MS + LATENESS_MS)
    return found


@pytest.mark.usefixtures("looks_at_few")
def test_window_of_many_leaves_in_several_bundles() -> None:
    """Each looks at a few, and everybody's total is told once; after each the books balance, and a restart knows the same."""
    gate = Gate(only("daily"))
    totals_of(gate, 8)
    told: list[int] = []
    while (unsent := gate.form()) is not None:
        assert unsent.full == (len(told) < 6)
        assert gate.count("pairs.open") == 8 - len(told) - len(unsent.windows[0].members)
        told += [int(record.result) for record in gate.deliver(unsent).records]
        assert standing(refolded(gate)) == standing(gate.state)
    assert sorted(told) == list(range(8))
    assert (gate.count("pairs.aggregated"), gate.count("pairs.open")) == (8, 0)
    assert replayed(gate).exit_status == 0


@pytest.mark.usefixtures("looks_at_few")
def test_withdrawal_between_two_bundles_of_a_window() -> None:
    """Whoever has not been told yet is told no more; whoever is in the bundle that was not sent is taken out with it."""
    gate = Gate(only("daily"))
    homes = totals_of(gate, 8)
    first = {int(record.result) for record in whole(gate.bundle()).records}
    unsent = gate.form()
    assert unsent is not None
    ready = {home for home in homes if home.subject in unsent.subjects}
    leaving = [next(iter(ready)), next(home for home in homes if home not in ready and homes.index(home) not in first)]
    for home in leaving:
        gate.withdraw(home, "daily")
    assert gate.count("pairs.withdrawn") == 2
    assert standing(refolded(gate)) != standing(gate.state), "not committed yet"
    gate.commit()
    assert standing(refolded(gate)) == standing(gate.state)
    rest = {int(record.result) for record in gate.records()}
    assert first | rest == set(range(8)) - {homes.index(home) for home in leaving}
    assert not first & rest
    assert gate.count("pairs.open") == 0
    assert replayed(gate).exit_status == 0


@pytest.mark.usefixtures("looks_at_few")
def test_policies_that_end_a_flow_between_two_bundles_of_a_window() -> None:
    """What has not left by then never does."""
    gate = Gate(only("daily"))
    totals_of(gate, 8)
    assert len(whole(gate.bundle()).records) == 3
    assert gate.form() is not None
    gate.apply(only("hourly"))
    assert gate.records() == []
    assert (gate.count("pairs.aggregated"), gate.count("pairs.withdrawn"), gate.count("pairs.open")) == (3, 5, 0)


@pytest.mark.usefixtures("looks_at_few")
def test_many_who_may_not_leave_hold_nobody_up() -> None:
    """A bundle that finds nobody is none; the next look finds who is left."""
    gate = Gate(only("daily"))
    homes = totals_of(gate, 7)
    for home in homes[:6]:
        plan = gate.state.plan_of(home)
        assert plan is not None
        plan.slots.clear()  # as where their terms ran out at this very moment
    formed = [gate.form() for _ in range(3)]
    left = [unsent for unsent in formed if unsent is not None]
    assert [len(unsent.subjects) for unsent in left] == [1]
    assert gate.count("pairs.withdrawn") == 6
    assert not has_ended(gate.state, "office")


@pytest.mark.usefixtures("looks_at_few")
def test_rest_of_a_guarded_window_is_told_no_more_once_somebody_has_left() -> None:
    """Its first bundle was sent with the guard: less the others, the rest would tell of the one who left."""
    gate, homes = joined(exact_town(), 8, "purpose:energy")
    day_with(gate, homes, hours=2)
    while (unsent := gate.form()) is not None and unsent.publication is not None:
        gate.deliver(unsent)
    assert unsent is not None
    told = len(gate.deliver(unsent).records)
    gate.withdraw(next(home for home in homes if home.subject not in unsent.subjects), "totals")
    while has_ended(gate.state, "office"):
        assert gate.form() is None
    assert gate.count("pairs.suppressed.told") == 2 * (8 - told - 1)


def test_totals_wait_for_a_guard_that_is_computed_elsewhere() -> None:
    """Nothing leaves that rests on one that is not there yet; with it, what leaves is as if it were computed at once."""
    gate, homes = joined(exact_town(), 8, "totals")
    day_with(gate, homes, hours=2)
    while gate.state.publications.due(gate.state.policies, "office", gate.state.windows.watermark_ms) is not None:
        gate.bundle()
    key = next_guard(gate.state, "office")
    assert key is not None
    assert form_bundle(gate.state, "office", [], gate.now_ms, gate.form_of("office"), {}) is None
    assert has_ended(gate.state, "office")
    excluded = guard_task(gate.state, "office", key, gate.now_ms).compute()
    unsent = form_bundle(gate.state, "office", [], gate.now_ms, gate.form_of("office"), {key: excluded})
    assert unsent is not None
    assert len(unsent.subjects) == 8
    assert next_guard(gate.state, "office") is None
    guard = gate.state.windows.guards.get(key)
    assert guard is not None
    assert guard.excluded == excluded
