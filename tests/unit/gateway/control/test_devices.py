"""The registry by its control methods: whose a device is has to be stated, is shown, and can be set right."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consent.core.decide import Owner
from consent.core.profiles.profile import Repeat
from consent.device_messages import DeviceList, DeviceOf
from consent.errors import ControlRequestError
from consent.messages import Id, Nothing
from gateway.control import devices
from gateway.control.context import OPERATOR, Control, MethodError
from gateway.control.doors import ControlDoor
from tests.support import inside
from tests.support.asking import begin, call, perform
from tests.support.disk_gate import CLOCK, DiskGate, configured, started
from tests.support.gate import FILES, HOUR_MS, LATENESS_MS, MINUTE_MS, TOWN
from tests.support.live import LiveGateway

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


# places: topics, filters, ids behind a hub


@pytest.fixture
async def hubs(gate: DiskGate) -> DiskGate:
    """A gateway whose policies have a hub's profile, and one whose devices publish to several topics."""
    force = gate.durable.state.force
    assert force is not None
    meter = force.policies.profiles["meter"]
    several = {name: replace(field, topic="power") for name, field in meter.fields.items()}
    profiles = {
        **force.policies.profiles,
        "radio": replace(meter, id="radio", hub=("id",)),
        "plug": replace(meter, id="plug", fields=several),
        "lora": replace(meter, id="lora", hub=("id",)),
        "weather": replace(meter, id="weather", hub=("model", "id")),
    }
    gate.durable.state.force = replace(force, policies=replace(force.policies, profiles=profiles))
    return gate


def behind(topic: str, hub_id: str, profile: str = "radio") -> dict[str, str]:
    """Return a row of a device behind a hub."""
    return {**STREET, "profile": profile, "topic": topic, "id": hub_id}


async def refusals(gate: DiskGate, *rows: dict[str, str]) -> list[str]:
    """Return why devices are refused, a line for each, after which nothing is registered."""
    before = await listed(gate)
    with pytest.raises(MethodError) as refused:
        await gate.ask("device.add", devices=list(rows))
    assert await listed(gate) == before
    return list(refused.value.lines)


async def test_devices_behind_a_hub_share_its_topic_and_differ_by_id(hubs: DiskGate) -> None:
    """By a filter as by one topic; a second device of one place is refused."""
    await hubs.ask("device.add", devices=[behind("t/hub", "a"), behind("t/hub", "b"), behind("t/+/x", "a"), behind("t/+/x", "b")])
    assert len(await listed(hubs)) == 4
    (said,) = await refusals(hubs, behind("t/hub", "a"))
    assert said.startswith("`devices[0]`: a device with this topic and id is registered already; revoke it first: it is `")
    (said,) = await refusals(hubs, behind("t/new", "c"), behind("t/new", "c"))
    assert said == "`devices[1]`: the same topic and id stand twice in one request: it is that of `devices[0]`"


async def test_topic_is_a_hubs_or_one_devices_own(hubs: DiskGate) -> None:
    """Else what the hub brings would be taken for the readings of the device that has the topic to itself."""
    why = "too, and of the two only one stands behind a hub: none could be told"
    await hubs.ask("device.add", devices=[behind("t/hub", "a"), STREET])
    hub, street = [row["device"] for row in (await hubs.ask("device.list"))["devices"]]
    assert await refusals(hubs, {**STREET, "topic": "t/hub"}) == [f"`devices[0]`: the topic is that of `{hub}` {why}"]
    assert await refusals(hubs, behind("t/street", "a")) == [f"`devices[0]`: the topic is that of `{street}` {why}"]


async def test_hubs_that_overlap_are_refused(hubs: DiskGate) -> None:
    """Nobody could say whose a message on a topic of both is; filters of other profiles may overlap, for those are told apart."""
    await hubs.ask("device.add", devices=[behind("t/+/x", "a")])
    (device,) = [row["device"] for row in (await hubs.ask("device.list"))["devices"]]
    said = await refusals(hubs, behind("t/1/x", "b"), behind("u/#", "c"), behind("u/1", "d"), behind("v", "e"))
    why = "of the same profile: a message on a topic of both would be of either"
    assert said == [
        f"`devices[0]`: the topic overlaps that of `{device}`, {why}",
        f"`devices[2]`: the topic overlaps that of `devices[1]`, {why}",
    ]
    await hubs.ask("device.add", devices=[{**STREET, "profile": "plug", "topic": "t/1/#"}])


