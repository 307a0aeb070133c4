"""The doors: who may ask what, in whose name, and that a door which is not a method's does not show that there is one."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from consent.core.policies.archive import MOST_BYTES
from consent.messages import Parameters, Result, schemas_of
from consent.public_messages import PublicDoor
from gateway.control.context import ANYONE, OPERATOR, Door, MethodError
from gateway.control.doors import come_in, read
from gateway.control.methods import METHODS
from gateway.durable.state import Durable
from tests.support.asking import call
from tests.support.citizens_door import CitizensDoor, Person, citizens_door

SCOPE = "purpose:energy-planning"
FLOW = "energy-hourly"
PUBLIC = {f"public.{what}" for what in ("state", "sensors", "flows", "balance", "place", "entry")}
COMING_IN = {"claim.look", "claim.confirm", "session.challenge", "session.open", "session.paper"}
CITIZENS = {name for name, method in METHODS.items() if Door.CITIZEN in method.doors}
SHELL_TOO = {
    "policy.show",
    "policy.explain",
    "subject.show",
    "consent.show",
    "consent.receipt",
    "consent.export",
    "consent.releases",
}
"""What both the operator and a citizen may ask."""


class Homes:
    """Two households, one of them with two residents, who have all come in."""

    def __init__(self, door: CitizensDoor, own: Person, second: Person, other: Person) -> None:
        self.door, self.own, self.second, self.other = door, own, second, other

    @property
    def durable(self) -> Durable:
        """Return the gateway's state."""
        return self.door.durable

    def ids(self, person: Person) -> dict[str, str]:
        """Return the ids of a person, their household and its device, which no citizen is ever told of another."""
        caller = come_in(self.door.control, ANYONE, person.token, "")
        devices = [one for one in self.durable.state.registry.devices.values() if one.subject == caller.subject]
        return {"subject": caller.subject.hex(), "resident": caller.resident.hex(), "device": devices[0].id.hex()}


@pytest.fixture
async def homes(tmp_path: Path) -> AsyncIterator[Homes]:
    """Households of a gateway."""
    async with citizens_door(tmp_path) as door:
        own = await door.home()
        second = await door.come_in(await own.invite(), door.passkey())
        homes = Homes(door, own, second, await door.home())
        await door.control.commit()
        yield homes


def given(method: str, whose: dict[str, str]) -> dict[str, Any]:
    """Return parameters of a method about a household, as far as it takes any that name one."""
    known = {
        "subject": whose["subject"],
        "resident": whose["resident"],
        "who": whose["device"],
        "scope": SCOPE,
        "flow": FLOW,
    }
    return {name: known[name] for name in METHODS[method].params.__struct_fields__ if name in known}


@pytest.mark.parametrize("method", [*sorted(METHODS.keys() - CITIZENS), "consent.sell", "__class__", ""])
async def test_method_that_is_not_for_citizens_does_not_exist_at_their_door(method: str, homes: Homes) -> None:
    """One that is the operator's and one that nobody has are refused alike, whatever the parameters."""
    with pytest.raises(MethodError) as refusal:
        await homes.own.ask(method, more=1)
    assert str(refusal.value) == f"there is no method `{method}`"


def test_session_alone_permits_nothing() -> None:
    """Whatever tells more takes a passkey's answer: no method by which the operator enters a word is a citizen's."""
    assert CITIZENS.isdisjoint({f"consent.{step}" for step in ("request", "grant", "refuse", "pause", "resume", "withdraw")})
    assert CITIZENS.isdisjoint({"subject.code", "subject.leave", "subject.claim", "consent.erase", "consent.revoke"})


@pytest.mark.parametrize("method", sorted(CITIZENS))
async def test_resident_reaches_nothing_of_another_household(method: str, homes: Homes) -> None:
    """Naming it gets an answer about one's own, or a refusal; nothing of theirs is told, and nothing of theirs changes."""
    theirs, registry = homes.ids(homes.other), homes.durable.state.registry
    before = registry.subjects[bytes.fromhex(theirs["subject"])]
    said = ""
    with contextlib.suppress(MethodError):
        said = json.dumps(await homes.own.ask(method, **given(method, theirs)))
    assert not [name for name, value in theirs.items() if value in said]
    assert registry.subjects[bytes.fromhex(theirs["subject"])] == before


