"""Draws in a replay: an honest one accuses nobody, and each way in which one may be wrong is named in its entry."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from msgspec import structs

from consent.core.disclosure import Time
from consent.core.policies.archive import pack_files
from consent.core.policies.parse import parse_policies
from consent.errors import PolicyError
from gateway.audit.log.payloads import ReleasePayload, ReleaseRecord
from gateway.audit.replay.draws import spread_of_number
from gateway.audit.replay.report import ReplayReport, ReplayVerdict
from tests.support.drawn import WEEK_END_MS, Suburb, suburb
from tests.support.gate import DAY_MS, HOUR_MS, MIDNIGHT_MS, limited
from tests.support.replayed import replayed

END_MS = MIDNIGHT_MS + DAY_MS
ALL = ("hourly", "live", "week", "warm", "warm-lab", "warm-daily")


def problems(report: ReplayReport) -> list[str]:
    """Return what was found, each behind its place."""
    return [f"{finding.where}: {finding.problem}" for finding in report.findings]


# what is in order


def test_publications_of_every_kind_follow_from_consents_and_policies() -> None:
    """By the day with noise and without, by the window, by the week, and totals beside them."""
    town = Suburb(12, *ALL)
    town.publish("office", "week", WEEK_END_MS, *town.drawn(WEEK_END_MS, "week"))
    for hour in range(1, 25):
        end_ms = MIDNIGHT_MS + hour * HOUR_MS
        town.publish("lab", "window", end_ms, *town.drawn(end_ms, "live"))
    for _ in range(3):
        town.day("office", "hourly", "warm")
        town.day("lab", "warm-lab")
    for day in range(3):
        town.totals(END_MS + day * DAY_MS, town.homes)
    town.pass_days()
    found = replayed(town.gate)
    assert problems(found) == []
    assert found.verdicts == {ReplayVerdict.MATCH: 1 + 24 + 6 + 3}


def test_empty_publications_and_draws_of_nobody_are_in_order() -> None:
    """Whether there was anything to tell must not show, and noise alone may reach a flow's number."""
    town = Suburb(1, *ALL)
    town.day("office")
    town.day("office", "hourly", homes=[], told=10)
    assert problems(replayed(town.gate)) == []


def test_cells_that_the_gateway_missed_are_in_no_record() -> None:
    """An hour of one day; of a week's typical day an hour that was missed on all seven days, and no other."""
    town = Suburb(6, *ALL)
    town.day("office", "hourly", struck=(3, 4), records=22)
    struck = tuple(sorted([5, *(7 + 24 * day for day in range(7))]))
    town.publish("office", "week", WEEK_END_MS, *town.drawn(WEEK_END_MS, "week", struck=struck, records=23))
    assert problems(replayed(town.gate)) == []


def test_home_that_asks_for_longer_windows_stands_in_a_cohort_of_its_own() -> None:
    """Its level is that of its draw, which shares its μ between fewer windows."""
    town = Suburb(6, "live")
    town.gate.now_ms = MIDNIGHT_MS - DAY_MS
    slower = town.gate.homes(5, "live", limits=limited(time=Time.HOUR_4))
    for hour in range(1, 5):
        end_ms = MIDNIGHT_MS + DAY_MS + hour * HOUR_MS
        drawn = [town.drawn(end_ms, "live")[0]]
        if hour == 4:
            draw = town.draw("live", end_ms, slower)
            assert (draw.draws, draw.level[0], draw.span[0]) == (6, "4h", end_ms - 4 * HOUR_MS)
            drawn.append((draw, [town.share(home, "live", 1) for home in slower]))
        town.publish("lab", "window", end_ms, *drawn)
    assert problems(replayed(town.gate)) == []


def test_erased_homes_may_make_up_what_a_number_lacks() -> None:
    """And no more than were erased."""
    town = Suburb(12, *ALL)
    town.day("lab", "warm-lab")
    for home in town.homes[:3]:
        town.gate.erase(home)
    found = replayed(town.gate)
    assert problems(found) == []
    assert found.verdicts == {ReplayVerdict.ERASED: 1}


