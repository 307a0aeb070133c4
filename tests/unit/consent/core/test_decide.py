"""Decisions: what is permitted, why not, and who bounds what."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.consents.records import Consent, Status
from consent.core.decide import FORMER_EPSILON, Owner, bounds_of, decide, on_rung
from consent.core.disclosure import BOTTOM, TOP, Disclosure, Identity, Space, Time, meet, meet_axes
from tests.support.consent_samples import BEN, NOW_MS, agreed, limits_of, points, policies, raw_points

CITY = policies()
GIVEN = agreed(CITY, "hourly")


def test_decide_with_consent_gives_what_the_flow_asks() -> None:
    """One resident who permits all: the ask, bounded further by nothing but the law's retention and group."""
    decision = decide(CITY, "hourly", [GIVEN], "mill", TOP, NOW_MS)
    assert decision.reason == ""
    assert decision.disclosure == CITY.flows["hourly"].ask
    assert (decision.since_ms, decision.expires_ms) == (GIVEN.since_ms, None)
    assert dict(decision.bounds)["time"] == ("ask",)


def test_decide_with_tighter_limits_gives_a_coarser_answer() -> None:
    """A consent at 4h and city level is not refused but served at that level."""
    limits = limits_of(time=Time.HOUR_4, space=Space.CITY)
    decision = decide(CITY, "hourly", [agreed(CITY, "hourly", limits)], "mill", TOP, NOW_MS)
    assert decision.reason == ""
    assert decision.disclosure == replace(CITY.flows["hourly"].ask, time=Time.HOUR_4, space=Space.CITY)
    assert dict(decision.bounds)["space"] == ("consent:0",)


def test_decide_where_a_neighbourhood_has_a_ceiling_is_bounded_by_it() -> None:
    """The ceiling of the zone's neighbourhood holds, and is named."""
    decision = decide(CITY, "hourly", [GIVEN], "chapel", TOP, NOW_MS)
    assert (decision.disclosure.time, decision.disclosure.retention_days) == (Time.HOUR_4, 90)
    assert dict(decision.bounds)["time"] == ("neighbourhood:old",)


def test_decide_takes_the_ceilings_group_as_a_floor() -> None:
    """A flow that asks for a smaller group than the city's ceiling gets the ceiling's."""
    city = policies(("group = 15", "group = 3"))
    assert decide(city, "hourly", [agreed(city, "hourly")], "mill", TOP, NOW_MS).disclosure.group == 10


def test_decide_above_aggregate_is_not_lowered_by_the_ceilings_group() -> None:
    """A ceiling's group binds figures only and leaves records alone."""
    decision = decide(CITY, "daily", [agreed(CITY, "daily")], "mill", TOP, NOW_MS)
    assert decision.disclosure.identity is Identity.PER_EPOCH


@pytest.mark.parametrize("limits", [limits_of(group=12), limits_of(budget=1.0)])
def test_decide_where_a_consent_demands_a_group_or_budget_permits_figures_only(limits: Disclosure) -> None:
    """Who demands company or noise, which only figures have, permits no pseudonym."""
    decision = decide(CITY, "daily", [agreed(CITY, "daily", limits)], "mill", TOP, NOW_MS)
    assert decision.reason == ""
    assert decision.disclosure.identity is Identity.AGGREGATE
    assert dict(decision.bounds)["identity"] == ("consent:0",)


def test_decide_where_only_figures_are_permitted_and_the_flow_draws_none_withholds() -> None:
    """A flow of single records has no figure to fall back to."""
    limits = limits_of(identity=Identity.AGGREGATE)
    assert decide(CITY, "raw", [agreed(CITY, "raw", limits)], "mill", TOP, NOW_MS).reason == "not-aggregable"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.REQUESTED, "requested"),
        (Status.REFUSED, "refused"),
        (Status.WITHDRAWN, "withdrawn"),
        (Status.EXPIRED, "expired"),
        (Status.INVALIDATED, "invalidated"),
        (Status.PAUSED, "paused"),
        (Status.GIVEN, ""),
        (Status.RENEWED, ""),
    ],
)
def test_decide_permits_only_what_is_given_or_renewed(status: Status, reason: str) -> None:
    """Every status but two withholds, with a reason of its own."""
    decision = decide(CITY, "hourly", [replace(GIVEN, status=status)], "mill", TOP, NOW_MS)
    assert decision.reason == reason
    assert (decision.disclosure == BOTTOM) is bool(reason)


