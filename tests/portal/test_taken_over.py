"""A portal that was taken over, against a real gateway's citizens' door: what it can do, and what it cannot.

It holds every token that passes through it, and shows what it likes. It can read a household while somebody of it is signed in,
and tell less in its name. It can neither grant anything nor read a household of which nobody is signed in: more takes a passkey's
answer to the very record, and the tokens of others are nowhere to be had.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.control.citizens.proofs import WRONG_AT_ONCE
from gateway.control.context import Door
from gateway.control.methods import METHODS
from tests.support.hostile_broker import HostileBroker
from tests.support.live import LiveGateway
from tests.support.passkey_forms import assertion, registration
from tests.support.virtual_passkey import VirtualPasskey
from tests.support.waiting import HANG_S

SITE, ORIGIN = "sensors.ribera.example", "https://sensors.ribera.example"
FLOW, OTHER_FLOW = "energy-hourly", "energy-typical-week"
ENDED, TOO_MANY = -32001, -32002
ROW = {"profile": "meter", "zone": "north-quay", "owner": "resident", "subject": "new"}


@dataclass
class TakenPortal:
    """Whoever holds the portal's socket.

    Attributes:
        letters: Claim codes of households, which are in the post.
        subjects: Their ids, which no portal is told; the attacker has them from elsewhere.
    """

    live: LiveGateway
    letters: list[str]
    subjects: list[str]
    _socket: socket.socket = field(init=False)
    _file: Any = field(init=False)

    def __post_init__(self) -> None:
        """Connect."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(HANG_S)
        self._socket.connect(str(self.live.place.portal_socket))
        self._file = self._socket.makefile("rb")

    def say(self, method: str, session: str = "", request: str = "", **params: Any) -> dict[str, Any]:
        """Return the whole reply to a request."""
        line = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params, "session": session, "request": request}
        self._socket.sendall(json.dumps(line).encode() + b"\n")
        reply: dict[str, Any] = json.loads(self._file.readline())
        return reply

    def ask(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """Return the answer; the request is one that is carried out."""
        reply = self.say(method, session, **params)
        assert "result" in reply, reply
        result: dict[str, Any] = reply["result"]
        return result

    def refused(self, method: str, session: str = "", **params: Any) -> str:
        """Return the reason for which a request is refused."""
        reply = self.say(method, session, **params)
        assert "error" in reply, (method, params, reply)
        reason: str = reply["error"]["data"].get("reason", "")
        return reason

    def home(self, n: int) -> Citizen:
        """Have the first person of a household come in through the portal, as any person does."""
        passkey = VirtualPasskey(ORIGIN, SITE, credential=bytes([n + 1]) * 32)
        challenge = self.ask("claim.look", code=self.letters[n])["challenge"]
        made = registration(passkey, challenge)
        opened = self.ask("claim.confirm", code=self.letters[n], challenge=challenge, registration=made)
        return Citizen(opened["token"], passkey)

    def state(self, n: int) -> object:
        """Return what the gateway holds of a household, as the operator sees it."""
        subject = {"subject": self.subjects[n]}
        return self.live.call("consent.show", subject)["history"], self.live.call("subject.show", subject)["residents"]

    def close(self) -> None:
        """Let go."""
        self._file.close()
        self._socket.close()


@dataclass
class Citizen:
    """A person whose session passes through the portal, and whose passkey does not."""

    token: str
    passkey: VirtualPasskey


@pytest.fixture
def taken(tmp_path: Path) -> Iterator[TakenPortal]:
    """A gateway with three households, and its portal in other hands."""
    broker = HostileBroker({})
    live = LiveGateway(tmp_path, broker.port, extra=f'\n[portal]\naddress = "{ORIGIN}"\n')
    added = live.add_devices([{**ROW, "topic": f"t/{n}"} for n in range(3)])
    letters = [one["claim_code"] for one in added]
    portal = None
    try:
        live.start()
        portal = TakenPortal(live, letters, [one["subject"] for one in added])
        yield portal
    finally:
        if portal is not None:
            portal.close()
        live.end()
        broker.close()


def consents(taken: TakenPortal, n: int) -> list[Any]:
    """Return what a household has answered."""
    history: list[Any] = taken.live.call("consent.show", {"subject": taken.subjects[n]})["history"]
    return history


def test_household_of_which_nobody_is_signed_in_cannot_be_read(taken: TakenPortal) -> None:
    """By no method that there is, with its id, with a session that has ended, or with that of another household."""
    ann, zoe = taken.home(0), taken.home(1)
    ended = zoe.token
    shown = json.dumps([taken.ask("home.show", zoe.token), taken.ask("question.list", zoe.token)])
    taken.ask("session.end", zoe.token)
    before = taken.state(1)
    named = {"subject": taken.subjects[1]}
    for name, method in METHODS.items():
        if Door.PUBLIC in method.doors and name.startswith("public."):
            continue
        for session in ("", "0" * 64, "ab" * 16, ended, ann.token):
            reply = taken.say(name, session, **named)
            if "result" in reply:
                assert session == ann.token or name == "session.challenge", (name, session)
                assert not [word for word in own_words(shown) - own_words(before) if word in json.dumps(reply)], name
            elif session and session != ann.token and name != "request.outcome":  # its own last act may have ended it
                assert reply["error"]["code"] == ENDED, (name, session, reply)
    assert taken.state(1) == before


def own_words(said: object) -> set[str]:
    """Return the ids in an answer."""
    return {word for word in json.dumps(said).replace('\\"', '"').split('"') if len(word) == 32 and word.isalnum()}


def test_session_alone_grants_nothing(taken: TakenPortal) -> None:
    """Whatever the portal sends with it: more takes a passkey's answer to the very record."""
    ann, zoe = taken.home(0), taken.home(1)
    before = taken.state(0)
    for operators in ("consent.grant", "consent.resume", "consent.request", "subject.claim", "device.own", "consent.erase"):
        assert "there is no method" in taken.say(operators, ann.token, subject=taken.subjects[0], scope=FLOW)["error"]["message"]
    for step in ("lower", "withdraw", "pause"):
        taken.say("consent.less", ann.token, step=step, scope=FLOW)
    assert consents(taken, 0) == [], "nothing is less than nothing"
    wanted = taken.ask("consent.propose", ann.token, scope=FLOW)["proof"]["challenge"]
    other = taken.ask("consent.propose", ann.token, scope=OTHER_FLOW)["proof"]["challenge"]
    theirs = taken.ask("consent.propose", zoe.token, scope=FLOW)["proof"]["challenge"]
    sign_in = taken.ask("session.challenge")["challenge"]
    own = VirtualPasskey(ORIGIN, SITE, credential=ann.passkey.credential)
    for challenge, proof in (
        (wanted, assertion(own, wanted)),  # a key of its own under the resident's credential
        (wanted, assertion(ann.passkey, sign_in)),  # what the resident signed to come in
        (wanted, assertion(ann.passkey, other)),  # what they signed of another use
        (wanted, assertion(zoe.passkey, wanted)),  # another household's passkey
        (theirs, assertion(ann.passkey, theirs)),  # another household's record
        ("00" * 32, assertion(ann.passkey, "00" * 32)),  # a record that the gateway never made
        (wanted, {**assertion(ann.passkey, wanted), "client_data": ""}),
    ):
        assert "error" in taken.say("consent.prove", ann.token, challenge=challenge, proof=proof)
    other_site = VirtualPasskey("https://evil.example", SITE, credential=ann.passkey.credential, _key=ann.passkey._key)
    assert taken.refused("consent.prove", ann.token, challenge=wanted, proof=assertion(other_site, wanted))
    assert taken.state(0) == before
    taken.ask("consent.prove", ann.token, challenge=wanted, proof=assertion(ann.passkey, wanted))
    assert [row["channel"] for row in consents(taken, 0)] == ["passkey"], "the resident's own answer to the record does hold"
    assert taken.refused("consent.prove", ann.token, challenge=wanted, proof=assertion(ann.passkey, wanted))
    assert len(consents(taken, 0)) == 1


def test_session_makes_no_way_in(taken: TakenPortal) -> None:
    """No passkey of the portal's own, no invitation, no new paper, no erasure."""
    ann = taken.home(0)
    before = taken.state(0)
    planted = VirtualPasskey(ORIGIN, SITE, credential=b"p" * 32)
    made = registration(planted, taken.ask("passkey.challenge", ann.token)["challenge"])
    assert taken.refused("passkey.add", ann.token, registration=made) == "needs-passkey"
    for act, method in (("subject.invite", "home.invite"), ("paper.replace", "paper.replace"), ("household.erase", "home.erase")):
        challenge = taken.ask("act.challenge", ann.token, act=act)["challenge"]
        assert taken.refused(method, ann.token)
        assert taken.refused(method, ann.token, proof=assertion(planted, challenge))
        other = taken.ask("session.challenge")["challenge"]
        assert taken.refused(method, ann.token, proof=assertion(ann.passkey, other))
    assert taken.state(0) == before


def test_letters_in_the_post_and_paper_cannot_be_guessed(taken: TakenPortal) -> None:
    """After some tries of all together none is looked at any more, not even a true one; a while later they are again."""
    tried = [taken.say("claim.look", code=f"{n:012d}")["error"] for n in range(2 * WRONG_AT_ONCE)]
    assert TOO_MANY in [error["code"] for error in tried]
    assert taken.say("claim.look", code=taken.letters[2])["error"]["code"] == TOO_MANY


def test_what_a_taken_portal_can_do_is_less_and_on_the_record(taken: TakenPortal) -> None:
    """While a resident is signed in it may read their household and tell less; both are the resident's to see."""
    ann = taken.home(0)
    taken.ask("home.show", ann.token)
    taken.ask("consent.less", ann.token, step="refuse", scope=FLOW)
    assert [(row["status"], row["channel"]) for row in consents(taken, 0)] == [("Refused", "session")]
    assert consents(taken, 1) == []
