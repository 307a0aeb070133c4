"""The laws of the lattice as they bind decisions: over whole policy sets, households and consents, and not over points alone.

Each law is stated of ``decide`` with everything that may speak: the flow's ask, the city's and the neighbourhood's ceilings, each
resident's consent and the device profile's cap. ``test_disclosure`` states them of points, ``test_algebra_proved`` proves those.
"""

from __future__ import annotations

from dataclasses import fields, replace
from math import inf
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from consent.core.consents.records import Consent, Status
from consent.core.decide import FORMER_EPSILON, Decision
from consent.core.disclosure import BOTTOM, TOP, Disclosure, Identity, Space, Time, meet, meet_axes, normalise
from consent.core.policies.parse import parse_policies
from tests.support.consent_samples import NOW_MS
from tests.support.generated import LADDERS, Town, bounds, point, towns
from tests.unit.consent.core.deciding import Case, cases, speakers, with_limits, with_point

laws = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
limits = bounds(closing=False).map(point)
closed = st.sampled_from([replace(TOP, identity=Identity.NONE), replace(TOP, time=Time.NONE), replace(TOP, space=Space.NONE)])

UNWINDOWED = "not-aggregable"
"""Only figures are permitted, and the flow draws none: withheld, though the meet is not ⊥."""


def outcome(case: Case) -> tuple[Disclosure, str]:
    """Return what is permitted, and why not."""
    decision = case.decide()
    return decision.disclosure, decision.reason


def ceilings(case: Case, city: Disclosure, community: Disclosure, cap: Disclosure) -> Case:
    """Return the case in the old town, under other ceilings and another cap."""
    case = with_point(replace(case, zone="chapel"), "ceiling", city)
    return with_point(with_point(case, "neighbourhood:old", community), "class-cap", cap)


def axes_of(disclosure: Disclosure) -> dict[str, Any]:
    """Return a point's axes by the names that explanations use."""
    named = {"retention_days": "retention", "former_epsilon": FORMER_EPSILON}
    axes = {named.get(f.name, f.name): getattr(disclosure, f.name) for f in fields(disclosure) if f.compare}
    steps = {f"precision.{name}": disclosure.step(name) for name in LADDERS}
    return {axis: value for axis, value in axes.items() if axis != "precision"} | steps


# algebra


@laws
@given(cases(), limits, limits, limits)
def test_laws_commutative_who_says_what_makes_no_difference(case: Case, a: Disclosure, b: Disclosure, c: Disclosure) -> None:
    """City, neighbourhood and device profile may change places, and so may residents: the same leaves."""
    assert outcome(ceilings(case, a, b, c))[0] == outcome(ceilings(case, b, c, a))[0] == outcome(ceilings(case, c, a, b))[0]
    assert outcome(replace(case, consents=case.consents[::-1]))[0] == outcome(case)[0]


@laws
@given(cases(standing=True), limits, limits, limits)
def test_laws_associative_one_who_speaks_for_two_is_as_good_as_both(
    case: Case, a: Disclosure, b: Disclosure, c: Disclosure
) -> None:
    """A ceiling may be split among city, neighbourhood and class, and a household's word among its residents."""
    assert outcome(ceilings(case, meet(a, b), c, TOP))[0] == outcome(ceilings(case, a, meet(b, c), TOP))[0]
    assert outcome(ceilings(case, meet(a, b, c), TOP, TOP))[0] == outcome(ceilings(case, a, b, c))[0]
    said = [consent.limits for consent in case.consents if consent is not None]
    alone = replace(case, consents=case.consents[:1])
    assert outcome(with_limits(alone, 0, meet(*said)))[0] == outcome(case)[0]


@laws
@given(cases(), limits)
def test_laws_idempotent_saying_it_twice_changes_nothing(case: Case, a: Disclosure) -> None:
    """A neighbourhood that repeats the city's ceiling, or a resident who says what another said, changes nothing."""
    assert outcome(ceilings(case, a, a, TOP)) == outcome(ceilings(case, a, TOP, TOP))
    assert outcome(replace(case, consents=case.consents * 2)) == outcome(case)


