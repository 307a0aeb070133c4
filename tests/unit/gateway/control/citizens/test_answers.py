"""`consent.propose`, `prove` and `less`: nobody tells more without their passkey's signature of just that; less is one step."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from consent.citizen_messages import RequestOutcome
from consent.core.consents.records import PASSKEY, SESSION, Consent, signing_bytes
from consent.core.passkeys.proof import Proof
from consent.core.policies.parse import parse_policies
from gateway.control import doors
from gateway.control.context import ANYONE, MethodError
from tests.support.asking import call
from tests.support.citizens_door import DAY_MS, SITE, CitizensDoor, Person
from tests.support.own_answers import FLOW, at_the_door, clock_of, say_yes, signed
from tests.support.passkey_forms import assertion

TOTALS = "energy-daily-totals"
PURPOSE = "purpose:energy-planning"


def said(door: CitizensDoor) -> list[Consent]:
    """Return what counts of everybody."""
    return [entry.consent for _, _, entries in door.durable.state.registry.book for entry in entries]


def statuses(door: CitizensDoor) -> dict[str, str]:
    """Return the status of each scope of the only resident."""
    return {consent.scope: consent.status.value for consent in said(door)}


async def refused(person: Person, method: str, **params: Any) -> str:
    """Ask for what is refused, which leaves the log as it was; return the reason."""
    size = person.door.durable.state.log.size
    with pytest.raises(MethodError) as error:
        await person.ask(method, **params)
    assert person.door.durable.state.log.size == size
    return error.value.reason


def test_yes_is_signed_by_the_passkey_and_anyone_can_check_that(tmp_path: Path) -> None:
    """Its proof is over the record's own bytes, and stands in the record."""

    async def work(door: CitizensDoor) -> None:
        person = await door.home()
        answer = await say_yes(person)
        (consent,) = said(door)
        assert (consent.scope, consent.status.value, consent.channel) == (FLOW, "Given", PASSKEY)
        proof = Proof.decode(consent.signature)
        assert proof.faults(sha256(signing_bytes(consent)).digest(), SITE.id) == []
        (change,) = answer["changes"]
        assert (change["scope"], change["status"], change["undecided"]) == (FLOW, "Given", [])

    at_the_door(tmp_path, work)


def test_nothing_is_entered_by_proposing(tmp_path: Path) -> None:
    """A page that is closed leaves no trace."""

    async def work(door: CitizensDoor) -> None:
        person = await door.home()
        size = door.durable.state.log.size
        asked = await person.ask("consent.propose", scope=FLOW)
        assert asked["is_more"]
        assert "electricity" in asked["text"].lower()
        assert (said(door), door.durable.state.log.size) == ([], size)

    at_the_door(tmp_path, work)


def test_signature_counts_once_for_its_own_session_and_for_five_minutes(tmp_path: Path) -> None:
    """Replayed, of another household, of another session of the same person, or too late, it enters nothing."""

    async def work(door: CitizensDoor) -> None:
        person, other = await door.home(), await door.home()
        given = await signed(person)
        assert await refused(other, "consent.prove", **given) == "challenge-old"
        assert person.passkey is not None
        again = Person(door, (await door.sign_in(person.passkey))["token"], "", person.passkey, {})
        assert await refused(again, "consent.prove", **given) == "challenge-old"
        await person.ask("consent.prove", **given)
        assert await refused(person, "consent.prove", **given) == "challenge-old"
        late = await signed(person, TOTALS)
        door.real_ms += 5 * 60_000
        assert await refused(person, "consent.prove", **late) == "challenge-old"

    at_the_door(tmp_path, work)


def test_passkey_of_another_or_of_another_challenge_is_refused(tmp_path: Path) -> None:
    """One signs for oneself, and what one was shown."""

    async def work(door: CitizensDoor) -> None:
        person, other = await door.home(), await door.home()
        assert person.passkey is not None
        assert other.passkey is not None
        asked = await person.ask("consent.propose", scope=FLOW)
        challenge = asked["proof"]["challenge"]
        assert await refused(person, "consent.prove", challenge=challenge, proof=assertion(other.passkey, challenge)) == (
            "passkey-unknown"
        )
        wrong = assertion(person.passkey, "00" * 32)
        assert await refused(person, "consent.prove", challenge=challenge, proof=wrong) == "passkey-refused"
        await person.ask("consent.prove", challenge=challenge, proof=assertion(person.passkey, challenge))

    at_the_door(tmp_path, work)


