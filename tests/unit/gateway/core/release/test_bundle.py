"""A release tick: what goes into a bundle and its log entry, and what stays for the next for want of room."""

from __future__ import annotations

import pytest

from consent.core.disclosure import Space, Time
from gateway.audit.log.openings import label, split_labels, subject_label_key
from gateway.core.release.bundle import form_bundle
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
from tests.support.publications import day_with, joined

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