@laws
@given(cases())
def test_laws_normalised_a_decision_is_bottom_or_reveals_something(case: Case) -> None:
    """Normalisation commutes: collapsing each who speaks first gives the decision too, and no decision is nearly nothing."""
    decided, reason = outcome(case)
    assert normalise(decided) == decided
    assert decided.is_bottom is bool(reason)
    for source, said in speakers(case).items():
        if source != "ask":
            assert outcome(with_point(case, source, normalise(said)))[0] == decided


# order


@laws
@given(cases())
def test_laws_no_escalation_nothing_leaves_that_somebody_did_not_permit(case: Case) -> None:
    """What is permitted lies at or below what each who speaks permits."""
    decided = case.decide().disclosure
    for said in speakers(case).values():
        assert decided.reveals_no_more_than(said)


@laws
@given(cases(standing=True))
def test_laws_greatest_nothing_is_held_back_that_all_permit(case: Case) -> None:
    """Never over-blocks: with every consent in force, what leaves is the most that all of them permit, on every axis."""
    decided, reason = outcome(case)
    whole = meet(*speakers(case).values())
    if reason == UNWINDOWED:
        assert whole.identity is Identity.AGGREGATE
        assert not case.policies.flows[case.flow].statistic
        return
    assert decided == whole
    for raised in _raised(decided):
        assert not all(raised.reveals_no_more_than(said) for said in speakers(case).values())


def _raised(decided: Disclosure) -> list[Disclosure]:
    """Return the points that reveal a little more than one does, on one axis each."""
    more: list[Disclosure] = []
    for axis in ("identity", "time", "space"):
        level = getattr(decided, axis)
        more += [replace(decided, **{axis: finer}) for finer in type(level) if finer == level + 1]
    more += [replace(decided, precision=tuple(kept)) for kept in _without_one(decided.precision)]
    more += [replace(decided, group=decided.group - 1)] if decided.group > 1 else []
    more += [replace(decided, retention_days=decided.retention_days + 1)] if decided != TOP else []
    return more + ([replace(decided, budget=decided.budget * 2)] if decided.budget < inf else [])


def _without_one(steps: tuple[tuple[str, Any], ...]) -> list[list[tuple[str, Any]]]:
    return [[*steps[:at], *steps[at + 1 :]] for at in range(len(steps))]


@laws
@given(cases(), limits, st.data())
def test_laws_monotone_whoever_permits_less_reveals_no_more(case: Case, lower: Disclosure, data: st.DataObject) -> None:
    """Where a ceiling sinks, a resident tightens their limits or one more moves in, no more leaves than before."""
    before, _ = outcome(case)
    source = data.draw(st.sampled_from([source for source in speakers(case) if source != "ask"]))
    assert outcome(with_point(case, source, meet(speakers(case)[source], lower)))[0].reveals_no_more_than(before)
    newcomer = data.draw(st.sampled_from([None, *case.consents]))
    assert outcome(replace(case, consents=(*case.consents, newcomer)))[0].reveals_no_more_than(before)


@laws
@given(
    cases(standing=True),
    st.integers(0, 2),
    st.sampled_from([status for status in Status if status not in (Status.GIVEN, Status.RENEWED)]),
)
def test_laws_deny_absorbs_one_no_is_enough(case: Case, at: int, status: Status) -> None:
    """Whatever all others permit: one resident who takes it back, one ceiling or one cap at nothing, and nothing leaves."""
    at %= len(case.consents)
    consent = case.consents[at]
    assert consent is not None
    for denial in (replace(consent, status=status), replace(consent, expiry_ms=NOW_MS), None):
        consents: tuple[Consent | None, ...] = (*case.consents[:at], denial, *case.consents[at + 1 :])
        assert outcome(replace(case, consents=consents))[0] == BOTTOM
    for source in speakers(case):
        if source != "ask":
            assert outcome(with_point(case, source, BOTTOM))[0] == BOTTOM


