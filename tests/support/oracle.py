"""What may leave of one reading, worked out slowly from the rules as citizens are told them, with none of the code under test.

It reads the plain tables of a made-up town and what its people said, in order, and goes through everybody who has a say, for one
reading at a time. Levels are places in the lists of the axes, least revealing first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from tests.support.city import Table
from tests.support.generated import COMMUNITIES, DAY_MS, DISTRICTS, IDENTITIES, LADDERS, SPACES, TIMES, Town

SCALES = {"identity": IDENTITIES, "time": TIMES, "space": SPACES}
NEVER_MS = 1 << 62
A_CENTURY = 36_500
ONE_HOMES = ("energy-mean", "min", "max")
"""Statistics that over households tell of one of them: for the city's own devices only."""


@dataclass(frozen=True)
class Said:
    """What a resident said, once.

    Attributes:
        who: The resident.
        scope: A flow, or `purpose:` and a purpose.
        status: What became of it: `Given`, `Withdrawn`, …
        limits: How much it permits, if anything.
        told: The town as it was when they were asked.
        since_ms: From when on it counts.
        until_ms: From when on it no longer holds.
    """

    who: bytes
    scope: str
    status: str
    limits: Table
    told: Town
    since_ms: int
    until_ms: int = NEVER_MS

    @property
    def yes(self) -> bool:
        """Whether it permits anything."""
        return self.status in ("Given", "Renewed")

    @property
    def noted(self) -> bool:
        """Whether the gateway wrote it down and nobody said it: that it was asked for, ran out, or covers the flow no more."""
        return self.status in ("Requested", "Expired", "Invalidated")


@dataclass(frozen=True)
class Home:
    """A device and whose it is; nobody's where there are no residents at all."""

    zone: str
    profile: str
    residents: tuple[bytes, ...] | None
    added_ms: int = 0


@dataclass(frozen=True)
class Answer:
    """How much of a property's readings a flow may have."""

    identity: str
    time: str
    space: str
    cell: str
    step: Decimal
    group: int
    retention: int
    since_ms: int
    until_ms: int


