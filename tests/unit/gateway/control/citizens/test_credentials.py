"""Passkeys and paper codes of a resident: more by what they have, fewer at will, and a lost phone replaced with a day's wait."""

from __future__ import annotations

from consent.core.passkeys.acts import act_challenge
from consent.core.passkeys.codes import RECOVERY_WAIT_MS, paper_sha256
from consent.core.passkeys.proof import Proof
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import CredentialsEndedPayload, EnrolmentPayload, decode_key
from gateway.core.registry import PASSKEYS_KEPT
from tests.support.citizens_door import SITE, CitizensDoor, Person
from tests.support.passkey_forms import assertion, registration


def logged(door: CitizensDoor, index: int) -> EnrolmentPayload | CredentialsEndedPayload:
    """Return the payload of an entry about credentials that is not committed yet."""
    (row,) = (row for row in door.durable.state.commit.log if row.index == index)
    data = Opening.decode(row.opening.whole()).first
    assert data is not None
    payload = decode_key(data)
    assert isinstance(payload, EnrolmentPayload | CredentialsEndedPayload)
    return payload


async def add(person: Person) -> dict[str, object]:
    """Add a passkey by the one that the person has."""
    passkey, made = await person.make()
    proof = await person.proof("passkey.add", registration=made)
    return {**await person.ask("passkey.add", proof=proof), "passkey": passkey}


async def test_new_passkey_is_confirmed_by_an_earlier_one_and_the_log_can_show_it(door: CitizensDoor) -> None:
    """The proof in the log is over the new key, by the earlier one."""
    person = await door.home()
    assert person.passkey is not None
    added = await add(person)
    payload = logged(door, int(str(added["log_index"])))
    assert isinstance(payload, EnrolmentPayload)
    assert (payload.how, payload.relying_party, payload.paper_sha256) == ("passkey", SITE.id, b"")
    proof = Proof.decode(payload.proof)
    assert proof.public_key == person.passkey.public_key
    challenge = act_challenge("passkey.add", payload.subject, payload.resident, payload.key_sha256)
    assert proof.faults(challenge, SITE.id) == []
    shown = await person.ask("home.show")
    assert [one["how"] for one in shown["passkeys"]] == ["letter", "passkey"]
    assert shown["messages"][-1]["kind"] == "passkey-added"
    passkey = added["passkey"]
    person.passkey = passkey  # type: ignore[assignment]  # a passkey
    await person.invite()


async def test_session_alone_adds_no_passkey(door: CitizensDoor) -> None:
    """Nor does a session of paper without the code; and no proof confirms another key than it was made for."""
    person = await door.home()
    _, made = await person.make()
    assert await person.refused("passkey.add", registration=made) == "needs-passkey"
    assert await person.refused("passkey.add", registration=made, paper_code="0000-0000-0000-0000") == "paper-wrong"
    other = await door.home()
    assert await person.refused("passkey.add", registration=made, paper_code=other.paper_code) == "paper-wrong"
    assert await person.refused("act.challenge", act="passkey.add") == "passkey-refused"
    assert await other.refused("act.challenge", act="passkey.add", registration=made) == "challenge-old"
    assert await person.refused("passkey.add", proof=await person.proof("subject.invite")) == "challenge-old"