async def test_two_devices_with_one_id_on_one_topic_are_refused_whatever_their_profiles(hubs: DiskGate) -> None:
    """Each of two profiles finds its device in the message, and one reading would count for two households."""
    await hubs.ask("device.add", devices=[behind("t/+/x", "a")])
    (device,) = [row["device"] for row in (await hubs.ask("device.list"))["devices"]]
    said = await refusals(hubs, behind("t/1/x", "a", "lora"), behind("u/#", "c", "lora"), behind("u/1", "c"), behind("u/1", "d"))
    why = "which has the same id: a message on a topic of both would be of both"
    assert said == [
        f"`devices[0]`: the topic overlaps that of `{device}`, {why}",
        f"`devices[2]`: the topic overlaps that of `devices[1]`, {why}",
    ]
    await hubs.ask("device.add", devices=[behind("t/1/x", "b", "lora"), behind("v", "a", "lora")])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (behind("t/hub", ""), "`id` is missing: devices of the profile `radio` stand behind a hub, and are told by it"),
        ({**STREET, "id": "a"}, "`id` is for devices behind a hub, and the profile `meter` has none: leave it out"),
        (behind("t/hub", "x" * 201), "`id` is too long or is no text"),  # what no message could name, see `identity`
        *(
            (behind("t/hub", wrong, "weather"), "`id` should be `2` names with `/` between them: the profile `weather` tells")
            for wrong in ("172", "Nexus-TH/roof/172", "Nexus-TH/", "/172")
        ),
        ({**STREET, "topic": "t/+"}, "the topic holds a wildcard, and a device of the profile `meter` publishes to one topic"),
        (behind("t/a+", "a"), "the topic is no topic filter: `+` stands for a whole level, and `#` alone at the end"),
        (behind("t/#/b", "a"), "the topic is no topic filter"),
        (behind("+/#", "a"), "the topic filter should name at least one level"),
        (behind("$share/g/t/+", "a"), "the topic filter should name at least one level, and belong to no shared group"),
        ({**STREET, "topic": ""}, "the topic is empty, too long, holds a wildcard or is no text"),
        ({**STREET, "topic": "t/" + "x" * 1024}, "the topic is empty, too long, holds a wildcard or is no text"),
    ],
)
async def test_place_that_a_profile_cannot_have_is_refused_in_one_line(hubs: DiskGate, row: dict[str, str], said: str) -> None:
    """An id without a hub, a hub without an id, a filter where one topic is read, and what is no filter."""
    (line,) = await refusals(hubs, row)
    assert line.startswith(f"`devices[0]`: {said}")


async def test_id_of_several_names_is_registered_as_messages_join_them(hubs: DiskGate) -> None:
    """And one name may hold a slash where it is the only one."""
    await hubs.ask("device.add", devices=[behind("t/hub", "Nexus-TH/172", "weather"), behind("t/other", "a/b/c")])
    assert len(await listed(hubs)) == 2


async def test_all_faults_of_a_row_are_told_at_once(hubs: DiskGate) -> None:
    """Or each would take another attempt; a place is compared with others where the place itself is sound."""
    await hubs.ask("device.add", devices=[STREET])
    (device,) = [row["device"] for row in (await hubs.ask("device.list"))["devices"]]
    lines = await refusals(
        hubs,
        {**STREET, "zone": "nowhere", "owner": "resident"},
        {**STREET, "profile": "lost", "zone": "nowhere"},
        behind("t/#/b", ""),
    )
    assert [line.split(";")[0].split(":", 1)[1].strip() for line in lines] == [
        "there is no zone `nowhere`",
        "a device with this topic is registered already",
        "a resident's device has a subject: state it as `new`, or as the id of one that is known",
        "there is no device profile `lost`",
        "there is no zone `nowhere`",
        "the topic is no topic filter: `+` stands for a whole level, and `#` alone at the end for all that follow",
        "`id` is missing: devices of the profile `radio` stand behind a hub, and are told by it",
    ]
    assert lines[1].endswith(f"revoke it first: it is `{device}`")
    assert [line.partition(":")[0] for line in lines] == [f"`devices[{n}]`" for n in (0, 0, 0, 1, 1, 2, 2)]


async def test_device_with_several_topics_is_registered_by_a_filter(hubs: DiskGate) -> None:
    """And heard where one of its topics is."""
    await hubs.ask("device.add", devices=[{**STREET, "profile": "plug", "topic": "t/plug/#"}])
    (row,) = (await hubs.ask("device.list"))["devices"]
    assert "unmatched" not in row


async def test_every_fault_of_a_list_is_told_and_none_is_registered(gate: DiskGate) -> None:
    """All or nothing; a dry run finds the same, and registers nothing where there is none."""
    bad = [
        {**STREET, "topic": "t/other", "zone": "nowhere"},
        STREET,
        {**AT_HOME, "owner": "resident", "subject": "none"},
        {**STREET, "topic": "+"},
    ]
    lines = await refusals(gate, *bad)
    assert [line.partition(":")[0] for line in lines] == ["`devices[0]`", "`devices[2]`", "`devices[3]`"]
    told = await gate.ask("device.add", devices=[STREET, {**STREET, "topic": "u/far"}], dry_run=True)
    assert told["devices"] == []
    assert told["checked"] == 2
    assert told["warnings"] == ["`devices[1]`: no filter of `broker.filters` matches its topic, so nothing of it would be heard"]
    assert await listed(gate) == []
    with pytest.raises(MethodError, match="there is no zone `nowhere`"):
        await gate.ask("device.add", devices=bad[:1], dry_run=True)


# what was heard


