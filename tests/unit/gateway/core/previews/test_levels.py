"""Levels: *less precisely* hides a household among others where it can, and is never all that is asked."""

from __future__ import annotations

from decimal import Decimal

from consent.core.disclosure import TOP, Disclosure, Space, Time
from gateway.core.plans import Device
from gateway.core.previews.household import Household
from gateway.core.previews.levels import axes, homes_at, less, level
from tests.support.gate import Gate, limited
from tests.support.publications import noisy_town


def before(gate: Gate, home: Device, flow: str) -> Household:
    """Return a household before a flow."""
    state, subject = gate.state, home.subject or b""
    resident = state.registry.book.residents(subject)[0]
    return Household(state.policies, state.policies.flows[flow], state.registry.book, subject, resident, [home], gate.now_ms)


def offered(gate: Gate, flow: str) -> Disclosure | None:
    """Return what a newcomer is offered."""
    return less(before(gate, gate.home(), flow), homes_at(gate.state.plans()))


def test_level_at_which_enough_homes_stand_is_offered_before_a_nearer_one() -> None:
    """By the day, where fifteen are, rather than by four hours, where nobody is."""
    gate = Gate(noisy_town(group=15).policies())
    gate.homes(16, "hourly", limits=limited(time=Time.DAY))
    assert offered(gate, "hourly") == limited(time=Time.DAY)


def test_where_nobody_stands_below_more_noise_is_offered_among_those_who_say_yes() -> None:
    """Half of μ, in the same figure; alone at a coarser level it would stand in none."""
    gate = Gate(noisy_town(group=15).policies())
    gate.homes(16, "hourly")
    assert offered(gate, "hourly") == limited(budget=1.0)


def test_where_too_few_stand_anywhere_the_nearest_coarser_level_is_offered() -> None:
    """Which is seen at once to tell less; nobody hides among others yet, whatever they say."""
    gate = Gate(noisy_town(group=15).policies())
    gate.homes(6, "hourly")
    assert offered(gate, "hourly") == limited(time=Time.HOUR_4)


def test_the_largest_yes_is_never_offered_as_less() -> None:
    """However many homes say it."""
    for flow in ("hourly", "daily", "raw", "nights"):
        gate = Gate()
        gate.homes(60, flow)
        found = offered(gate, flow)
        assert found is not None
        home = before(gate, gate.home(), flow)
        (yes,), (lower,) = home.points([home.yes()]), home.points([home.yes(found)])
        assert lower != yes
        assert lower.reveals_no_more_than(yes)
        assert not lower.is_bottom


def test_where_there_is_nothing_between_all_and_nothing_none_is_offered() -> None:
    """A flow that asks for the least on every axis."""
    least = {"time": "day", "space": "city", "precision": {"consumption": 1}, "retention": 1, "budget": 0.5, "group": 15}
    gate = Gate(noisy_town(**least).policies())
    assert gate.state.policies.properties["consumption"].ladder[-1] == 1
    assert offered(gate, "hourly") is None


def test_shorter_keeping_alone_is_not_less_precise() -> None:
    """It can be chosen by itself, and looks like all that is asked until then."""
    for flow in ("daily", "raw"):
        gate = Gate()
        gate.homes(60, flow)
        found = offered(gate, flow)
        assert "retention" in axes(before(gate, gate.home(), flow))
        assert found is not None
        assert found.retention_days == TOP.retention_days


def test_axes_offer_what_can_be_chosen_least_telling_first_and_what_is_asked_last() -> None:
    """Levels by which nothing would leave are not among them."""
    gate = Gate(noisy_town(group=15).policies())
    home = before(gate, gate.home(), "hourly")
    told = {axis: [level(limits, axis) for limits in those] for axis, those in axes(home).items()}
    assert told["time"] == ["day", "4h", "1h"]
    assert told["space"] == ["city", "district"]
    assert told["budget"] == ["0.5", "1", "2"]
    assert "identity" not in told
    assert "retention" not in told


def test_retention_may_be_chosen_where_records_are_a_households_own() -> None:
    """Of figures every record states the same."""
    gate = Gate()
    told = axes(before(gate, gate.home(), "daily"))
    assert [level(limits, "retention") for limits in told["retention"]] == ["1", "7", "30"]


def test_level_of_precision_is_written_as_the_ladder_has_it() -> None:
    """`0.5`, and not `0.50`."""
    assert level(limited(precision=(("LAeq", Decimal("0.50")),)), "precision.LAeq") == "0.5"
    assert level(TOP, "space") == Space.EXACT.label


def test_homes_are_counted_in_fives() -> None:
    """So that what is offered to one shows nobody that another left."""
    gate = Gate()
    gate.homes(9, "hourly")
    assert list(homes_at(gate.state.plans()).values()) == [5]
