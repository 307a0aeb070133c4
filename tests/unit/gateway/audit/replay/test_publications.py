"""The order of publications: one that is missing, doubled, out of order or in another number of parts is named."""

from __future__ import annotations

import pytest

from consent.core.policies.parse import parse_policies
from gateway.audit.log.openings import Opening
from gateway.audit.replay.publications import steps_ms
from gateway.audit.replay.report import ReplayReport
from tests.support.drawn import WEEK_END_MS, Suburb, suburb
from tests.support.gate import DAY_MS, HOUR_MS, MIDNIGHT_MS
from tests.support.replayed import replayed


def ends(*days: int) -> list[int]:
    """Return the ends of days, counted from the first."""
    return [MIDNIGHT_MS + day * DAY_MS for day in days]


def published(*places: tuple[int, tuple[int, int]], kind: str = "day") -> tuple[list[int], list[str]]:
    """Publish empty parts at these ends, and return their entries, and what the replay finds."""
    town = Suburb(1)
    entries = [town.publish("office", kind, end_ms, part=part) for end_ms, part in places]
    return entries, problems(replayed(town.gate))


def problems(report: ReplayReport) -> list[str]:
    """Return what was found, each behind its place."""
    return [f"{finding.where}: {finding.problem}" for finding in report.findings]


def test_spans_follow_from_the_flows_of_a_recipient() -> None:
    """The shortest window among them counts."""
    assert steps_ms(suburb().policies()) == {
        ("office", "day"): DAY_MS,
        ("office", "week"): 7 * DAY_MS,
        ("lab", "window"): HOUR_MS,
        ("lab", "day"): DAY_MS,
    }


def test_days_one_after_another_in_as_many_parts_each_are_in_order() -> None:
    """Also where the log begins in the middle of things."""
    first, second, third = ends(3, 4, 5)
    parts = [(0, 3), (1, 3), (2, 3)]
    assert published(*[(end_ms, part) for end_ms in (first, second, third) for part in parts])[1] == []


def test_weeks_end_on_mondays() -> None:
    """Not on the day after."""
    entries, found = published((WEEK_END_MS, (0, 1)), (WEEK_END_MS + 7 * DAY_MS, (0, 1)), kind="week")
    assert found == []
    (entry,), found = published((WEEK_END_MS + DAY_MS, (0, 1)), kind="week")
    assert found == [f"entry {entry}: its publication ends where no week does"]
    assert entries


@pytest.mark.parametrize(
    ("places", "problem"),
    [
        ([(1, (0, 1)), (3, (0, 1))], "a part is missing before it: the last one was part `0` of `1`"),
        ([(1, (0, 2)), (2, (0, 2))], "a part is missing before it: the last one was part `0` of `2`"),
        ([(1, (0, 2)), (1, (1, 2)), (2, (1, 2))], "a part is missing before it: the last one was part `1` of `2`"),
        ([(1, (0, 1)), (1, (0, 1))], "that part was published before, or its turn is past"),
        ([(2, (0, 1)), (1, (0, 1))], "that part was published before, or its turn is past"),
        ([(1, (0, 1)), (2, (0, 2))], "it has `2` parts, the publication before it `1` by the same policies"),
        ([(1, (0, 1)), (2, (1, 1))], "it is part `1` of `1`, counted from 0"),
        ([(1, (0, 1)), (2, (0, 0))], "it is part `0` of `0`, counted from 0"),
    ],
)
def test_publication_out_of_order_is_named(places: list[tuple[int, tuple[int, int]]], problem: str) -> None:
    """In its own entry alone."""
    entries, found = published(*[(MIDNIGHT_MS + day * DAY_MS, part) for day, part in places])
    assert found == [f"entry {entries[-1]}: {problem}"]


def test_publication_for_whom_no_flow_is_published_so_is_named() -> None:
    """The lab gets nothing by the week."""
    town = Suburb(1)
    entry = town.publish("lab", "week", WEEK_END_MS)
    assert problems(replayed(town.gate)) == [f"entry {entry}: no flow for `lab` is published by the week"]


