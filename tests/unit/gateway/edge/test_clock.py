"""The gateway's clock: real, simulated at a rate, or standing until it is advanced."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.instants import parse_utc_ms
from gateway.config import Clock, ConfigError
from gateway.edge.clock import DOUBT_LASTS_MS, DOUBTED_MS, EARLIEST_MS, GatewayClock, MachineTime

START = "2026-05-01T00:00:00Z"
START_MS = 1_777_593_600_000


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Real time in seconds, to be set by the test."""
    now = [1_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    monkeypatch.setattr(time, "time_ns", lambda: round(now[0] * 1e9))
    return now


def test_clock_not_simulated_is_the_machines(real: list[float]) -> None:
    """What else the section says does not count."""
    real[0] = 1_800_000_000.0
    clock = GatewayClock(Clock(start=START, rate=5.0, at=1.0))
    assert (clock.now_ms(), clock.simulated, clock.rate, clock.stands, clock.starts_ms) == (
        1_800_000_000_000,
        False,
        1.0,
        False,
        0,
    )
    assert abs(GatewayClock(Clock()).now_ms() - time.time() * 1000) < 1_000


def test_clock_simulated_runs_from_start_at_its_rate(real: list[float]) -> None:
    """now = start + rate × (Unix time − at), before `at` too."""
    clock = GatewayClock(Clock(simulated=True, start=START, at=1_000_000, rate=60))
    found = []
    for real[0] in (999_999.0, 1_000_000.0, 1_000_000.5, 1_000_060.0):
        found.append(clock.now_ms() - START_MS)
    assert found == [-60_000, 0, 30_000, 3_600_000]
    assert (clock.starts_ms, clock.stands) == (START_MS, False)


def test_clock_two_processes_with_the_same_at_agree(real: list[float]) -> None:
    """Whoever starts several processes gives all the same `at`."""
    settings = Clock(simulated=True, start=START, at=999_000, rate=10_800)
    first = GatewayClock(settings)
    real[0] += 7.5
    assert GatewayClock(settings).now_ms() == first.now_ms()


def test_clock_without_at_begins_now(real: list[float]) -> None:
    """A first run need not say when it was started."""
    assert GatewayClock(Clock(simulated=True, start=START, rate=9)).now_ms() == START_MS


def test_clock_standing_moves_only_when_advanced(real: list[float]) -> None:
    """Real time passes and does nothing; an advance is exact, to the same instant as well."""
    clock = GatewayClock(Clock(simulated=True, start=START, at=0, rate=0))
    real[0] += 1_000
    assert (clock.now_ms(), clock.stands) == (START_MS, True)
    for to_ms in (START_MS + 1, START_MS + 1, START_MS + 86_400_000):
        clock.advance(to_ms)
        assert clock.now_ms() == to_ms


def test_advance_back_or_of_a_running_clock_refused(real: list[float]) -> None:
    """Time that has been told stays told, and a clock that runs is nobody's to set."""
    standing = GatewayClock(Clock(simulated=True, start=START, rate=0))
    with pytest.raises(ValueError, match="cannot go back"):
        standing.advance(START_MS - 1)
    for settings in (Clock(), Clock(simulated=True, start=START, rate=1)):
        with pytest.raises(ValueError, match="runs by itself"):
            GatewayClock(settings).advance(START_MS + 1)
    assert standing.now_ms() == START_MS


def test_resume_standing_clock_goes_on_where_the_log_ends() -> None:
    """After a restart it stands no earlier than what it has told, and no earlier than its start."""
    for latest_ms, expected_ms in ((START_MS + 5_000, START_MS + 5_000), (START_MS - 5_000, START_MS)):
        clock = GatewayClock(Clock(simulated=True, start=START, rate=0))
        clock.resume(latest_ms)
        assert clock.now_ms() == expected_ms


def test_resume_simulated_clock_without_at_refused() -> None:
    """It would begin anew at each start, and the log would go back in time."""
    with pytest.raises(ConfigError, match=r"`clock\.at`"):
        GatewayClock(Clock(simulated=True, start=START, rate=2)).resume(START_MS)
    GatewayClock(Clock(simulated=True, start=START, rate=2, at=5)).resume(START_MS)
    GatewayClock(Clock()).resume(START_MS)


@pytest.mark.parametrize(
    ("settings", "lateness_ms"),
    [
        (Clock(), 900_000),
        (Clock(simulated=True, start=START, rate=60), 900_000),
        (Clock(simulated=True, start=START, rate=10_800), 21_600_000),
        (Clock(simulated=True, start=START, rate=0), 900_000),
    ],
)
def test_lateness_never_under_two_real_seconds(settings: Clock, lateness_ms: int) -> None:
    """However fast simulated time runs, readings under way arrive before their window ends."""
    assert GatewayClock(settings).lateness_ms(900) == lateness_ms
    assert GatewayClock(Clock()).lateness_ms(0) == 2_000
    assert GatewayClock(Clock(simulated=True, start=START, rate=0)).lateness_ms(0) == 0


@pytest.mark.parametrize(
    "text", ["2026-05-01T00:00:00Z", "2026-05-01T02:00:00+02:00", "2026-04-30T23:30:00-00:30", "2026-05-01 00:00:00.000+00:00"]
)
def test_parse_utc_one_instant_however_written(text: str) -> None:
    """An offset is read, not ignored."""
    assert parse_utc_ms(text) == START_MS


@pytest.mark.parametrize(
    "text", ["", "noon", "2026-13-01T00:00:00Z", "2026-05-01T00:00:00", "2026-05-01", "0001-01-01T00:00:00+10:00"]
)
def test_parse_utc_refuses_what_is_no_instant(text: str) -> None:
    """A time without its offset from UTC is none; the line repeats what was written."""
    with pytest.raises(ValueError, match=f"`{text}`".replace("+", r"\+")):
        parse_utc_ms(text)


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001  # hypothesis wants naive bounds
def test_parse_utc_reads_back_any_millisecond(moment: datetime) -> None:
    """What the gateway writes of a time it also reads."""
    whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert parse_utc_ms(whole.isoformat()) == round(whole.timestamp() * 1000)


class Machine:
    """A machine whose clock is set by the test, while another goes on."""

    def __init__(self, wall_ms: int = START_MS) -> None:
        self.wall_ms, self.steady_ms, self.state = wall_ms, 50_000, "unsynchronised"
        self.least_ms = EARLIEST_MS
        self.time = MachineTime(lambda: self.wall_ms, lambda: self.steady_ms, lambda: self.state)

    def passes(self, ms: int, *, step_ms: int = 0) -> int:
        """Let time pass, and have the clock set by a step meanwhile; return what is believed then."""
        self.steady_ms += ms
        self.wall_ms += ms + step_ms
        return self.time.shown_ms(self.least_ms)


def test_small_steps_and_steps_back_are_believed_at_once() -> None:
    """What is taken back by them is seen to elsewhere: by a clock behind the log nothing happens."""
    machine = Machine()
    assert machine.passes(1000) == START_MS + 1000
    assert machine.passes(1000, step_ms=DOUBTED_MS) == machine.wall_ms
    assert machine.passes(1000, step_ms=-90 * DOUBTED_MS) == machine.wall_ms
    assert not machine.time.is_doubted


def test_step_far_ahead_is_doubted_and_time_goes_on_as_before_until_it_is_taken_back() -> None:
    """A modem that names the wrong year for a minute ends no consent and leaves no entry of that year."""
    machine = Machine()
    for passed in (1000, 2000):
        assert machine.passes(1000, step_ms=10**12 if passed == 1000 else 0) == START_MS + passed
        assert machine.time.is_doubted
    assert machine.passes(1000, step_ms=-(10**12)) == START_MS + 3000
    assert not machine.time.is_doubted


def test_step_far_ahead_is_believed_once_a_time_service_vouches_for_it_or_it_has_stood() -> None:
    """Or a clock that was wrong before could never be put right."""
    vouched, stood = Machine(), Machine()
    vouched.passes(1000, step_ms=2 * DOUBTED_MS)
    assert vouched.time.is_doubted
    vouched.state = "synchronised"
    assert vouched.passes(1) == vouched.wall_ms
    stood.passes(1000, step_ms=2 * DOUBTED_MS)
    assert stood.passes(DOUBT_LASTS_MS - 1) < stood.wall_ms
    assert stood.passes(1) == stood.wall_ms
    assert [machine.time.is_doubted for machine in (vouched, stood)] == [False, False]


def test_clock_that_was_wrong_is_put_right_without_doubt() -> None:
    """It was never set, or was behind the log's latest entry."""
    unset, behind = Machine(0), Machine()
    assert unset.passes(1000, step_ms=START_MS) == START_MS + 1000
    behind.least_ms = START_MS + 10**9
    assert behind.passes(1000, step_ms=2 * 10**9) == behind.wall_ms


def test_clock_says_why_it_cannot_be_right(real: list[float]) -> None:
    """Never set; behind the log; set far ahead. Before it is set it shows no less than the earliest time that it can be."""
    clock = GatewayClock(Clock())
    assert clock.now_ms() == EARLIEST_MS
    assert "not been set" in str(clock.problem(0))
    real[0] = 1_800_000_000.0
    assert clock.problem(1_800_000_000_000) is None
    assert clock.problem(1_800_000_000_001) == "it is 1 s behind the log's latest entry"
    assert clock.now_ms() == 1_800_000_000_001
    assert clock.problem(1_800_000_000_000) is None
    real[0] += 100 * DOUBTED_MS / 1000
    assert "far ahead" in str(clock.problem(1_800_000_000_000))


def test_simulated_clock_may_show_any_time(real: list[float]) -> None:
    """A replay of old data begins when these were sent."""
    assert GatewayClock(Clock(simulated=True, start="2019-05-01T00:00:00Z", rate=0)).problem(0) is None
