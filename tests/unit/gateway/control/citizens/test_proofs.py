"""Forged, replayed, borrowed and broken answers of passkeys are refused at the door, and change nothing."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from consent.citizen_messages import CHALLENGE_MINUTES
from gateway.control.citizens.proofs import MOST_CHALLENGES, MOST_OF_ONE, Challenges
from gateway.control.context import MethodError
from tests.support.citizens_door import SITE, CitizensDoor
from tests.support.passkey_forms import assertion, base64_of, registration
from tests.support.virtual_passkey import UP, VirtualPasskey

Form = dict[str, str]
Attack = Callable[[VirtualPasskey, str], Form]


def forged(passkey: VirtualPasskey, challenge: str) -> Form:
    """Sign with another key under the same id."""
    return assertion(VirtualPasskey(SITE.origin, SITE.id, credential=passkey.credential), challenge)


def flipped(passkey: VirtualPasskey, challenge: str) -> Form:
    """Change a bit of the signature."""
    form = assertion(passkey, challenge)
    data = bytearray(base64.b64decode(form["signature"]))
    data[-1] ^= 1
    return {**form, "signature": base64_of(bytes(data))}


def from_elsewhere(passkey: VirtualPasskey, challenge: str) -> Form:
    """Answer a page of another site, which passes the answer on."""
    passkey.origin = "https://sensors.ribera.example.evil.example"
    return assertion(passkey, challenge)


def other_port(passkey: VirtualPasskey, challenge: str) -> Form:
    """Answer another server of the same host."""
    passkey.origin = SITE.origin + ":8443"
    return assertion(passkey, challenge)


def other_site(passkey: VirtualPasskey, challenge: str) -> Form:
    """Answer for another site's id."""
    passkey.relying_party = "evil.example"
    return assertion(passkey, challenge)


def wrong_type(passkey: VirtualPasskey, challenge: str) -> Form:
    """Hand over what a registration signs."""
    client_data, data, signature = passkey.get(bytes.fromhex(challenge), kind="webauthn.create")
    return {**assertion(passkey, challenge), **_parts(client_data, data, signature)}


def nobody_there(passkey: VirtualPasskey, challenge: str) -> Form:
    """Answer without the person."""
    return {**assertion(passkey, challenge), **_parts(*passkey.get(bytes.fromhex(challenge), flags=0))}


def unverified(passkey: VirtualPasskey, challenge: str) -> Form:
    """Answer with somebody, who may be anybody."""
    return {**assertion(passkey, challenge), **_parts(*passkey.get(bytes.fromhex(challenge), flags=UP))}


def truncated(passkey: VirtualPasskey, challenge: str) -> Form:
    """Leave off the end of what was signed."""
    client_data, data, signature = passkey.get(bytes.fromhex(challenge))
    return {**assertion(passkey, challenge), **_parts(client_data, data[:-1], signature)}


def rolled_back(passkey: VirtualPasskey, challenge: str) -> Form:
    """State a counter that was there before: the passkey was copied."""
    return {**assertion(passkey, challenge), **_parts(*passkey.get(bytes.fromhex(challenge), count=1))}


def _parts(client_data: bytes, data: bytes, signature: bytes) -> Form:
    return {"client_data": base64_of(client_data), "authenticator_data": base64_of(data), "signature": base64_of(signature)}


ATTACKS = [
    *(forged, flipped, from_elsewhere, other_port, other_site, wrong_type, nobody_there, unverified, truncated, rolled_back),
]


@pytest.mark.parametrize("attack", ATTACKS)
async def test_false_answer_opens_no_session_and_the_right_one_does(door: CitizensDoor, attack: Attack) -> None:
    """Nor does it use the challenge up."""
    passkey = door.passkey(counts=True, sign_count=3)
    await door.come_in(door.letter()["claim_code"], passkey)
    await door.sign_in(passkey)
    asked = await door.ask("session.challenge")
    assert await door.refused("session.open", assertion=attack(passkey, asked["challenge"])) == "passkey-refused"
    passkey.origin, passkey.relying_party = SITE.origin, SITE.id
    await door.ask("session.open", assertion=assertion(passkey, asked["challenge"]))


@pytest.mark.parametrize("act", ["subject.invite", "paper.replace", "household.erase"])
@pytest.mark.parametrize("attack", ATTACKS)
async def test_false_answer_proves_no_act(door: CitizensDoor, attack: Attack, act: str) -> None:
    """Not with the person's own session either: who has taken that over has no passkey."""
    passkey = door.passkey(counts=True, sign_count=3)
    person = await door.come_in(door.letter()["claim_code"], passkey)
    await door.sign_in(passkey)
    asked = await person.ask("act.challenge", act=act)
    method = {"subject.invite": "home.invite", "household.erase": "home.erase"}.get(act, act)
    assert await person.refused(method, proof=attack(passkey, asked["challenge"])) == "passkey-refused"


async def test_answer_is_of_use_once(door: CitizensDoor) -> None:
    """Whoever has recorded it has nothing."""
    person = await door.home()
    assert person.passkey is not None
    asked = await door.ask("session.challenge")
    given = assertion(person.passkey, asked["challenge"])
    await door.ask("session.open", assertion=given)
    assert await door.refused("session.open", assertion=given) == "challenge-old"
    proof = await person.proof("subject.invite")
    await person.ask("home.invite", proof=proof)
    assert await person.refused("home.invite", proof=proof) == "challenge-old"


