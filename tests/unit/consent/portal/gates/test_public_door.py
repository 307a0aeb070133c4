"""The citizens' door as the portal uses it, over a gateway that says what a test makes it say."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from consent.messages import plain
from consent.portal.gates.public import GateAwayError, GateRefusedError
from consent.portal.gates.public_door import PublicGate, Waits
from consent.portal.gates.wire import ANSWER_BYTES
from consent.public_messages import PublicBalance
from tests.support.portal import said_state
from tests.support.spoken_door import HOUR_MS, Now, spoken, well

QUICK = Waits(answer_s=0.05)


async def test_hundred_readers_ask_once(tmp_path: Path) -> None:
    """One question is under way for all who wait, and its answer is kept for whoever comes in the same moment."""
    now = Now()
    async with spoken(tmp_path / "s") as gateway:
        gateway.may_answer.clear()
        door = PublicGate(tmp_path / "s", clock=now)
        readers = [asyncio.create_task(door.state()) for _ in range(100)]
        await gateway.waiting.wait()
        gateway.may_answer.set()
        assert len({id(answer) for answer in await asyncio.gather(*readers)}) == 1
        now.s = 0.9
        await door.state()
        assert gateway.asked == ["public.state"]
        now.s = 1.1
        await door.state()
        assert gateway.asked == ["public.state"] * 2
        assert gateway.connections == 1
        await door.close()


async def test_reader_who_leaves_takes_no_answer_along(tmp_path: Path) -> None:
    """The question goes on for the others."""
    async with spoken(tmp_path / "s") as gateway:
        gateway.may_answer.clear()
        door = PublicGate(tmp_path / "s")
        first, second = asyncio.create_task(door.state()), asyncio.create_task(door.state())
        await gateway.waiting.wait()
        first.cancel()
        gateway.may_answer.set()
        assert (await second).gateway == "gw-test"
        await door.close()


async def test_numbers_are_kept_for_seconds_but_not_into_the_next_hour(tmp_path: Path) -> None:
    """Ten seconds; less where the gateway's hour ends before; and a moment by a simulated clock, which runs ahead."""
    now, state = Now(), {"now_ms": 30 * HOUR_MS, "simulated": False}

    def says(method: str, params: Any) -> Any:
        return {"result": plain(said_state(**state))} if method == "public.state" else well(method, params)

    async with spoken(tmp_path / "s", says) as gateway:
        for state, kept_s in (
            ({"now_ms": 30 * HOUR_MS}, 10.0),
            ({"now_ms": 31 * HOUR_MS - 4000}, 4.0),
            ({"now_ms": 30 * HOUR_MS, "simulated": True}, 1.0),
        ):
            door = PublicGate(tmp_path / "s", clock=now)
            await door.state()
            gateway.asked.clear()
            await door.sensors()
            now.s += kept_s - 0.01
            await door.sensors()
            assert len(gateway.asked) == 1, state
            now.s += 0.02
            await door.sensors()
            assert len(gateway.asked) == 2, state
            await door.close()


async def test_few_questions_at_once_and_few_answers_kept(tmp_path: Path) -> None:
    """A reader who asks for a thousand days keeps the gateway busy with four, and the portal's memory with some hundreds."""
    async with spoken(tmp_path / "s") as gateway:
        gateway.may_answer.clear()
        door = PublicGate(tmp_path / "s", Waits(answers=50))
        days = [f"{2000 + n}-01-01" for n in range(300)]
        readers = [asyncio.create_task(door.balance(day)) for day in days]
        await gateway.waiting.wait()
        gateway.may_answer.set()
        answers: list[PublicBalance] = await asyncio.gather(*readers)
        assert [answer.day for answer in answers] == days
        assert gateway.most_at_once <= 4
        assert gateway.connections <= 4
        await door.balance("2300-01-01")
        assert len(door._kept) <= 50
        await door.close()


