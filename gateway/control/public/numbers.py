"""`public.sensors`, `flows`, `balance` and `place`: numbers as they stood at the last full hour, rounded down.

``gateway.core.public`` counts them. Everything here is made of what is shown until the next hour and of the policies in force,
so the answers are kept until one of the two is replaced.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from consent.core.decide import Owner
from consent.core.periods import Period
from consent.core.policies.policy import PolicySet
from consent.messages import Nothing
from consent.printable import one_line
from consent.public_messages import (
    HOMES_STEP,
    DayOf,
    FlowServed,
    HiddenAmong,
    HourTold,
    PlaceOn,
    PlaceTold,
    PublicBalance,
    PublicFlows,
    PublicSensors,
    SensorsAt,
    SeriesTold,
    ToldBy,
)
from gateway.control.context import Caller, Control, MethodError
from gateway.control.public.answers import KeptAnswers
from gateway.core.public.bundle import is_of_homes_one_by_one
from gateway.core.public.numbers import Shown
from gateway.core.public.rounding import account_period, floor_to, flow_group, flow_period, group_of, step_of
from gateway.core.public.tally import HOUR_MS, HOURS_OF_A_DAY, DayTally, FlowKey, FlowTally, Homes, Mean, decode_hour

A = TypeVar("A")
DAYS_TOLD: Final = 30
_DAY_MS: Final = HOURS_OF_A_DAY * HOUR_MS
_CONSIDERED: Final = "pairs.considered"
_EPOCH: Final = date(1970, 1, 1)


def sensors(control: Control, caller: Caller, params: Nothing) -> PublicSensors:
    """Tell how many sensors are registered, by zone, profile and owner."""
    return _kept(control, "sensors", lambda shown, _: PublicSensors(sensors=list(_sensors(control, shown))))


def flows(control: Control, caller: Caller, params: Nothing) -> PublicFlows:
    """Tell of each flow how many homes let it have anything, among how many one hid in its figures, and what left by it."""
    return _kept(control, "flows", _flows)


def balance(control: Control, caller: Caller, params: DayOf) -> PublicBalance:
    """Tell where the readings of a day went: the ledger's accounts, and what left by which flow."""
    return _kept(control, ("balance", params.day), lambda shown, policies: _balance(shown, policies, params.day))


def place(control: Control, caller: Caller, params: PlaceOn) -> PlaceTold:
    """Tell what left of a day's readings of the city's own sensors in a zone, by the hour."""
    if params.zone not in control.state.policies.zones:
        raise MethodError(f"there is no zone `{one_line(params.zone)}`")
    return _kept(control, params, lambda shown, policies: _place(control, shown, policies, params))


def _kept(control: Control, key: Hashable, make: Callable[[Shown, PolicySet], A]) -> A:
    """Return an answer that is made of what is shown and of the policies in force; both are replaced, never changed."""
    shown, policies = control.state.public.shown, control.state.policies
    return control.kept(KeptAnswers).get((key, policies.sha256), shown, lambda: make(shown, policies))