@pytest.mark.parametrize("scope", [FLOW, PURPOSE])
def test_what_was_said_meanwhile_makes_the_signature_worthless(tmp_path: Path, scope: str) -> None:
    """Also where it was said of the whole purpose, in a chain of its own."""

    async def work(door: CitizensDoor) -> None:
        person = await door.home()
        given = await signed(person)
        await person.ask("consent.less", step="refuse", scope=scope)
        assert await refused(person, "consent.prove", **given) == "changed-meanwhile"

    at_the_door(tmp_path, work)


def test_clock_that_was_set_back_meanwhile_makes_the_signature_worthless(tmp_path: Path) -> None:
    """The record would be younger than its entry, and an auditor would find a gateway that is honest to be none."""

    async def work(door: CitizensDoor) -> None:
        person = await door.home()
        clock_of(door).time_ms += 1_000
        given = await signed(person)
        clock_of(door).time_ms -= 1
        assert await refused(person, "consent.prove", **given) == "changed-meanwhile"
        await person.ask("consent.prove", **await signed(person))

    at_the_door(tmp_path, work)


def test_rules_that_change_meanwhile_make_the_signature_worthless(tmp_path: Path) -> None:
    """What was shown is no longer what is asked."""

    async def work(door: CitizensDoor) -> None:
        person = await door.home()
        given = await signed(person)
        files = door.durable.state.policies.files
        text = files["city.toml"].decode()
        assert "group = 15, retention = 730" in text
        changed = {**files, "city.toml": text.replace("group = 15, retention = 730", "group = 15, retention = 729").encode()}
        door.durable.apply_policies(parse_policies(changed), door.durable.public_keys)
        assert await refused(person, "consent.prove", **given) == "changed-meanwhile"

    at_the_door(tmp_path, work)


def test_paper_code_alone_tells_less_and_never_more(tmp_path: Path) -> None:
    """Without a passkey there is nothing to sign with."""

    async def work(door: CitizensDoor) -> None:
        row = door.letter()
        person = await door.come_in(row["claim_code"], None)
        assert await refused(person, "consent.propose", scope=FLOW) == "needs-passkey"
        assert await refused(person, "consent.less", step="lower", scope=FLOW, limits={"time": "day"}) == "needs-passkey"
        await person.ask("consent.less", step="refuse", scope=FLOW)
        assert statuses(door) == {FLOW: "Refused"}

    at_the_door(tmp_path, work)


def test_yes_of_a_passkey_that_replaces_a_lost_one_waits_a_day_and_less_does_not(tmp_path: Path) -> None:
    """Within which the household has read of it."""

    async def work(door: CitizensDoor) -> None:
        first = await door.home()
        await say_yes(first)
        opened = await door.ask("session.paper", code=first.paper_code)
        paper = Person(door, opened["token"], first.paper_code, None, opened)
        passkey, made = await paper.make()
        await paper.ask("passkey.add", registration=made, paper_code=first.paper_code)
        again = Person(door, (await door.sign_in(passkey))["token"], "", passkey, {})
        given = await signed(again, TOTALS)
        assert await refused(again, "consent.prove", **given) == "waits"
        await again.ask("consent.less", step="lower", scope=FLOW, limits={"time": "day"})
        clock_of(door).time_ms += DAY_MS + 1
        await again.ask("consent.prove", **await signed(again, TOTALS))
        assert statuses(door)[TOTALS] == "Given"

    at_the_door(tmp_path, work)


def test_less_than_now_takes_effect_by_a_session_alone_and_says_so_in_the_record(tmp_path: Path) -> None:
    """Lower, and lower again; what is no lower changes nothing, and is no error."""

    async def work(door: CitizensDoor) -> None:
        person = await door.home()
        await say_yes(person)
        for limits, count in (({"time": "4h"}, 1), ({"time": "1h"}, 0), ({"budget": 1}, 1), ({"time": "4h", "budget": 1}, 0)):
            answer = await person.ask("consent.less", step="lower", scope=FLOW, limits=limits)
            assert len(answer["changes"]) == count
        (consent,) = said(door)
        assert (consent.channel, consent.limits.time.label, consent.limits.budget) == (SESSION, "4h", 1.0)

    at_the_door(tmp_path, work)


