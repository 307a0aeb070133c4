"""Counts what was lost, counted twice or leaked, from what passed between gateway and brokers and what was confirmed to people.

Plain functions of recorded facts, none of which is the gateway's own word but its ledger. A withdrawal and a bundle are put in
order by the log: a bundle holds nothing of a home whose withdrawal has a lower log index than its own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Literal

from gateway.recipient.opening import OpenedBundle
from gateway.recipient.records import Record
from tests.crash.street import HOUR_MS, Message, Told
from tests.soak.city import Home, whose

NEVER = 1 << 62
"""A log index, or a time, that does not come."""
MOST_EXAMPLES = 20
WARMTH, DAMP, HEATING = "warmth", "damp", "heating"


@dataclass(slots=True)
class Permit:
    """That a home's readings might leave, for as long as its consent stood.

    Attributes:
        after: Log index; a bundle of a greater one might hold them.
        from_ms: The readings from this time on.
        narrow: Whether it was given when the policies told of districts only; then it does not reach any further.
        until: Log index of the confirmed end; a bundle of a greater one must not.
        to_ms: When it was paused: readings of later, and until it was resumed, never leave; those of before may, after the pause.
        ended: Log index of the confirmed withdrawal or erasure, after which none of its readings leave, whatever is said later.
    """

    home: int
    after: int
    from_ms: int
    narrow: bool = False
    until: int = NEVER
    to_ms: int = NEVER
    ended: int = NEVER


@dataclass(frozen=True, slots=True)
class Reach:
    """How far it might be told how damp homes are.

    Attributes:
        after: Log index of the policies, or of what was confirmed before they were asked for.
        until: Log index of the confirmed end.
        narrow: Whether by district only.
    """

    after: int
    until: int
    narrow: bool


@dataclass(slots=True)
class Evidence:
    """What was seen.

    Attributes:
        sent: What the sensors' broker acknowledged, in order.
        killed_at: How much of it had been sent when the broker had last come back from a kill.
        passed: How often each was handed to the gateway, by topic and payload.
        taken: How often the gateway acknowledged it.
        bundles: What left, opened, by log index.
        others: Log indices under which two different bundles left.
        districts: Of each zone.
    """

    homes: Sequence[Home]
    sent: Sequence[Message]
    killed_at: int
    passed: Counter[tuple[str, bytes]]
    taken: Counter[tuple[str, bytes]]
    bundles: Mapping[int, OpenedBundle]
    others: frozenset[int]
    permits: Sequence[Permit]
    reaches: Sequence[Reach]
    ledger: Mapping[str, int]
    districts: Mapping[str, str]


Kind = Literal["lost", "lost_by_broker", "counted_twice", "leaked"]


@dataclass(slots=True)
class Verdict:
    """What came of it.

    Attributes:
        counts: How many of each kind.
        examples: Some of those that may not be, in words.
    """

    counts: Counter[Kind] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def note(self, kind: Kind, n: int, example: str) -> None:
        """Count so many of a kind; none, where the number is negative."""
        if n <= 0:
            return
        self.counts[kind] += n
        if kind != "lost_by_broker" and len(self.examples) < MOST_EXAMPLES:
            self.examples.append(f"{kind}: {example}")


def judge(seen: Evidence) -> Verdict:
    """Return what was lost, counted twice and leaked."""
    verdict = Verdict()
    singles = [(index, record) for index, bundle in seen.bundles.items() for record in bundle.records if record.id is not None]
    arrived: set[tuple[int, float | None]] = {(record.phenomenon_time[0], float(record.result)) for _, record in singles}
    taken = _judge_way_in(seen, verdict, arrived)
    missing = _judge_public(verdict, taken, [record for _, record in singles if record.flow not in (WARMTH, DAMP)])
    missing += _judge_homes(seen, verdict, taken, [each for each in singles if each[1].flow in (WARMTH, DAMP)])
    _judge_missing(seen, verdict, missing)
    _judge_figures(seen, verdict)
    _judge_books(seen, verdict, [record for _, record in singles])
    return verdict


def _judge_way_in(seen: Evidence, verdict: Verdict, arrived: AbstractSet[tuple[int, float | None]]) -> list[Message]:
    """Judge what the gateway never acknowledged; return what it did, each message once.

    What it had committed when the broker was killed before the acknowledgement came through may have arrived all the same.

    Args:
        arrived: Time and result of each single reading that left.
    """
    left, never = Counter(seen.taken), list[int]()
    for place in range(len(seen.sent) - 1, -1, -1):  # of copies that are the same, it is the earlier that a broker may have lost
        key = seen.sent[place].topic, seen.sent[place].payload
        if left[key]:
            left[key] -= 1
        else:
            never.append(place)
    homes = {home.topic for home in seen.homes}
    for place in reversed(never):
        message = seen.sent[place]
        result = _canary(message) if message.topic in homes else message.told and message.told[3]
        if place >= seen.killed_at or (message.t_ms, result) not in arrived:
            kind: Kind = "lost_by_broker" if place < seen.killed_at else "lost"
            verdict.note(kind, 1, f"{message.topic} of {message.t_ms} was taken by the broker and never by the gateway")
    once = {(message.topic, message.payload): message for message in seen.sent}
    return [message for key, message in once.items() if key in seen.taken]


def _judge_public(verdict: Verdict, taken: Iterable[Message], records: Iterable[Record]) -> list[str]:
    """Judge the city's own counted readings: each is to arrive once. Return those that did not arrive."""
    expected = {message.told for message in taken if message.told is not None}
    zones = {told[2] for told in expected}
    arrived = Counter[Told](_told(record) for record in records if record.cell in zones)
    for told, n in arrived.items():
        verdict.note("counted_twice", n - 1, f"{told} left {n} times")
    return [str(told) for told in sorted(expected - arrived.keys())]