def test_decide_at_the_moment_of_expiry_withholds() -> None:
    """A consent holds until its expiry, and not at it."""
    ending = replace(GIVEN, expiry_ms=NOW_MS)
    before = decide(CITY, "hourly", [ending], "mill", TOP, NOW_MS - 1)
    assert (before.reason, before.expires_ms) == ("", NOW_MS)
    assert decide(CITY, "hourly", [ending], "mill", TOP, NOW_MS).reason == "expired"


def test_decide_with_two_residents_takes_the_least_of_both() -> None:
    """A household's consent is the meet of its residents': levels, beginning and end."""
    first = replace(agreed(CITY, "hourly", limits_of(time=Time.HOUR_4)), expiry_ms=NOW_MS + 5)
    second = replace(agreed(CITY, "hourly", limits_of(space=Space.CITY), BEN), since_ms=NOW_MS - 1, expiry_ms=NOW_MS + 9)
    for both in ([first, second], [second, first]):
        decision = decide(CITY, "hourly", both, "mill", TOP, NOW_MS)
        assert (decision.disclosure.time, decision.disclosure.space) == (Time.HOUR_4, Space.CITY)
        assert (decision.since_ms, decision.expires_ms) == (NOW_MS - 1, NOW_MS + 5)


@pytest.mark.parametrize("consents", [[], [None], [GIVEN, None], [None, GIVEN]])
def test_decide_with_a_resident_who_has_said_nothing_withholds(consents: list[Consent | None]) -> None:
    """Silence is not consent, and neither is a household without residents."""
    assert decide(CITY, "hourly", consents, "mill", TOP, NOW_MS).reason == "no-consent"


def test_decide_with_refusals_names_all_who_refuse() -> None:
    """The reason is that of the first; the bounds name every resident whose consent is lacking."""
    refused = replace(GIVEN, status=Status.REFUSED)
    decision = decide(CITY, "hourly", [GIVEN, refused, None], "mill", TOP, NOW_MS)
    assert decision.reason == "refused"
    assert decision.bounds == (("identity", ("consent:1", "consent:2")),)


def test_decide_for_what_is_unknown_withholds() -> None:
    """An unknown flow or zone lets nothing through."""
    assert decide(CITY, "nowhere", [GIVEN], "mill", TOP, NOW_MS).reason == "unknown-flow"
    assert decide(CITY, "hourly", [GIVEN], "nowhere", TOP, NOW_MS).reason == "unknown-zone"


def test_decide_for_a_device_without_subject_needs_a_public_task() -> None:
    """The city's own device never flows under consent, and one that is about a household never under a public task."""
    assert decide(CITY, "noise", None, "mill", TOP, NOW_MS, Owner.CITY).reason == ""
    assert decide(CITY, "hourly", None, "mill", TOP, NOW_MS, Owner.CITY).reason == "no-subject-consent"
    assert decide(CITY, "noise", [GIVEN], "mill", TOP, NOW_MS, Owner.CITY).reason == "has-subject"
    assert decide(CITY, "noise", [], "mill", TOP, NOW_MS, Owner.CITY).reason == "has-subject"


@pytest.mark.parametrize("consents", [None, [], [GIVEN]])
def test_decide_for_a_residents_device_never_permits_a_public_task(consents: list[Consent | None] | None) -> None:
    """Whatever its readings are about: reading it takes its owner's consent, which a public task does not ask for."""
    assert decide(CITY, "noise", consents, "mill", TOP, NOW_MS, Owner.RESIDENT).reason == "resident-owned"
    assert decide(CITY, "noise", consents, "mill", TOP, NOW_MS).reason == "resident-owned", "who names no owner gets less"