async def test_lost_phone_is_replaced_by_the_paper_code_which_waits_a_day(door: CitizensDoor) -> None:
    """The code is used up, the household is told, and the new passkey can do at once only what the code could."""
    person = await door.home()
    lost = person.passkey
    assert lost is not None
    found = Person(door, (await door.ask("session.paper", code=person.paper_code))["token"], person.paper_code, None, {})
    passkey, made = await found.make()
    recorded = await found.ask("passkey.add", registration=made, paper_code=person.paper_code)
    now_ms = door.durable.clock.now_ms()
    assert recorded["yes_from_ms"] == now_ms + RECOVERY_WAIT_MS
    payload = logged(door, recorded["log_index"])
    assert isinstance(payload, EnrolmentPayload)
    assert (payload.how, payload.proof.decode()) == ("recovery", person.paper_code)
    assert payload.paper_sha256 == paper_sha256(recorded["paper_code"])
    assert await door.refused("session.paper", code=person.paper_code) == "paper-wrong"
    await door.ask("session.paper", code=recorded["paper_code"])
    assert (await found.ask("home.show"))["messages"][-1]["kind"] == "recovered"
    found.passkey = passkey
    for act, method in (("subject.invite", "home.invite"), ("household.erase", "home.erase")):
        assert await found.refused(method, proof=await found.proof(act)) == "waits"
    _, more = await found.make()
    assert await found.refused("passkey.add", proof=await found.proof("passkey.add", registration=more)) == "waits"
    shown = (await found.ask("home.show"))["passkeys"]
    ended = await found.ask("passkey.end", passkey=shown[0]["passkey"])
    assert isinstance(logged(door, ended["log_index"]), CredentialsEndedPayload)
    assert await person.refused("home.show") == "session-ended", "what the lost phone had open has ended with it"
    door.durable.clock.time_ms = now_ms + RECOVERY_WAIT_MS  # type: ignore[attr-defined]  # the test's own clock
    await found.invite()


async def test_ending_a_passkey_ends_its_sessions_and_its_invitations(door: CitizensDoor) -> None:
    """Whoever has the phone that was lost comes in no more, and neither does whom they invited."""
    person = await door.home()
    code = await person.invite()
    paper = (await door.ask("session.paper", code=person.paper_code))["token"]
    (own,) = (await person.ask("home.show"))["passkeys"]
    await door.ask("passkey.end", paper, passkey=own["passkey"])
    assert await person.refused("home.show") == "session-ended"
    assert await door.refused("claim.look", code=code) == "code-unknown"
    assert person.passkey is not None
    asked = await door.ask("session.challenge")
    given = assertion(person.passkey, asked["challenge"])
    assert await door.refused("session.open", assertion=given) == "passkey-unknown"
    assert await door.refused("passkey.end", paper, passkey=own["passkey"]) == "passkey-unknown"
    assert await door.refused("act.challenge", paper, act="subject.invite") == "needs-passkey"


async def test_new_paper_code_takes_a_passkey_and_the_one_before_ends(door: CitizensDoor) -> None:
    """A session alone makes none: it would be a way in for whoever has taken it over."""
    person = await door.home()
    assert await person.refused("paper.replace") == "needs-passkey"
    assert await person.refused("paper.replace", paper_code=person.paper_code) == "needs-passkey"
    made = await person.ask("paper.replace", proof=await person.proof("paper.replace"))
    assert await door.refused("session.paper", code=person.paper_code) == "paper-wrong"
    assert (await door.ask("session.paper", code=made["paper_code"]))["kind"] == "paper"
    payload = logged(door, made["log_index"])
    assert isinstance(payload, EnrolmentPayload)
    assert (payload.how, payload.key_sha256, payload.relying_party) == ("passkey", b"", "")
    challenge = act_challenge("paper.replace", payload.subject, payload.resident, payload.paper_sha256)
    assert Proof.decode(payload.proof).faults(challenge, SITE.id) == []
    assert (await person.ask("home.show"))["messages"][-1]["kind"] == "paper-replaced"


async def test_sessions_of_a_paper_code_end_with_it(door: CitizensDoor) -> None:
    """Whoever found the paper is out when it is replaced, or used up; who replaces it stays."""
    person = await door.home()
    found = (await door.ask("session.paper", code=person.paper_code))["token"]
    code = (await person.ask("paper.replace", proof=await person.proof("paper.replace")))["paper_code"]
    assert await door.refused("home.show", found) == "session-ended"
    mine, found = [(await door.ask("session.paper", code=code))["token"] for _ in range(2)]
    asked = await door.ask("passkey.challenge", mine)
    await door.ask("passkey.add", mine, registration=registration(door.passkey(), asked["challenge"]), paper_code=code)
    assert await door.refused("home.show", found) == "session-ended"
    for token in (mine, person.token):
        await door.ask("home.show", token)


async def test_passkeys_have_a_bound(door: CitizensDoor) -> None:
    """Nobody fills the registry."""
    person = await door.home()
    for _ in range(PASSKEYS_KEPT - 1):
        await add(person)
    assert await person.refused("passkey.challenge") == "nothing-to-change"
