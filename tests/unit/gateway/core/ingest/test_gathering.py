"""Readings gather while little comes, and no broker waits that has more to send: played against one in simulated time."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.ingest.gathering import LAST_READ_S, REST_S, TOGETHER_S, Gathering

CEILING_S = 0.25
MOST = 1000
COMMIT_S = 0.003
LAG_S = 0.0005
NEVER = float("inf")


@dataclass
class Batch:
    """What was taken at once, and how long the oldest of it had lain in the socket."""

    taken_s: float
    frames: int
    waited_s: float


@dataclass
class Street:
    """A broker that has so many frames in flight at most, a socket, and a gateway that does what ``Gathering`` says.

    Attributes:
        arrivals_s: When each message reaches the broker.
        in_flight: How many it sends before it waits.
        batches: What was taken so far.
        reads: How often the socket was read.
    """

    arrivals_s: list[float]
    in_flight: int
    gathering: Gathering = field(default_factory=lambda: Gathering(CEILING_S, MOST))
    batches: list[Batch] = field(default_factory=list)
    reads: int = 0
    _now_s: float = 0.0
    _unread_s: deque[float] = field(default_factory=deque)
    _read_s: deque[float] = field(default_factory=deque)
    _sent: int = 0
    _acknowledged: int = 0
    _rests_until_s: float = 0.0
    _due_s: float = NEVER
    _done_s: float = NEVER
    _slots_s: list[float] = field(default_factory=list)

    def run(self) -> list[Batch]:
        """Play until everything is acknowledged; return the batches."""
        while self._acknowledged < len(self.arrivals_s):
            self._now_s = max(self._now_s, self._next_s())
            self._broker_sends()
            if self._done_s <= self._now_s:
                self._acknowledge()
            if self._unread_s and self._rests_until_s <= self._now_s:
                self._read()
            if self._due_s <= self._now_s and self._done_s == NEVER:
                self._take()
        return self.batches

    def _next_s(self) -> float:
        due_s = self._due_s if self._done_s == NEVER else NEVER
        read_s = self._rests_until_s if self._unread_s else NEVER
        return min(due_s, self._done_s, read_s, self._next_frame_s())

    def _next_frame_s(self) -> float:
        if self._sent == len(self.arrivals_s):
            return NEVER
        free_s = 0.0 if self._sent < self.in_flight else self._freed_s(self._sent - self.in_flight)
        return max(self.arrivals_s[self._sent], free_s) + LAG_S

    def _freed_s(self, number: int) -> float:
        return self._slots_s[number] if number < len(self._slots_s) else NEVER

    def _broker_sends(self) -> None:
        while self._next_frame_s() <= self._now_s:
            self._unread_s.append(self._next_frame_s())
            self._sent += 1

    def _read(self) -> None:
        self.reads += 1
        self._read_s += self._unread_s
        self._unread_s.clear()
        wait = self.gathering.arrived(len(self._read_s), self._now_s)
        assert wait.rest_s <= wait.due_s
        self._due_s = self._now_s + wait.due_s
        self._rests_until_s = self._now_s + wait.rest_s

    def _take(self) -> None:
        self.batches.append(Batch(self._now_s, len(self._read_s), self._now_s - self._read_s[0]))
        self._read_s.clear()
        self._rests_until_s = self._now_s + self.gathering.taken(0, self._now_s)
        self._due_s, self._done_s = NEVER, self._now_s + COMMIT_S

    def _acknowledge(self) -> None:
        self._acknowledged += self.batches[-1].frames
        self._slots_s += [self._now_s] * self.batches[-1].frames
        self._done_s = NEVER
        rest_s = self.gathering.acknowledged(self._now_s)
        if not self._read_s:
            self._rests_until_s = self._now_s + rest_s


def evenly(rate: float, seconds: float) -> list[float]:
    """Return arrivals at a steady rate."""
    return [n / rate for n in range(int(rate * seconds))]


def by_chance(rate: float, seconds: float, seed: int) -> list[float]:
    """Return arrivals that know nothing of each other."""
    chance = random.Random(seed)
    return sorted(chance.uniform(0, seconds) for _ in range(int(rate * seconds)))


@given(st.integers(1, 1000), st.integers(0, 1 << 30))
@settings(deadline=None, max_examples=60)
def test_up_to_1000_a_second_make_few_batches(rate: int, seed: int) -> None:
    """Five a second would be a sync more than a card is given."""
    for arrivals_s in (evenly(rate, 10), by_chance(rate, 10, seed)):
        batches = Street(arrivals_s, MOST).run()
        assert len(batches) <= 44
        assert sum(batch.frames for batch in batches) == len(arrivals_s)


@given(st.integers(1, MOST), st.integers(2_000, 6_000))
@settings(deadline=None, max_examples=60)
def test_broker_with_a_small_window_is_not_held_up(in_flight: int, count: int) -> None:
    """What waits in the broker comes as fast as it sends: one window a batch, but for the first and for a test now and then."""
    street = Street([0.0] * count, in_flight)
    batches = street.run()
    windows = count / in_flight
    assert len(batches) <= windows + 2
    rounds = windows * (COMMIT_S + 2 * LAG_S + min(REST_S, in_flight * 0.0001 + 0.0005))
    tests = 8 + windows / 60
    assert batches[-1].taken_s <= 2 * CEILING_S + TOGETHER_S + rounds + tests * (TOGETHER_S + REST_S)


def test_window_of_20_is_learnt_and_given_up_when_more_come() -> None:
    """A broker that is replaced by one with more in flight is not committed by twenties for ever."""
    street = Street([0.0] * 400, 20)
    street.run()
    assert street.gathering.window == 20
    other = Street(evenly(1000, 10), MOST, street.gathering)
    other._now_s = street._now_s
    other.arrivals_s = [street._now_s + at_s for at_s in other.arrivals_s]
    batches = other.run()
    assert len(batches) <= 64 + 44


@given(st.integers(1, 3000), st.integers(1, MOST), st.integers(0, 1 << 30))
@settings(deadline=None, max_examples=60)
def test_nothing_read_waits_longer_than_the_ceiling(rate: int, in_flight: int, seed: int) -> None:
    """From the socket to the batch: the ceiling, and the rest that follows an acknowledgement while a commit is under way."""
    batches = Street(by_chance(rate, 3, seed), in_flight).run()
    assert max(batch.waited_s for batch in batches) <= CEILING_S + COMMIT_S + 2 * REST_S


def test_burst_is_taken_by_the_most_that_may_be_in_flight() -> None:
    """A full window is a batch at once, and the next one comes without a pause."""
    batches = Street([0.0] * 100_000, MOST).run()
    assert len(batches) == 100
    assert batches[-1].taken_s < 100 * (COMMIT_S + 2 * REST_S)


def test_few_reads_make_a_batch() -> None:
    """Every read is a wake-up: at 1,000 a second there are four a batch at most."""
    street = Street(evenly(1000, 10), MOST)
    batches = street.run()
    assert street.reads <= 4 * len(batches)


@given(st.floats(0, 10), st.integers(1, 5000))
def test_ceiling_is_kept_whatever_it_is(ceiling_s: float, waiting: int) -> None:
    """Nothing is due later, no rest is longer than the wait, and no ceiling means no wait."""
    wait = Gathering(ceiling_s, MOST).arrived(waiting, 5.0)
    assert 0 <= wait.rest_s <= wait.due_s <= ceiling_s + 1e-9
    assert (wait.due_s == 0) == (waiting >= MOST or ceiling_s == 0 or 5.0 + ceiling_s == 5.0)


def test_late_read_is_the_last_of_its_batch() -> None:
    """Shortly before a batch is due the socket is read; what comes then is taken with it at once, without another wake-up."""
    gathering = Gathering(CEILING_S, MOST)
    gathering.arrived(1, 0.0)
    wait = gathering.arrived(2, CEILING_S - LAST_READ_S)
    assert wait == (0, 0)


def test_nothing_is_learnt_while_the_gateway_itself_is_late() -> None:
    """What nobody has looked for may have come all the same."""
    for late_s, window in ((0.0, 50), (0.5, None)):
        gathering = Gathering(CEILING_S, MOST)
        due_s = gathering.arrived(50, 0.0).due_s
        gathering.taken(0, due_s + late_s)
        assert gathering.window == window
