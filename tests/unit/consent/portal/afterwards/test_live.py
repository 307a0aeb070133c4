"""Readings as they come: each once, few streams at a time, ended by time, by the session's end and by the reader's going."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from consent.citizen_messages import OwnReadings, ReadingsAfter
from consent.portal.afterwards.live import LiveBounds, LiveStreams, live_routes
from consent.portal.answers import Content, EventStream
from consent.portal.gates.citizen import SessionEndedError
from consent.portal.gates.public import GateAwayError
from consent.portal.visit import SignedIn, Visit
from tests.support.afterwards import DEVICE, held, own_client, series, small_record
from tests.support.portal import NOW_MS, SaidGate, SaidHome, said_site, said_state

VISIT = Visit("en", signed_in=SignedIn("5e" * 32, "passkey", NOW_MS + 1))
OTHER = Visit("en", signed_in=SignedIn("0a" * 32, "passkey", NOW_MS + 1))


@dataclass
class Hours:
    """A clock that waiting moves on, and nothing else does."""

    now: float = 0.0
    waited: list[float] = field(default_factory=list)

    async def wait(self, seconds: float) -> None:
        """Move on."""
        self.waited.append(seconds)
        self.now += seconds

    def streams(self, **bounds: float) -> LiveStreams:
        """Return streams that go by it."""
        return LiveStreams(LiveBounds(**bounds), self.wait, lambda: self.now)  # type: ignore[arg-type]


def door(*answers: OwnReadings | Exception) -> SaidHome:
    """Return a door that answers each of these once, and then with nothing new."""
    rest = list(answers)

    def said(params: object, session: str) -> object:
        assert isinstance(params, ReadingsAfter)
        return rest.pop(0) if rest else held()

    return SaidHome({"readings.show": said})


def all_of(streams: LiveStreams, home: SaidHome, after_ms: int = 0, visit: Visit = VISIT) -> list[bytes]:
    """Return everything that a stream sends until it ends."""
    site = said_site(SaidGate(said_state()), small_record(), home=home)

    async def read() -> list[bytes]:
        return [each async for each in streams.events(site, visit, after_ms)]

    return asyncio.run(read())


def readings_in(events: list[bytes]) -> list[dict[str, list[list[object]]]]:
    """Return what the events of readings say."""
    heads = [each.decode().split("\n") for each in events if each.startswith(b"event: readings")]
    assert all(lines[2:] == ["", ""] for lines in heads)
    return [json.loads(lines[1].removeprefix("data: ")) for lines in heads]


def test_what_is_new_is_sent_once_in_the_readers_words() -> None:
    """Each question asks for what is later than what was sent."""
    home = door(held(series((NOW_MS, "1234.5"))), held(), held(series((NOW_MS + 5, "7"))))
    found = readings_in(all_of(Hours().streams(longest_s=30), home))
    key = f"{DEVICE.hex()}.consumption"
    assert found == [
        {key: [[NOW_MS, "30 November 2026, 00:53", "1,234.5"]]},
        {key: [[NOW_MS + 5, "30 November 2026, 00:53", "7"]]},
    ]
    assert [params.after_ms for _, params, *_ in home.asked] == [0, NOW_MS, NOW_MS, *[NOW_MS + 5] * 3]  # type: ignore[attr-defined]


def test_stream_ends_after_its_time_and_says_so() -> None:
    """Ten minutes by default, of which it asks every few seconds and no more often."""
    hours = Hours()
    events = all_of(hours.streams(), door())
    assert hours.now == 600
    assert set(hours.waited) == {5.0}
    assert events[0].startswith(b"retry:")
    assert events[-1] == b"event: end\ndata: {}\n\n"
    assert all(each.endswith(b"\n\n") for each in events)


def test_stream_ends_with_the_session() -> None:
    """And asks no more."""
    home = door(held(), SessionEndedError())
    assert all_of(Hours().streams(), home)[-1] == b"event: end\ndata: {}\n\n"
    assert len(home.asked) == 2


def test_gate_that_is_away_for_a_while_ends_nothing() -> None:
    """What came meanwhile is sent once it is back."""
    home = door(GateAwayError(), held(series((NOW_MS, "1"))))
    assert len(readings_in(all_of(Hours().streams(longest_s=20), home))) == 1


def test_session_and_portal_have_few_streams_at_once() -> None:
    """Counted apart; a place is free again as soon as its reader goes."""
    streams, site = Hours().streams(of_one=2, all=3), said_site(SaidGate(said_state()), small_record(), home=door())

    async def run() -> None:
        opened = [streams.events(site, visit, 0) for visit in (VISIT, VISIT)]
        for each in opened:
            await anext(each)
        assert not streams.has_place("5e" * 32)
        assert streams.has_place("0a" * 32)
        third = streams.events(site, OTHER, 0)
        await anext(third)
        assert not streams.has_place("0b" * 32)
        refused = [each async for each in streams.events(site, VISIT, 0)]
        assert refused == [b"event: end\ndata: {}\n\n"]
        await opened[0].aclose()
        assert streams.has_place("5e" * 32)
        assert streams.has_place("0b" * 32)
        for each in (opened[1], third):
            await each.aclose()

    asyncio.run(run())


def test_who_finds_no_place_is_told_when_to_come_again() -> None:
    """503, which no browser asks again by itself; the page then says to load it again."""
    (route,) = live_routes(Hours().streams(of_one=0))
    answer = asyncio.run(handled(route.handler, {}))
    assert isinstance(answer, Content)
    assert (answer.status, answer.headers["retry-after"]) == (503, "60")


def test_without_a_beginning_only_what_comes_from_now_on_is_sent() -> None:
    """By the gate's clock, which a simulated city sets as it likes."""
    home = door()
    (route,) = live_routes(Hours().streams(longest_s=5))
    answer = asyncio.run(handled(route.handler, {}, home))
    assert isinstance(answer, EventStream)

    async def read() -> None:
        async for _ in answer.events():
            pass

    asyncio.run(read())
    assert [params.after_ms for _, params, *_ in home.asked] == [NOW_MS]  # type: ignore[attr-defined]


async def handled(handler: Callable[..., Awaitable[object]], parameters: dict[str, str], home: SaidHome | None = None) -> object:
    """Return what a handler answers to somebody who is signed in."""
    return await handler(said_site(SaidGate(said_state()), small_record(), home=home or door()), VISIT, parameters)


def test_stream_at_its_address_ends_with_the_session() -> None:
    """As a browser gets it: no copy is kept on the way."""
    answer = own_client(door(SessionEndedError())).get("/my/readings/live?after=7")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text == "retry: 5000\n\nevent: end\ndata: {}\n\n"
