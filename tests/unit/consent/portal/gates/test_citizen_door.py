"""The citizens' door from the portal's side, over a gateway that says what a test makes it say, or goes away."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from consent.citizen_messages import Nobody, SessionNamed, SessionsEnded, SignInChallenge
from consent.control import REFUSED, SESSION_ENDED
from consent.portal.gates.citizen import OutcomeUnknownError, SessionEndedError
from consent.portal.gates.citizen_door import CitizenDoor, CitizenWaits
from consent.portal.gates.public import GateAwayError, GateRefusedError
from consent.portal.gates.wire import ANSWER_BYTES
from tests.support.spoken_door import spoken
from tests.support.waiting import HANG_S

TOKEN, REQUEST = "ab" * 32, "cd" * 16
QUICK = CitizenWaits(question_s=1.0, change_s=1.0)
"""For an answer that never comes."""


def well(method: str, params: Any) -> Any:
    """Answer as a gateway in order does."""
    if method == "session.challenge":
        return {"result": {"challenge": "00", "relying_party": "localhost"}}
    return {"result": {"ended": 1}}


async def question(door: CitizenDoor) -> SignInChallenge:
    """Ask something that changes nothing."""
    return await door.ask("session.challenge", Nobody(), SignInChallenge)


async def change(door: CitizenDoor) -> SessionsEnded:
    """Change something."""
    return await door.ask("session.end", SessionNamed(), SessionsEnded, session=TOKEN, request=REQUEST)


async def test_session_and_request_stand_beside_the_parameters(tmp_path: Path) -> None:
    """Where the gateway looks for them, and nowhere else."""
    heard = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = json.loads(await reader.readline())
        heard.append(line)
        writer.write(json.dumps({"jsonrpc": "2.0", "id": line["id"], **well(line["method"], {})}).encode() + b"\n")
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "s")
    door = CitizenDoor(tmp_path / "s")
    ended = await change(door)
    await door.close()
    server.close()
    await server.wait_closed()
    assert ended.ended == 1
    told = {"params": {"all_others": False}, "session": TOKEN, "request": REQUEST}
    assert heard == [{"jsonrpc": "2.0", "id": 1, "method": "session.end", **told}]


async def test_gateway_that_is_not_there_was_sent_nothing(tmp_path: Path) -> None:
    """Neither question nor change: the page may say that nothing was changed."""
    door = CitizenDoor(tmp_path / "s")
    for asked in (question, change):
        with pytest.raises(GateAwayError):
            await asked(door)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\n",
        b'{"jsonrpc":"2.0","id":1,"result":{"ended',
        b"no json\n",
        b'{"jsonrpc":"2.0","id":7,"result":{"ended":1}}\n',
        b'{"jsonrpc":"2.0","id":1,"result":{"ended":"x"}}\n',
        b'{"jsonrpc":"2.0","id":1,"result":{}}\n',
        b"x" * (ANSWER_BYTES + 10),
    ],
    ids=["silence", "empty", "half", "words", "another", "type", "part", "endless"],
)
async def test_change_without_a_whole_answer_is_unknown_and_a_question_is_away(tmp_path: Path, answer: bytes) -> None:
    """Whatever came: it may have been carried out. And nothing that comes later is taken for another's answer."""
    said: list[bytes] = []

    def says(method: str, params: Any) -> Any:
        return said.pop() if said else well(method, params)

    async with spoken(tmp_path / "s", says) as gateway:
        door = CitizenDoor(tmp_path / "s", CitizenWaits() if answer.endswith(b"\n") or len(answer) > 60 else QUICK)
        said.append(answer)
        with pytest.raises(OutcomeUnknownError):
            await change(door)
        await door.close()
        said.append(answer)
        with pytest.raises(GateAwayError):
            await question(door)
        assert gateway.asked == ["session.end", "session.challenge"], "neither is sent twice"
        await door.close()
        usual = CitizenDoor(tmp_path / "s")
        assert (await change(usual)).ended == 1
        await usual.close()