def test_decide_by_consent_is_the_same_whoever_owns_the_device() -> None:
    """The utility's meter in a home is read by the household's consent, as their own would be."""
    by_city, by_resident = (decide(CITY, "hourly", [GIVEN], "mill", TOP, NOW_MS, owner) for owner in Owner)
    assert by_city == by_resident
    assert by_city.reason == ""
    assert decide(CITY, "hourly", None, "mill", TOP, NOW_MS, Owner.RESIDENT).reason == "no-subject-consent"


def test_decide_where_the_law_or_the_class_permits_nothing_says_so() -> None:
    """A ceiling or cap at `none` withholds under its own name."""
    closed = limits_of(space=Space.NONE)
    assert decide(CITY, "hourly", [GIVEN], "mill", closed, NOW_MS).reason == "class-cap"
    assert decide(replace(CITY, ceiling=closed), "hourly", [GIVEN], "mill", TOP, NOW_MS).reason == "ceiling"
    shut = replace(CITY, neighbourhoods={"old": closed})
    decision = decide(shut, "hourly", [GIVEN], "chapel", TOP, NOW_MS)
    assert (decision.reason, dict(decision.bounds)["space"]) == ("ceiling", ("neighbourhood:old",))
    assert decide(CITY, "hourly", [replace(GIVEN, limits=BOTTOM)], "mill", TOP, NOW_MS).reason == "refused"


@pytest.mark.parametrize(
    "change",
    [
        ('why = { en = "To plan"', 'why = { en = "To plan the grid"'),
        ("precision = { consumption = 0.1 }", "precision = { consumption = 1 }"),
        ('time = "1h", space = "district"', 'time = "4h", space = "district"'),
        ("group = 15", "group = 20"),
    ],
)
def test_decide_after_a_change_that_asks_no_more_still_permits(change: tuple[str, str]) -> None:
    """Wording may change and an ask may shrink without asking everyone again."""
    assert decide(policies(change), "hourly", [GIVEN], "mill", TOP, NOW_MS).reason == ""


@pytest.mark.parametrize(
    "change",
    [
        ('purpose = "energy"', 'purpose = "heat"'),
        ('recipient = "office"', 'recipient = "firm"'),
        ('time = "1h", space = "district"', 'time = "15min", space = "district"'),
        ("precision = { consumption = 0.1 }, ", ""),
        ("retention = 365 }", "retention = 366 }"),
        ('statistic = { consumption = "sum" }', 'statistic = { consumption = "max" }'),
        (
            'properties = ["consumption"]\nstatistic = { consumption = "sum" }',
            'properties = ["consumption", "LAeq"]\nstatistic = { consumption = "sum", LAeq = "mean" }',
        ),
    ],
)
def test_decide_after_a_material_change_is_invalidated(change: tuple[str, str]) -> None:
    """Another purpose, recipient or figure, or an ask for more, needs a new consent."""
    extra = (
        '[purpose.heat]\ntitle = { en = "Heat", pt = "Calor" }\ndpv = "CombatClimateChange"\nlegal_basis = "consent"\n'
        '[recipient.firm]\ntitle = { en = "Firm", pt = "Firma" }\npublic_key_file = "keys/firm.pub"\nsink = "city"\n'
        "[flow.hourly]"
    )
    city = policies(("[flow.hourly]", extra), change)
    assert decide(city, "hourly", [GIVEN], "mill", TOP, NOW_MS).reason == "invalidated"


def test_decide_with_consent_to_a_purpose_covers_the_flows_it_was_told_of() -> None:
    """Consent to a purpose holds for the flows that its notice named; a flow added later was never agreed to."""
    older = agreed(policies(("[flow.daily]", "[flow.weekly]")), "purpose:energy")
    assert decide(CITY, "hourly", [older], "mill", TOP, NOW_MS).reason == ""
    assert decide(CITY, "daily", [older], "mill", TOP, NOW_MS).reason == "no-consent"


