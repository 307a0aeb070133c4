"""Judges what others made of what left: what the office's own program has handed on, and what homes were shown of themselves.

Plain functions of recorded facts, as in ``judge``; what they are compared with is what passed the tap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import msgspec

from gateway.recipient.opening import OpenedBundle, json_records
from tests.soak.city import OFFICE, whose
from tests.soak.judge import DAMP, WARMTH, Verdict

SINGLY = (WARMTH, DAMP)
"""The flows in which readings of homes leave one by one."""
_STEPS = 10
"""So many first steps of their ladders make one degree or per cent."""


@dataclass(frozen=True, slots=True)
class Received:
    """What a recipient's program has handed on.

    Attributes:
        stored: The records that it wrote beside each bundle, a line of JSON each, by log index.
        printed: The lines that it printed, of all its runs.
    """

    stored: Mapping[int, Sequence[str]]
    printed: Sequence[str]


@dataclass(frozen=True, slots=True)
class Export:
    """What was shown to a home of all that is held about it.

    Attributes:
        home: Its number.
        after: A log index that was confirmed to somebody before the home asked.
        waiting: What its readings say that wait to leave.
        releases: By log index, flow and time of each of its single readings in a release.
    """

    home: int
    after: int
    waiting: Sequence[float]
    releases: Mapping[int, Counter[tuple[str, int]]]

    @classmethod
    def of(cls, home: int, after: int, answer: Mapping[str, Any]) -> Self:
        """Return what counts of the answer to `consent.export`."""
        waiting = [record["steps"] / _STEPS for record in answer["waiting"] if record["flow"] in SINGLY]
        releases = {
            release["log_index"]: Counter(
                (record["flow"], record["window_ms"][0]) for record in release["records"] if record["flow"] in SINGLY
            )
            for release in answer["releases"]
        }
        return cls(home, after, waiting, releases)


def judge_received(received: Received, bundles: Mapping[int, OpenedBundle], verdict: Verdict) -> None:
    """Judge what the office's program has handed on: of what left for the office all or nothing, once, and nothing else."""
    for index, lines in received.stored.items():
        bundle = bundles.get(index)
        left = [] if bundle is None or bundle.address.recipient != OFFICE else list(map(_line, json_records(bundle)))
        more, less = Counter(lines) - Counter(left), Counter(left) - Counter(lines)
        verdict.note("leaked", more.total(), f"bundle {index} was handed on with what had not left in it: {more}")
        verdict.note("lost", less.total(), f"bundle {index} was handed on without {less}")
    stored = {line for lines in received.stored.values() for line in lines}
    for line, n in Counter(received.printed).items():
        verdict.note("counted_twice", n - 1, f"the office's program printed {n} times {line}")
        verdict.note("leaked", int(line not in stored), f"the office's program printed {line}, and wrote it nowhere")


def _line(values: Mapping[str, object]) -> str:
    return msgspec.json.encode(values).decode()


def judge_exports(exports: Iterable[Export], bundles: Mapping[int, OpenedBundle], verdict: Verdict) -> None:
    """Judge what homes were shown of themselves: all that had left of them, and nothing of anybody else."""
    left: dict[int, dict[int, Counter[tuple[str, int]]]] = {}
    for index, bundle in bundles.items():
        for record in bundle.records:
            if record.flow in SINGLY:
                told = left.setdefault(whose(record.result), {}).setdefault(index, Counter())
                told[record.flow, record.phenomenon_time[0]] += 1
    for export in exports:
        own, what = left.get(export.home, {}), f"the export of home {export.home} after entry {export.after}"
        others = [canary for canary in export.waiting if whose(canary) != export.home]
        verdict.note("leaked", len(others), f"{what} shows what waits of other homes: {others[:5]}")
        for index, shown in export.releases.items():
            if index in bundles:
                more = shown - own.get(index, Counter())
                verdict.note("leaked", more.total(), f"{what} shows of bundle {index} what is not of it: {more}")
        for index, told in own.items():
            if index <= export.after:
                lacking = told - export.releases.get(index, Counter())
                verdict.note("lost", lacking.total(), f"{what} lacks of bundle {index}: {lacking}")
