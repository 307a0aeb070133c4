"""The doors: who may ask what, in whose name, and that a door which is not a method's does not show that there is one."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from consent.core.consents.records import PASSKEY, decode
from consent.core.policies.archive import MOST_BYTES
from consent.messages import Parameters, Result, schemas_of
from consent.public_messages import PublicDoor
from gateway.control.context import ANYONE, Caller, Door, MethodError, resident_caller
from gateway.control.doors import read
from gateway.control.methods import METHODS
from gateway.durable.state import Durable
from tests.support.asking import begin, call
from tests.support.inside import started
from tests.support.live import LiveGateway

SCOPE = "purpose:energy-planning"
FLOW = "energy-hourly"
PUBLIC = {f"public.{what}" for what in ("state", "sensors", "flows", "balance", "place", "entry")}
CITIZENS = {name for name, method in METHODS.items() if Door.CITIZEN in method.doors}


def signature(message: bytes) -> bytes:
    """Return what stands for a resident's signature."""
    return b"own:" + message[-8:]


class Homes:
    """Two households, one of them with two residents."""

    def __init__(self, durable: Durable) -> None:
        self.durable = durable
        rows = [
            {"profile": "meter", "zone": "north-quay", "topic": f"t/{n}", "owner": "resident", "subject": "new"} for n in range(2)
        ]
        self.own, self.other = call(durable, "device.add", {"devices": rows})["devices"]
        code = call(durable, "subject.code", {"subject": self.own["subject"]})["claim_code"]
        self.second: str = call(durable, "subject.claim", {"code": code})["resident"]

    @property
    def caller(self) -> Caller:
        """Return the first resident of the first household."""
        return resident_caller(bytes.fromhex(self.own["subject"]), bytes.fromhex(self.own["resident"]), signature)

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask as that resident."""
        return await begin(self.durable, method, params, self.caller)


@pytest.fixture
async def homes(tmp_path: Path) -> AsyncIterator[Homes]:
    """Households of a gateway."""
    async with started(LiveGateway(tmp_path, 1)) as durable:
        yield Homes(durable)


def given(method: str, homes: Homes, whose: dict[str, str]) -> dict[str, Any]:
    """Return parameters of a method about a household."""
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
        await homes.ask(method, more=1)
    assert str(refusal.value) == f"there is no method `{method}`"


@pytest.mark.parametrize("method", sorted(CITIZENS - {"policy.show"}))
async def test_resident_cannot_act_for_another_subject(method: str, homes: Homes) -> None:
    """What is refused says the same as for a subject that does not exist, and changes nothing."""
    before = homes.durable.state.log.size
    said = []
    for whose in (homes.other, {"subject": "00" * 16, "resident": "00" * 16, "device": "00" * 16}):
        with pytest.raises(MethodError) as refusal:
            await homes.ask(method, **given(method, homes, whose))
        said.append(str(refusal.value))
    assert said[0] == said[1]
    assert homes.durable.state.log.size == before


@pytest.mark.parametrize("method", sorted(name for name in CITIZENS if "resident" in METHODS[name].params.__struct_fields__))
async def test_resident_cannot_speak_for_another_of_the_household(method: str, homes: Homes) -> None:
    """Each speaks for themselves alone."""
    with pytest.raises(MethodError, match="the subject has no such resident"):
        await homes.ask(method, **{**given(method, homes, homes.own), "resident": homes.second})


async def test_consent_of_a_resident_bears_channel_and_signature_of_their_own(homes: Homes) -> None:
    """Nobody needs to be named: it is the one who asks."""
    changed = await homes.ask("consent.grant", subject=homes.own["subject"], scope=SCOPE)
    (row,) = homes.durable.state.commit.consents
    consent = decode(row.content)
    assert (changed["log_index"], consent.resident.hex()) == (row.index, homes.own["resident"])
    assert consent.channel == PASSKEY
    assert consent.signature.startswith(b"own:")
    assert changed["undecided"] == [homes.second]


async def test_resident_reads_and_changes_what_is_their_own(homes: Homes) -> None:
    """Every citizen's method but those that end the household does its work for the household's own."""
    assert (await homes.ask("subject.show", subject=homes.own["subject"]))["subject"] == homes.own["subject"]
    assert (await homes.ask("policy.explain", who=homes.own["device"], flow=FLOW))["flow"] == FLOW
    assert (await homes.ask("policy.explain", who=homes.own["subject"], flow=FLOW))["flow"] == FLOW
    assert (await homes.ask("consent.export", subject=homes.own["subject"]))["subject"] == homes.own["subject"]


@pytest.mark.parametrize("method", sorted(METHODS.keys() - PUBLIC))
async def test_only_public_methods_exist_for_anyone(method: str, homes: Homes) -> None:
    """Whoever has shown nothing of who they are is told of no person and changes nothing: not even what a resident may."""
    before = homes.durable.state.log.size
    with pytest.raises(MethodError) as refusal:
        await begin(homes.durable, method, given(method, homes, homes.own), ANYONE)
    assert str(refusal.value) == f"there is no method `{method}`"
    assert homes.durable.state.log.size == before


def test_anyone_may_see_what_is_about_nobody_alone(homes: Homes) -> None:
    """Also where a method forgets to ask."""
    assert ANYONE.may_see(None)
    assert not ANYONE.may_see(bytes.fromhex(homes.own["subject"]))
    with pytest.raises(MethodError, match="there is no such subject"):
        ANYONE.refuse_other(bytes.fromhex(homes.own["subject"]), b"")


def test_public_methods_are_those_of_the_portal_s_messages() -> None:
    """The portal asks by no other, and the door has no other."""
    assert {name for name, method in METHODS.items() if Door.PUBLIC in method.doors} == PUBLIC == set(get_args(PublicDoor))


# the table


@pytest.mark.parametrize("name", METHODS)
def test_method_says_of_itself_what_its_handler_does(name: str) -> None:
    """Handler, parameters and answer are those that its handler is annotated with; it says in a line what it does."""
    method = METHODS[name]
    hints = get_type_hints(method.handler)
    assert (hints["params"], hints["return"]) == (method.params, method.answer)
    assert method.summary.endswith(".")
    assert Door.SHELL in method.doors
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


def test_methods_that_change_who_may_see_what_get_the_room_set_aside() -> None:
    """On a full disk these go through; what only reads, or only adds, waits."""
    reserve = {name for name, method in METHODS.items() if method.uses_reserve}
    assert reserve == {
        *(f"consent.{step}" for step in ("request", "grant", "refuse", "pause", "resume", "withdraw", "revoke", "erase")),
        *("policy.apply", "device.own", "device.revoke", "subject.claim", "subject.leave"),
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
