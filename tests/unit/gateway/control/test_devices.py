"""The registry by its control methods: whose a device is has to be stated, is shown, and can be set right."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from consent.errors import ControlRequestError
from gateway.control.context import MethodError
from tests.support.asking import perform
from tests.support.disk_gate import DiskGate, configured, started
from tests.support.gate import HOUR_MS, LATENESS_MS, MINUTE_MS

AT_HOME = {"profile": "meter", "zone": "mill", "topic": "t/home"}
STREET = {**AT_HOME, "topic": "t/street", "owner": "city", "subject": "none"}


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[DiskGate]:
    """A gateway without devices."""
    async with started(configured(tmp_path / "gateway")) as gate:
        yield gate


async def listed(gate: DiskGate) -> list[tuple[str, bool, bool]]:
    """Return of each device its owner, whether that is assumed, and whether it has a subject."""
    rows = (await gate.ask("device.list"))["devices"]
    return [(row["owner"], row["owner_assumed"], row["subject"] is not None) for row in rows]


@pytest.mark.parametrize("missing", ["owner", "subject"])
async def test_device_of_whom_something_is_left_out_is_refused(gate: DiskGate, missing: str) -> None:
    """Neither whose it is nor whom its readings are about has a default: both would open where somebody forgot."""
    row = {key: value for key, value in STREET.items() if key != missing}
    with pytest.raises((MethodError, ControlRequestError), match=f"{missing}` is missing"):
        await gate.ask("device.add", devices=[row])
    assert await listed(gate) == []


async def test_residents_device_has_a_subject(gate: DiskGate) -> None:
    """A new one, or one that is known; the city's has one or none."""
    with pytest.raises(MethodError, match="a resident's device has a subject"):
        await gate.ask("device.add", devices=[{**AT_HOME, "owner": "resident", "subject": "none"}])
    (home,) = (await gate.ask("device.add", devices=[{**AT_HOME, "owner": "resident", "subject": "new"}]))["devices"]
    meter = {**AT_HOME, "topic": "t/utility", "owner": "city", "subject": home["subject"]}
    await gate.ask("device.add", devices=[STREET, meter])
    assert await listed(gate) == [("resident", False, True), ("city", False, False), ("city", False, True)]
    shown = (await gate.ask("subject.show", subject=home["subject"]))["devices"]
    assert [one["owner"] for one in shown] == ["resident", "city"]
    exported = (await gate.ask("consent.export", subject=home["subject"]))["devices"]
    assert [one["owner"] for one in exported] == ["resident", "city"]


async def test_claim_says_whose_the_readings_are_and_leaves_the_owner(gate: DiskGate) -> None:
    """Who claims the utility's meter, or brings it into another household, speaks for what it measures, and does not own it."""
    rows = [{**AT_HOME, "topic": f"t/{n}", "owner": owner, "subject": "new"} for n, owner in enumerate(("resident", "city"))]
    home, meter = (await gate.ask("device.add", devices=rows))["devices"]
    await gate.ask("subject.claim", code=home["claim_code"])
    await gate.ask("subject.claim", code=meter["claim_code"], subject=home["subject"])
    shown = (await gate.ask("subject.show", subject=home["subject"]))["devices"]
    assert sorted(one["owner"] for one in shown) == ["city", "resident"]


async def test_device_registered_as_the_citys_by_mistake_is_set_right_at_once(gate: DiskGate) -> None:
    """A home's meter that was taken for a street's: nothing of it leaves any more, and a household can claim it."""
    (made,) = (await gate.ask("device.add", devices=[STREET]))["devices"]
    await gate.to(gate.now_ms // HOUR_MS * HOUR_MS + HOUR_MS)
    await gate.send(("t/street", {"t": gate.now_ms + MINUTE_MS, "db": 61.2}))
    state = gate.durable.state
    assert state.ledger.totals["pairs.open"] == state.ledger.totals["pairs.waiting"] == 1
    with pytest.raises(MethodError, match="a resident's device has a subject"):
        await gate.ask("device.own", device=made["device"], owner="resident")
    told = await gate.ask("device.own", device=made["device"], owner="resident", subject="new")
    assert {"device", "owner", "subject", "resident", "claim_code"} == told.keys()
    assert state.ledger.totals["pairs.open"] == 0
    await gate.to(gate.now_ms + HOUR_MS + LATENESS_MS)
    assert await gate.deliver("public") == []
    assert state.ledger.totals["pairs.withheld_at_release.withdrawn"] == 1
    await gate.send(("t/street", {"t": gate.now_ms, "db": 61.2}))
    assert state.ledger.totals["pairs.withheld.resident-owned"] == 2
    await gate.ask("subject.claim", code=told["claim_code"])
    assert await listed(gate) == [("resident", False, True)]
    assert gate.verify().ok


async def test_owner_is_changed_and_the_subject_kept(gate: DiskGate) -> None:
    """A device that is about a household stays so: none is made a public one by a word."""
    home = await gate.home("t/home", "hourly")
    (device,) = [one["device"] for one in (await gate.ask("device.list"))["devices"]]
    await gate.hour(home)
    for subject in ("none", "new", home["subject"]):
        with pytest.raises(MethodError, match="the device has a subject, and keeps it"):
            await gate.ask("device.own", device=device, owner="city", subject=subject)
    (street,) = (await gate.ask("device.add", devices=[STREET]))["devices"]
    with pytest.raises(MethodError, match="there is no such subject"):
        await gate.ask("device.own", device=street["device"], owner="city", subject="00" * 16)
    await gate.ask("device.revoke", device=street["device"])
    await gate.ask("device.own", device=device, owner="city")
    assert await listed(gate) == [("city", False, True)]
    assert "pairs.withdrawn" not in gate.durable.state.ledger.totals
    with pytest.raises(MethodError, match="there is no device"):
        await gate.ask("device.own", device="00" * 16, owner="city")


async def test_owner_outlives_a_restart(tmp_path: Path) -> None:
    """It stands in the device's row."""
    live = configured(tmp_path / "gateway")
    rows: list[dict[str, Any]] = [STREET, {**AT_HOME, "owner": "city", "subject": "new"}]
    async with started(live) as gate:
        await perform(gate.durable, ("device.add", {"devices": rows}))
    async with started(live) as gate:
        assert await listed(gate) == [("city", False, False), ("city", False, True)]


async def test_topic_that_no_filter_matches_is_warned_of_and_registered(gate: DiskGate) -> None:
    """A filter may come later; the warning names the device by its id, never the topic."""
    rows = [{**STREET, "topic": topic} for topic in ("t/street", "u/street", "t")]
    answer = await gate.ask("device.add", devices=rows)
    (warning,) = answer["warnings"]
    device = answer["devices"][1]["device"]
    way_out = "revoke it and register it with the right topic, or add a filter for it to `broker.filters`"
    assert warning == f"no filter matches the topic of `{device}`, so nothing of it is heard: {way_out}"
    listed = (await gate.ask("device.list"))["devices"]
    assert [row.get("unmatched", False) for row in listed] == [False, True, False]
    heard = await gate.ask("device.add", devices=[{**STREET, "topic": "t/other"}])
    assert "warnings" not in heard
