"""A visitor's challenge is good once, for some minutes, and whatever others ask for."""

from __future__ import annotations

import pytest

from consent.citizen_messages import CHALLENGE_MINUTES
from gateway.control.citizens import entrance
from gateway.control.citizens.entrance import Entrance
from gateway.control.citizens.proofs import MOST_CHALLENGES
from gateway.control.context import MethodError
from tests.support.citizens_door import CitizensDoor
from tests.support.passkey_forms import assertion


async def test_strangers_who_ask_for_challenges_keep_nobody_out(door: CitizensDoor) -> None:
    """However many they ask for while a person looks for their phone."""
    person = await door.home()
    assert person.passkey is not None
    asked = await door.ask("session.challenge")
    for _ in range(MOST_CHALLENGES + 1):
        await door.ask("session.challenge")
    assert (await door.ask("session.open", assertion=assertion(person.passkey, asked["challenge"])))["token"]


async def test_challenge_is_answered_once_in_time_and_by_the_process_that_made_it(door: CitizensDoor) -> None:
    """A passkey's answer that somebody has written down opens nothing."""
    person = await door.home()
    assert person.passkey is not None
    answer = assertion(person.passkey, (await door.ask("session.challenge"))["challenge"])
    await door.ask("session.open", assertion=answer)
    assert await door.refused("session.open", assertion=answer) == "challenge-old"
    late = assertion(person.passkey, (await door.ask("session.challenge"))["challenge"])
    door.real_ms += CHALLENGE_MINUTES * 60_000
    assert await door.refused("session.open", assertion=late) == "challenge-old"
    assert await door.refused("session.open", assertion=answer) == "challenge-old"


async def test_challenge_that_was_made_elsewhere_is_none(door: CitizensDoor) -> None:
    """Neither one that is put off, nor one of another gateway, nor any at one that has made none."""
    here, there = Entrance(), Entrance()
    made = here.made(door.control)
    here.check(made, door.real_ms)
    there_made = there.made(door.control)
    put_off = (int.from_bytes(made[:8], "big") + 1).to_bytes(8, "big") + made[8:]
    for wrong in (there_made, put_off, made[:-1], made + b"\x00", b"", bytes(32)):
        with pytest.raises(MethodError):
            here.check(wrong, door.real_ms)
    with pytest.raises(MethodError):
        Entrance().check(made, door.real_ms)


async def test_memory_of_answers_is_bounded_and_forgets_none_that_could_count_again(
    door: CitizensDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is full nobody comes in by another; minutes later they do."""
    monkeypatch.setattr(entrance, "MOST_ANSWERED", 2)
    here = Entrance()
    for _ in range(2):
        answered = here.made(door.control)
        here.check(answered, door.real_ms)
        here.done(answered, door.real_ms)
    with pytest.raises(MethodError) as refusal:
        here.check(here.made(door.control), door.real_ms)
    assert refusal.value.reason == "too-many"
    door.real_ms += CHALLENGE_MINUTES * 60_000
    here.check(here.made(door.control), door.real_ms)