def _sensors(control: Control, shown: Shown) -> Iterator[SensorsAt]:
    devices = control.state.registry.devices.values()
    own = Counter((device.zone, device.profile) for device in devices if device.subject is None)
    today = shown.days.get(shown.hour // HOURS_OF_A_DAY, DayTally())
    for owner, counts in ((Owner.CITY, own), (Owner.RESIDENT, today.sensors)):
        for (zone, profile), count in sorted(counts.items()):
            yield SensorsAt(zone=zone, profile=profile, owner=owner, count=count)


def _flows(shown: Shown, policies: PolicySet) -> PublicFlows:
    today = shown.hour // HOURS_OF_A_DAY
    days = {number: day for number, day in sorted(shown.days.items(), reverse=True) if today - DAYS_TOLD < number <= today}
    return PublicFlows(day=_day_text(today), flows=[_served(flow, today, days, policies) for flow in sorted(policies.flows)])


def _served(flow: str, today: int, days: dict[int, DayTally], policies: PolicySet) -> FlowServed:
    homes = days[today].homes.get(flow, Homes(0, 0)) if today in days else Homes(0, 0)
    bundles, records, last_ms = 0, 0, 0
    hidden = []
    for number, day in days.items():
        told: Counter[int] = Counter()
        for key, tally in day.flows.items():
            if key.flow != flow:
                continue
            told.update(tally.told)
            step = _step_one_by_one(key, day, policies)
            bundles += floor_to(tally.bundles, step)
            records += floor_to(tally.records, step)
            if step == 1:
                last_ms = max(last_ms, tally.last_ms // HOUR_MS * HOUR_MS)
            elif tally.records >= step:
                last_ms = max(last_ms, number * _DAY_MS)
        if told:
            hidden.append(_hidden(number, told))
    asked, permitted = homes.asked, homes.permitted
    return FlowServed(flow=flow, asked=asked, permitted=permitted, days=hidden, bundles=bundles, records=records, last_ms=last_ms)


def _hidden(number: int, told: Counter[int]) -> HiddenAmong:
    figures = sum(told.values())
    left, usual = (figures + 1) // 2, 0
    for homes, count in sorted(told.items()):
        usual = homes
        left -= count
        if left <= 0:
            break
    floor = [floor_to(homes, HOMES_STEP) for homes in (min(told), usual)]
    return HiddenAmong(day=_day_text(number), least=floor[0], usual=floor[1], figures=figures)


def _step_one_by_one(key: FlowKey, day: DayTally, policies: PolicySet) -> int:
    """Return to what numbers of records and bundles are rounded down: 1 where they follow from the policies alone."""
    return step_of(group_of(policies), day.hour_share) if is_of_homes_one_by_one(key) else 1


def _balance(shown: Shown, policies: PolicySet, asked: str) -> PublicBalance:
    today, group = shown.hour // HOURS_OF_A_DAY, group_of(policies)
    days = [number for number, day in sorted(shown.days.items(), reverse=True) if day.until and number <= today][:DAYS_TOLD]
    number = _day_number(asked) if asked else today
    if number not in days:
        raise MethodError(f"nothing is kept of the day `{one_line(asked)}`")
    day = shown.days[number]
    steps = {name: step for name in _accounts(day) if _is_told(name, day, step := _account_step(name, day, policies))}
    told = [_told(key, tally, day, policies) for key, tally in sorted(day.flows.items(), key=lambda item: item[0])]
    return PublicBalance(
        day=_day_text(number),
        until_ms=day.until * HOUR_MS,
        group=group,
        days=[_day_text(each) for each in days],
        accounts={name: n for name, step in steps.items() if (n := floor_to(day.accounts()[name], step))},
        steps=steps,
        told=[row for row in told if row.records or row.pairs],
    )


def _accounts(day: DayTally) -> list[str]:
    return sorted(name for name, n in day.accounts().items() if n > 0 and name.startswith(("pairs.", "bundles.")))


def _is_told(name: str, day: DayTally, step: int) -> bool:
    """Return whether an account is named: one that is below its step could be a single home's, which has just withdrawn."""
    return name == _CONSIDERED or day.accounts()[name] >= step


def _account_step(name: str, day: DayTally, policies: PolicySet) -> int:
    if name.startswith("bundles."):
        return 1
    period = account_period(policies, name, {key.flow for key in day.flows})
    return step_of(group_of(policies), day.hour_share, period)


def _told(key: FlowKey, tally: FlowTally, day: DayTally, policies: PolicySet) -> ToldBy:
    flow = policies.flows.get(key.flow)
    is_own = key.owner == Owner.CITY
    share, period = (0, Period.DAY) if is_own else (day.hour_share, flow_period(policies, flow))
    step = step_of(flow_group(policies, flow), share, period)
    return ToldBy(
        flow=key.flow,
        recipient=key.recipient,
        owner=Owner(key.owner),
        identity=key.identity,
        step=step,
        pairs=floor_to(tally.pairs, step),
        records=floor_to(tally.records, step) if is_of_homes_one_by_one(key) else tally.records,
    )


def _place(control: Control, shown: Shown, policies: PolicySet, params: PlaceOn) -> PlaceTold:
    today = shown.hour // HOURS_OF_A_DAY
    number = _day_number(params.day) if params.day else today - 1
    if not today - DAYS_TOLD <= number <= today:
        raise MethodError(f"nothing is kept of the day `{one_line(params.day)}`")
    zones = control.kept(KeptAnswers).get(("hours", number), shown, lambda: _hours_by_zone(shown, number))
    series = [
        SeriesTold(flow=flow, observed_property=name, hours=[_hour_told(name, hour, means, policies) for hour, means in hours])
        for (flow, name), hours in sorted(zones.get(params.zone, {}).items())
        if name in policies.properties
    ]
    return PlaceTold(zone=params.zone, day=_day_text(number), series=series)


Means = list[tuple[str, Mean]]
"""By step of precision; there are several where the rules changed within the hour."""


def _hours_by_zone(shown: Shown, number: int) -> dict[str, dict[tuple[str, str], list[tuple[int, Means]]]]:
    """Return a day's hours by zone, and then by flow and property: all zones at once, since one would cost as much."""
    zones: dict[str, dict[tuple[str, str], list[tuple[int, Means]]]] = {}
    for hour in range(HOURS_OF_A_DAY):
        content = shown.hours.get(number * HOURS_OF_A_DAY + hour)
        for key, mean in () if content is None else decode_hour(content).series.items():
            hours = zones.setdefault(key.zone, {}).setdefault((key.flow, key.observed_property), [])
            if not hours or hours[-1][0] != hour:
                hours.append((hour, []))
            hours[-1][1].append((key.step, mean))
    return zones


def _hour_told(observed_property: str, hour: int, means: Means, policies: PolicySet) -> HourTold:
    first = policies.properties[observed_property].ladder[0]
    readings = sum(mean.count for _, mean in means)
    total = Decimal(0)
    for text, mean in means:
        step = Decimal(text)
        total += mean.total * step + (0 if step == first else mean.count * step / 2)  # as records show it: the middle of a step
    return HourTold(hour=hour, readings=readings, mean=float(total / readings))


def _day_text(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).isoformat()


def _day_number(text: str) -> int:
    """Return the day of a text, as `2026-11-28`.

    Raises: MethodError: it is none.
    """
    try:
        return (date.fromisoformat(text) - _EPOCH).days
    except ValueError as error:
        raise MethodError(f"`{one_line(text)}` is no day; write it as 2026-11-28") from error
