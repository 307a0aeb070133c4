"""The guard, attacked: whatever is made of a day's exact figures, it is about no fewer homes than a class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from consent.core.disclosure import DAY_MS
from gateway.core.figures.guard import Membership, excluded_of, small_classes
from gateway.core.windows.accumulators import new_contribution
from gateway.core.windows.cohorts import Cohort
from gateway.core.windows.windows import Window
from tests.support.cells import WEEK_BEGAN_MS, cell_table, cohort_of, conditions, terms, who
from tests.support.city import city

K = 15
_LEVELS = ("1h", "4h", "day")


def exact(flow: str, time: str, cell: str) -> Cohort:
    """Return an exact cohort."""
    return Cohort(flow, "consumption", "sum", "aggregate", time, "district", "0.001", cell, public=False)


def own_totals(flow: str, cell: str) -> Cohort:
    """Return a cohort of homes' own totals."""
    return Cohort(flow, "consumption", "sum", "per-epoch", "day", "district", "1", cell, public=False)


def history(random: Random) -> dict[bytes, frozenset[Cohort]]:
    """Return in what each home of a town stands after a day of joins, withdrawals and changed levels.

    Most choose as their neighbours do, some by themselves; so that classes of all sizes come about.
    """
    cells, flows = ["north", "south"][: random.randint(1, 2)], random.randint(1, 3)
    habits = {(cell, flow): random.choice([*_LEVELS, None]) for cell in cells for flow in range(flows)}
    own_way = random.choice([0.02, 0.1, 0.3])
    standing = {}
    for home in range(random.randint(20, 120)):
        cell, cohorts = random.choice(cells), set()
        for flow in range(flows):
            level = random.choice([*_LEVELS, None]) if random.random() < own_way else habits[cell, flow]
            if level is not None:
                cohorts.add(exact(f"flow {flow}", level, cell))
        if random.random() < own_way:
            cohorts.add(own_totals("totals", cell))
        standing[who(home)] = frozenset(cohorts)
    return standing


def matrix(standing: Membership, excluded: frozenset[bytes]) -> npt.NDArray[np.float64]:
    """Return what is told as rows over homes: each exact figure that has enough members, and each home's own total."""
    homes = sorted(standing)
    rows = []
    for cohort in sorted(set().union(*standing.values())):
        members = [cohort in standing[home] for home in homes]
        if cohort.identity != "aggregate":
            rows += [[float(at == number) for at in range(len(homes))] for number, told in enumerate(members) if told]
            continue
        told = [float(inside and home not in excluded) for inside, home in zip(members, homes, strict=True)]
        if sum(told) >= K:
            rows.append(told)
    return np.array(rows).reshape(-1, len(homes))


def isolated(told: npt.NDArray[np.float64], sets: Iterator[list[int]]) -> list[list[int]]:
    """Return those of some sets of homes whose sum is a combination of what is told."""
    if not len(told):
        return []
    _, singular, rows = np.linalg.svd(told, full_matrices=False)
    basis = rows[singular > 1e-9 * singular[0]]
    found = []
    for chosen in sets:
        target = np.zeros(told.shape[1])
        target[chosen] = 1
        if np.linalg.norm(target - basis.T @ (basis @ target)) < 1e-6:
            found.append(chosen)
    return found


def suspects(standing: Membership, excluded: frozenset[bytes]) -> Iterator[list[int]]:
    """Yield the small sets that an attacker would try: small classes of homes in exact figures, and unions of up to three.

    Homes whose own totals leave by themselves are told by their own choice; they are in no such set.
    """
    homes = sorted(standing)
    classes: dict[frozenset[Cohort], list[int]] = {}
    for number, home in enumerate(homes):
        cohorts = standing[home]
        if all(cohort.identity == "aggregate" for cohort in cohorts) and cohorts:
            # an attacker knows who was left out, too
            classes.setdefault(cohorts | ({own_totals("out", "")} if home in excluded else set()), []).append(number)
    small = [members for members in classes.values() if len(members) < K]
    for many in (1, 2, 3):
        for chosen in combinations(small, many):
            union = [home for members in chosen for home in members]
            if len(union) < K:
                yield union
    for members in classes.values():
        yield members[:1]  # and a home by itself, of every class


@pytest.mark.parametrize("seed", range(8))
def test_no_combination_of_exact_figures_is_about_fewer_homes_than_a_class(seed: int) -> None:
    """By the row space of a day's figures, in a hundred random histories each."""
    random = Random(seed)
    for _ in range(100):
        standing = history(random)
        least = {cohort: K for cohorts in standing.values() for cohort in cohorts if cohort.identity == "aggregate"}
        excluded = small_classes(standing, least)
        assert isolated(matrix(standing, excluded), suspects(standing, excluded)) == []