async def test_silent_devices_come_first_and_what_was_heard_is_told(tmp_path: Path) -> None:
    """Silent by its profile's word, since its last reading or the start; where the profile says nothing, nobody knows."""
    async with inside.started(LiveGateway(tmp_path, 1, policies={"city.toml": TOWN, **FILES}, extra=CLOCK)) as durable:
        app = inside.assembled(durable)
        rows = [{**STREET, "topic": f"t/{n}", "profile": profile} for n, profile in enumerate(("numbered", "meter", "meter"))]
        added = [row["device"] for row in call(durable, "device.add", {"devices": rows})["devices"]]
        force = durable.state.force
        assert force is not None
        profiles = {**force.policies.profiles, "meter": replace(force.policies.profiles["meter"], expect_every_ms=MINUTE_MS)}
        durable.state.force = replace(force, policies=replace(force.policies, profiles=profiles))
        began_ms = durable.clock.now_ms()
        control = Control(durable, app)
        durable.clock.advance(began_ms + MINUTE_MS + 1)
        heard = durable.state.memory_of(bytes.fromhex(added[1])).heard
        heard.add(began_ms + MINUTE_MS)
        heard.reject("replayed", began_ms + MINUTE_MS + 1)
        shown = devices.show_all(control, OPERATOR, Nothing(), await devices.looked_at(control, Nothing()))
        assert [(row.device.hex(), row.silent) for row in shown.devices] == [
            (added[2], True),
            (added[0], None),
            (added[1], False),
        ]
        assert (shown.running_since_ms, shown.devices[0].heard_ms, shown.devices[0].readings) == (began_ms, None, 0)
        one = devices.show(control, OPERATOR, DeviceOf(device=Id.parse(added[1])))
        assert (one.heard_ms, one.reading_ms) == (began_ms + MINUTE_MS + 1, began_ms + MINUTE_MS)
        assert (one.readings, one.rejected, one.expect_every_ms) == (1, {"replayed": 1}, MINUTE_MS)
        alone = await begin(durable, "device.list")
        assert alone["running_since_ms"] is None
        assert {row["silent"] for row in alone["devices"]} == {None}


async def test_export_tells_by_what_repeats_of_a_device_are_told(hubs: DiskGate) -> None:
    """When its last message came, and a digest of it, are stored, and so are the household's to see."""
    force = hubs.durable.state.force
    assert force is not None
    telling = replace(force.policies.profiles["radio"], repeat=Repeat(equal_within_ms=MINUTE_MS))
    policies = replace(force.policies, profiles={**force.policies.profiles, "radio": telling})
    hubs.durable.state.force = replace(force, policies=policies)
    homes = [{**behind("t/hub", hub_id), "owner": "resident", "subject": "new"} for hub_id in ("a", "b")]
    subject = (await hubs.ask("device.add", devices=homes))["devices"][0]["subject"]

    async def last_message() -> Any:
        (device,) = (await hubs.ask("consent.export", subject=subject))["devices"]
        return device["last_message"]

    assert await last_message() is None
    await hubs.send(("t/hub", {"id": "a", "kwh": 1}))
    told = await last_message()
    assert (told["at_ms"], len(bytes.fromhex(told["digest"]))) == (hubs.now_ms, 16)


async def test_list_of_devices_holds_nobody_up_and_tells_of_none_that_has_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A withdrawal and an erasure in the middle of it are answered before it, and it tells what they have left."""
    async with inside.started(LiveGateway(tmp_path, 1, policies={"city.toml": TOWN, **FILES}, extra=CLOCK)) as durable:
        app = inside.assembled(durable)
        async with inside.running(app):
            begun, goes_on, to_thread = asyncio.Event(), asyncio.Event(), asyncio.to_thread

            async def held(work: Callable[..., Any], *args: Any, **options: Any) -> Any:
                if getattr(work, "__name__", "") == "sort":
                    begun.set()
                    await goes_on.wait()
                return await to_thread(work, *args, **options)

            rows = [{**STREET, "topic": f"t/{n}", "owner": "resident", "subject": "new"} for n in range(3)]
            added = (await inside.ask(app, "device.add", {"devices": rows}))["devices"]
            await inside.ask(app, "consent.grant", {"subject": added[0]["subject"], "scope": "hourly"})
            monkeypatch.setattr(devices, "_LISTED_AT_ONCE", 1)
            monkeypatch.setattr(asyncio, "to_thread", held)
            door = ControlDoor(app)
            listing = asyncio.create_task(door.answer("device.list", {}))
            await begun.wait()
            await door.answer("consent.withdraw", {"subject": added[0]["subject"], "scope": "hourly"})
            await door.answer("consent.erase", {"subject": added[1]["subject"]})
            await door.answer("device.own", {"device": added[2]["device"], "owner": "city"})
            assert not listing.done()
            goes_on.set()
            answer = await listing
            assert isinstance(answer, DeviceList)
            assert [(row.device.hex(), row.owner) for row in answer.devices] == [
                (added[0]["device"], Owner.RESIDENT),
                (added[2]["device"], Owner.CITY),
            ]
