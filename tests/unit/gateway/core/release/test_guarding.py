"""What is guarded: exact figures, and the totals of the same quantity beside them; nothing else."""

from __future__ import annotations

from gateway.core.release.guarding import conditions_of, guard_of, guarded_flows, terms_in_force, waiting_guards
from gateway.core.windows.guards import GuardKey
from tests.support.gate import DAY_MS, HOUR_MS, LATENESS_MS, MIDNIGHT_MS, result_of
from tests.support.publications import FIRST_DAY_MS as T
from tests.support.publications import day_with, exact_town, figures, hours_with, joined, noisy_town


def test_exact_figures_and_totals_of_their_quantity() -> None:
    """Noise needs no guard, and without an exact flow totals need none either."""
    built = figures(exact_town(), "loose", budget=2)
    assert set(guarded_flows(built.limits(mu_day=9).policies())) == {
        ("hourly", "consumption"),
        ("daily", "consumption"),
        ("totals", "consumption"),
    }
    assert guarded_flows(figures(noisy_town(), "totals", identity="per-epoch", time="day").policies()) == {}


def test_guards_are_of_utc_days_and_never_of_city_devices() -> None:
    """Nobody is hidden behind a street light."""
    gate, homes = joined(exact_town(), 1, "hourly", "totals")
    hours_with(gate, homes, hours=1)
    ((cohort, start_ms),) = gate.state.windows.tables
    assert guard_of(gate.state.windows, cohort, start_ms + 5 * HOUR_MS) == GuardKey("electricity", T)
    assert guard_of(gate.state.windows, cohort._replace(public=True), start_ms) is None
    assert set(waiting_guards(gate.state.windows)) == {GuardKey("electricity", T)}


def test_guard_is_forgotten_when_nothing_of_its_day_waits() -> None:
    """Each day has its own, and they do not pile up."""
    from gateway.core import recovery

    gate, homes = joined(exact_town(), 4, "hourly")
    for day in range(3):
        hours_with(gate, homes, T + day * DAY_MS, hours=2)
        gate.to(T + (day + 1) * DAY_MS + LATENESS_MS)
        gate.records()
    assert len(gate.state.windows.guards) == 3
    recovery.prune(gate.state)
    assert len(gate.state.windows.guards) == 0


def test_home_at_two_places_shares_its_bound() -> None:
    """It stands in the figures of both, and would else be told twice as exactly as anybody else."""
    gate, homes = joined(noisy_town(), 2, "hourly")
    gate.device(homes[0].subject, zone="dock")
    gate.device(homes[1].subject)
    conditions = conditions_of(gate.state, gate.now_ms)
    plan = gate.state.plan_of(homes[0])
    assert plan is not None
    cohort = plan.targets()[0].cohort
    assert [conditions.cohorts_of(home.subject or b"", cohort) for home in homes] == [2, 1]


def test_terms_end_with_the_consent() -> None:
    """A figure that is formed a moment later has the home no more."""
    gate, homes = joined(exact_town(), 1)
    gate.grant(homes[0], "hourly", expiry_ms=T + DAY_MS)
    hours_with(gate, homes, T + DAY_MS - HOUR_MS, hours=1)
    plan = gate.state.plan_of(homes[0])
    assert plan is not None
    cohort, who = plan.targets()[0].cohort, homes[0].subject or b""
    assert terms_in_force(gate.state, T + DAY_MS - 1)(who, cohort) is not None
    assert terms_in_force(gate.state, T + DAY_MS)(who, cohort) is None
    assert MIDNIGHT_MS < T


def test_whoever_permits_single_readings_too_tells_nobody_who_permits_figures_alone() -> None:
    """The sum of all, less every reading of the others, would be the one home's; so it stands in none, and the others do."""
    built = exact_town().flow(
        "raw",
        "consumption",
        purpose="energy",
        recipient="grid",
        identity="per-record",
        time="exact",
        space="block",
        retention=9,
    )
    gate, homes = joined(built, 5, "hourly", "raw")
    gate.withdraw(homes[0], "raw")
    gate.device(homes[1].subject)  # a second meter of one home makes its first one's readings no others
    day_with(gate, homes, hours=2, kwh=1)
    assert result_of(gate.records(), "hourly") == [4.0, 4.0]
    assert gate.count("pairs.suppressed.guard") == 2
