"""Settling: brings a change of policies to every device and to all that is open, a few contributors at a time.

Policies are in force from one moment on: from then no plan compiled under others is left, so that nothing is taken in or told by
them. Compiling everybody's plans takes long, and intake and withdrawals would wait for it. So a contributor is settled when one
of its devices is heard or somebody asks about it, and all others in turns of the loop: consents to something else than what is
now asked are ended, its plans are compiled, and it leaves the windows in which it no longer belongs. Nothing is released and no
hour is counted before everybody is settled. A start begins in the same way, and finishes what a process left that was killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from consent.core.lifecycle import expiry
from consent.core.profiles.profile import Scheme
from gateway.core.changes.compiling import decoder_of, enter_plan, is_usable, purge_one
from gateway.core.changes.records import enter
from gateway.core.plans import Device, DevicePlan
from gateway.core.state import State
from gateway.core.windows.windows import NO_READINGS

PIECE: Final = 25
"""So many contributors are settled in a turn: some 10 ms on a small machine, each with nine flows."""
_PLANS: Final = 1000
"""Of so many contributors the former plans are dropped in a turn, once all are settled."""

FormerPlans = dict[bytes, list[DevicePlan]]
"""By contributor: plans compiled under policies that are in force no longer."""


def unsettle(state: State) -> FormerPlans:
    """Drop every plan; return them, since what so many hold is better freed a few at a time."""
    former = state.by_contributor
    state.devices, state.by_contributor = {}, {}
    state.filters.clear()
    state.revision += 1
    state.windows.forget_cached()
    last = state.windows.last_readings()
    registry, unsettled = state.registry, state.unsettled
    for contributor in (*registry.subjects, *registry.contributors(), *last):
        unsettled[contributor] = last.get(contributor, NO_READINGS)
    for device in registry.without_topic():
        expect(state, device)
    state.is_settled = False
    return former


def call_off(state: State) -> None:
    """Leave everybody without plans, for a restoration: what was said since the backup was said under later policies."""
    state.unsettled.clear()
    state.is_settled = True


def expect(state: State, device: Device) -> None:
    """Have the filters find a device whose plan is not compiled yet, unless its frames are to be refused."""
    if not device.has_topic and is_usable(state, device):
        scheme = state.policies.profiles[device.profile].authentication.scheme
        state.filters.expect(device, decoder_of(state, device.profile), is_authenticated=scheme is Scheme.MAC0)


def settle(state: State, contributors: Iterable[bytes], now_ms: int) -> None:
    """Settle contributors, as far as they are not settled already."""
    last = {bytes(each): state.unsettled.pop(each) for each in contributors if each in state.unsettled}
    if not last:
        return
    for lapsed in list(expiry.invalidated(state.registry.book, state.policies, now_ms, list(last))):
        enter(state, lapsed, now_ms)
    for contributor, readings in last.items():
        for device in state.registry.devices_of(contributor):
            enter_plan(state, device, now_ms)
        purge_one(state, contributor, readings)


def settle_topic(state: State, topic: str, now_ms: int) -> DevicePlan | None:
    """Settle whoever has a topic, or a filter that matches it, for a device alone; return the plan of one that has the topic."""
    device = state.registry.devices.get((topic, ""))
    if device is not None:
        settle(state, [device.contributor], now_ms)
        return state.devices.get(topic)
    settle(state, [each.contributor for each in state.filters.expected(topic)], now_ms)
    return None


def plan_of(state: State, device: Device, now_ms: int) -> DevicePlan | None:
    """Return a device's plan by what is in force; None where its frames are refused."""
    settle(state, [device.contributor], now_ms)
    return state.plan_of(device)


def pieces(state: State, former: FormerPlans, now_ms: Callable[[], int]) -> Iterator[None]:
    """Settle everybody, a few in each piece; at the end of the last one, releases go on.

    Args:
        former: The plans that are dropped; emptied.
        now_ms: The gateway's clock.
    """
    tables, windows = state.windows.tables.values(), state.windows.open.values()
    held: list[Mapping[bytes, object]] = [*(table.rows for table in tables), *(window.members for window in windows)]
    for standing in held:
        strangers = state.registry.strangers(standing)  # have to go
        state.unsettled |= dict.fromkeys(strangers - state.unsettled.keys(), NO_READINGS)
        yield
    while state.unsettled:
        settle(state, list(islice(state.unsettled, PIECE)), now_ms())
        _drop(former, PIECE)
        yield
    while former:
        _drop(former, _PLANS)
        yield
    state.windows.forget_cached()
    state.revision += 1
    state.is_settled = True


def _drop(former: FormerPlans, contributors: int) -> None:
    for _ in range(min(contributors, len(former))):
        for plan in former.popitem()[1]:
            plan.retire()


def settle_all(state: State, former: FormerPlans, now_ms: int) -> None:
    """Settle everybody at once."""
    for _ in pieces(state, former, lambda: now_ms):
        pass
