"""A request with an id is carried out once, and whoever lost its answer gets it."""

from __future__ import annotations

import pytest

from gateway.control.citizens.requests import MOST_ANSWERS
from gateway.control.context import ANYONE, Control, MethodError
from gateway.control.doors import ControlDoor
from gateway.core.registry import ANSWERED_KEPT
from tests.support.asking import as_plain
from tests.support.citizens_door import CitizensDoor
from tests.support.inside import assembled, running
from tests.support.passkey_forms import assertion, registration

ID, OTHER = "0123456789abcdef" * 2, "f" * 32


def restarted(door: CitizensDoor) -> None:
    """Forget what is kept in memory alone."""
    door.control = Control(door.durable, real_ms=lambda: door.real_ms)


async def test_same_request_changes_nothing_twice_and_is_answered_alike(door: CitizensDoor) -> None:
    """The secret that it told is told again, as long as memory lasts, and nobody else is told it."""
    person = await door.home()
    partner = await door.come_in(await person.invite(), door.passkey())
    proof = await person.proof("subject.invite")
    first = await person.ask("home.invite", ID, proof=proof)
    before = door.durable.state.log.size, len(door.durable.state.registry.claims)
    assert await person.ask("home.invite", ID, proof=proof) == first
    assert (door.durable.state.log.size, len(door.durable.state.registry.claims)) == before
    assert await partner.refused("home.invite", ID, proof=proof) == "challenge-old"
    restarted(door)
    assert await person.ask("home.invite", ID, proof=proof) == {**first, "claim_code": ""}
    assert await person.refused("paper.replace", ID, proof=proof) == "request-other"


async def test_outcome_says_what_became_of_a_request_also_after_a_restart(door: CitizensDoor) -> None:
    """Done, with the entries that it made; or not done, so that it can be sent again."""
    person = await door.home()
    nothing = {"is_done": False, "method": "", "time_ms": 0, "log_indices": []}
    assert await person.ask("request.outcome", request=ID) == nothing
    made = await person.ask("paper.replace", ID, proof=await person.proof("paper.replace"))
    done = {
        "is_done": True,
        "method": "paper.replace",
        "time_ms": door.durable.clock.now_ms(),
        "log_indices": [made["log_index"]],
    }
    assert await person.ask("request.outcome", request=ID) == done
    restarted(door)
    assert await person.ask("request.outcome", request=ID) == done
    other = await door.home()
    assert await other.ask("request.outcome", request=ID) == nothing


async def test_only_the_latest_are_remembered_on_disk(door: CitizensDoor) -> None:
    """So many of a household; and no id is taken that is none."""
    person = await door.home()
    for number in range(ANSWERED_KEPT + 1):
        await person.ask("session.extend", f"{number:032x}")
    restarted(door)
    assert not (await person.ask("request.outcome", request=f"{0:032x}"))["is_done"]
    assert (await person.ask("request.outcome", request=f"{1:032x}"))["is_done"]
    for wrong in ("x", "0" * 31, "0" * 33, "G" * 32):
        assert await person.refused("session.extend", wrong) == ""


async def test_lost_answer_of_coming_in_is_given_again_to_exactly_the_same_request(door: CitizensDoor) -> None:
    """Else the person would stand before a code that is used up."""
    code, passkey = door.letter()["claim_code"], door.passkey()
    looked = await door.ask("claim.look", code=code)
    made = registration(passkey, looked["challenge"])
    confirmed = {"code": code, "challenge": looked["challenge"], "registration": made}
    opened = await door.ask("claim.confirm", "", ID, **confirmed)
    assert await door.ask("claim.confirm", "", ID, **confirmed) == opened
    assert await door.refused("claim.confirm", "", ID, **{**confirmed, "challenge": "00" * 32}) == "code-unknown"
    assert await door.refused("claim.confirm", "", OTHER, **confirmed) == "code-unknown"
    asked = await door.ask("session.challenge")
    given = assertion(passkey, asked["challenge"])
    assert await door.ask("session.open", "", ID, assertion=given) == await door.ask("session.open", "", ID, assertion=given)


async def test_request_that_ended_its_own_session_is_answered_to_whoever_has_its_token(door: CitizensDoor) -> None:
    """An erasure, leaving, and ending the session: the page can say what it came to."""
    app = assembled(door.durable)
    person = await door.home()
    proof = await person.proof("household.erase")
    async with running(app):
        gate = ControlDoor(app, ANYONE, door.control)
        erased = await gate.answer("home.erase", {"proof": proof}, person.token, ID)
        assert await gate.answer("home.erase", {"proof": proof}, person.token, ID) == erased
        outcome = as_plain(await gate.answer("request.outcome", {"request": ID}, person.token))
        assert (outcome["is_done"], outcome["method"]) == (True, "home.erase")
        for method, params in (("home.show", {}), ("request.outcome", {"request": OTHER}), ("status", {})):
            with pytest.raises(MethodError) as refusal:
                await gate.answer(method, params, person.token, ID)
            assert refusal.value.reason == "session-ended"
        with pytest.raises(MethodError, match="is no id of 32 hexadecimal digits"):
            await gate.answer("home.leave", {}, person.token, "x")


async def test_answers_in_memory_have_a_bound(door: CitizensDoor) -> None:
    """However many are asked for."""
    person = await door.home()
    for number in range(3):
        await person.ask("session.extend", f"{number:032x}")
    (kept,) = [kept for kind, kept in door.control._kept.items() if kind.__name__ == "_Answers"]
    assert len(kept._answers) == 3  # type: ignore[attr-defined]
    door.real_ms += 5 * 60_000
    await person.ask("session.extend", ID)
    assert len(kept._answers) == 1 <= MOST_ANSWERS  # type: ignore[attr-defined]
