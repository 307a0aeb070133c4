"""Classes of exact figures in a replay: whoever has all figures of a day can single out nobody, or the replay names where."""

from __future__ import annotations

from gateway.audit.replay.quantity_days import SETTLED_MS
from gateway.audit.replay.report import ReplayReport, ReplayVerdict
from tests.support.drawn import Suburb, suburb
from tests.support.gate import DAY_MS, MIDNIGHT_MS
from tests.support.replayed import replayed

END_MS = MIDNIGHT_MS + DAY_MS
ALL = ("warm", "warm-lab", "warm-daily")


def problems(report: ReplayReport) -> list[str]:
    """Return what was found, each behind its place."""
    return [f"{finding.where}: {finding.problem}" for finding in report.findings]


def alike(entry: int, few: int, least: int = 5) -> str:
    """Return the finding of a class that is too small."""
    return (
        f"entry {entry}: `{few}` subjects stand, on 2026-03-02, in the same figures and totals of `warmth` as nobody else, "
        f"where at least `{least}` have to stand alike"
    )


def test_homes_that_all_stand_in_the_same_figures_are_in_order() -> None:
    """Two recipients and totals; no difference of them is about a few."""
    town = Suburb(11, *ALL)
    town.day("office", "warm")
    town.day("lab", "warm-lab")
    town.totals(END_MS, town.homes)
    town.pass_days()
    assert problems(replayed(town.gate)) == []


def test_classes_large_enough_may_stand_in_different_figures() -> None:
    """Five in one only, six in both."""
    town = Suburb(11, *ALL)
    town.day("office", "warm")
    town.day("lab", "warm-lab", homes=town.homes[:6])
    town.pass_days()
    assert problems(replayed(town.gate)) == []


def test_difference_of_two_recipients_figures_about_a_few_homes_is_named() -> None:
    """Two homes stand in the office's figure and not in the lab's: together they know the two."""
    town = Suburb(12, *ALL)
    wrong = town.day("office", "warm")
    town.day("lab", "warm-lab", homes=town.homes[2:])
    town.pass_days()
    found = replayed(town.gate)
    assert problems(found) == [alike(wrong, 2)]
    assert found.verdicts == {ReplayVerdict.MATCH: 1, ReplayVerdict.MISMATCH: 1}


def test_home_whose_total_is_not_told_beside_those_of_all_others_is_named() -> None:
    """A sum less the totals of all others is the one that did not permit its own."""
    town = Suburb(12, *ALL)
    wrong = town.day("office", "warm")
    town.totals(END_MS, town.homes[1:7])
    town.totals(END_MS, town.homes[7:])
    town.pass_days()
    assert problems(replayed(town.gate)) == [alike(wrong, 1)]


def test_rest_of_a_day_told_after_somebody_left_is_named() -> None:
    """The lab's figures of the day lack who withdrew after the office had its own."""
    town = Suburb(12, *ALL)
    wrong = town.day("office", "warm")
    town.gate.withdraw(town.homes[0], "warm-lab")
    town.day("lab", "warm-lab", homes=town.homes[1:])
    town.pass_days()
    assert problems(replayed(town.gate)) == [
        alike(wrong, 1) + "; `1` of them left after a part of that day was told, and the rest was told nevertheless"
    ]


def test_figures_voided_and_formed_again_without_who_left_are_in_order() -> None:
    """Nothing of it was sent, so nobody has the difference."""
    town = Suburb(12, *ALL)
    town.void(town.day("office", "warm"))
    town.gate.withdraw(town.homes[0], "warm")
    town.gate.withdraw(town.homes[0], "warm-lab")
    town.publish("office", "day", END_MS, *town.drawn(END_MS, "warm", homes=town.homes[1:]))
    town.day("lab", "warm-lab", homes=town.homes[1:])
    town.pass_days()
    assert problems(replayed(town.gate)) == []


def test_homes_that_were_erased_later_are_missed_in_no_class() -> None:
    """Their parts are gone from all openings alike; of so many the class may lack."""
    town = Suburb(12, *ALL)
    town.day("office", "warm")
    town.day("lab", "warm-lab", homes=town.homes[5:])
    for home in town.homes[:2]:
        town.gate.erase(home)
    town.pass_days()
    assert problems(replayed(town.gate)) == []


def test_days_with_noise_and_other_days_form_no_classes() -> None:
    """Noise stands between homes in its place, and each day is by itself."""
    town = Suburb(12, *ALL, "hourly")
    town.day("office", "hourly", homes=town.homes[1:])
    town.day("office", "warm")
    town.day("lab", "warm-lab", homes=town.homes[3:])  # of the day before
    town.pass_days()
    assert problems(replayed(town.gate)) == []


def test_day_is_judged_once_all_of_it_has_had_time_to_leave() -> None:
    """Until then a class may still be completed."""
    town = Suburb(12, *ALL)
    town.day("office", "warm")
    town.totals(END_MS, town.homes[:11])
    town.gate.now_ms = END_MS + SETTLED_MS - 1
    town.note()
    assert problems(replayed(town.gate)) == []
    town.gate.now_ms += 1
    town.note()
    assert len(problems(replayed(town.gate))) == 1


def test_least_class_is_the_citys() -> None:
    """A policy that asks for more finds more."""
    town = Suburb(22, *ALL, policies=suburb(exact_group=10).policies())
    wrong = town.day("office", "warm")
    town.day("lab", "warm-lab", homes=town.homes[7:])
    town.pass_days()
    assert problems(replayed(town.gate)) == [alike(wrong, 7, 10)]