@pytest.mark.parametrize("method", sorted(CITIZENS - {"policy.show", "home.leave", "session.end"}))
async def test_refusal_tells_no_household_that_exists_from_one_that_does_not(method: str, homes: Homes) -> None:
    """In words or reason, where there is a refusal at all."""
    said = []
    for whose in (homes.ids(homes.other), {"subject": "00" * 16, "resident": "00" * 16, "device": "00" * 16}):
        try:
            await homes.own.ask(method, **given(method, whose))
        except MethodError as refusal:
            said.append((str(refusal), refusal.reason))
        else:
            said.append(("", ""))
    assert said[0] == said[1]


async def test_residents_of_one_household_do_not_read_each_other_s_answers(homes: Homes) -> None:
    """What the other has said is in neither list, nor in the export; that the household is one is no secret."""
    subject, second = homes.ids(homes.own)["subject"], homes.ids(homes.second)["resident"]
    call(homes.durable, "consent.grant", {"subject": subject, "resident": second, "scope": SCOPE, "channel": "counter"})
    await homes.door.control.commit()
    shown = await homes.own.ask("consent.show", subject=subject)
    assert shown["consents"] == shown["history"] == []
    assert {who for flow in shown["flows"] for who in flow["residents"]} == {homes.ids(homes.own)["resident"]}
    exported = await homes.own.ask("consent.export", subject=subject)
    assert exported["consents"] == exported["history"] == []
    theirs = await homes.second.ask("consent.show", subject=subject)
    assert [one["resident"] for one in theirs["history"]] == [second]
    assert theirs["history"][0]["channel"] == "counter"


async def test_resident_reads_and_changes_what_is_their_own(homes: Homes) -> None:
    """Nobody needs to be named: it is the one who asks."""
    ids = homes.ids(homes.own)
    assert (await homes.own.ask("subject.show"))["subject"] == ids["subject"]
    assert (await homes.own.ask("policy.explain", who=ids["device"], flow=FLOW))["flow"] == FLOW
    assert (await homes.own.ask("policy.explain", who=ids["subject"], flow=FLOW))["flow"] == FLOW
    assert (await homes.own.ask("consent.export"))["subject"] == ids["subject"]


@pytest.mark.parametrize("method", sorted(METHODS.keys() - PUBLIC - COMING_IN))
async def test_only_public_methods_exist_for_anyone(method: str, homes: Homes) -> None:
    """Whoever has shown nothing of who they are is told of no person and changes nothing: not even what a resident may."""
    before = homes.durable.state.log.size
    with pytest.raises(MethodError) as refusal:
        await homes.door.ask(method, **given(method, homes.ids(homes.own)))
    assert str(refusal.value) == f"there is no method `{method}`"
    assert homes.durable.state.log.size == before


@pytest.mark.parametrize("token", ["0" * 64, "", "x", "é" * 64, "0" * 63])
async def test_token_of_no_session_opens_nothing(token: str, homes: Homes) -> None:
    """An empty one is a visitor's."""
    with pytest.raises(MethodError) as refusal:
        await homes.door.ask("home.show", token)
    assert refusal.value.reason == ("session-ended" if token else "")


async def test_operator_s_door_takes_no_session(homes: Homes) -> None:
    """Nor an id of a request."""
    for session, request in ((homes.own.token, ""), ("", "0" * 32)):
        with pytest.raises(MethodError, match="are for the citizens' door"):
            come_in(homes.door.control, OPERATOR, session, request)


def test_anyone_may_see_what_is_about_nobody_alone(homes: Homes) -> None:
    """Also where a method forgets to ask."""
    assert ANYONE.may_see(None)
    subject = bytes.fromhex(homes.ids(homes.own)["subject"])
    assert not ANYONE.may_see(subject)
    with pytest.raises(MethodError, match="there is no such subject"):
        ANYONE.refuse_other(subject, b"")