async def test_gateway_that_dies_over_a_change_leaves_it_unknown(tmp_path: Path) -> None:
    """The connection ends in between."""
    async with spoken(tmp_path / "s", well) as gateway:
        gateway.may_answer.clear()
        door = CitizenDoor(tmp_path / "s")
        asked = asyncio.create_task(change(door))
        await gateway.waiting.wait()
        for writer in list(gateway.writers):
            writer.transport.abort()
        with pytest.raises(OutcomeUnknownError):
            await asked
        await door.close()


async def test_refusal_has_its_reason_and_an_ended_session_a_name(tmp_path: Path) -> None:
    """Neither has changed anything, of question and change alike; and the connection is still good."""
    said = {"code": REFUSED, "message": "no such code", "data": {"exit_status": 2, "reason": "code-unknown"}}
    async with spoken(tmp_path / "s", lambda method, params: {"error": said}) as gateway:
        door = CitizenDoor(tmp_path / "s")
        for asked in (question, change):
            with pytest.raises(GateRefusedError) as refused:
                await asked(door)
            assert refused.value.reason == "code-unknown"
        said["code"] = SESSION_ENDED
        for asked in (question, change):
            with pytest.raises(SessionEndedError):
                await asked(door)
        assert gateway.connections <= 3
        await door.close()


async def test_gateway_without_a_place_was_sent_nothing(tmp_path: Path) -> None:
    """It refuses the connection, not the request: without an id."""
    refusal = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"too many connections","data":{"exit_status":2}}}\n'
    async with spoken(tmp_path / "s", lambda method, params: refusal):
        door = CitizenDoor(tmp_path / "s")
        for asked in (question, change):
            with pytest.raises(GateAwayError):
                await asked(door)
        await door.close()


async def test_visitor_who_leaves_spoils_no_connection(tmp_path: Path) -> None:
    """The answer that still comes is nobody's; the next one asks on another connection."""
    async with spoken(tmp_path / "s", well) as gateway:
        gateway.may_answer.clear()
        door = CitizenDoor(tmp_path / "s")
        for asked in (question, change):
            gateway.waiting.clear()
            left = asyncio.create_task(asked(door))
            await gateway.waiting.wait()
            left.cancel()
            with pytest.raises(asyncio.CancelledError):
                await left
        gateway.may_answer.set()
        assert (await question(door)).relying_party == "localhost"
        assert (await change(door)).ended == 1
        await door.close()


async def test_few_are_asked_for_at_once(tmp_path: Path) -> None:
    """The others wait, and one for whom there was no place in time was sent nothing."""
    async with spoken(tmp_path / "s", well) as gateway:
        gateway.may_answer.clear()
        door = CitizenDoor(tmp_path / "s", CitizenWaits(question_s=HANG_S, change_s=0.1, connections=2))
        holding = [asyncio.create_task(question(door)) for _ in range(2)]
        async with asyncio.timeout(HANG_S):
            while len(gateway.asked) < 2:  # noqa: ASYNC110  what is waited for is the other side's
                await asyncio.sleep(0.01)
        ended = await asyncio.gather(*(change(door) for _ in range(4)), return_exceptions=True)
        assert [type(error).__name__ for error in ended] == ["GateAwayError"] * 4
        assert (gateway.connections, len(gateway.asked)) == (2, 2)
        gateway.may_answer.set()
        assert [told.relying_party for told in await asyncio.gather(*holding)] == ["localhost"] * 2
        await door.close()


async def test_question_finds_a_gateway_that_was_restarted(tmp_path: Path) -> None:
    """On a new connection, without a word to the visitor; a change too, since it opens its own."""
    door = CitizenDoor(tmp_path / "s")
    for _ in range(2):
        async with spoken(tmp_path / "s", well):
            await question(door)
            await change(door)
            await question(door)
        (tmp_path / "s").unlink(missing_ok=True)
    await door.close()
