"""What nobody registered is gathered for the connection that asks, and no other ever hears of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from consent.control import ControlRequest
from consent.messages import encode, plain
from gateway.app import Gateway
from gateway.control.context import MethodError
from gateway.control.doors import ControlDoor
from gateway.control.socket import Answer
from tests.support.asking import ask, begin
from tests.support.inside import assembled, running, started, take
from tests.support.live import LiveGateway

METER = b'{"t":1774047600,"seq":98558,"boot":1,"kwh":0.131}'


@asynccontextmanager
async def gateway(folder: Path) -> AsyncIterator[Gateway]:
    """Run a gateway in this process, with the shipped policies."""
    async with started(LiveGateway(folder, 1)) as durable:
        app = assembled(durable)
        async with running(app):
            yield app


async def look(answer: Answer, **params: Any) -> dict[str, Any]:
    """Ask over a connection how far its discovery has come."""
    found: dict[str, Any] = plain(await answer(ControlRequest("2.0", "device.discover", params=msgspec.Raw(encode(params)))))
    return found


async def test_publisher_is_told_to_the_connection_that_asked_and_is_gone_with_it(tmp_path: Path) -> None:
    """With the profile that fits it and an example of each value; what came before it asked is not kept."""
    async with gateway(tmp_path) as app:
        take(app.durable, "homes/early/meter", METER)
        with ControlDoor(app).connection() as answer:
            assert (await look(answer, for_s=60))["found"] == 0
            take(app.durable, "homes/7f3a/meter", METER)
            take(app.durable, "homes/7f3a/meter", METER)
            so_far = await look(answer)
            assert (so_far["found"], so_far["messages"], so_far["publishers"]) == (1, 2, [])
            (meter,) = (await look(answer, report=True))["publishers"]
            assert (meter["topic"], meter["id"], meter["messages"]) == ("homes/7f3a/meter", "", 2)
            fit = next(each for each in meter["fits"] if each["profile"] == "meter")
            assert fit["in_force"] is True
            assert {"property": "consumption", "value": 0.131, "unit": "kW.h"} in fit["values"]
        assert app.durable.state.discovery is None
        assert app.durable.state.ledger.totals["frames.rejected.unknown_device"] == 3


WATER = b'{"media":"water","name":"w","id":"76348799","total_m3":6.408,"timestamp":"2026-03-20T23:00:00Z"}'
CLIMATE = b'{"battery":97,"humidity":51.2,"linkquality":120,"temperature":21.3}'


async def test_profile_whose_properties_the_city_does_not_define_is_found_by_name_and_the_narrowest_comes_first(
    tmp_path: Path,
) -> None:
    """A city with no word for water learns that a profile reads the meter, and not what it shows."""
    async with gateway(tmp_path) as app:
        with ControlDoor(app).connection() as answer:
            await look(answer, for_s=60)
            take(app.durable, "wmbusmeters/w", WATER)
            take(app.durable, "zigbee2mqtt/kitchen", CLIMATE)
            water, climate = (each for each in (await look(answer, report=True))["publishers"] if each["fits"])
            (fit,) = water["fits"]
            assert (fit["profile"], fit["values"], fit["undefined"]) == ("wmbusmeters-water", [], ["waterVolume"])
            assert [each["profile"] for each in climate["fits"]] == ["zigbee2mqtt-climate", "zigbee2mqtt-air"]


async def test_one_at_a_time_and_never_anothers(tmp_path: Path) -> None:
    """A second terminal is told to wait, and hears nothing; when the first has gone it begins with nothing."""
    async with gateway(tmp_path) as app:
        with ControlDoor(app).connection() as second:
            with ControlDoor(app).connection() as first:
                await look(first, for_s=60)
                take(app.durable, "homes/7f3a/meter", METER)
                with pytest.raises(MethodError, match="somebody is looking for unregistered devices already"):
                    await look(second, report=True)
            assert (await look(second, report=True))["publishers"] == []
        with pytest.raises(MethodError, match="this request came by none"):
            await ask(app, "device.discover")
        with pytest.raises(MethodError, match="`for_s`: `0` is not from 1 to 3600 seconds"):
            await ask_once(app, for_s=0)


async def ask_once(app: Gateway, **params: Any) -> dict[str, Any]:
    """Ask over a connection of its own."""
    with ControlDoor(app).connection() as answer:
        return await look(answer, **params)


async def test_device_that_is_registered_meanwhile_is_told_no_more(tmp_path: Path) -> None:
    """Nor are devices that were registered before."""
    async with gateway(tmp_path) as app:
        with ControlDoor(app).connection() as answer:
            await look(answer)
            take(app.durable, "homes/a/meter", METER)
            take(app.durable, "homes/b/meter", METER)
            row = {"profile": "meter", "zone": "north-quay", "topic": "homes/a/meter", "owner": "resident", "subject": "new"}
            await ask(app, "device.add", {"devices": [row]})
            take(app.durable, "homes/a/meter", METER)
            assert [each["topic"] for each in (await look(answer, report=True))["publishers"]] == ["homes/b/meter"]


async def test_nothing_of_it_is_in_status_list_or_database(tmp_path: Path) -> None:
    """What was published stands in no other answer and in no file."""
    live = LiveGateway(tmp_path, 1)
    async with started(live) as durable:
        app = assembled(durable)
        async with running(app):
            with ControlDoor(app).connection() as answer:
                await look(answer)
                take(durable, "homes/canary-topic/meter", METER)
                await look(answer, report=True)
                asked: list[Callable[[], Awaitable[dict[str, Any]]]] = [
                    lambda: ask(app, "status"),
                    lambda: ask(app, "device.list"),
                ]
                assert not [told for each in asked if "canary-topic" in json.dumps(told := await each())]
    assert files_with(tmp_path, b"canary-topic") == []


def files_with(folder: Path, text: bytes) -> list[Path]:
    """Return the files below a folder that hold a text."""
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


async def test_where_no_gateway_runs_nothing_is_heard(tmp_path: Path) -> None:
    """A command that works alone on the database has no broker."""
    async with started(LiveGateway(tmp_path, 1)) as durable:
        with pytest.raises(MethodError, match="no gateway is running"):
            await begin(durable, "device.discover")
