"""Bundles that are voided before their first byte is sent, and those that stand because it was."""

from __future__ import annotations

from typing import Any

from gateway.audit.log.payloads import VoidPayload
from gateway.core.changes import changes
from gateway.core.release.bundle import bundle_acknowledged, bundle_sent
from gateway.core.release.records import read_row
from gateway.core.release.void import void_bundle
from tests.support.gate import (
    DAY_MS,
    HOUR_MS,
    LATENESS_MS,
    MIDNIGHT_MS,
    Gate,
    frame,
    only,
    reading,
    whole,
)
from tests.support.publications import FIRST_DAY_MS as DAY
from tests.support.publications import day_with, exact_town, joined
from tests.support.refolded import rows_of

T = MIDNIGHT_MS


def held(gate: Gate) -> Any:
    """Return what stands in windows and tables."""
    windows = {window.key: {who: member.state() for who, member in window.members.items()} for window in gate.state.windows}
    return windows, rows_of(gate.state)


def test_void_brings_everything_back_and_is_logged() -> None:
    """Bundles of which no byte was sent can be voided: windows, tables, records and books are as before, and the log says so."""
    gate, homes = joined(only("hourly", "daily", "raw"), 3, "hourly", "daily", "raw")
    for home in homes:
        gate.send(home, DAY, kwh=1)
    gate.to(DAY + DAY_MS + LATENESS_MS)
    formed_before, found = gate.count("bundles.formed"), list[list[str]]()
    for _ in ("the publication", "totals and records"):
        before = (held(gate), dict(gate.outbox), gate.count("pairs.open"), gate.count("pairs.waiting"))
        unsent = gate.form()
        assert unsent is not None
        assert (held(gate), dict(gate.outbox)) != before[:2]
        void_bundle(gate.state, "office", gate.now_ms)
        commit = gate.commit()
        assert commit.bundles_done == [unsent.index]
        (entry,) = commit.log
        assert entry.kind == "void"
        (part,) = gate.openings[entry.index].parts
        assert not isinstance(part, bytes)
        assert VoidPayload.decode(part.data) == VoidPayload(unsent.index)
        assert (held(gate), dict(gate.outbox), gate.count("pairs.open"), gate.count("pairs.waiting")) == before
        found.append(sorted(record.flow for record in whole(gate.bundle()).records))
    assert (gate.count("bundles.formed") - formed_before, gate.count("bundles.voided"), gate.count("bundles.ready")) == (4, 2, 0)
    assert found == [["hourly"], ["daily", "daily", "daily", "raw", "raw", "raw"]]


def test_withdrawal_voids_what_was_not_sent() -> None:
    """The bundle that stands ready holds the subject: it never leaves, and those formed instead do not hold it."""
    gate, homes = joined(only("hourly", "raw"), 6, "hourly", "raw")
    for home in homes:
        gate.send(home, DAY, kwh=1)
    gate.to(DAY + DAY_MS + LATENESS_MS)
    ready = gate.form()
    assert ready is not None
    assert homes[0].subject in ready.subjects
    gate.withdraw(homes[0], "hourly")
    gate.withdraw(homes[0], "raw")
    assert gate.state.inflight.ready == {}
    for flows in (["hourly"], ["raw"] * 5):
        bundle = whole(gate.bundle())
        assert [record.flow for record in bundle.records] == flows
        assert homes[0].subject not in gate.stood_in(bundle.log_index)
    assert gate.count("bundles.voided") == 1


def test_withdrawal_leaves_what_was_sent() -> None:
    """Bytes that have left stand, and it is known whom they speak of."""
    gate = Gate(only("raw"))
    home = gate.home("raw")
    gate.send(home, T, kwh=1)
    unsent = gate.form()
    assert unsent is not None
    bundle_sent(gate.state, "office")
    gate.withdraw(home, "raw")
    handed = gate.state.inflight.sent[unsent.index]
    assert (handed.recipient, handed.subjects, handed.full) == ("office", frozenset({home.subject}), False)
    assert (gate.count("bundles.sent"), gate.count("bundles.voided"), gate.count("pairs.released")) == (1, 0, 1)
    bundle_acknowledged(gate.state, unsent.index)
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
    void_bundle(gate.state, "office", gate.now_ms)
    assert gate.count("pairs.open") == 700
    (window,) = gate.state.windows
    assert len(window.members) == 700
    assert len(gate.records()) == 700


def test_void_does_not_bring_back_what_was_suppressed_with_it() -> None:
    """Who stands in too small a class has its account already."""
    gate, homes = joined(exact_town(), 5, "hourly")
    both = gate.homes(2, "hourly", "daily")
    day_with(gate, [*homes, *both], DAY + DAY_MS, hours=1, kwh=1)
    gate.records()
    void_again = gate.count("pairs.suppressed.guard")
    assert void_again == 2
    day_with(gate, [*homes, *both], DAY + 2 * DAY_MS, hours=1, kwh=1)
    assert gate.form() is not None
    assert gate.count("pairs.suppressed.guard") == 4
    void_bundle(gate.state, "office", gate.now_ms)
    assert [(record.result, record.n) for record in gate.records()] == [(5.0, 5)]
    assert (gate.count("pairs.suppressed.guard"), gate.count("pairs.aggregated")) == (4, 10)


def test_policy_change_takes_back_bundles_that_have_not_left() -> None:
    """A flow that is struck out of the policies gets nothing any more, not even what stood ready."""
    gate, homes = joined(only("hourly", "raw"), 3, "hourly", "raw")
    for home in homes:
        gate.send(home, DAY, kwh=1)
    gate.to(DAY + DAY_MS + LATENESS_MS)
    assert gate.form() is not None
    gate.apply(only("hourly"))
    assert {record.flow for record in gate.records()} == {"hourly"}
    assert gate.count("pairs.withheld_at_release.withdrawn") == 3


def test_device_struck_off_takes_its_public_readings_along() -> None:
    """What waits of a device that is no longer registered does not leave."""
    gate = Gate(only("street-noise", "street-hourly"))
    street, other = gate.device(), gate.device()
    for device in (street, other):
        gate.send(device, T, db=60)
    changes.revoke_device(gate.state, street.place, gate.now_ms)
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
    assert (gate.outbox, gate.state.outbox.waiting, gate.state.log.size) == ({}, {"office": 0}, size)