def may_leave(
    town: Town, home: Home, observed_property: str, flow: str, said: Sequence[Said], flow_since_ms: int, now_ms: int
) -> Answer | None:
    """Return what a flow may have of a device's property at an instant, or None for nothing."""
    asked: Table = town.city["flow"][flow]
    rests_on_consent = town.city["purpose"][asked["purpose"]]["legal_basis"] == "consent"
    if observed_property not in asked["properties"] or rests_on_consent is (home.residents is None):
        return None
    if home.residents is not None and asked["statistic"].get(observed_property) in ONE_HOMES:
        return None
    words = [counting(said, who, flow, asked["purpose"]) for who in home.residents or ()]
    if not all(word is not None and holds(word, town, flow, now_ms) for word in words):
        return None
    limits = [figures_only(word.limits) for word in words if word is not None]
    voices = [asked["ask"], town.city["ceiling"], town.classes[home.profile]["cap"], *limits]
    if home.zone in COMMUNITIES:
        voices.append(town.communities[COMMUNITIES[home.zone]]["ceiling"])
    levels = {axis: min((voice.get(axis, scale[-1]) for voice in voices), key=scale.index) for axis, scale in SCALES.items()}
    if "none" in levels.values():
        return None
    group = max(voice.get("group", 1) for voice in voices)
    retention = min(voice.get("retention", A_CENTURY) for voice in voices)
    since_ms = max([flow_since_ms, home.added_ms, *(word.since_ms for word in words if word is not None)])
    if levels["identity"] == "aggregate":
        if not asked["statistic"]:
            return None
        if home.residents is not None:
            told_days = figures_kept(town, asked["ask"])
            exact = asked["ask"]["identity"] == "aggregate" and not any(
                "budget" in voice for voice in voices
            )  # who asks for noise
            if not exact or group > asked["ask"]["group"] or retention < told_days:
                return None
            retention = told_days
            since_ms = -(-since_ms // DAY_MS) * DAY_MS  # figures are of whole days
    steps = [voice["precision"][observed_property] for voice in voices if observed_property in voice.get("precision", {})]
    return Answer(
        **levels,
        cell=cell(home.zone, levels["space"]),
        step=max(steps, default=Decimal(LADDERS[observed_property][0])),
        group=group,
        retention=retention,
        since_ms=since_ms,
        until_ms=min([NEVER_MS, *(word.until_ms for word in words if word is not None)]),
    )


def figures_kept(town: Town, ask: Table) -> int:
    """Return for how many days all that set bounds anywhere let the figures of a flow be kept: so the number tells of nobody."""
    bounds = [ask, town.city["ceiling"], *(each["ceiling"] for each in town.communities.values())]
    bounds += [each["cap"] for each in town.classes.values()]  # every profile measures every property
    return min(int(bound.get("retention", A_CENTURY)) for bound in bounds)


def counting(said: Sequence[Said], who: bytes, flow: str, purpose: str) -> Said | None:
    """Return which of a resident's words counts for a flow.

    The latest about the flow itself goes before the latest about its purpose, except that whoever stops a purpose stops all of
    it; what was said about a flow before its purpose was permitted anew counts from then on, unless nobody said it, and a yes
    reaches no further than the newer one.
    """
    own = general = newest = None
    for word in said:
        if word.who == who and word.scope == flow:
            own = newest = word
        if word.who == who and word.scope == f"purpose:{purpose}":
            general = newest = word
    if own is None or general is None:
        return own or general
    if newest is own:
        return own
    if not general.yes or own.noted:
        return general
    since_ms = max(own.since_ms, general.since_ms)
    if not own.yes:
        return replace(own, since_ms=since_ms)
    limits, until_ms = least_of(own.limits, general.limits), min(own.until_ms, general.until_ms)
    return replace(own, since_ms=since_ms, limits=limits, until_ms=until_ms)


def least_of(one: Table, other: Table) -> Table:
    """Return limits that are, on every axis, the stricter of two."""
    steps = {
        name: max(table[name] for table in (one.get("precision", {}), other.get("precision", {})) if name in table)
        for name in {**one.get("precision", {}), **other.get("precision", {})}
    }
    least = {
        axis: min((t[axis] for t in (one, other) if axis in t), key=scale.index)
        for axis, scale in SCALES.items()
        if axis in {**one, **other}
    }
    least |= {"precision": steps, "group": max(one.get("group", 1), other.get("group", 1))}
    least |= {
        axis: min(t[axis] for t in (one, other) if axis in t) for axis in ("retention", "budget") if axis in {**one, **other}
    }
    return least


def holds(word: Said, town: Town, flow: str, now_ms: int) -> bool:
    """Say whether a yes is one to what is asked now, and has not run out."""
    told: Table = word.told.city["flow"]
    return word.yes and now_ms < word.until_ms and flow in told and not asks_more(town.city["flow"][flow], told[flow])


def asks_more(now: Table, then: Table) -> bool:
    """Say whether a flow asks for more than it did: someone else, something else, other figures, or more on any axis."""
    if (now["purpose"], now["recipient"]) != (then["purpose"], then["recipient"]):
        return True
    if any(name not in then["properties"] for name in now["properties"]):
        return True
    if any(now["statistic"].get(name) != then["statistic"].get(name) for name in now["properties"]):
        return True
    one, other = now["ask"], then["ask"]
    finer = any(scale.index(one[axis]) > scale.index(other[axis]) for axis, scale in SCALES.items())
    keeps = one["retention"] > other["retention"] or one.get("group", 1) < other.get("group", 1)
    return finer or keeps or any(one["precision"].get(name, 0) < step for name, step in other["precision"].items())


def figures_only(limits: Table) -> Table:
    """Return limits as they bind: who wants company, or noise, permits figures and nothing finer."""
    if limits.get("group", 1) == 1 and "budget" not in limits:
        return limits
    identity = min(limits.get("identity", "stable"), "aggregate", key=IDENTITIES.index)
    return {**limits, "identity": identity}


def cell(zone: str, space: str) -> str:
    """Return where a reading is said to come from."""
    return {"city": "town", "district": DISTRICTS[zone]}.get(space, zone)
