"""Noisy days, windows and weeks beside the oracle, with a draw of 0: every figure is what the rules make of all readings.

Who stands where, who is left out, how a household's day is clamped and shortened, what a mean divides by, and what a record says
of its noise: only the noise itself is taken away, since nobody could say what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import inf
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.core.disclosure import TOP, Disclosure, Space, Time
from consent.core.policies.policy import PolicySet
from gateway.core.release import publication
from gateway.recipient.records import Record
from tests.support.city import city
from tests.support.gate import HOUR_MS, LATENESS_MS, MIDNIGHT_MS, Gate, limited, reading
from tests.support.oracle_noise import DISTRICTS, LENGTHS_MS, Household, Key, Limits, NoisyFlow, Told, figures

T = MIDNIGHT_MS
"""A Monday."""
MINUTES_A_DAY = 24 * 60
PATHS = {"sum": "kwh", "typical-day": "kwh", "mean": "db"}
PROPERTIES = {"sum": "consumption", "typical-day": "consumption", "mean": "LAeq"}
LADDERS = {"consumption": ("0.001", "0.01", "0.1", "1"), "LAeq": ("0.1", "0.5", "1", "5")}


@dataclass(frozen=True)
class Played:
    """A town with one flow, what its households told, and when its figures left."""

    flow: NoisyFlow
    households: tuple[Household, ...]

    @property
    def now_ms(self) -> int:
        """When all has ended."""
        return T + self.flow.period_ms + LATENESS_MS


@st.composite
def noisy_flows(draw: st.DrawFn, publish: str) -> NoisyFlow:
    """A flow that passes all checks: with a lot of noise or a little, a tight clip or a wide one."""
    statistic = "typical-day" if publish == "week" else draw(st.sampled_from(("sum", "mean")))
    name = PROPERTIES[statistic]
    cell = draw(st.sampled_from(("1h", "4h") if publish == "window" else ("15min", "1h", "4h")))
    times = [time for time, ms in LENGTHS_MS.items() if ms >= max(HOUR_MS, LENGTHS_MS[cell])]
    presence, clips = draw(
        st.sampled_from({"LAeq": (("15", (16, 40, 75, 400)),)}.get(name, (("0.5", (1, 3)), ("2", (3, 5, 40)))))
    )
    return NoisyFlow(
        name="noisy",
        statistic=statistic,
        time=draw(st.sampled_from(times)),
        space=draw(st.sampled_from(("city", "district", "block"))),
        step=Decimal(draw(st.sampled_from(LADDERS[name]))),
        group=draw(st.integers(1, 3)),
        mu=Decimal(draw(st.sampled_from(("0.3", "0.62", "1", "2", "40")))),
        clip=Decimal(draw(st.sampled_from(clips))),
        publish=publish,
        first=Decimal(LADDERS[name][0]),
        clamp=(30, 90) if name == "LAeq" else draw(st.sampled_from(((0, 2), (-1, 5)))),
        cell=cell,
        presence=Decimal(presence),
    )


@st.composite
def limits(draw: st.DrawFn, flow: NoisyFlow) -> Limits:
    """What a household permits: often all, else less on an axis or two."""
    return Limits(
        time=draw(st.sampled_from((None, None, None, "4h", "day"))),
        space=draw(st.sampled_from((None, None, "city"))),
        step=draw(st.sampled_from((None, None, None, Decimal(LADDERS[PROPERTIES[flow.statistic]][-1])))),
        budget=draw(st.sampled_from((None, None, Decimal("0.3"), Decimal("0.7"), Decimal(1), Decimal(3)))),
        group=draw(st.sampled_from((1, 1, 1, 1, 2, 4))),
        retention=draw(st.integers(0, 7)) < 7,
    )


@st.composite
def towns(draw: st.DrawFn, publish: str) -> Played:
    """A town whose households tell some cells, join late, or take everything back before the figures leave."""
    flow = draw(noisy_flows(publish))
    per_step = {"LAeq": (250, 950)}.get(PROPERTIES[flow.statistic], (-500, 4_000))
    households = []
    shared = draw(st.one_of(st.just(Limits()), limits(flow)))
    for _ in range(draw(st.integers(flow.group, 8))):
        zones = draw(st.sampled_from((("mill",), ("mill",), ("chapel",), ("dock",), ("mill", "mill"), ("mill", "dock"))))
        own = draw(st.integers(0, 4)) == 4
        since_ms = T + draw(st.sampled_from((0, 0, 0, 0, 7 * HOUR_MS)))
        end_ms = T + flow.period_ms
        until_ms = draw(st.sampled_from((None, None, None, None, end_ms - HOUR_MS)))
        one = st.tuples(st.integers(0, len(zones) - 1), st.integers(0, flow.period_ms // 60_000 - 1), st.integers(*per_step))
        told = draw(st.lists(one, min_size=1, max_size=8, unique_by=lambda it: it[1]))
        if publish == "week" and draw(st.booleans()):  # the same every day, so that its typical day is long enough to be clipped
            daily = {minute % MINUTES_A_DAY: (device, n) for device, minute, n in told}
            told = [(device, minute + day * MINUTES_A_DAY, n) for minute, (device, n) in daily.items() for day in range(7)]
        readings = tuple((device, T + minute * 60_000, n) for device, minute, n in told)
        households.append(Household(zones, draw(limits(flow)) if own else shared, since_ms, until_ms, readings))
    return Played(flow, tuple(households))


def policies_of(flow: NoisyFlow) -> PolicySet:
    """Return a town with a flow, as its files would say it."""
    name = PROPERTIES[flow.statistic]
    built = city().ceiling(identity="aggregate", space="block").limits(mu_rungs=[0.5, 1, 2], mu_day=100)
    for district in sorted(set(DISTRICTS.values())):
        built.district(district)
    for zone, district in DISTRICTS.items():
        built.zone(zone, district)
    said: dict[str, Any] = {"window": {"publish": "window"}, "week": {"period": "week"}}.get(flow.publish, {})
    built.measures(name, *flow.clamp).purpose("plan").recipient("office")
    built.quantity("secret", name, cell=flow.cell, clip=500, presence=float(flow.presence))
    built.device("meter", {name: PATHS[flow.statistic]}, "unix-ms")
    return built.flow(
        flow.name,
        name,
        statistic=flow.statistic,
        purpose="plan",
        recipient="office",
        clip=float(flow.clip),
        identity="aggregate",
        time=flow.time,
        space=flow.space,
        precision={name: flow.step},
        group=flow.group,
        retention=9,
        budget=flow.mu,
        **said,
    ).policies()


def point(of: Limits, name: str) -> Disclosure:
    """Return the point of the lattice that limits stand for."""
    return limited(
        time=Time.named(of.time) if of.time else TOP.time,
        space=Space.named(of.space) if of.space else TOP.space,
        precision=((name, of.step),) if of.step else (),
        group=of.group,
        retention_days=TOP.retention_days if of.retention else 8,
        budget=inf if of.budget is None else float(of.budget),
    )


def released(played: Played) -> list[Record]:
    """Play it in the gateway, without noise, and return all that left."""
    flow, gate = played.flow, Gate(policies_of(played.flow))
    gate.to(T)  # from now on it gets publications
    name = PROPERTIES[flow.statistic]
    devices, heard = [], []
    for number, household in enumerate(played.households):
        first = gate.home(zone=household.zones[0])
        own = [first, *(gate.device(first.subject, zone=zone) for zone in household.zones[1:])]
        devices.append(own)
        heard += [(household.since_ms, 0, number, None), *((t_ms, 1, number, (own[at], n)) for at, t_ms, n in household.readings)]
        heard += [(household.until_ms, 2, number, None)] if household.until_ms is not None else []
    for t_ms, kind, number, told in sorted(heard, key=lambda it: it[:3]):
        gate.now_ms = t_ms
        if kind == 0:
            gate.grant(devices[number][0], "purpose:plan", point(played.households[number].limits, name))
        elif kind == 2:
            gate.withdraw(devices[number][0], "purpose:plan")
        elif told is not None:
            fields: dict[str, Any] = {PATHS[flow.statistic]: float(told[1] * flow.first)}
            gate.take(reading(told[0], t_ms, **fields))
    with patch.object(publication, "gaussian_noise", lambda _: lambda count, variance: [0] * count):
        gate.to(played.now_ms)
        return gate.records()


def agree(flow: NoisyFlow, records: list[Record], should: dict[Key, Told]) -> None:
    """Match each record with a figure that should be, one to one."""
    left = dict(should)
    for record in records:
        span_ms = record.phenomenon_time
        fits = [
            key
            for key, told in left.items()
            if (key[1], *key[3:]) == (record.cell, *span_ms, record.hour)
            and told.holds(float(record.result), flow, key[2])
            and (told.n or None) == (record.n or None)
            and told.standard_error in (None, record.standard_error)
        ]
        assert fits, f"{record} is none of {[(key, told) for key, told in left.items() if key[3:5] == span_ms]}"
        del left[min(fits, key=lambda key: key[2])]
        assert (record.mu, record.clip, record.retention_days) == (float(flow.mu), float(flow.clip), 9)
    assert left == {}


@pytest.mark.parametrize("publish", ["day", "window", "week"])
def test_oracle_without_its_noise_a_figure_is_what_the_rules_make_of_the_readings(publish: str) -> None:
    """Members, cells, clamp, clip, μ of a household's own, places that share a bound, numbers, standard errors: all the same."""
    drawn = 0

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    @given(towns(publish))
    def same(played: Played) -> None:
        nonlocal drawn
        should = figures(played.flow, played.households, T, played.now_ms)
        drawn += bool(should)
        agree(played.flow, released(played), should)

    same()
    assert drawn > 20
