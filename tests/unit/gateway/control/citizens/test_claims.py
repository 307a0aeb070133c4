"""Coming in for the first time: by the code of a letter, an invitation or the counter, and by nothing else."""

from __future__ import annotations

import pytest

from gateway.control.citizens.proofs import MOST_CHALLENGES, WRONG_AT_ONCE
from gateway.core.changes import subjects
from tests.support.asking import call
from tests.support.citizens_door import DAY_MS, CitizensDoor, citizens_door
from tests.support.passkey_forms import assertion, registration


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
    assert await door.refused("claim.look", code=letter["claim_code"]) == "code-unknown"


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
async def test_passkeys_of_the_three_algorithms_come_in(door: CitizensDoor, algorithm: str) -> None:
    """And come in again by an answer of theirs."""
    passkey = door.passkey(algorithm=algorithm, counts=True)
    await door.come_in(door.letter()["claim_code"], passkey)
    assert (await door.sign_in(passkey))["kind"] == "passkey"


async def test_paper_alone_comes_in_without_script(door: CitizensDoor) -> None:
    """The code is the one that was shown, however it is typed; the session it opens is one of paper."""
    person = await door.come_in(door.letter()["claim_code"], None)
    assert person.opened["kind"] == "paper"
    again = await door.ask("session.paper", code=person.paper_code.lower().replace("-", " "))
    assert again["kind"] == "paper"
    shown = await door.ask("home.show", again["token"])
    assert [one["what"] for one in shown["enrolments"]] == ["paper"]
    assert shown["paper_since_ms"] == door.durable.clock.now_ms()


async def test_second_letter_of_a_household_that_somebody_answers_for_is_of_no_use(door: CitizensDoor) -> None:
    """Whoever finds it does not come in as the first person."""
    letter = door.letter()
    row = {"profile": "meter", "zone": "north-quay", "topic": "t/more", "owner": "resident", "subject": letter["subject"]}
    call(door.durable, "device.add", {"devices": [row]})
    state, now_ms = door.durable.state, door.durable.clock.now_ms()
    ids = bytes.fromhex(letter["subject"]), bytes.fromhex(letter["resident"]), b""
    second = subjects.make_code(state, *ids, now_ms)
    await door.come_in(letter["claim_code"], door.passkey())
    late = subjects.make_code(state, *ids, now_ms)
    for code in (second, late):
        assert await door.refused("claim.look", code=code) == "code-unknown"


async def test_second_person_comes_by_an_invitation_and_both_are_told(door: CitizensDoor) -> None:
    """The record says who made it, and the code works once."""
    first = await door.home()
    code = await first.invite()
    looked = await door.ask("claim.look", code=code)
    assert (looked["brings"], looked["residents"]) == ("person", 1)
    second = await door.come_in(code, door.passkey())
    shown = await second.ask("home.show")
    assert [one["how"] for one in shown["passkeys"]] == ["invitation"]
    assert [one["kind"] for one in shown["messages"]] == ["came-in", "invited", "resident-joined"]
    assert [(one["how"], one["is_own"]) for one in shown["enrolments"]] == [("invitation", True), ("letter", False)]
    assert await door.refused("claim.look", code=code) == "code-unknown"


async def test_newcomer_by_the_crew_s_code_is_recorded_as_the_counter_s(door: CitizensDoor) -> None:
    """No resident's passkey has made it, so it rests on the operator's word, and says so."""
    letter = door.letter()
    first = await door.come_in(letter["claim_code"], door.passkey())
    code = call(door.durable, "subject.code", {"subject": letter["subject"]})["claim_code"]
    second = await door.come_in(code, door.passkey())
    assert (await second.ask("home.show"))["passkeys"][0]["how"] == "counter"
    assert (await first.ask("home.show"))["messages"][-1]["kind"] == "came-in-counter"


async def test_counter_ends_everything_and_its_code_brings_the_person_back(door: CitizensDoor) -> None:
    """Passkeys, paper code and sessions are of no use from then on; the old passkey is never taken again."""
    letter = door.letter()
    person = await door.come_in(letter["claim_code"], door.passkey())
    wanted = {"subject": letter["subject"], "resident": letter["resident"]}
    code = call(door.durable, "subject.code", wanted)["claim_code"]
    assert await person.refused("home.show") == "session-ended"
    assert await door.refused("session.paper", code=person.paper_code) == "paper-wrong"
    asked = await door.ask("session.challenge")
    assert person.passkey is not None
    given = assertion(person.passkey, asked["challenge"])
    assert await door.refused("session.open", assertion=given) == "passkey-unknown"
    looked = await door.ask("claim.look", code=code)
    assert looked["brings"] == "again"
    made = registration(person.passkey, looked["challenge"])
    confirmed = {"code": code, "challenge": looked["challenge"], "registration": made}
    assert await door.refused("claim.confirm", **confirmed) == "passkey-refused"
    again = await door.come_in(code, door.passkey())
    shown = await again.ask("home.show")
    assert [(one["what"], one["how"]) for one in shown["enrolments"]] == [
        ("passkey", "counter"),
        ("ended", ""),
        ("passkey", "letter"),
    ]


