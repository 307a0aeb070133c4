"""Faults of the way: loss, copies, delay and bursts, as often as told, for fixed seeds; the truth says which."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise

from firmware_sim.misbehaviour.carrying import Loss
from firmware_sim.misbehaviour.truth import Truth
from tests.support.simulated import START_MS, course, station, within_bounds

NUMBER = 6000


def carried(number: int = NUMBER, **faults: dict[str, float]) -> list[Truth]:
    """Return the truths of many measurements, each with the frames counted."""
    truths = []
    for truth, readings in course(station("zigbee2mqtt-climate", faults=faults), number):
        sent = [reading.time_ms for reading in readings if reading.carries]
        assert tuple(sent) == truth.sent_ms
        truths.append(truth)
    return truths


def test_loss_is_of_the_measured_share_and_nothing_of_it_is_sent() -> None:
    """Within four standard deviations, which runs of loss widen about twofold in variance."""
    truths = carried(loss={})
    lost = [truth for truth in truths if not truth.sent_ms]
    assert all(truth.faults == ("loss",) for truth in lost)
    assert all(truth.sent_ms == (truth.measured_ms,) and not truth.faults for truth in truths if truth.sent_ms)
    assert within_bounds(len(lost), NUMBER, Loss().channel.loss, 4)


def test_duplicates_are_of_the_share_told_and_soon_after() -> None:
    """One to three copies, within so many seconds of the first."""
    truths = carried(duplicates={"share": 0.28, "most_copies": 3, "most_s": 2})
    twice = [truth for truth in truths if truth.faults == ("duplicates",)]
    assert within_bounds(len(twice), NUMBER, 0.28)
    assert {len(truth.sent_ms) for truth in twice} == {2, 3, 4}
    assert all(0 <= at_ms - truth.sent_ms[0] <= 2000 for truth in twice for at_ms in truth.sent_ms)


def test_lateness_is_as_measured() -> None:
    """Half come within 0.8 s, 99 % within about 8 s, and one in a thousand up to an hour later."""
    truths = carried(8_000, late={})
    late_s = sorted((truth.sent_ms[0] - truth.measured_ms) / 1000 for truth in truths)
    assert math.isclose(statistics.median(late_s), 0.8, abs_tol=0.05)
    assert 6 < late_s[int(len(late_s) * 0.99)] < 12
    assert 60 < late_s[-1] <= 3600
    assert within_bounds(sum(delay > 60 for delay in late_s), len(late_s), 0.001)


def test_device_that_was_offline_sends_all_in_a_burst_oldest_first() -> None:
    """Nothing is sent while it is cut off; after that all comes at the pace told, in the order in which it was measured."""
    truths = carried(offline={"per_day": 1, "least_s": 7200, "most_s": 7200, "burst_per_s": 20})
    kept = [truth for truth in truths if truth.faults]
    assert within_bounds(len(kept), NUMBER, 2 / 24, 12)
    assert all(len(truth.sent_ms) == 1 and truth.said_ms == truth.measured_ms for truth in kept)
    for before, after in pairwise(kept):
        if after.sequence == before.sequence + 1 and after.sent_ms[0] - before.sent_ms[0] < 1000:
            assert after.sent_ms[0] - before.sent_ms[0] == 50
    waits = [truth.sent_ms[0] - truth.measured_ms for truth in kept]
    assert max(waits) > 6_600_000
    assert all(wait >= 0 for wait in waits)


def test_full_memory_forgets_the_oldest() -> None:
    """Of an hour's seven measurements a memory of three keeps the last."""
    truths = carried(offline={"per_day": 1, "least_s": 3600, "most_s": 3600, "kept": 3})
    runs: list[list[Truth]] = []
    for before, after in pairwise(truths):
        if after.faults and not before.faults:
            runs.append([])
        if after.faults and runs:
            runs[-1].append(after)
    for run in runs[1:-1]:
        if len(run) <= 6:
            sent = [bool(truth.sent_ms) for truth in run]
            assert sent == sorted(sent)
            assert sum(sent) == 3


def test_course_is_the_same_whenever_it_begins() -> None:
    """A fleet that is started later errs in the same way."""
    sensor = station("shelly-gen1-em", faults={"loss": {}, "late": {}, "duplicates": {}, "restarts": {}, "offline": {}})
    early = [truth for truth, _ in course(sensor, 300)]
    later = [truth for truth, _ in course(sensor, 100, START_MS + 200 * sensor.sensor.interval_ms)]
    assert early[200:] == later