def _told(record: Record) -> Told:
    return record.observed_property, record.phenomenon_time[0], record.cell, float(record.result)


def _judge_homes(seen: Evidence, verdict: Verdict, taken: Iterable[Message], records: Iterable[tuple[int, Record]]) -> list[str]:
    """Judge homes' readings: each leaves at most once, and only as far as it was permitted. Return those missing.

    Of the steady homes none may be missing. How damp they are does not count for that: a reading of before the policies changed
    does not leave by the changed ones.
    """
    steady = {home.topic for home in seen.homes if home.kind == "steady"}
    expected = {(WARMTH, _canary(message)) for message in taken if message.topic in steady}
    arrived = Counter[tuple[str, float]]()
    for index, record in records:
        arrived[record.flow, record.result] += 1
        if not _is_permitted(seen, index, record):
            t_ms, home = record.phenomenon_time[0], whose(record.result)
            verdict.note("leaked", 1, f"{record.flow} of home {home} and {t_ms}, told of {record.cell} in bundle {index}")
    for (flow, canary), n in arrived.items():
        verdict.note("counted_twice", n - 1, f"{flow} {canary} of home {whose(canary)} left {n} times")
    return [f"{flow} {canary} of home {whose(canary)}" for flow, canary in sorted(expected - arrived.keys())]


def _judge_missing(seen: Evidence, verdict: Verdict, missing: Sequence[str]) -> None:
    """Judge what has not left: more than a day may have passed while nothing ran, and then it is too late, and accounted for."""
    late = seen.ledger.get("pairs.late", 0)
    verdict.note("lost", len(missing) - late, f"{len(missing)} have not left, and {late} were too late: {missing[:5]}")


def _canary(message: Message) -> float:
    return float(json.loads(message.payload)["temp"])


def _is_permitted(seen: Evidence, index: int, record: Record) -> bool:
    """Return whether there was a consent for a reading's time, and one when its bundle was formed, that reached as far."""
    t_ms, home = record.phenomenon_time[0], whose(record.result)
    own = [permit for permit in seen.permits if permit.home == home]
    of_its_time = [permit for permit in own if permit.from_ms <= t_ms < permit.to_ms and permit.after < index < permit.ended]
    in_force = [permit for permit in own if permit.after < index < permit.until]
    if record.flow == WARMTH:
        return bool(of_its_time and in_force)
    is_narrow = record.cell in seen.districts.values()
    if not any(reach.narrow == is_narrow for reach in seen.reaches if reach.after < index < reach.until):
        return False
    return all(any(is_narrow or not permit.narrow for permit in permits) for permits in (of_its_time, in_force))


def _judge_figures(seen: Evidence, verdict: Verdict) -> None:
    """Judge homes' figures, each of which is a number of readings: no more than there are, and than were permitted."""
    numbers = {home.topic: home for home in seen.homes}
    readings: dict[tuple[str, int], list[tuple[Home, Message]]] = {}
    for key, message in {(message.topic, message.payload): message for message in seen.sent}.items():
        if key in seen.passed and (home := numbers.get(message.topic)) is not None:
            hour = seen.districts[home.zone], message.t_ms // HOUR_MS * HOUR_MS
            readings.setdefault(hour, []).append((home, message))
    met = Counter[tuple[str, int]]()
    for index, bundle in seen.bundles.items():
        for record in bundle.records:
            if record.flow != HEATING:
                continue
            hour = record.cell, record.phenomenon_time[0]
            met[hour] += 1
            told, wh = readings.get(hour, []), round(record.result * 1000)
            where = f"the figure of {hour} in bundle {index}: {wh}"
            permitted = sum(message.wh for home, message in told if _stands(seen, home, index, message.t_ms))
            everything = sum(message.wh for _, message in told)
            verdict.note("counted_twice", int(wh > everything), f"{where}, and all homes together used {everything}")
            verdict.note("leaked", int(permitted < wh <= everything), f"{where}, and those that permit it used {permitted}")
    for hour, n in met.items():
        verdict.note("counted_twice", n - 1, f"the figure of {hour} left {n} times")


def _stands(seen: Evidence, home: Home, index: int, t_ms: int) -> bool:
    return any(
        permit.home == home.number and permit.after < index < permit.until and permit.from_ms <= t_ms for permit in seen.permits
    )


def _judge_books(seen: Evidence, verdict: Verdict, records: Sequence[Record]) -> None:
    """Judge the ledger by what passed: everything that was acknowledged is in it, and what left is in it, once."""
    taken, received = seen.taken.total(), seen.ledger.get("frames.received", 0)
    verdict.note("lost", taken - received, f"{taken} frames were acknowledged, and the ledger knows of {received}")
    released, left = seen.ledger.get("pairs.released", 0), len(records)
    verdict.note("lost", released - left, f"{released} readings were released by the ledger, and {left} left")
    verdict.note("counted_twice", left - released, f"{left} readings left, and by the ledger {released} were released")
    ids = Counter(record.id for record in records)
    verdict.note("counted_twice", len(records) - len(ids), "two readings left under one id")
    verdict.note("counted_twice", len(seen.others), f"two bundles left under the log indices {sorted(seen.others)[:5]}")