async def test_gateway_that_is_away_is_away_at_once_and_back_when_it_is(tmp_path: Path) -> None:
    """That it is away is kept for a moment, not for long; nothing has to be started again."""
    now = Now()
    door = PublicGate(tmp_path / "s", clock=now)
    with pytest.raises(GateAwayError):
        await door.state()
    async with spoken(tmp_path / "s") as gateway:
        now.s = 0.5
        with pytest.raises(GateAwayError):
            await door.sensors()
        assert gateway.asked == []
        now.s = 1.5
        assert (await door.state()).gateway == "gw-test"
    await door.close()


async def test_gateway_that_was_restarted_is_asked_on_a_new_connection(tmp_path: Path) -> None:
    """The reader of the first page after that sees no error."""
    now = Now()
    door = PublicGate(tmp_path / "s", clock=now)
    async with spoken(tmp_path / "s") as gateway:
        await door.state()
        assert gateway.connections == 1
    (tmp_path / "s").unlink(missing_ok=True)
    now.s = 2.0
    async with spoken(tmp_path / "s") as gateway:
        assert (await door.state()).gateway == "gw-test"
        assert gateway.connections == 1
    await door.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\n",
        b"no json\n",
        b'{"jsonrpc":"2.0","id":1,"result":null}\n',
        b'{"jsonrpc":"2.0","id":1,"result":{"gateway":7}}\n',
        b'{"jsonrpc":"2.0","id":1,"error":{}}\n',
        b'{"jsonrpc":"2.0","id":2,"result":{"sensors":[]}}\n',
        b'{"jsonrpc":"2.0","id":1,"result":{}}\n{"jsonrpc":"2.0","id":1,"result":{}}\n',
        b'{"jsonrpc":"2.0","id":1,"result":"\xff"}\n',
        b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * 5000 + b"]" * 5000 + b"}\n",
        b"x" * (ANSWER_BYTES + 10),
    ],
    ids=["silence", "empty", "words", "nothing", "other", "no-reason", "another", "twice", "no-text", "deep", "endless"],
)
async def test_gateway_that_talks_nonsense_is_away(tmp_path: Path, answer: bytes) -> None:
    """It never is an error of the portal's, and what comes behind it on the connection is nobody's answer."""
    now = Now()
    said = [answer]

    def says(method: str, params: Any) -> Any:
        return said.pop() if said else well(method, params)

    async with spoken(tmp_path / "s", says) as gateway:
        door = PublicGate(tmp_path / "s", QUICK if answer == b"" else Waits(), now)
        with pytest.raises(GateAwayError):
            await door.state()
        now.s = 2.0
        assert (await door.state()).gateway == "gw-test"
        assert set(gateway.asked) == {"public.state"}
        await door.close()


async def test_late_answer_is_not_taken_for_that_to_another_question(tmp_path: Path) -> None:
    """A connection on which an answer is still to come is not used again."""
    now = Now()
    async with spoken(tmp_path / "s") as gateway:
        gateway.may_answer.clear()
        door = PublicGate(tmp_path / "s", QUICK, now)
        with pytest.raises(GateAwayError):
            await door.state()
        gateway.may_answer.set()
        now.s = 2.0
        assert (await door.balance()).day == "2026-11-28"
        await door.close()


async def test_refusal_is_an_answer_where_there_was_something_to_refuse(tmp_path: Path) -> None:
    """A day or zone that the gateway does not know; a gateway that does not know the question itself cannot be asked."""

    def refuses(method: str, params: Any) -> Any:
        return well("other", params)

    async with spoken(tmp_path / "s", refuses) as gateway:
        door = PublicGate(tmp_path / "s")
        with pytest.raises(GateRefusedError):
            await door.place("nowhere")
        with pytest.raises(GateRefusedError):
            await door.entry(7)
        assert gateway.connections == 1
        with pytest.raises(GateAwayError):
            await door.flows()
        await door.close()