# the order in which things are written


@laws
@given(cases(), st.randoms(use_true_random=False))
def test_laws_permutation_invariant_order_of_files_tables_keys_and_residents(case: Case, order: Random) -> None:
    """However the text is ordered, and whoever is listed first, the same leaves, for the same reason but for whose is told."""
    shuffled = replace(case, policies=parse_policies(case.town.files(order)))
    assert _without_order(shuffled.decide()) == _without_order(case.decide())
    assert shuffled.policies.terms == case.policies.terms
    residents = list(case.consents)
    order.shuffle(residents)
    assert outcome(replace(case, consents=tuple(residents)))[0] == outcome(case)[0]


def _without_order(decision: Decision) -> object:
    holders = {axis: set(sources) for axis, sources in decision.bounds}
    return decision.disclosure, decision.reason, holders, decision.since_ms, decision.expires_ms


@given(towns(), st.randoms(use_true_random=False))
@settings(laws, max_examples=30)
def test_laws_permutation_invariant_order_of_files_leaves_the_hash(town: Town, order: Random) -> None:
    """The hash that the log names is that of the files, in whatever order a folder lists them."""
    files = list(town.files().items())
    order.shuffle(files)
    assert parse_policies(dict(files)).sha256 == town.policies().sha256


# explanations


@laws
@given(cases())
def test_laws_explanation_sound_the_named_hold_the_axis_and_no_other_does(case: Case) -> None:
    """Each who is named holds the axis alone; without all of them more would be permitted there; without any other, it stays."""
    decision = case.decide()
    assume(not decision.reason)
    those = speakers(case)
    whole = axes_of(decision.disclosure)
    named = dict(decision.bounds)
    assert named.keys() <= whole.keys()
    for axis, value in whole.items():
        holders = named.get(axis, ())
        without = meet_axes(*[said for source, said in those.items() if source not in holders])
        assert (axes_of(without)[axis] != value) is bool(holders)
        assert all(axes_of(those[source])[axis] == value for source in holders)
        assert all(_held_without(those, other, axis) == value for other in those.keys() - set(holders))


def _held_without(those: dict[str, Disclosure], source: str, axis: str) -> Any:
    return axes_of(meet_axes(*[said for other, said in those.items() if other != source]))[axis]


@laws
@given(cases(standing=True), st.sets(st.sampled_from(["ceiling", "neighbourhood:old", "class-cap"]), min_size=1), closed)
def test_laws_explanation_sound_the_reason_names_what_would_have_to_change(
    case: Case, closing: set[str], nothing: Disclosure
) -> None:
    """Where ceilings or the cap permit nothing, lifting what the reason names takes the reason away, lifting others does not."""
    case = replace(case, zone="chapel")
    for source in sorted(closing):
        case = with_point(case, source, nothing)
    reason = case.decide().reason
    assert reason == ("class-cap" if closing == {"class-cap"} else "ceiling")
    lifted = {"ceiling": _without_ceilings(case), "class-cap": with_point(case, "class-cap", TOP)}
    for lifting, without in lifted.items():
        assert (without.decide().reason != reason) is (lifting == reason)


def _without_ceilings(case: Case) -> Case:
    return with_point(with_point(case, "ceiling", TOP), "neighbourhood:old", TOP)


@pytest.mark.parametrize("number", [0, 1])
@laws
@given(case=cases(standing=True))
def test_laws_explanation_sound_who_stopped_it_is_named(case: Case, number: int) -> None:
    """Of several residents exactly the one is named whose consent does not hold, and with their yes it flows."""
    assume(len(case.consents) > number)
    consent = case.consents[number]
    assert consent is not None
    stopped = (*case.consents[:number], replace(consent, status=Status.WITHDRAWN), *case.consents[number + 1 :])
    decision = replace(case, consents=stopped).decide()
    assert (decision.reason, decision.bounds) == ("withdrawn", (("identity", (f"consent:{number}",)),))
    assert case.decide().reason in ("", UNWINDOWED)