@given(st.lists(raw_points(), min_size=1, max_size=4))
def test_bounds_name_exactly_those_who_hold_an_axis(those: list[Disclosure]) -> None:
    """Explanation soundness: without all that are named the axis rises, without any other it does not move."""
    sources = {f"policy:{number}": point for number, point in enumerate(those)}
    least = meet_axes(*those)
    named = dict(bounds_of(sources, least))
    whole = _axes(least)
    for axis, value in whole.items():
        holders = named.get(axis, ())
        without = _axes(meet_axes(*[point for source, point in sources.items() if source not in holders]))
        assert (without.get(axis) != value) is bool(holders)
        for source in sources.keys() - set(holders):
            fewer = _axes(meet_axes(*[point for other, point in sources.items() if other != source]))
            assert fewer.get(axis) == value or not holders


def _axes(point: Disclosure) -> dict[str, object]:
    axes: dict[str, object] = {axis: getattr(point, axis) for axis in ("identity", "time", "space", "group", "budget")}
    axes[FORMER_EPSILON] = point.former_epsilon
    return {**axes, "retention": point.retention_days, **{f"precision.{name}": step for name, step in point.precision}}


@given(points(), points(), points(), points())
def test_decide_is_the_meet_of_all_who_speak(
    ceiling: Disclosure, community: Disclosure, limits: Disclosure, cap: Disclosure
) -> None:
    """A permitted disclosure is the meet of ask, ceilings, consent and cap, and what is withheld is nothing."""
    city = replace(CITY, ceiling=ceiling, neighbourhoods={"old": community})
    decision = decide(city, "daily", [agreed(CITY, "daily", limits)], "chapel", cap, NOW_MS)
    expected = meet(CITY.flows["daily"].ask, *(on_rung(each, CITY.limits) for each in (ceiling, community, limits, cap)))
    if decision.reason:
        assert decision.disclosure == BOTTOM
        assert expected == BOTTOM
    else:
        assert decision.disclosure.reveals_no_more_than(expected)
        lowered = limits.group > 1 or min(limits.budget, limits.former_epsilon) < TOP.budget
        assert decision.disclosure == expected or (lowered and decision.disclosure.identity is Identity.AGGREGATE)


@given(st.lists(points(), min_size=1, max_size=3))
def test_decide_with_residents_in_any_order_is_the_same(those: list[Disclosure]) -> None:
    """Who is listed first changes neither what leaves nor the reason."""
    consents = [agreed(CITY, "daily", limits) for limits in those]
    decisions = [decide(CITY, "daily", order, "mill", TOP, NOW_MS) for order in permutations(consents)]
    assert len({(decision.disclosure, decision.reason) for decision in decisions}) == 1


@given(points(), points(), st.sampled_from([status for status in Status if status not in (Status.GIVEN, Status.RENEWED)]))
def test_decide_after_a_withdrawal_never_reveals_more(first: Disclosure, second: Disclosure, status: Status) -> None:
    """Monotone: whatever one resident takes back, the household reveals nothing."""
    one, other = agreed(CITY, "daily", first), agreed(CITY, "daily", second, BEN)
    assert decide(CITY, "daily", [one, replace(other, status=status)], "mill", TOP, NOW_MS).disclosure == BOTTOM


def test_decide_with_precision_bounds_takes_the_coarsest() -> None:
    """A consent may ask for coarser steps than the flow."""
    limits = limits_of(precision=(("consumption", Decimal(1)),))
    decision = decide(CITY, "hourly", [agreed(CITY, "hourly", limits)], "mill", TOP, NOW_MS)
    assert decision.disclosure.step("consumption") == 1
    assert dict(decision.bounds)["precision.consumption"] == ("consent:0",)


