"""What the office's program and homes' exports are judged by: each count fails once something is planted, and only that one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

import msgspec
import pytest

from gateway.recipient.opening import OpenedBundle, json_records
from gateway.recipient.records import Record
from gateway.recipient.wire import Address
from tests.soak.city import NUMBERS, OFFICE
from tests.soak.handed_on import Export, Received, judge_exports, judge_received
from tests.soak.judge import DAMP, WARMTH, Verdict

T_MS = 36_000_000
OURS, THEIRS = 1, 2
"""Two homes."""


def record(home: int, turn: int, flow: str = WARMTH) -> Record:
    """Return a home's reading as it left."""
    return Record(
        flow=flow,
        purpose="comfort",
        observed_property="temperature",
        unit="CEL",
        result=float(home * NUMBERS + turn),
        phenomenon_time=(T_MS + turn, T_MS + turn),
        cell="hill",
        identity="per-record",
        retention_days=30,
        id=b"%08d%08d" % (home, turn),
    )


def bundle(index: int, *records: Record, recipient: str = OFFICE) -> OpenedBundle:
    """Return a bundle that left."""
    return OpenedBundle(Address("gw", recipient, "origin"), index, b"", records)


BUNDLES: Mapping[int, OpenedBundle] = {
    10: bundle(10, record(OURS, 0), record(THEIRS, 0)),
    12: bundle(12, record(OURS, 1), record(OURS, 1, DAMP)),
    14: bundle(14, record(THEIRS, 3), recipient="streets"),
}
EXPORT = Export(
    home=OURS,
    after=13,
    waiting=[OURS * NUMBERS + 5.0],
    releases={10: Counter({(WARMTH, T_MS): 1}), 12: Counter({(WARMTH, T_MS + 1): 1, (DAMP, T_MS + 1): 1})},
)


def lines(index: int) -> list[str]:
    """Return a bundle's records as a recipient's program prints them."""
    return [msgspec.json.encode(values).decode() for values in json_records(BUNDLES[index])]


RECEIVED = Received(stored={10: lines(10), 12: lines(12)}, printed=[*lines(10), *lines(12)])


def counts(verdict: Verdict) -> tuple[int, int, int]:
    """Return what was lost, counted twice and leaked."""
    return verdict.counts["lost"], verdict.counts["counted_twice"], verdict.counts["leaked"]


def received(found: Received) -> tuple[int, int, int]:
    """Return what is counted of a program's records."""
    judge_received(found, BUNDLES, verdict := Verdict())
    return counts(verdict)


def exported(export: Export) -> tuple[int, int, int]:
    """Return what is counted of an export."""
    judge_exports([export], BUNDLES, verdict := Verdict())
    return counts(verdict)


def test_when_all_went_well_nothing_is_counted() -> None:
    """A bundle that never came, and a line that a kill has cut off before it was printed, are nothing to count here."""
    assert received(RECEIVED) == exported(EXPORT) == (0, 0, 0)
    assert received(Received({10: lines(10)}, lines(10)[:1])) == (0, 0, 0)


HANDED_ON: dict[str, tuple[Received, tuple[int, int, int]]] = {
    "without a record": (replace(RECEIVED, stored={10: lines(10)[:1], 12: lines(12)}, printed=[]), (1, 0, 0)),
    "with another record": (replace(RECEIVED, stored={10: [*lines(10), *lines(14)], 12: lines(12)}), (0, 0, 1)),
    "under another index": (Received({11: lines(10)[:1]}, []), (0, 0, 1)),
    "of another recipient": (Received({14: lines(14)}, []), (0, 0, 1)),
    "twice": (replace(RECEIVED, printed=[*lines(10), *lines(12), *lines(12)[:1]]), (0, 1, 0)),
    "printed alone": (replace(RECEIVED, printed=lines(14)), (0, 0, 1)),
}


@pytest.mark.parametrize("planted", HANDED_ON)
def test_what_a_program_hands_on_is_what_left_once(planted: str) -> None:
    """One is found, and nothing else."""
    found, expected = HANDED_ON[planted]
    assert received(found) == expected


EXPORTED: dict[str, tuple[Callable[[], Export], tuple[int, int, int]]] = {
    "what waits of another home": (lambda: replace(EXPORT, waiting=[OURS * NUMBERS + 5.0, THEIRS * NUMBERS + 5.0]), (0, 0, 1)),
    "a release of another home": (lambda: with_release(10, Counter({(WARMTH, T_MS): 1, (WARMTH, T_MS + 7): 1})), (0, 0, 1)),
    "a release without a reading": (lambda: with_release(12, Counter({(WARMTH, T_MS + 1): 1})), (1, 0, 0)),
    "no release": (lambda: replace(EXPORT, releases={}), (3, 0, 0)),
}


def with_release(index: int, shown: Counter[tuple[str, int]]) -> Export:
    """Return the export with another release."""
    return replace(EXPORT, releases={**EXPORT.releases, index: shown})


@pytest.mark.parametrize("planted", EXPORTED)
def test_export_shows_all_of_a_home_and_nothing_else(planted: str) -> None:
    """One is found, and nothing else."""
    found, expected = EXPORTED[planted]
    assert exported(found()) == expected


def test_what_left_since_an_export_need_not_be_in_it() -> None:
    """It was asked for after entry 10; nobody knows whether entry 12 came before its answer."""
    assert exported(replace(EXPORT, after=10, releases={10: EXPORT.releases[10]})) == (0, 0, 0)


def test_export_is_read_from_the_answer() -> None:
    """Figures and what left of other flows do not count here: no canary is in them."""
    answer = {
        "waiting": [{"flow": DAMP, "steps": 10 * (OURS * NUMBERS + 5)}, {"flow": "heating", "steps": 7}],
        "releases": [
            {"log_index": 10, "records": [{"flow": WARMTH, "window_ms": [T_MS, T_MS]}]},
            {"log_index": 11, "records": [{"flow": "heating", "window_ms": [T_MS, T_MS + 1]}]},
        ],
    }
    read = Export.of(OURS, 13, answer)
    assert read == replace(EXPORT, releases={10: EXPORT.releases[10], 11: Counter()})
