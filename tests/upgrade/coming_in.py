"""How people of a told life come in, with passkeys whose keys are the same in each life and of no other use."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.passkey_forms import assertion, registration
from tests.support.virtual_passkey import VirtualPasskey
from tests.upgrade.life import Life

ORIGIN, SITE = "https://sensors.upgrade.example", "sensors.upgrade.example"


@dataclass
class Person:
    """Somebody who has come in."""

    life: Life
    token: str
    paper_code: str
    passkey: VirtualPasskey


def passkey_of(number: int) -> VirtualPasskey:
    """Return the passkey of a number: in every life the same."""
    passkey = VirtualPasskey(ORIGIN, SITE, "EdDSA", bytes([number]) * 32)
    passkey._key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    return passkey


async def come_in(life: Life, code: str, number: int) -> Person:
    """Use a claim code."""
    passkey, gate = passkey_of(number), life.gate
    looked = await gate.ask_as_citizen("claim.look", code=code)
    made = registration(passkey, looked["challenge"])
    opened = await gate.ask_as_citizen("claim.confirm", code=code, challenge=looked["challenge"], registration=made)
    return Person(life, opened["token"], looked["paper_code"], passkey)


async def prove(person: Person, act: str) -> dict[str, str]:
    """Return the person's proof of an act."""
    asked = await person.life.gate.ask_as_citizen("act.challenge", person.token, act=act)
    return assertion(person.passkey, asked["challenge"])


async def invite(person: Person) -> str:
    """Return a code for one more person."""
    made = await person.life.gate.ask_as_citizen("home.invite", person.token, proof=await prove(person, "subject.invite"))
    return str(made["claim_code"])


async def lose_telephone(person: Person, number: int) -> None:
    """Come in by paper, make another passkey with it, and end the one that was lost."""
    gate = person.life.gate
    token = (await gate.ask_as_citizen("session.paper", code=person.paper_code))["token"]
    asked = await gate.ask_as_citizen("passkey.challenge", token)
    made = registration(passkey_of(number), asked["challenge"])
    added = await gate.ask_as_citizen("passkey.add", token, registration=made, paper_code=person.paper_code)
    lost = (await gate.ask_as_citizen("home.show", token))["passkeys"][0]
    await gate.ask_as_citizen("passkey.end", token, passkey=lost["passkey"])
    person.token, person.paper_code, person.passkey = token, added["paper_code"], passkey_of(number)