async def test_device_s_code_brings_it_to_the_household_of_who_has_come_in(door: CitizensDoor) -> None:
    """Of a letter that nobody has used; one that somebody has is refused, and one's own brings nothing."""
    person, letter = await door.home(), door.letter()
    looked = await person.ask("claim.look", code=letter["claim_code"])
    assert (looked["brings"], looked["profile"], looked["paper_code"]) == ("device", "meter", "")
    answer = await person.ask("claim.confirm", code=letter["claim_code"], challenge=looked["challenge"])
    assert answer["token"] == person.token
    assert len((await person.ask("home.show"))["devices"]) == 2
    assert bytes.fromhex(letter["subject"]) not in door.durable.state.registry.subjects
    assert await person.refused("claim.look", code=await person.invite()) == "nothing-to-change"
    other = await door.home()
    assert await person.refused("claim.look", code=await other.invite()) == "code-other-home"


async def test_confirming_takes_what_was_looked_at_and_no_longer_than_its_minutes(door: CitizensDoor) -> None:
    """Neither another code's challenge, nor another session's, nor an old one; each serves once."""
    one, two = door.letter()["claim_code"], door.letter()["claim_code"]
    looked = await door.ask("claim.look", code=one)
    assert await door.refused("claim.confirm", code=two, challenge=looked["challenge"]) == "challenge-old"
    assert await door.refused("claim.confirm", code=one, challenge="00" * 32) == "challenge-old"
    asked = await door.ask("session.challenge")
    assert await door.refused("claim.confirm", code=one, challenge=asked["challenge"]) == "challenge-old"
    door.real_ms += 5 * 60_000
    assert await door.refused("claim.confirm", code=one, challenge=looked["challenge"]) == "challenge-old"
    looked = await door.ask("claim.look", code=one)
    await door.ask("claim.confirm", code=one, challenge=looked["challenge"])
    assert await door.refused("claim.confirm", code=one, challenge=looked["challenge"]) == "code-unknown"


async def test_code_whose_days_are_over_is_told_from_one_that_is_none(door: CitizensDoor) -> None:
    """A person with a letter in hand is told to ask for another."""
    code = door.letter()["claim_code"]
    door.durable.clock.time_ms += 90 * DAY_MS  # type: ignore[attr-defined]  # the test's own clock
    assert await door.refused("claim.look", code=code) == "code-old"
    for wrong in ("", "x", "7K3M-QX2P-9RTA", "é" * 12, "A" * 4000):
        assert await door.refused("claim.look", code=wrong) == "code-unknown"


async def test_guessing_codes_is_refused_for_everybody_until_time_has_passed(door: CitizensDoor) -> None:
    """Over all connections together: a right one is not looked at either, since a guess may be right."""
    code = door.letter()["claim_code"]
    for _ in range(WRONG_AT_ONCE):
        assert await door.refused("claim.look", code="7K3M-QX2P-9RTA") == "code-unknown"
    assert await door.refused("claim.look", code=code) == "too-many"
    door.real_ms += 1000
    assert (await door.ask("claim.look", code=code))["brings"] == "household"


async def test_nobody_comes_in_where_the_configuration_names_no_address(tmp_path_factory: pytest.TempPathFactory) -> None:
    """There is no site that a passkey could be for."""
    async with citizens_door(tmp_path_factory.mktemp("g"), extra="") as door:
        code = door.letter()["claim_code"]
        assert await door.refused("claim.look", code=code) == "no-address"
        assert await door.refused("session.challenge") == "no-address"


async def test_nobody_s_guesses_keep_a_paper_code_from_telling_less(door: CitizensDoor) -> None:
    """It is what one has where all else is lost; of eighty random bits, so that a stranger's tries are in nobody's way."""
    person, other = await door.home(), await door.home()
    for _ in range(2 * WRONG_AT_ONCE):
        assert await door.refused("session.paper", code="7K3M-QX2P-9RTA-0000") == "paper-wrong"
        assert await other.refused("home.erase", paper_code="7K3M-QX2P-9RTA-0000") == "paper-wrong"
        assert await door.refused("claim.look", code="7K3M-QX2P-9RTA") in ("code-unknown", "too-many")
    opened = await door.ask("session.paper", code=person.paper_code)
    await door.ask("consent.less", opened["token"], step="refuse", scope="energy-hourly")


async def test_whoever_looks_at_one_code_again_and_again_pushes_out_their_own(door: CitizensDoor) -> None:
    """A neighbour who is just making a passkey for theirs goes on."""
    mine, theirs = door.letter()["claim_code"], door.letter()["claim_code"]
    looked = await door.ask("claim.look", code=theirs)
    first = await door.ask("claim.look", code=mine)
    for _ in range(MOST_CHALLENGES):
        await door.ask("claim.look", code=mine)
    assert await door.refused("claim.confirm", code=mine, challenge=first["challenge"]) == "challenge-old"
    assert (await door.ask("claim.confirm", code=theirs, challenge=looked["challenge"]))["token"]
