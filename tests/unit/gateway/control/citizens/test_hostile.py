"""A portal in hostile hands, and visitors in hostile moods: whatever stands in a request, it is refused in one line, or harmless.

Whoever has taken the portal over has the tokens of those who are signed in, and may read them and tell less for them, until their
sessions end. They can make nobody tell more, come in as nobody, and learn nothing of whoever is not signed in.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from consent.control import WireError, parse_request
from consent.errors import ControlRequestError
from gateway.control.context import ANYONE, Door, MethodError
from gateway.control.doors import action, come_in, read
from gateway.control.methods import METHODS
from gateway.durable.state import answer_of
from tests.support.citizens_door import CitizensDoor
from tests.support.passkey_forms import assertion, registration

CITIZENS = sorted(name for name, method in METHODS.items() if (Door.CITIZEN | Door.PUBLIC) & method.doors)
NASTY: list[Any] = [
    *(None, True, -1, 2**63, 1e400, "", "x" * 5000, "\x00", "\ud83d\ude00", "00", "00" * 16, "00" * 32, [], [[]], {}),
    *({"subject": "00" * 16}, {"client_data": "", "attestation": ""}, {"client_data": "AAAA", "attestation": "/w=="}, "%", "é"),
]


async def outcome(door: CitizensDoor, method: str, token: str, sent: bytes) -> str:
    """Return why a request is refused; empty where it is not."""
    try:
        caller = come_in(door.control, ANYONE, token, "")
        await answer_of(action(door.control, method, sent, caller))
    except MethodError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("method", CITIZENS)
async def test_nasty_parameters_are_refused_in_one_line_or_harmless(door: CitizensDoor, method: str) -> None:
    """With a session and without: each parameter of each method in turn, and one that there is not."""
    person, other = await door.home(), await door.home()
    theirs = door.durable.state.registry.subjects[come_in(door.control, ANYONE, other.token, "").subject]
    fields = METHODS[method].params.__struct_fields__
    for token in (person.token, ""):
        for params in [*({name: nasty} for name in fields for nasty in NASTY), {"more": 1}, dict.fromkeys(fields, "x")]:
            refusal = await outcome(door, method, token, json.dumps(params).encode())
            assert len(refusal.splitlines()) <= 1
    assert door.durable.state.registry.subjects[theirs.id] == theirs
    assert len(door.durable.state.registry.subjects) == 2


async def test_portal_that_is_taken_over_makes_nobody_tell_more(door: CitizensDoor) -> None:
    """It has a token, and makes passkeys of its own: none of them is anybody's."""
    victim, away = await door.home(), await door.home()
    gone = {"away": await away.ask("session.end")}
    assert gone
    own = door.passkey()
    planted = registration(own, (await victim.ask("passkey.challenge"))["challenge"])
    before = door.durable.state.log.size
    assert await victim.refused("passkey.add", registration=planted) == "needs-passkey"
    asked = await victim.ask("act.challenge", act="passkey.add", registration=planted)
    assert await victim.refused("passkey.add", proof=assertion(own, asked["challenge"])) == "passkey-unknown"
    proposed = await victim.ask("consent.propose", scope="energy-hourly")
    signed = assertion(own, proposed["proof"]["challenge"])
    assert await victim.refused("consent.prove", challenge=proposed["proof"]["challenge"], proof=signed) == "passkey-unknown"
    asked = await door.ask("session.challenge")
    assert await door.refused("session.open", assertion=assertion(own, asked["challenge"])) == "passkey-unknown"
    assert await away.refused("home.show") == "session-ended"
    for method in sorted(name for name, one in METHODS.items() if Door.CITIZEN not in one.doors and Door.PUBLIC not in one.doors):
        assert await victim.refused(method, subject="00" * 16) == ""
    assert door.durable.state.log.size == before


async def test_portal_that_has_another_text_signed_gets_only_what_was_signed(door: CitizensDoor) -> None:
    """The challenge is the hash of the act itself: asked for one, the passkey's answer is of no use for another."""
    victim = await door.home()
    assert victim.passkey is not None
    wanted = await victim.ask("act.challenge", act="household.erase")
    shown = await door.ask("session.challenge")  # what the person is told that they sign
    answer = assertion(victim.passkey, shown["challenge"])
    assert await victim.refused("home.erase", proof=answer) == "challenge-old"
    assert (
        await victim.refused("home.erase", proof={**answer, "client_data": _with(answer, wanted["challenge"])})
        == "passkey-refused"
    )


def _with(answer: dict[str, str], challenge: str) -> str:
    """Return client data with another challenge."""

    said = json.loads(base64.b64decode(answer["client_data"]))
    said["challenge"] = base64.urlsafe_b64encode(bytes.fromhex(challenge)).rstrip(b"=").decode()
    return base64.b64encode(json.dumps(said).encode()).decode()


@pytest.mark.parametrize("extra", ['"session":1', '"session":null', '"request":[]', '"session":"a","session":"b"'])
def test_request_whose_session_is_no_text_is_none(extra: str) -> None:
    """Nor one that brings two."""
    with pytest.raises(WireError):
        parse_request(b'{"jsonrpc":"2.0","method":"home.show",%s}' % extra.encode())


async def test_parameters_that_are_no_table_are_refused(door: CitizensDoor) -> None:
    """Where the door puts the resident in."""
    person = await door.home()
    caller = come_in(door.control, ANYONE, person.token, "")

    for sent in (b"[]", b"{", b"\xff", b'{"subject":1', b'"x"'):
        with pytest.raises((MethodError, ControlRequestError)):
            read(METHODS["consent.show"], sent, caller)
