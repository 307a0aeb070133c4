"""The control method that gathers publishers nobody registered, for the one connection that asks, as long as that stands.

What is gathered lies in ``state.discovery`` and nowhere else, under the connection that began it. It ends with the connection or
after its time, and goes unanswered to every other one.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from typing import Final

from consent.core.policies.parse import DEVICES, city_terms
from consent.core.policies.policy import PolicySet
from consent.core.profiles.parse import read_profile
from consent.core.toml.file import TomlFile
from consent.device_messages import Discover, Discovered, ProfileFit, PublisherFound, ValueRead
from consent.errors import PolicyError
from consent.shipped_profiles import shipped_names, shipped_text
from gateway.control.context import Caller, Control, MethodError
from gateway.core.codecs.registry import compile_decoder
from gateway.core.discovery.candidates import Candidate
from gateway.core.discovery.publishers import Discovery, Fit, Registered, UnknownPublisher

MAX_FOR_S: Final = 3600
"""The longest that anybody may look, in seconds."""


async def prepare(control: Control, params: Discover) -> tuple[Candidate, ...]:
    """Compile the profiles that may fit, one at a time, while the loop goes on; none where somebody looks already."""
    found: list[Candidate] = []
    if control.state.force is not None and control.state.discovery is None:
        for each in _candidates(control.state.policies):
            found.append(each)
            await asyncio.sleep(0)
    return tuple(found)


def discover(control: Control, caller: Caller, params: Discover, candidates: tuple[Candidate, ...]) -> Discovered:
    """Gather publishers that nobody registered, in memory, for the connection that asks and while it stands."""
    if control.running is None:
        raise MethodError("no gateway is running, so nothing is heard")
    if caller.connection is None:
        raise MethodError("what is found is for one connection alone, and this request came by none")
    if not 1 <= params.for_s <= MAX_FOR_S:
        raise MethodError(f"`for_s`: `{params.for_s}` is not from 1 to {MAX_FOR_S} seconds")
    discovery = control.state.discovery
    if discovery is None or discovery.terminal is not caller.connection:
        discovery = _begin(control, caller.connection, params.for_s, candidates)
    registered = _registered(control) if params.report else None
    found = discovery.found(registered)
    return Discovered(
        messages=discovery.messages,
        left_off=discovery.left_off,
        found=len(found),
        publishers=[_told(control.state.policies, each) for each in found] if params.report else [],
    )


def end(control: Control, caller: Caller) -> None:
    """Forget what was gathered for a caller's connection, which has closed."""
    discovery = control.state.discovery
    if discovery is not None and discovery.terminal is caller.connection:
        control.state.discovery = None


def _begin(control: Control, terminal: object, for_s: int, candidates: tuple[Candidate, ...]) -> Discovery:
    """Begin to gather.

    Raises: MethodError: somebody else does.
    """
    state, now_ms = control.state, control.clock.now_ms()
    if state.discovery is not None and now_ms < state.discovery.until_ms:
        raise MethodError("somebody is looking for unregistered devices already, and one at a time can; try again later")
    rate = control.clock.rate or 1.0  # a simulated clock that stands is none to wait for
    until_ms = now_ms + int(for_s * 1000 * rate)
    candidates = candidates or tuple(_candidates(state.policies))  # where one has ended since, and still stands
    state.discovery = Discovery(candidates, _registered(control), until_ms, terminal)
    return state.discovery


def _registered(control: Control) -> Registered:
    return Registered((device.topic, device.hub_id) for device in control.state.registry.devices.values())


def _candidates(policies: PolicySet) -> Iterator[Candidate]:
    """Yield the profiles in force, and those that come with the program.

    These read here what the city does not define as well: a crew learns which profile fits, and what is to be defined for it.
    """
    for profile in policies.profiles.values():
        yield Candidate.of(profile, compile_decoder(profile), in_force=True)
    for name in shipped_names():
        if name in policies.profiles:
            continue
        try:
            file = TomlFile(f"{DEVICES}/{name}.toml", shipped_text(name))
            terms = city_terms(policies.city, policies.properties, tuple(file.tables["title"]))
            undefined = {name: each["unit"] for name, each in file.tables["fields"].items() if name not in terms.units}
            profile = read_profile(file, name, dataclasses.replace(terms, units={**terms.units, **undefined}))
            yield Candidate.of(profile, compile_decoder(profile), in_force=False, undefined=frozenset(undefined))
        except (PolicyError, KeyError, TypeError):
            continue  # the city measures a property of it in a unit that does not convert


def _told(policies: PolicySet, publisher: UnknownPublisher) -> PublisherFound:
    fits = sorted(publisher.fits.values(), key=lambda each: each.worth)
    return PublisherFound(
        topic=publisher.topic,
        id=publisher.hub_id,
        messages=publisher.messages,
        first_ms=publisher.first_ms,
        last_ms=publisher.last_ms,
        per_h=publisher.per_h,
        fits=[_fit(policies, each) for each in fits],
    )


def _fit(policies: PolicySet, fit: Fit) -> ProfileFit:
    values = [ValueRead(property=name, value=value, unit=policies.properties[name].unit) for name, value in fit.values.items()]
    return ProfileFit(
        profile=fit.candidate.profile,
        in_force=fit.candidate.in_force,
        readings=fit.readings,
        refused=fit.refused,
        values=values,
        undefined=sorted(fit.undefined),
    )