def test_voided_part_is_formed_again_before_the_next() -> None:
    """And only once; what was voided may come again, what was not may not."""
    first, second = ends(1, 2)
    town = Suburb(1)
    town.void(town.publish("office", "day", first))
    again = Suburb(1)
    again.void(again.publish("office", "day", first))
    again.publish("office", "day", first)
    again.publish("office", "day", second)
    assert problems(replayed(again.gate)) == []
    entry = town.publish("office", "day", second)
    assert problems(replayed(town.gate)) == [f"entry {entry}: a part before it was voided, and is not formed again yet"]


def test_parts_voided_together_are_formed_again_in_order() -> None:
    """The first of them first."""
    (end_ms,) = ends(1)
    town = Suburb(1)
    parts = [town.publish("office", "day", end_ms, part=(number, 2)) for number in range(2)]
    for part in parts:
        town.void(part)
    wrong = town.publish("office", "day", end_ms, part=(1, 2))
    town.publish("office", "day", end_ms, part=(0, 2))
    assert problems(replayed(town.gate)) == [f"entry {wrong}: a part before it was voided, and is not formed again yet"]


def test_recipient_without_such_flows_for_a_time_goes_on_where_it_gets_some_again() -> None:
    """Policies stop a kind of publication, and begin it anew."""
    town = Suburb(1)
    whole = town.policies
    town.publish("office", "day", ends(1)[0])
    head, *tables = whole.files["city.toml"].decode().split("\n[flow.")
    kept = "\n[flow.".join([head, *[table for table in tables if not table.startswith(("hourly]", "warm]"))]])
    town.gate.apply(parse_policies({**whole.files, "city.toml": kept.encode()}))
    town.gate.now_ms += 9 * DAY_MS
    town.gate.apply(whole)
    town.publish("office", "day", ends(11)[0])
    town.publish("office", "day", ends(12)[0])
    assert problems(replayed(town.gate)) == []


def test_other_policies_may_distribute_anew_what_has_not_left() -> None:
    """A publication of which one part has left begins again with its first part."""
    town = Suburb(1)
    first, second = ends(1, 2)
    town.publish("office", "day", first, part=(0, 2))
    town.gate.apply(suburb(exact_group=7).policies())
    town.publish("office", "day", first, part=(0, 1))
    town.publish("office", "day", second, part=(0, 1))
    assert problems(replayed(town.gate)) == []
    wrong = town.publish("office", "day", second, part=(0, 1))
    assert problems(replayed(town.gate)) == [f"entry {wrong}: that part was published before, or its turn is past"]


def test_other_policies_may_have_other_parts() -> None:
    """The size follows from them; within one publication a part follows another all the same."""
    town = Suburb(1)
    first, second, third = ends(1, 2, 3)
    town.publish("office", "day", first, part=(0, 2))
    town.publish("office", "day", first, part=(1, 2))
    town.gate.apply(suburb(exact_group=7).policies())
    town.publish("office", "day", second)
    town.publish("office", "day", third)
    assert problems(replayed(town.gate)) == []


def test_restoration_begins_publications_anew() -> None:
    """What the backup did not know of is not formed a second time."""
    town = Suburb(1)
    first, _, third = ends(1, 2, 3)
    town.publish("office", "day", first)
    log = town.gate.state.log
    log.note_gap("restored", "", "", town.gate.now_ms)
    town.publish("office", "day", third)
    assert problems(replayed(town.gate)) == []


def test_missing_opening_accuses_no_publication_behind_it() -> None:
    """It may have been the part that is not there."""
    town = Suburb(1)
    first, second, third = ends(1, 2, 3)
    town.publish("office", "day", first)
    hidden = town.publish("office", "day", second)
    town.publish("office", "day", third)
    openings: dict[int, Opening] = {index: one for index, one in town.gate.openings.items() if index != hidden}
    assert problems(replayed(town.gate, openings=openings)) == [f"entry {hidden}: the opening of the release is missing"]