def test_draw_voided_and_drawn_anew_without_a_home_is_told_once() -> None:
    """It is listed as formed again, as every figure is."""
    town = Suburb(12, *ALL)
    town.void(town.day("office", "hourly"))
    town.gate.withdraw(town.homes[0], "hourly")
    town.publish("office", "day", END_MS, *town.drawn(END_MS, "hourly", homes=town.homes[1:]))
    found = replayed(town.gate)
    assert problems(found) == []
    ((again),) = found.formed_again
    assert (again.flow, again.window_ms) == ("hourly", (MIDNIGHT_MS, END_MS))
    assert (again.subjects_before, again.subjects_after, again.left_out_though_permitting) == (12, 11, 0)


# what a draw states


@pytest.mark.parametrize(
    ("flow", "changed", "problem"),
    [
        ("hourly", {"mechanism": "none", "mu": "", "clip": "", "presence": ""}, "its mechanism is `none`"),
        ("hourly", {"mu": "1"}, "its μ is `1`, policies say `2`"),
        ("hourly", {"mu": "0x2"}, "its μ is `0x2`"),
        ("hourly", {"mu": "1e999999999"}, "its μ is `1e999999999`"),
        ("hourly", {"clip": "20"}, "its clip is `20`, policies say `10`"),
        ("hourly", {"presence": "9"}, "its presence is `9`, policies say `2`"),
        ("hourly", {"period": "week"}, "its period is `week`, policies say `day`"),
        ("hourly", {"draws": 24}, "`24` draws share its μ, policies say `1`"),
        ("hourly", {"statistic": "mean"}, "`mean` is not the statistic of flow `hourly`"),
        ("hourly", {"span": (END_MS + HOUR_MS, END_MS + DAY_MS)}, "no whole period"),
        ("hourly", {"span": (MIDNIGHT_MS - DAY_MS, MIDNIGHT_MS)}, "its span is not the one that is published"),
        ("hourly", {"records": 25}, "it gave `25` records, from its cells follow `24`"),
        ("hourly", {"struck": (3,)}, "it gave `24` records, from its cells follow `23`"),
        ("hourly", {"struck": (4, 3), "records": 22}, "the cells that the gateway missed"),
        ("hourly", {"struck": (24,)}, "the cells that the gateway missed"),
        ("hourly", {"told": 12}, "`12` subjects are told, which is no multiple of 5"),
        ("hourly", {"told": 0}, "`0` subjects are told, where figures are told of `5` at least"),
        ("hourly", {"told": 60}, "`60` subjects were told, and `12` stand in it"),
        ("hourly", {"level": ("1h", "block", "0.1")}, "it is told at another level than a subject permits"),
        ("hourly", {"level": ("exact", "district", "0.1")}, "`exact` is no level at which figures are drawn"),
        ("hourly", {"cell": "south"}, "it is told at another level than a subject permits"),
        ("hourly", {"n": 11}, "its subjects gave `12` pairs, it states `11`"),
        ("hourly", {"flow": "warm"}, "no flow `warm` draws figures of `consumption` about subjects"),
        ("warm", {"mechanism": "gaussian"}, "its mechanism is `gaussian`"),
        ("warm", {"told": 5}, "`5` subjects were told, and `12` stand in it, where at most `9` can"),
        ("warm", {"told": 15}, "`15` subjects were told, and `12` stand in it"),
    ],
)
def test_draw_that_is_not_as_the_policies_say_is_named(flow: str, changed: dict[str, Any], problem: str) -> None:
    """In the entry that holds it, and nothing else is found."""
    town = Suburb(12, *ALL)
    town.day("office", flow)
    town.gate.now_ms = END_MS + DAY_MS + HOUR_MS
    wrong = town.day("office", flow, **changed)
    town.day("office", flow)
    found = problems(replayed(town.gate))
    assert found
    assert all(each.startswith(f"entry {wrong}: ") for each in found), found
    assert any(problem in each for each in found), found