@pytest.mark.parametrize("number", range(20))
def test_without_the_guard_a_planted_home_is_found(number: int) -> None:
    """The attack works: one home of forty that has left one of two figures stands alone without the guard."""
    random = Random(number)
    everywhere = frozenset({exact("a", "1h", "north"), exact("b", "day", "north")})
    standing = {who(home): everywhere for home in range(40)}
    planted = random.randrange(40)
    standing[who(planted)] = random.choice(
        [frozenset({exact("a", "1h", "north")}), frozenset({exact("b", "day", "north")})],
    )
    least = dict.fromkeys(everywhere, K)
    assert [planted] in isolated(matrix(standing, frozenset()), suspects(standing, frozenset()))
    excluded = small_classes(standing, least)
    assert excluded == {who(planted)}
    assert isolated(matrix(standing, excluded), suspects(standing, excluded)) == []


def test_everybody_but_one_telling_their_own_totals_gives_that_one_away_without_the_guard() -> None:
    """The figure of all, less what the others are told to have used: so the one stands in no exact figure."""
    figure, totals = exact("a", "1h", "north"), own_totals("t", "north")
    standing = {who(home): frozenset({figure, totals}) for home in range(30)} | {who(30): frozenset({figure})}
    assert [30] in isolated(matrix(standing, frozenset()), suspects(standing, frozenset()))
    assert small_classes(standing, {figure: K}) == {who(30)}


def test_a_class_is_large_enough_at_the_largest_of_the_groups_that_its_figures_ask() -> None:
    one, other, totals = exact("a", "1h", "north"), exact("b", "1h", "north"), own_totals("t", "north")
    standing: dict[bytes, frozenset[Cohort]] = {who(home): frozenset({one}) for home in range(4)}
    standing |= {who(10 + home): frozenset({one, other}) for home in range(4)}
    standing |= {who(20): frozenset({totals}), who(21): frozenset()}
    assert small_classes(standing, {one: 4, other: 4}) == frozenset()
    assert small_classes(standing, {one: 4, other: 5}) == {who(10 + home) for home in range(4)}
    assert len(small_classes(standing, {one: 5, other: 4})) == 8


# over tables and windows

_ASK: dict[str, Any] = {"purpose": "planning", "recipient": "office", "space": "district", "retention": 9}
POLICIES = (
    city()
    .limits(exact_group=2)
    .district("north")
    .zone("mill", "north")
    .measures("consumption", 0, 5)
    .measures("totalConsumption")
    .measures("LAeq", 30, 90)
    .purpose("planning")
    .recipient("office")
    .quantity("electricity", "consumption", "totalConsumption", cell="1h")
    .flow("hourly", "consumption", statistic="sum", identity="aggregate", time="1h", group=1, **_ASK)
    .flow("register", "totalConsumption", statistic="delta", identity="aggregate", time="day", group=3, **_ASK)
    .flow("levels", "LAeq", statistic="mean", identity="aggregate", time="1h", group=1, **_ASK)
    .flow("noisy", "consumption", statistic="sum", identity="aggregate", time="1h", group=1, budget=1, **_ASK)
    .flow("totals", "consumption", statistic="sum", identity="per-epoch", time="day", group=1, **_ASK)
    .policies()
)


def homes(flow: str, observed_property: str, *numbers: int, day: int = 0) -> Any:
    """Return a table in which some homes stand."""
    rows = {who(number): [1] * 24 for number in numbers}
    return cell_table(POLICIES, cohort_of(POLICIES, flow, observed_property), rows, start_ms=WEEK_BEGAN_MS + day * DAY_MS)


def totals(*numbers: int, day: int = 0, public: bool = False) -> Window:
    """Return a day's window of homes' own totals."""
    cohort = own_totals("totals", "north")._replace(public=public)
    begin_ms = WEEK_BEGAN_MS + day * DAY_MS
    window = Window(cohort, begin_ms, begin_ms + DAY_MS)
    for number in numbers:
        window.members[who(number)] = held = new_contribution("sum", POLICIES.properties["consumption"].ladder[0])
        held.add(b"m", begin_ms, 5)
    return window


def excluded(tables: list[Any], windows: list[Window], held: Mapping[bytes, Any] | None = None) -> set[int]:
    """Return the numbers of those who stand in no exact figure of electricity on the first day."""
    found = excluded_of(tables, windows, conditions(POLICIES, held), "electricity", WEEK_BEGAN_MS)
    return {int.from_bytes(one, "big") for one in found}


def test_a_flow_more_or_less_makes_another_class() -> None:
    """Over all flows and properties of a quantity; a class of one that stands in both is left out of both."""
    hourly, register = homes("hourly", "consumption", 1, 2, 3), homes("register", "totalConsumption", 3)
    assert excluded([hourly], []) == set()
    assert excluded([hourly, register], []) == {3}


