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
    hour_with,
    limited,
    only,
    reading,
    whole,
)

T = MIDNIGHT_MS


def held(gate: Gate) -> dict[Any, dict[bytes, Any]]:
    """Return what stands in the windows."""
    return {window.key: {who: member.state() for who, member in window.members.items()} for window in gate.state.windows}


def test_void_brings_everything_back_and_is_logged() -> None:
    """A bundle of which no byte was sent can be voided: windows, records and books are as before, and the log says so."""
    gate = Gate(only("hourly", "daily", "raw"))
    homes = gate.homes(2, "hourly", "daily", "raw")
    for home in homes:
        gate.send(home, T, kwh=1)
    gate.to(T + DAY_MS + LATENESS_MS)
    before = (held(gate), dict(gate.outbox), gate.count("pairs.open"), gate.count("pairs.waiting"))
    unsent = gate.form()
    assert unsent is not None
    assert (gate.outbox, gate.count("pairs.open"), gate.count("pairs.waiting")) == ({}, 0, 0)
    void_bundle(gate.state, "office", gate.now_ms)
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


def test_withdrawal_voids_what_was_not_sent() -> None:
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
    assert gate.state.inflight.ready == {}
    bundle = whole(gate.bundle())
    assert sorted((r.flow, r.n or 0) for r in bundle.records) == [("hourly", 2), ("raw", 0), ("raw", 0)]
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
    """Who was not in the figure has its account already."""
    gate = Gate(only("hourly"))
    homes = [*gate.homes(2, "hourly"), gate.home("hourly", limits=limited(group=9))]
    hour_with(gate, homes)
    assert gate.form() is not None
    assert gate.count("pairs.suppressed.k") == 1
    void_bundle(gate.state, "office", gate.now_ms)
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
