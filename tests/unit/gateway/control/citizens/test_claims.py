"""Coming in for the first time: by the code of a letter, an invitation or the counter, and by nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.control.context import MethodError
from tests.support.citizens_door import CitizensDoor, citizens_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[CitizensDoor]:
    """A gateway's door for citizens."""
    async with citizens_door(tmp_path) as opened:
        yield opened


async def refused(door: CitizensDoor, method: str, session: str = "", **params: object) -> str:
    """Return the reason of a refusal, which changes nothing."""
    before = door.durable.state.log.size
    with pytest.raises(MethodError) as refusal:
        await door.ask(method, session, **params)
    assert door.durable.state.log.size == before
    return refusal.value.reason


async def test_looking_at_a_code_stores_nothing_and_using_it_does(door: CitizensDoor) -> None:
    """What was looked at says what it is about; the household has its first person then."""
    letter = door.letter()
    await door.control.commit()
    looked = await door.ask("claim.look", code=letter["claim_code"])
    assert (looked["brings"], looked["profile"], looked["zone"], looked["residents"]) == ("household", "meter", "north-quay", 0)
    assert door.durable.state.commit.is_empty()
    person = await door.come_in(letter["claim_code"], door.passkey())
    shown = await person.ask("home.show")
    assert [one["how"] for one in shown["passkeys"]] == ["letter"]
    assert (shown["session"]["kind"], shown["session"]["is_this"]) == ("passkey", True)
    assert person.opened["log_index"] == shown["enrolments"][0]["log_index"]
    assert [one["kind"] for one in shown["messages"]] == ["came-in"]
    assert await refused(door, "claim.look", code=letter["claim_code"]) == "code-unknown"
