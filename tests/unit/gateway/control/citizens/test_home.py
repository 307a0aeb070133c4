"""The household as its residents see it: one more person, leaving, and the end."""

from __future__ import annotations

from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import CredentialsEndedPayload, EnrolmentPayload, KeyPayload, decode_key
from gateway.core.changes.subjects import code_hash
from tests.support.citizens_door import CitizensDoor
from tests.support.own_answers import FLOW, say_yes


async def test_home_shows_people_devices_and_ways_in_and_no_other_home_s(door: CitizensDoor) -> None:
    """Credentials of one's own, and that others of the home have some."""
    one, other = await door.home(), await door.home()
    partner = await door.come_in(await one.invite(), None)
    await one.invite()
    shown = await one.ask("home.show", language="pt")
    assert len(shown["residents"]) == 2
    assert len(shown["devices"]) == len(shown["passkeys"]) == len(shown["sessions"]) == 1
    assert shown["claim_codes"] == 1
    assert [(each["what"], each["is_own"]) for each in shown["enrolments"]] == [("paper", False), ("passkey", True)]
    assert shown["messages"][0]["text"].startswith("Alguém entrou aqui com o código da carta")
    theirs = await partner.ask("home.show")
    assert theirs["passkeys"] == []
    assert (await other.ask("home.show"))["claim_codes"] == 0


async def test_new_invitation_replaces_the_one_before(door: CitizensDoor) -> None:
    """One that was mislaid brings nobody in."""
    person = await door.home()
    former, code = await person.invite(), await person.invite()
    assert await door.refused("claim.look", code=former) == "code-unknown"
    assert (await door.ask("claim.look", code=code))["brings"] == "person"


async def test_who_leaves_takes_their_ways_in_along_and_the_log_says_so(door: CitizensDoor) -> None:
    """Credentials end before the household has one person less; the last does not leave."""
    person = await door.home()
    code = await person.invite()
    partner = await door.come_in(code, door.passkey())
    pending = await partner.invite()
    left = await partner.ask("home.leave")
    assert await partner.refused("home.show") == "session-ended"
    assert await door.refused("session.paper", code=partner.paper_code) == "paper-wrong"
    assert await door.refused("claim.look", code=pending) == "code-unknown"
    payloads = [
        decode_key(Opening.decode(row.opening.whole()).first or b"") for row in door.durable.state.commit.log if row.kind == "key"
    ]
    came, enrolled, ended, gone = payloads[-4:]
    assert isinstance(came, KeyPayload)
    assert isinstance(enrolled, EnrolmentPayload)
    assert enrolled.proof.startswith(code_hash(code))
    assert isinstance(ended, CredentialsEndedPayload)
    assert (ended.by, ended.paper, len(ended.keys_sha256)) == ("left", True, 1)
    assert isinstance(gone, KeyPayload)
    assert left["left"] == ended.resident.hex()
    assert await person.refused("home.leave") == "last-resident"


async def test_whose_no_holds_the_others_back_leaves_by_passkey_and_by_no_session_alone(door: CitizensDoor) -> None:
    """Their going lets readings out, as a yes does: a portal that was taken over has but their session."""
    person = await door.home()
    partner = await door.come_in(await person.invite(), door.passkey())
    await say_yes(person)
    await partner.ask("consent.less", step="refuse", scope=FLOW)
    assert await partner.refused("home.leave") == "needs-passkey"
    assert await partner.refused("home.leave", paper_code=partner.paper_code) == "needs-passkey"
    assert await partner.refused("home.leave", proof=await person.proof("household.leave")) == "challenge-old"
    assert await partner.refused("home.leave", proof=await partner.proof("household.erase")) == "challenge-old"
    await partner.ask("home.leave", proof=await partner.proof("household.leave"))
    assert len((await person.ask("home.show"))["residents"]) == 1


async def test_who_holds_nothing_back_leaves_by_their_session(door: CitizensDoor) -> None:
    """They have said the same as the others, or there is nothing that they could hold back."""
    person = await door.home()
    partner = await door.come_in(await person.invite(), None)
    await person.ask("consent.less", step="refuse", scope=FLOW)
    await partner.ask("home.leave")
    assert len((await person.ask("home.show"))["residents"]) == 1


async def test_home_is_erased_by_a_passkey_or_the_paper_code_and_by_no_session_alone(door: CitizensDoor) -> None:
    """Nothing is left that opens anything; the other household stays."""
    for by_paper in (False, True):
        person, other = await door.home(), await door.home()
        assert await person.refused("home.erase") == "needs-passkey"
        assert await person.refused("home.erase", paper_code=other.paper_code) == "paper-wrong"
        proof = {"paper_code": person.paper_code} if by_paper else {"proof": await person.proof("household.erase")}
        erased = await person.ask("home.erase", **proof)
        assert erased["parts_deleted"] >= 1, "the opening of the enrolment"
        assert await person.refused("home.show") == "session-ended"
        assert await door.refused("session.paper", code=person.paper_code) == "paper-wrong"
        await other.ask("home.show")
        stored = [row async for rows in door.durable.store.reader.subjects() for row in rows]
        assert len(stored) == len(door.durable.state.registry.subjects)