def test_public_methods_are_those_of_the_portal_s_messages() -> None:
    """The portal asks by no other, and the door has no other."""
    assert set(get_args(PublicDoor)) == PUBLIC
    assert {name for name, method in METHODS.items() if Door.PUBLIC in method.doors} == PUBLIC | COMING_IN


# the table


@pytest.mark.parametrize("name", METHODS)
def test_method_says_of_itself_what_its_handler_does(name: str) -> None:
    """Handler, parameters and answer are those that its handler is annotated with; it says in a line what it does."""
    method = METHODS[name]
    hints = get_type_hints(method.handler)
    assert (hints["params"], hints["return"]) == (method.params, method.answer)
    assert method.summary.endswith(".")
    assert (Door.SHELL in method.doors) is ((name not in COMING_IN and Door.CITIZEN not in method.doors) or name in SHELL_TOO)
    assert method.reads_store is iscoroutinefunction(method.handler)


def _parts(kind: Any) -> list[type]:
    """Return the structs that a type is made of."""
    inner = [part for field in getattr(kind, "__args__", ()) for part in _parts(field)]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = get_type_hints(kind)
        return [kind, *inner, *(part for name in kind.__struct_fields__ for part in _parts(hints[name]))]
    return inner


@pytest.mark.parametrize("name", METHODS)
def test_parameters_and_answers_refuse_what_they_do_not_know(name: str) -> None:
    """In every struct that they are made of."""
    kinds = [*_parts(METHODS[name].params), *_parts(METHODS[name].answer)]
    assert kinds
    for kind in kinds:
        assert issubclass(kind, Parameters | Result)
        assert kind.__struct_config__.forbid_unknown_fields
        assert kind.__doc__


def test_what_a_citizen_changes_is_done_once_for_each_id_of_a_request() -> None:
    """What only asks, or only offers a challenge, is not kept."""
    asks = {"claim.look", "session.challenge", "passkey.challenge", "act.challenge", "home.show", "request.outcome"}
    asks |= SHELL_TOO | {"question.list", "question.show", "readings.show", "consent.propose"}
    assert {name for name in CITIZENS | COMING_IN if not METHODS[name].once} <= asks
    assert not [name for name in asks & METHODS.keys() if METHODS[name].once]


def test_methods_that_change_who_may_see_what_get_the_room_set_aside() -> None:
    """On a full disk these go through; what only reads, or only adds, waits."""
    reserve = {name for name, method in METHODS.items() if method.uses_reserve}
    assert reserve == {
        *(f"consent.{step}" for step in ("request", "grant", "refuse", "pause", "resume", "withdraw", "revoke", "erase")),
        *("policy.apply", "device.own", "device.revoke", "subject.claim", "subject.leave"),
        *(name for name, method in METHODS.items() if method.once),
    }
    assert {name for name, method in METHODS.items() if method.ticks} == {"clock.advance"}
    assert {name for name, method in METHODS.items() if method.while_waiting} == {"status"}
    assert {name for name, method in METHODS.items() if method.at_once} == PUBLIC


def test_schema_describes_every_method() -> None:
    """Each struct has one, with no key that it does not name."""
    kinds = [kind for method in METHODS.values() for kind in (method.params, method.answer)]
    roots, components = schemas_of(kinds)
    assert len(roots) == len(kinds)
    assert components["ScopeOf"]["required"] == ["subject", "scope"]
    assert all(component["additionalProperties"] is False for component in components.values() if "properties" in component)


def test_policies_to_compare_have_a_bound() -> None:
    """Two sets as long as any may be are taken, and what is longer is not even decoded."""
    longest = base64.b64encode(bytes(MOST_BYTES)).decode()
    read(METHODS["policy.diff"], {side: {"files": {"city.toml": longest}} for side in ("old", "new")})
    with pytest.raises(MethodError, match="the parameters are longer than 4194304 bytes"):
        read(METHODS["policy.diff"], b'{"old":"in-force","new":{"files":{"city.toml":"' + b"A" * (1 << 22) + b'"}}}')