def test_everything_is_withdrawn_in_one_step_and_once_more_is_no_error(tmp_path: Path) -> None:
    """Of a purpose and of a use of its own."""

    async def work(door: CitizensDoor) -> None:
        person = await door.home()
        await say_yes(person, PURPOSE)
        await say_yes(person, TOTALS)
        answer = await person.ask("consent.less", step="withdraw")
        assert {change["scope"]: change["status"] for change in answer["changes"]} == {PURPOSE: "Withdrawn", TOTALS: "Withdrawn"}
        for row in (await person.ask("question.list"))["flows"]:
            assert row["answer"] == "no"
        assert (await person.ask("consent.less", step="withdraw"))["changes"] == []
        assert (await person.ask("consent.less", step="pause"))["changes"] == []

    at_the_door(tmp_path, work)


def test_everything_is_paused_in_one_step_and_each_resumed_by_a_passkey(tmp_path: Path) -> None:
    """To go on tells more than to pause."""

    async def work(door: CitizensDoor) -> None:
        person = await door.home()
        await say_yes(person, FLOW, time="4h")
        await say_yes(person, TOTALS)
        answer = await person.ask("consent.less", step="pause")
        assert {change["scope"] for change in answer["changes"]} == {FLOW, TOTALS}
        assert set(statuses(door).values()) == {"Paused"}
        await person.ask("consent.prove", **await signed(person, resume=True))
        assert statuses(door) == {FLOW: "Given", TOTALS: "Paused"}
        resumed = next(consent for consent in said(door) if consent.scope == FLOW)
        assert (resumed.channel, resumed.limits.time.label) == (PASSKEY, "4h")
        answer = await person.ask("consent.less", step="withdraw")
        assert set(statuses(door).values()) == {"Withdrawn"}

    at_the_door(tmp_path, work)


def test_no_ends_a_yes_and_a_no_stands(tmp_path: Path) -> None:
    """Whatever was said before, a no is a no."""

    async def work(door: CitizensDoor) -> None:
        person = await door.home()
        await say_yes(person)
        await person.ask("consent.less", step="refuse", scope=FLOW)
        await person.ask("consent.less", step="refuse", scope=TOTALS)
        assert statuses(door) == {FLOW: "Withdrawn", TOTALS: "Refused"}
        for scope in (FLOW, TOTALS):
            assert (await person.ask("consent.less", step="refuse", scope=scope))["changes"] == []
        answer = await person.ask("consent.less", step="refuse")
        assert [change["scope"] for change in answer["changes"]] == ["energy-typical-week"]

    at_the_door(tmp_path, work)


def test_resident_changes_their_own_answers_only(tmp_path: Path) -> None:
    """The other's stand, and hold back by themselves."""

    async def work(door: CitizensDoor) -> None:
        first = await door.home()
        second = await door.come_in(await first.invite(), door.passkey())
        await say_yes(first)
        await say_yes(second)
        await first.ask("consent.less", step="withdraw")
        by_resident = {consent.resident: consent.status.value for consent in said(door)}
        assert sorted(by_resident.values()) == ["Given", "Withdrawn"]

    at_the_door(tmp_path, work)


def test_request_that_comes_twice_is_carried_out_once(tmp_path: Path) -> None:
    """And is answered alike."""

    async def work(door: CitizensDoor) -> None:
        person = await door.home()
        given = await signed(person)
        once = await person.ask("consent.prove", "ab" * 16, **given)
        size = door.durable.state.log.size
        assert await person.ask("consent.prove", "ab" * 16, **given) == once
        assert door.durable.state.log.size == size
        caller = doors.come_in(door.control, ANYONE, person.token, "")
        told = doors.action(door.control, "request.outcome", {"request": "ab" * 16}, caller)()
        assert isinstance(told, RequestOutcome)
        assert (told.is_done, told.log_indices) == (True, once["changes"][0]["log_indices"])

    at_the_door(tmp_path, work)


def test_methods_of_answers_are_for_residents_alone(tmp_path: Path) -> None:
    """Neither the operator nor a visitor has them."""

    async def work(door: CitizensDoor) -> None:
        for method in ("consent.propose", "consent.prove", "consent.less", "question.list", "question.show", "readings.show"):
            with pytest.raises(MethodError, match="there is no method"):
                call(door.durable, method)
            with pytest.raises(MethodError, match="there is no method"):
                await door.ask(method)

    at_the_door(tmp_path, work)
