"""The judge of the soak: each of its counts fails once something is planted, and only that one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.recipient.opening import OpenedBundle
from gateway.recipient.records import Record
from gateway.recipient.wire import Address
from tests.crash.street import HOUR_MS, Message
from tests.soak.city import HILL, NUMBERS, QUIET, UNIT_WH, ZONES, Home
from tests.soak.judge import Evidence, Permit, Reach, Verdict, judge

STEADY, CHANGING, SILENT = (
    Home(1, "t/homes/1", ZONES[0], "steady"),
    Home(2, "t/homes/2", HILL, "changing"),
    Home(3, "t/homes/3", ZONES[0], "silent"),
)
DISTRICTS = {ZONES[0]: QUIET, HILL: "hillside"}
T_MS = 10 * HOUR_MS
GATE = Message(T_MS, "t/gate", b'{"count":7}', ("peopleCount", T_MS, ZONES[0], 7.0))


def reading(home: Home, turn: int) -> Message:
    """Return a home's reading of half an hour."""
    return home.message(turn, T_MS + turn * HOUR_MS // 2)


def record(flow: str, result: float, t_ms: int, cell: str, number: int | None = None) -> Record:
    """Return what left; a single reading has an id, made of its number."""
    single = number is not None
    return Record(
        flow=flow,
        purpose="p",
        observed_property={"city-sensors": "peopleCount", "damp": "humidity", "warmth": "temperature"}.get(flow, "consumption"),
        unit="1",
        result=result,
        phenomenon_time=(t_ms, t_ms if single else t_ms + HOUR_MS),
        cell=cell,
        identity="per-record" if single else "aggregate",
        retention_days=30,
        id=None if number is None else b"%016d" % number,
    )


def single(flow: str, home: Home, turn: int, cell: str, number: int) -> Record:
    """Return a home's reading as it left."""
    message = reading(home, turn)
    return record(flow, json.loads(message.payload)["temp"], message.t_ms, cell, number)


def bundle(index: int, *records: Record) -> tuple[int, OpenedBundle]:
    """Return a bundle by its log index."""
    return index, OpenedBundle(Address("gw", "office", "origin"), index, b"", records)


def well() -> Evidence:
    """Return a soak in which all went well: the changing home was in until entry 20, and again from entry 40 on."""
    sent = [GATE, *(reading(home, turn) for home in (STEADY, CHANGING, SILENT) for turn in range(4))]
    singles = [single("warmth", STEADY, turn, ZONES[0], turn) for turn in range(4)]
    bundles = dict(
        [
            bundle(10, record("city-sensors", 7.0, T_MS, ZONES[0], 100), single("warmth", CHANGING, 0, HILL, 101)),
            bundle(11, single("damp", CHANGING, 0, HILL, 102), *singles),
            bundle(15, record("heating", 2 * UNIT_WH / 1000, T_MS, "hillside"), record("heating", 0.002, T_MS, QUIET)),
            bundle(50, single("warmth", CHANGING, 3, HILL, 103), single("damp", CHANGING, 3, "hillside", 104)),
        ]
    )
    return Evidence(
        homes=(STEADY, CHANGING, SILENT),
        sent=sent,
        killed_at=0,
        passed=Counter((message.topic, message.payload) for message in sent),
        taken=Counter((message.topic, message.payload) for message in sent),
        bundles=bundles,
        others=frozenset(),
        permits=[
            Permit(1, 1, 0),
            Permit(2, 2, 0, until=20, ended=20),
            Permit(2, 40, T_MS + HOUR_MS, narrow=True),
        ],
        reaches=[Reach(-1, 30, narrow=False), Reach(29, 1000, narrow=True)],
        ledger={"frames.received": len(sent), "pairs.released": 9},
        districts=DISTRICTS,
    )


def counts(verdict: Verdict) -> tuple[int, int, int, int]:
    """Return the four counts."""
    found = verdict.counts
    return found["lost"], found["lost_by_broker"], found["counted_twice"], found["leaked"]


def test_when_all_went_well_nothing_is_counted() -> None:
    """Without this none of the others shows anything."""
    verdict = judge(well())
    assert (counts(verdict), verdict.examples) == ((0, 0, 0, 0), [])


def with_bundle(seen: Evidence, index: int, *records: Record) -> Evidence:
    """Return the same with another bundle, of which the ledger knows."""
    ledger = {**seen.ledger, "pairs.released": seen.ledger["pairs.released"] + sum(each.id is not None for each in records)}
    return replace(seen, bundles={**seen.bundles, **dict([bundle(index, *records)])}, ledger=ledger)


def without(seen: Evidence, number: int) -> Evidence:
    """Return the same without a single record, of which the ledger does not know either."""
    bundles = {
        index: replace(each, records=tuple(one for one in each.records if one.id != b"%016d" % number))
        for index, each in seen.bundles.items()
    }
    return replace(seen, bundles=bundles, ledger={**seen.ledger, "pairs.released": seen.ledger["pairs.released"] - 1})


LOST: dict[str, Callable[[Evidence], Evidence]] = {
    "acknowledged, and never left": lambda seen: without(seen, 100),
    "a steady home's, acknowledged, and never left": lambda seen: without(seen, 2),
    "taken by the broker, never by the gateway, and no broker was killed": lambda seen: replace(
        seen, taken=seen.taken - Counter({(reading(SILENT, 3).topic, reading(SILENT, 3).payload): 1})
    ),
    "acknowledged, and not in the ledger": lambda seen: replace(seen, ledger={**seen.ledger, "frames.received": 12}),
    "released by the ledger, and never left": lambda seen: replace(seen, ledger={**seen.ledger, "pairs.released": 10}),
}


@pytest.mark.parametrize("planted", LOST)
def test_reading_that_is_nowhere_is_lost(planted: str) -> None:
    """One is found, and nothing else."""
    assert counts(judge(LOST[planted](well()))) == (1, 0, 0, 0)


def test_reading_that_was_too_late_is_in_an_account_and_not_lost() -> None:
    """A machine that starts a gateway for more than a simulated day makes it so; only as many as the ledger tells."""
    seen = without(without(well(), 100), 2)
    assert counts(judge(replace(seen, ledger={**seen.ledger, "pairs.late": 1}))) == (1, 0, 0, 0)
    assert counts(judge(replace(seen, ledger={**seen.ledger, "pairs.late": 2}))) == (0, 0, 0, 0)


def test_what_a_killed_broker_had_not_handed_on_is_the_brokers() -> None:
    """Only up to when it was back; what it took later it has to hand on."""
    seen = LOST["taken by the broker, never by the gateway, and no broker was killed"](well())
    assert counts(judge(replace(seen, killed_at=len(seen.sent)))) == (0, 1, 0, 0)
    assert counts(judge(replace(seen, killed_at=len(seen.sent) - 1))) == (1, 0, 0, 0)


def test_sensor_that_sends_again_loses_nothing() -> None:
    """The gateway may acknowledge more than there is; it may not acknowledge fewer copies than the broker took."""
    seen = well()
    more = replace(seen, taken=seen.taken + seen.taken, ledger={**seen.ledger, "frames.received": 2 * len(seen.sent)})
    assert counts(judge(more)) == (0, 0, 0, 0)
    assert counts(judge(replace(seen, sent=[*seen.sent, seen.sent[-1]]))) == (1, 0, 0, 0)


def test_what_was_committed_when_the_broker_was_killed_counts_wherever_it_went() -> None:
    """Its acknowledgement came to nobody: it may stand in the city, and in a figure, or not; nothing is lost or twice."""
    seen, gate = well(), Counter({(GATE.topic, GATE.payload): 1, (STEADY.topic, reading(STEADY, 0).payload): 1})
    unheard = replace(seen, taken=seen.taken - gate, killed_at=len(seen.sent))
    assert counts(judge(unheard)) == (0, 0, 0, 0)
    assert counts(judge(without(unheard, 100))) == (0, 1, 0, 0)


def test_of_messages_that_are_the_same_the_broker_lost_the_earlier() -> None:
    """A plug says `online` a hundred times: one is missing, and it is not the last that was sent after the kill."""
    seen = well()
    again = replace(seen, sent=[seen.sent[0], *seen.sent], killed_at=1)
    assert counts(judge(again)) == (0, 0, 0, 0)  # it is public, and has arrived
    state = Message(T_MS, "t/plug/availability", b"online", None)
    taken = seen.taken + Counter({(state.topic, state.payload): 1})
    plugs = replace(
        seen, sent=[state, *seen.sent, state], taken=taken, killed_at=1, ledger={**seen.ledger, "frames.received": 14}
    )
    assert counts(judge(plugs)) == (0, 1, 0, 0)
    assert counts(judge(replace(plugs, killed_at=0))) == (1, 0, 0, 0)


TWICE: dict[str, Callable[[Evidence], Evidence]] = {
    "a public reading": lambda seen: with_bundle(seen, 12, record("city-sensors", 7.0, T_MS, ZONES[0], 200)),
    "a steady home's reading": lambda seen: with_bundle(seen, 12, single("warmth", STEADY, 1, ZONES[0], 200)),
    "a figure": lambda seen: with_bundle(seen, 16, record("heating", 0.001, T_MS, "hillside")),
    "more in a figure than there is": lambda seen: with_bundle(seen, 16, record("heating", 0.003, T_MS + HOUR_MS, "hillside")),
    "one record under the same id": lambda seen: with_bundle(seen, 16, single("warmth", CHANGING, 1, HILL, 0)),
    "left, and not in the ledger": lambda seen: replace(seen, ledger={**seen.ledger, "pairs.released": 8}),
    "two bundles under an index": lambda seen: replace(seen, others=frozenset({10})),
}


@pytest.mark.parametrize("planted", TWICE)
def test_what_is_there_twice_is_counted_twice(planted: str) -> None:
    """One is found, and nothing else."""
    assert counts(judge(TWICE[planted](well()))) == (0, 0, 1, 0)


LEAKED: dict[str, Callable[[Evidence], Evidence]] = {
    "of a home that never consented": lambda seen: with_bundle(seen, 12, single("warmth", SILENT, 0, ZONES[0], 200)),
    "formed after the withdrawal": lambda seen: with_bundle(seen, 21, single("warmth", CHANGING, 1, HILL, 200)),
    "of before the withdrawal, after a new consent": lambda seen: with_bundle(seen, 41, single("warmth", CHANGING, 1, HILL, 200)),
    "of before the consent": lambda seen: with_bundle(seen, 41, single("damp", CHANGING, 1, "hillside", 200)),
    "nearer than the policies permit": lambda seen: with_bundle(seen, 41, single("damp", STEADY, 1, ZONES[0], 200)),
    "in a figure formed after the withdrawal": lambda seen: with_bundle(
        seen, 21, record("heating", 0.002, T_MS + HOUR_MS, "hillside")
    ),
    "in a figure though it never consented": lambda seen: with_bundle(seen, 16, record("heating", 1.002, T_MS + HOUR_MS, QUIET)),
}


@pytest.mark.parametrize("planted", LEAKED)
def test_what_nobody_permitted_is_leaked(planted: str) -> None:
    """One is found, and nothing else."""
    assert counts(judge(LEAKED[planted](well()))) == (0, 0, 0, 1)


def test_consent_given_when_less_was_told_does_not_reach_further() -> None:
    """The policies are wide again, and the consent was for what they were: nothing of it leaves."""
    seen = replace(well(), reaches=[Reach(-1, 30, narrow=False), Reach(29, 60, narrow=True), Reach(60, 1000, narrow=False)])
    assert counts(judge(with_bundle(seen, 61, single("damp", STEADY, 1, ZONES[0], 200)))) == (0, 0, 0, 0)
    assert counts(judge(with_bundle(seen, 61, single("damp", CHANGING, 2, HILL, 200)))) == (0, 0, 0, 1)


def test_what_came_before_a_pause_leaves_after_it_and_nothing_of_the_pause() -> None:
    """A pause ends nothing; its own time belongs to nobody."""
    pause_ms = T_MS + HOUR_MS // 2
    paused = [Permit(2, 2, 0, until=20, to_ms=pause_ms), Permit(2, 40, T_MS + HOUR_MS)]
    seen = replace(well(), permits=[Permit(1, 1, 0), *paused])
    assert counts(judge(without(seen, 101))) == (0, 0, 0, 0)
    after = with_bundle(without(seen, 101), 45, single("warmth", CHANGING, 0, HILL, 200))
    assert counts(judge(after)) == (0, 0, 0, 0)
    assert counts(judge(with_bundle(seen, 45, single("warmth", CHANGING, 1, HILL, 200)))) == (0, 0, 0, 1)
    assert counts(judge(with_bundle(seen, 30, single("damp", CHANGING, 0, HILL, 200)))) == (0, 0, 1, 1)


def test_home_is_told_by_what_it_measured() -> None:
    """A canary is made of a home's number and its reading's."""
    assert json.loads(reading(CHANGING, 3).payload)["temp"] == 2 * NUMBERS + 3
