"""The algebra of disclosures, proved for all points and not only for those that a test makes up.

``algebra`` states order, meet and collapse as formulas over the axes that ``consent.core.disclosure`` declares. Each law is
proved by asking the solver for a counterexample, of which there must be none; and the formulas are held against the code on
points of all kinds, so that what is proved of the one holds of the other.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import z3  # type: ignore[import-untyped]  # the solver comes without types
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.core.decide import binding_limits
from consent.core.disclosure import BOTTOM, TOP, Disclosure, meet, meet_axes, normalise
from tests.support.consent_samples import points, raw_points
from tests.unit.consent.core.algebra import Algebra, Formula, Point

ALGEBRA = Algebra()
A, B, C = (ALGEBRA.any_point(name) for name in "abc")


def refuted(claim: Formula, *given_that: Formula) -> bool:
    """Say whether there are points, all within their axes, for which a claim does not hold."""
    solver = z3.Solver()
    solver.set("timeout", 20_000)
    solver.add(*(ALGEBRA.lies_on_its_axes(point) for point in (A, B, C)), *given_that, z3.Not(claim))
    found = solver.check()
    assert found != z3.unknown
    return bool(found == z3.sat)


def _laws() -> dict[str, Formula]:
    """Return what must hold of all points, also of those that have one axis at its least and others not."""
    meets, below, same, collapsed = ALGEBRA.meet, ALGEBRA.below, ALGEBRA.same, ALGEBRA.normalised
    bottom, top, bound = ALGEBRA.bottom, ALGEBRA.top, ALGEBRA.binding
    return {
        "commutative": same(meets(A, B), meets(B, A)),
        "associative": same(meets(meets(A, B), C), meets(A, meets(B, C))),
        "idempotent": same(meets(A, A), collapsed(A)),
        "top is neutral": same(meets(A, top), collapsed(A)),
        "deny absorbs": same(meets(A, bottom), bottom),
        "no escalation": z3.And(below(meets(A, B), A), below(meets(A, B), B)),
        "greatest": z3.Implies(z3.And(below(C, A), below(C, B)), below(C, meets(A, B))),
        "monotone": z3.Implies(below(A, B), below(meets(A, C), meets(B, C))),
        "monotone under withdrawal": below(meets(A, bottom), meets(A, B)),
        "normalisation commutes": same(meets(collapsed(A), collapsed(B)), collapsed(ALGEBRA.meet_axes(A, B))),
        "normalisation is idempotent": same(collapsed(collapsed(A)), collapsed(A)),
        "order is reflexive": below(A, A),
        "order is antisymmetric": z3.Implies(z3.And(below(A, B), below(B, A)), same(collapsed(A), collapsed(B))),
        "order is transitive": z3.Implies(z3.And(below(A, B), below(B, C)), below(A, C)),
        "order and meet agree": below(A, B) == same(meets(A, B), collapsed(A)),
        "bottom is least": below(bottom, A),
        "top is greatest": below(A, top),
        "a consent's group only lowers": below(bound(A), A),
        "a consent's group lowers once": same(bound(bound(A)), bound(A)),
        "a consent's group keeps monotone": z3.Implies(below(A, B), below(bound(A), bound(B))),
        "a consent's group binds residents together as one by one": same(
            collapsed(bound(ALGEBRA.meet_axes(A, B))), meets(bound(A), bound(B))
        ),
        "a consent's group leaves no pseudonym": z3.Implies(
            z3.Or(bound(A)["group"] > 1, *(bound(A)[name] < top[name] for name in ("budget", "former_epsilon"))),
            bound(A)["identity"] <= ALGEBRA.aggregate,
        ),
    }


LAWS = _laws()


@pytest.mark.parametrize("law", LAWS)
def test_algebra_proved_no_point_breaks_the_law(law: str) -> None:
    """There are no three points for which the law does not hold."""
    assert not refuted(LAWS[law])


@pytest.mark.parametrize("axis", [axis.name for axis in ALGEBRA.axes])
def test_algebra_proved_turning_any_axis_over_breaks_a_law(axis: str) -> None:
    """The proofs say something of every axis: a meet that took its greater end would let more leave than one of two permits."""
    wrong = Algebra(turned_over=axis).meet_axes(A, B)
    assert refuted(ALGEBRA.below(wrong, A), z3.Not(ALGEBRA.is_bottom(A)), z3.Not(ALGEBRA.is_bottom(B)))


def test_algebra_proved_a_group_that_left_identity_alone_would_break_the_rule() -> None:
    """Without the rule a consent that demands company could still come with a pseudonym: the claim is not empty."""
    assert refuted(z3.Implies(A["group"] > 1, A["identity"] <= ALGEBRA.aggregate))


# the formulas are those of the code


def agrees(formula: Point, point: Disclosure) -> bool:
    """Say whether a formula over given points comes out as the code's point."""
    return bool(z3.is_true(z3.simplify(ALGEBRA.same(formula, ALGEBRA.given(point)))))


@given(raw_points(), raw_points())
@settings(deadline=None)
def test_algebra_proved_meet_and_order_are_those_of_the_code(a: Disclosure, b: Disclosure) -> None:
    """On any two points the formulas say what ``meet``, ``meet_axes`` and ``reveals_no_more_than`` say."""
    one, other = ALGEBRA.given(a), ALGEBRA.given(b)
    assert agrees(ALGEBRA.meet(one, other), meet(a, b))
    assert agrees(ALGEBRA.meet_axes(one, other), meet_axes(a, b))
    assert z3.is_true(z3.simplify(ALGEBRA.below(one, other))) is a.reveals_no_more_than(b)
    assert z3.is_true(z3.simplify(ALGEBRA.same(one, other))) is (a == b)


@given(points(), st.sampled_from([(Algebra.normalised, normalise), (Algebra.binding, binding_limits)]))
@settings(deadline=None)
def test_algebra_proved_collapse_and_group_rule_are_those_of_the_code(
    a: Disclosure, both: tuple[Callable[[Algebra, Point], Point], Callable[[Disclosure], Disclosure]]
) -> None:
    """So do ``normalise`` and ``binding_limits``, on points that reveal something, on ``BOTTOM`` and on ``TOP``."""
    formula, code = both
    assert agrees(formula(ALGEBRA, ALGEBRA.given(a)), code(a))


@given(raw_points())
def test_algebra_proved_every_point_of_the_code_lies_on_the_axes(a: Disclosure) -> None:
    """What is proved of the axes leaves out no point that the code can hold."""
    for point in (a, BOTTOM, TOP):
        assert z3.is_true(z3.simplify(ALGEBRA.lies_on_its_axes(ALGEBRA.given(point))))