def test_number_may_be_off_by_its_noise_and_no_further() -> None:
    """Six standard deviations of the noise in the number, and the five that it is rounded down by."""
    town = Suburb(40, *ALL)
    mechanism = town.policies.mechanisms["hourly", "consumption"]
    spread = spread_of_number(mechanism, HOUR_MS)
    assert spread == pytest.approx(10 / 2 / 2)
    town.day("office", "hourly", told=25)
    town.day("office", "hourly", told=55)
    assert problems(replayed(town.gate)) == []
    few, many = town.day("office", "hourly", told=15), town.day("office", "hourly", told=60)
    found = problems(replayed(town.gate))
    assert [each.partition(":")[0] for each in found] == [f"entry {few}", f"entry {many}"]


def test_exact_figure_of_fewer_than_the_policies_say_is_named() -> None:
    """Its flow asks for less; the city's `exact_group` holds for all."""
    town = Suburb(6, *ALL, policies=suburb(exact_group=10).policies())
    wrong = town.day("office", "warm", told=5)
    found = problems(replayed(town.gate))
    assert f"entry {wrong}: draw 0: `5` subjects are told, where figures are told of `10` at least" in found


# who stands in it


def test_subject_that_did_not_permit_it_is_named() -> None:
    """Whatever figures it stands in otherwise."""
    town = Suburb(6, *ALL)
    stranger = town.gate.home("warm")
    draw, shares = town.drawn(END_MS, "hourly")[0]
    forged = structs.replace(shares[0], subject=stranger.subject or b"")
    wrong = town.publish("office", "day", END_MS, (draw, [*shares[1:], forged]))
    assert any(each.startswith(f"entry {wrong}: draw 0: it rests on consents") for each in problems(replayed(town.gate)))


def test_subject_that_withdrew_or_was_erased_is_named() -> None:
    """Nothing of it leaves from then on, not even of days that it permitted."""
    town = Suburb(6, *ALL)
    shares = [town.share(home, "hourly", 0) for home in town.homes]
    draw = town.draw("hourly", END_MS, town.homes)
    town.gate.withdraw(town.homes[0], "hourly")
    first = town.publish("office", "day", END_MS, (draw, shares))
    town.void(first)
    town.gate.erase(town.homes[1])
    second = town.publish("office", "day", END_MS, (draw, shares[1:]))
    found = problems(replayed(town.gate))
    assert [each for each in found if each.startswith(f"entry {first}: draw 0: it rests on consents")]
    assert f"entry {second}: draw 0: it holds a subject that was erased before" in found


@pytest.mark.parametrize(
    ("flow", "kind", "whole_ms"), [("hourly", "day", END_MS + DAY_MS), ("week", "week", WEEK_END_MS + 14 * DAY_MS)]
)
def test_home_that_joined_within_a_period_counts_from_the_next(flow: str, kind: str, whole_ms: int) -> None:
    """A day, or a week, of which it permitted the end only is not told; the next is."""
    town = Suburb(6, *ALL)
    town.gate.now_ms = MIDNIGHT_MS + HOUR_MS
    newcomer = town.gate.home(flow)
    length_ms = DAY_MS if kind == "day" else 7 * DAY_MS
    town.gate.now_ms = whole_ms + HOUR_MS
    homes = [*town.homes, newcomer]
    wrong = town.publish("office", kind, whole_ms - length_ms, *town.drawn(whole_ms - length_ms, flow, homes=homes))
    town.publish("office", kind, whole_ms, *town.drawn(whole_ms, flow, homes=homes))
    assert problems(replayed(town.gate)) == [f"entry {wrong}: draw 0: it reaches back to before a subject permitted it"]


def test_home_that_demands_a_larger_group_or_more_noise_than_there_is_stands_in_no_draw() -> None:
    """Its demand silences nobody: it is left out."""
    town = Suburb(6, *ALL)
    town.gate.now_ms = MIDNIGHT_MS
    modest = [town.gate.home("hourly", limits=limited(group=20)), town.gate.home("hourly", limits=limited(budget=0.1))]
    town.gate.now_ms = END_MS + 2 * DAY_MS
    for home, reason in zip(modest, ("group", "budget"), strict=True):
        end_ms = END_MS + 2 * DAY_MS
        shares = [town.share(one, "hourly", 0) for one in [*town.homes, home]]
        wrong = town.publish("office", "day", end_ms, (town.draw("hourly", end_ms, town.homes, n=7), shares))
        town.void(wrong)
        assert any(
            f"entry {wrong}: draw 0: a subject's data was withheld from it: " in each for each in problems(replayed(town.gate))
        ), reason


