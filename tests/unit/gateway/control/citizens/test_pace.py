"""Nobody fills the log by confirming one thing after another, and what tells less is never held up."""

from __future__ import annotations

import pytest

from gateway.control.citizens.pace import AN_HOUR, AT_ONCE, Pace
from gateway.control.context import MethodError
from tests.support.citizens_door import HOUR_MS, CitizensDoor
from tests.support.own_answers import FLOW, say_yes, signed


async def test_household_that_confirms_without_end_waits_and_can_still_stop_and_others_go_on(door: CitizensDoor) -> None:
    """A program that says yes and no by turns, a thousand times an hour."""
    person, other = await door.home(), await door.home()
    for _ in range(AT_ONCE):
        await say_yes(person)
    assert await person.refused("consent.prove", **await signed(person)) == "too-often"
    assert await person.refused("home.invite", proof=await person.proof("subject.invite")) == "too-often"
    assert (await person.ask("consent.less", step="withdraw", scope=FLOW))["changes"]
    await say_yes(other)
    door.real_ms += HOUR_MS // AN_HOUR
    await say_yes(person)
    assert await person.refused("consent.prove", **await signed(person)) == "too-often"
    await person.ask("home.erase", proof=await person.proof("household.erase"))


def test_memory_is_of_those_alone_who_have_confirmed_something_lately() -> None:
    """A clock that is set back gives nothing, and takes nothing."""
    pace = Pace()
    for n in range(100):
        pace.count(n.to_bytes(16, "big"), 0)
    pace.count(b"a", -1000)
    assert len(pace._left) == 101
    pace.count(b"a", AT_ONCE * HOUR_MS // AN_HOUR)
    assert len(pace._left) == 1
    for _ in range(AT_ONCE - 1):
        pace.count(b"a", AT_ONCE * HOUR_MS // AN_HOUR)
    with pytest.raises(MethodError):
        pace.count(b"a", AT_ONCE * HOUR_MS // AN_HOUR)