def test_own_totals_make_another_class() -> None:
    hourly = homes("hourly", "consumption", 1, 2, 3)
    assert excluded([hourly], [totals(3)]) == {3}
    assert excluded([hourly], [totals(2, 3)]) == {1}
    assert excluded([hourly], [totals(1, 2, 3)]) == set()


def test_other_days_quantities_and_noisy_flows_make_no_class() -> None:
    hourly = homes("hourly", "consumption", 1, 2, 3)
    others = [homes("hourly", "consumption", 3, day=1), homes("levels", "LAeq", 3), homes("noisy", "consumption", 3)]
    assert excluded([hourly, *others], [totals(3, day=1), totals(3, public=True)]) == set()


def test_who_has_left_makes_no_class() -> None:
    """Nor does its absence: who is left is compared with who is left."""
    hourly, register = homes("hourly", "consumption", 1, 2, 3), homes("register", "totalConsumption", 3)
    assert excluded([hourly, register], [totals(3)], {who(1): terms(), who(2): terms()}) == set()
    assert excluded([hourly], [], {who(1): terms()}) == {1}


def test_a_class_needs_the_group_of_its_flow() -> None:
    """Two stand in a flow that asks for three."""
    both = [homes("hourly", "consumption", 1, 2, 3, 4, 5), homes("register", "totalConsumption", 1, 2)]
    assert excluded(both, []) == {1, 2}


def hours(flow: str, observed_property: str, told: Mapping[int, int]) -> Any:
    """Return a table in which some homes stand, each from an hour of the day on."""
    rows = {who(number): [int(hour >= first) for hour in range(24)] for number, first in told.items()}
    return cell_table(POLICIES, cohort_of(POLICIES, flow, observed_property), rows, list(rows.values()))


def test_an_hour_told_to_one_flow_and_not_to_the_other_makes_another_class() -> None:
    """By the register, home 3 has told nothing before six: what the sums differ by before six would be its own."""
    all_day, from_six = {1: 0, 2: 0, 4: 0, 3: 0}, {1: 0, 2: 0, 4: 0, 3: 6}
    register = hours("register", "totalConsumption", from_six)
    assert excluded([hours("hourly", "consumption", all_day), register], []) == {3}
    assert excluded([hours("hourly", "consumption", from_six), register], []) == set()  # nobody is told of its hours before


def totals_by_the_hour(*numbers: int, first: int, last: int) -> list[Window]:
    """Return windows of homes' own totals of some hours of the day."""
    cohort = own_totals("totals", "north")._replace(time="1h")
    windows = []
    for hour in range(first, last):
        begin_ms = WEEK_BEGAN_MS + hour * DAY_MS // 24
        window = Window(cohort, begin_ms, begin_ms + DAY_MS // 24)
        for number in numbers:
            window.members[who(number)] = held = new_contribution("sum", POLICIES.properties["consumption"].ladder[0])
            held.add(b"m", begin_ms, 5)
        windows.append(window)
    return windows


def test_own_totals_of_a_part_of_the_day_make_another_class() -> None:
    """Home 3 has permitted its totals at noon: of the hours before, the sum less all others' totals would be its own."""
    hourly = homes("hourly", "consumption", 1, 2, 3)
    of_all = totals_by_the_hour(1, 2, first=0, last=24)
    assert excluded([hourly], [*of_all, *totals_by_the_hour(3, first=12, last=24)]) == {3}
    assert excluded([hourly], [*of_all, *totals_by_the_hour(3, first=0, last=24)]) == set()


def test_readings_that_leave_one_by_one_make_another_class() -> None:
    """As own totals do: whoever permits figures only would be told by those who permit their readings too."""
    hourly = homes("hourly", "consumption", 1, 2, 3)
    cohort = Cohort("readings", "consumption", "", "per-record", "1h", "district", "0.001", "north", public=False)
    since = {1: 0, 2: 0, 3: WEEK_BEGAN_MS + DAY_MS // 2}
    for told, out in (((1, 2), {3}), ((1, 2, 3), {3}), ((), set())):
        singles = {who(number): {cohort: terms(since_ms=since[number])} for number in told}
        found = excluded_of([hourly], [], conditions(POLICIES, None), "electricity", WEEK_BEGAN_MS, singles)
        assert {int.from_bytes(one, "big") for one in found} == out


def test_limit_classes_are_counted_by_the_day() -> None:
    """Homes 3 and 4 are enough; but before six home 4 alone has reported of the two, and the figures' difference is its own."""
    north = hours("hourly", "consumption", {1: 0, 2: 0, 3: 6, 4: 0})
    assert excluded([north], [totals(1, 2)]) == set()