# where figures about subjects may be


def test_figure_about_subjects_outside_a_publication_is_named() -> None:
    """As a record of an ordinary bundle, as a draw in one, or in a publication beside draws."""
    town = Suburb(6, *ALL)
    record = ReleaseRecord(
        "hourly", ("1h", "district", "0.1"), "north", (MIDNIGHT_MS, MIDNIGHT_MS + HOUR_MS), 6, "aggregate", "consumption", "sum"
    )
    shares = [town.share(home, "hourly", 0) for home in town.homes]
    first = town.log(ReleasePayload("office", (record,)), shares)
    second = town.publish("office", "day", END_MS, *town.drawn(END_MS, "hourly"), part=None)
    found = problems(replayed(town.gate))
    assert f"entry {first}: record 0: a figure about subjects leaves in a draw of a publication, and nowhere else" in found
    assert f"entry {second}: figures about subjects are in it, and it is part of no publication" in found


def test_draw_of_an_earlier_day_is_told_where_publications_begin_and_nowhere_else() -> None:
    """Before the first publication there was none to tell it."""
    town = Suburb(6, *ALL)
    begun = Suburb(6, *ALL)
    begun.publish("office", "day", END_MS, *begun.drawn(END_MS - DAY_MS, "hourly"))
    assert problems(replayed(begun.gate)) == []
    town.day("office")
    wrong = town.publish("office", "day", END_MS + DAY_MS, *town.drawn(END_MS, "hourly"))
    assert problems(replayed(town.gate)) == [f"entry {wrong}: draw 0: its span is not the one that is published"]


def test_figures_for_another_recipient_are_named() -> None:
    """Each draw is for one alone."""
    town = Suburb(6, *ALL)
    wrong = town.publish("lab", "day", END_MS, *town.drawn(END_MS, "hourly"))
    assert f"entry {wrong}: draw 0: flow `hourly` is not for `lab`" in problems(replayed(town.gate))


def test_slice_drawn_twice_is_named() -> None:
    """The mean of two draws has less noise than either: in one publication, and in another of the same span."""
    town = Suburb(6, *ALL)
    (drawn,) = town.drawn(END_MS, "hourly")
    again = (drawn[0], [town.share(home, "hourly", 1) for home in town.homes])
    twice = town.publish("office", "day", END_MS, drawn, again)
    third = town.publish("office", "day", END_MS, drawn)
    found = problems(replayed(town.gate))
    assert f"entry {twice}: draw 1: what is in it was released before, by entry `{twice}`" in found
    assert f"entry {third}: draw 0: what is in it was released before, by entry `{twice}`" in found


def test_home_in_two_draws_of_one_flow_and_period_is_named() -> None:
    """At two levels it would tell twice what was accounted for once."""
    town = Suburb(10, *ALL)
    slower = town.draw("hourly", END_MS, town.homes[:5], level=("4h", "district", "0.1"), records=6)
    draw, shares = town.drawn(END_MS, "hourly")[0]
    wrong = town.publish(
        "office", "day", END_MS, (draw, shares), (slower, [town.share(home, "hourly", 1) for home in town.homes[:5]])
    )
    found = problems(replayed(town.gate))
    assert f"entry {wrong}: draw 1: `5` subjects stand in another draw of that flow and day as well" in found


def test_policies_whose_figures_reveal_more_in_a_day_than_they_permit_are_named() -> None:
    """Σ μ² over all flows of a quantity: whoever puts such policies in force does not get past an auditor."""
    honest = suburb().policies()
    files = dict(honest.files)
    files["city.toml"] = files["city.toml"].replace(b"mu_day = 3", b"mu_day = 2", 1)
    assert files != honest.files
    town = Suburb(6, *ALL)
    with pytest.raises(PolicyError, match=r"to which a day's figures of `quantity.electricity` add up"):
        parse_policies(files)
    entry = town.gate.apply(replace(honest, files=files, sha256=sha256(pack_files(files)).digest()))
    found = problems(replayed(town.gate))
    assert any(each.startswith(f"entry {entry}: its policies cannot be understood: ") and "add up" in each for each in found), (
        found
    )