NOISY = policies(
    ('noise = "none"\n', ""),
    ("group = 15, retention = 365 }", "group = 15, retention = 365, budget = 1.7 }"),
    ("exact_group = 1", "mu_day = 3\nmu_rungs = [0.5, 1, 2]"),
)
"""The small city with noise in its hourly sums."""


@pytest.mark.parametrize(
    ("said", "counts"), [(9.0, 1.7), (2.0, 1.7), (1.9, 1.0), (1.0, 1.0), (0.99, 0.5), (0.5, 0.5), (float("inf"), 1.7)]
)
def test_decide_lowers_what_a_consent_permits_to_a_rung_and_keeps_the_flows_own_mu(said: float, counts: float) -> None:
    """Of few levels each is many households'; how much a flow asks is no secret."""
    decision = decide(NOISY, "hourly", [agreed(NOISY, "hourly", limits_of(budget=said))], "mill", TOP, NOW_MS)
    assert (decision.reason, decision.disclosure.budget) == ("", counts)
    assert dict(decision.bounds)["budget"] == (("ask",) if counts == 1.7 else ("consent:0",))


def test_decide_lowers_ceilings_and_caps_to_a_rung_too() -> None:
    """The law's, a neighbourhood's and a device profile's bound count alike."""
    consents = [agreed(NOISY, "hourly")]
    city = replace(NOISY, ceiling=replace(NOISY.ceiling, budget=1.5))
    assert decide(city, "hourly", consents, "mill", TOP, NOW_MS).disclosure.budget == 1
    old = replace(NOISY, neighbourhoods={"old": replace(NOISY.neighbourhoods["old"], budget=0.7)})
    assert decide(old, "hourly", consents, "chapel", TOP, NOW_MS).disclosure.budget == 0.5
    assert decide(NOISY, "hourly", consents, "mill", limits_of(budget=0.6), NOW_MS).disclosure.budget == 0.5


@pytest.mark.parametrize("flow", ["hourly", "daily"])
def test_decide_below_the_least_rung_permits_nothing(flow: str) -> None:
    """And the reason is not that the household refused."""
    decision = decide(NOISY, flow, [agreed(NOISY, flow, limits_of(budget=0.49))], "mill", TOP, NOW_MS)
    assert (decision.disclosure, decision.reason) == (BOTTOM, "budget")
    refused = limits_of(budget=0.49, time=Time.NONE)
    assert decide(NOISY, flow, [agreed(NOISY, flow, refused)], "mill", TOP, NOW_MS).reason == "refused"


def test_decide_keeps_a_budget_of_an_earlier_version_as_what_it_was() -> None:
    """It bounds figures, permits no pseudonym, and its terms cover none of today's."""
    limits = limits_of(former_epsilon=0.3)
    decision = decide(NOISY, "hourly", [agreed(NOISY, "hourly", limits)], "mill", TOP, NOW_MS)
    assert (decision.disclosure.budget, decision.disclosure.former_epsilon) == (1.7, 0.3)
    assert dict(decision.bounds)[FORMER_EPSILON] == ("consent:0",)
    assert decide(NOISY, "daily", [agreed(NOISY, "daily", limits)], "mill", TOP, NOW_MS).disclosure.identity is Identity.AGGREGATE
    (terms,) = NOISY.terms_for("hourly")
    former = replace(terms, ask=replace(terms.ask, budget=TOP.budget, former_epsilon=5.0))
    assert not terms.asks_no_more_than(former)
    assert not former.asks_no_more_than(terms)
    assert former.asks_no_more_than(replace(former, ask=replace(former.ask, former_epsilon=TOP.former_epsilon)))


def test_decide_with_consent_to_exact_figures_covers_the_same_with_noise_and_not_the_reverse() -> None:
    """Noise reveals less."""
    assert decide(NOISY, "hourly", [agreed(CITY, "hourly")], "mill", TOP, NOW_MS).reason == ""
    assert decide(CITY, "hourly", [agreed(NOISY, "hourly")], "mill", TOP, NOW_MS).reason == "invalidated"