async def test_answer_to_one_act_proves_no_other_and_a_sign_in_none(door: CitizensDoor) -> None:
    """A portal that shows one thing and has another signed gets nothing but what was signed."""
    person = await door.home()
    assert person.passkey is not None
    proof = await person.proof("paper.replace")
    for method in ("home.invite", "home.erase", "passkey.add"):
        assert await person.refused(method, proof=proof) == "challenge-old"
    asked = await door.ask("session.challenge")
    assert await person.refused("home.erase", proof=assertion(person.passkey, asked["challenge"])) == "challenge-old"
    wanted = await person.ask("act.challenge", act="paper.replace")
    given = assertion(person.passkey, wanted["challenge"])
    assert await door.refused("session.open", assertion=given) == "challenge-old"


async def test_neither_another_household_nor_another_resident_proves_anything(door: CitizensDoor) -> None:
    """With their own passkey, for a challenge of the victim's session; nor with a session of their own."""
    victim, stranger = await door.home(), await door.home()
    partner = await door.come_in(await victim.invite(), door.passkey())
    for other in (stranger, partner):
        assert other.passkey is not None
        for act, method in (
            ("household.erase", "home.erase"),
            ("subject.invite", "home.invite"),
            ("paper.replace", "paper.replace"),
        ):
            asked = await victim.ask("act.challenge", act=act)
            given = assertion(other.passkey, asked["challenge"])
            assert await victim.refused(method, proof=given) == "passkey-unknown"
            assert await other.refused(method, proof=given) == "challenge-old"


async def test_challenge_of_one_session_serves_no_other_of_the_same_person(door: CitizensDoor) -> None:
    """Not even their own."""
    person = await door.home()
    assert person.passkey is not None
    other = (await door.sign_in(person.passkey))["token"]
    proof = await person.proof("subject.invite")
    assert await door.refused("home.invite", other, proof=proof) == "challenge-old"
    await person.ask("home.invite", proof=proof)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda passkey, challenge: {**registration(passkey, challenge), "attestation": base64_of(b"\xa0")},
        lambda passkey, challenge: registration(passkey, "00" * 32),
        lambda passkey, challenge: registration(VirtualPasskey("https://evil.example", "evil.example"), challenge),
        lambda passkey, challenge: registration(VirtualPasskey(SITE.origin, SITE.id, "ES384"), challenge),
        lambda passkey, challenge: registration(VirtualPasskey(SITE.origin, SITE.id, flags=0), challenge),
        lambda passkey, challenge: {name: text[:-8] for name, text in registration(passkey, challenge).items()},
    ],
    ids=["no passkey", "another challenge", "another site", "another algorithm", "nobody there", "truncated"],
)
async def test_false_registration_claims_nothing(door: CitizensDoor, wrong: Attack) -> None:
    """The code stays as good as it was."""
    code = door.letter()["claim_code"]
    looked = await door.ask("claim.look", code=code)
    confirmed = {"code": code, "challenge": looked["challenge"], "registration": wrong(door.passkey(), looked["challenge"])}
    assert await door.refused("claim.confirm", **confirmed) == "passkey-refused"
    await door.come_in(code, door.passkey())


async def test_passkey_of_another_is_never_enrolled(door: CitizensDoor) -> None:
    """By its id, or by its key under another id."""
    other = await door.home()
    assert other.passkey is not None
    for name in (other.passkey.credential, bytes(range(1, 33))):
        code = door.letter()["claim_code"]
        looked = await door.ask("claim.look", code=code)
        copy = door.passkey(credential=name)
        copy._key = other.passkey._key
        made = registration(copy, looked["challenge"])
        confirmed = {"code": code, "challenge": looked["challenge"], "registration": made}
        assert await door.refused("claim.confirm", **confirmed) == "passkey-refused"


def test_visitors_challenges_push_out_no_resident_s_and_the_oldest_go() -> None:
    """However many are asked for."""
    challenges = Challenges()
    challenges.keep(b"mine", "act", b"session", 0)
    for number in range(3 * MOST_CHALLENGES):
        name = number.to_bytes(4, "big")
        challenges.keep(name, "sign-in", b"", 0, b"code " + name)
    assert len(challenges) == MOST_CHALLENGES + 1
    assert challenges.what(b"mine", str, b"session", 0) == "act"
    with pytest.raises(MethodError):
        challenges.what((0).to_bytes(4, "big"), str, b"", 0)
    with pytest.raises(MethodError):
        challenges.what(b"mine", str, b"another", 0)
    with pytest.raises(MethodError):
        challenges.what(b"mine", str, b"session", CHALLENGE_MINUTES * 60_000)
    challenges.keep(b"late", "act", b"session", CHALLENGE_MINUTES * 60_000)
    challenges.keep(b"later", "sign-in", b"", CHALLENGE_MINUTES * 60_000)
    assert len(challenges) == 2


def test_one_session_s_challenges_push_out_no_other_s() -> None:
    """Not those of a neighbour who is about to answer."""
    challenges = Challenges()
    challenges.keep(b"theirs", "act", b"another", 0)
    for number in range(3 * MOST_CHALLENGES):
        challenges.keep(number.to_bytes(4, "big"), "act", b"session", 0)
    assert len(challenges) == MOST_OF_ONE + 1
    assert challenges.what(b"theirs", str, b"another", 0) == "act"
