"""Chance without memory: shares, episodes and starts as often as told, and loss in runs as measured."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import pytest

from firmware_sim.devices import DAY_MS
from firmware_sim.misbehaviour.carrying import Loss
from firmware_sim.misbehaviour.chance import GilbertElliott, episode, happens, is_lost, last_start
from tests.support.simulated import START_MS, within_bounds

SLOTS = 30_000
MEASURED_LOSS, MEASURED_RUNS_OF_ONE, MEASURED_RUNS_OF_TWO, MEASURED_LONGEST = 0.317, 0.700, 0.151, 32
"""Of 13,789 uplinks of one LoRaWAN node in a city: the share lost, the shares of runs by length, and the longest run."""


@pytest.mark.parametrize("share", [0.0, 0.002, 0.28, 1.0])
def test_share_happens_as_often_as_it_says(share: float) -> None:
    """Within binomial bounds, and always the same."""
    hits = [happens("seed", "what", slot, share) for slot in range(SLOTS)]
    assert within_bounds(sum(hits), SLOTS, share)
    assert hits[:100] == [happens("seed", "what", slot, share) for slot in range(100)]


def spread(channel: GilbertElliott) -> float:
    """Return by how much runs of loss widen the variance of a count, over that of a binomial."""
    share, remembers = channel.bad_share, 1 - channel.good_to_bad - channel.bad_to_good
    between = share * (1 - share) * (channel.lost_in_bad - channel.lost_in_good) ** 2
    return 1 + 2 * between * remembers / (1 - remembers) / (channel.loss * (1 - channel.loss))


@pytest.mark.parametrize("channel", [Loss().channel, GilbertElliott(0.05, 0.2, 0.0, 1.0), GilbertElliott(0, 1, 0.1, 0.1)])
def test_channel_loses_what_its_two_states_add_up_to(channel: GilbertElliott) -> None:
    """The share lost lies within bounds that allow for loss in runs."""
    lost = sum(is_lost("seed", slot, channel) for slot in range(SLOTS))
    assert within_bounds(lost, SLOTS, channel.loss, spread(channel))


def test_channel_by_default_loses_as_was_measured() -> None:
    """The share, the runs of one and two, and the longest run are those of a node in a city."""
    assert abs(Loss().channel.loss - MEASURED_LOSS) < 0.005
    runs = Counter(len([*run]) for lost, run in groupby(is_lost("s", slot, Loss().channel) for slot in range(SLOTS)) if lost)
    assert abs(runs[1] / runs.total() - MEASURED_RUNS_OF_ONE) < 0.03
    assert abs(runs[2] / runs.total() - MEASURED_RUNS_OF_TWO) < 0.05
    assert MEASURED_LONGEST / 2 <= max(runs) <= MEASURED_LONGEST * 2


def test_episodes_take_up_the_time_that_they_should() -> None:
    """A quarter a day of two hours each is a forty-eighth of the time; an episode is the same from all its moments."""
    inside, trials = 0, 20_000
    for at in range(trials):
        t_ms = START_MS + at * 3_600_000
        found = episode("seed", "what", t_ms, 0.25, (7200, 7200))
        if found is not None:
            inside += 1
            assert found.start_ms <= t_ms < found.end_ms
            assert episode("seed", "what", found.start_ms, 0.25, (7200, 7200)) == found
            assert episode("seed", "what", found.end_ms - 1, 0.25, (7200, 7200)) is not None
    assert within_bounds(inside, trials, 0.25 * 7200 / 86_400, 2)


def test_starts_are_numbered_upwards() -> None:
    """About one in two days, the number growing from each to the next, and the same between."""
    starts = [last_start("seed", "what", START_MS + at * 3_600_000, 0.5) for at in range(24 * 200)]
    assert all(start is not None and start.at_ms <= START_MS + at * 3_600_000 for at, start in enumerate(starts))
    numbers = [start.number for start in starts if start is not None]
    assert numbers == sorted(numbers)
    assert within_bounds(len(set(numbers)), 200, 0.5)
    assert len(set(starts)) == len(set(numbers))


def test_device_that_never_starts_has_no_start() -> None:
    """Nothing is remembered of the time before."""
    assert last_start("seed", "what", START_MS, 0) is None
    assert last_start("seed", "what", START_MS + DAY_MS, 0) is None
