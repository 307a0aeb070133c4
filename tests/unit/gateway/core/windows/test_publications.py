"""When publications are due: in order, also when empty and after days away, and never earlier, twice, or for what nobody asks."""

from __future__ import annotations

from typing import Any

from gateway.core.windows.publications import Due, PublicationKind, Publications, spans_ms
from tests.support.city import City, city
from tests.support.gate import DAY_MS, HOUR_MS, MIDNIGHT_MS

T = MIDNIGHT_MS
"""A Monday."""
WEEK_MS = 7 * DAY_MS

_ASK: dict[str, Any] = {"identity": "aggregate", "space": "district", "group": 5, "retention": 365, "budget": 1}


def town() -> City:
    """Begin a city with one flow of days."""
    built = city().ceiling(identity="per-epoch", space="block").district("north").zone("mill", "north")
    built = built.measures("consumption", 0, 10).purpose("energy").recipient("office").recipient("public", sealed=False)
    built = built.quantity("electricity", "consumption", clip=10, presence=2)
    return built.flow("days", "consumption", statistic="sum", purpose="energy", recipient="office", time="1h", **_ASK)


def with_all() -> City:
    """Return a city whose office gets figures by the day, by the week, by the hour and by four hours."""
    built = town()
    for name, time in (("hours", "1h"), ("fours", "4h")):
        built = built.flow(
            name, "consumption", statistic="sum", purpose="energy", recipient="office", time=time, publish="window", **_ASK
        )
    return built.flow(
        "weeks", "consumption", statistic="typical-day", purpose="energy", recipient="office", time="1h", period="week", **_ASK
    )


def begun(built: City, now_ms: int = T + HOUR_MS // 2) -> Publications:
    """Return publications that have begun at a time."""
    publications = Publications()
    publications.begin(built.policies(), now_ms, lambda *_: None)
    return publications


def all_due(publications: Publications, built: City, until_ms: int, recipient: str = "office") -> list[Due]:
    """Form all that is due until a time; return what was."""
    policies, formed = built.policies(), []
    while (due := publications.due(policies, recipient, until_ms)) is not None:
        publications.formed(due, is_last=True)
        formed.append(due)
    return formed


def test_first_covers_the_day_that_is_under_way() -> None:
    """Nobody can have contributed to the day before."""
    publications = begun(town())
    assert publications.due(town().policies(), "office", T + DAY_MS - 1) is None
    assert publications.due(town().policies(), "office", T + DAY_MS) == Due("office", PublicationKind.DAY, T, T + DAY_MS, 0)


def test_after_days_away_one_for_each_day_in_order() -> None:
    """What a recipient gets does not tell whether anything was in it."""
    found = all_due(begun(town()), town(), T + 5 * DAY_MS + HOUR_MS)
    assert [due.end_ms for due in found] == [T + day * DAY_MS for day in range(1, 6)]
    assert [due.begin_ms for due in found] == [T + day * DAY_MS for day in range(5)]


def test_kinds_leave_by_their_ends() -> None:
    """Of what ends at one moment, windows come first and weeks last."""
    found = all_due(begun(with_all()), with_all(), T + WEEK_MS)
    assert [due.kind for due in found].count(PublicationKind.WINDOW) == 7 * 24
    assert [due.kind for due in found].count(PublicationKind.DAY) == 7
    assert [due.kind for due in found].count(PublicationKind.WEEK) == 1
    assert [due.end_ms for due in found] == sorted(due.end_ms for due in found)
    assert [due.kind for due in found][-3:] == [PublicationKind.WINDOW, PublicationKind.DAY, PublicationKind.WEEK]


def test_windows_by_the_shortest_that_is_asked() -> None:
    """One of four hours leaves with the hour that ends it."""
    assert spans_ms(with_all().policies(), "office") == [
        (PublicationKind.WINDOW, HOUR_MS),
        (PublicationKind.DAY, DAY_MS),
        (PublicationKind.WEEK, WEEK_MS),
    ]


def test_nothing_for_who_asks_no_such_figures() -> None:
    """A recipient of open data without a flow over subjects gets no empty lines."""
    assert all_due(begun(with_all()), with_all(), T + WEEK_MS, "public") == []
    assert list(begun(with_all())) == [
        ("office", PublicationKind.WINDOW),
        ("office", PublicationKind.DAY),
        ("office", PublicationKind.WEEK),
    ]


def test_parts_come_one_after_another() -> None:
    """The next publication begins when the last part of this one was formed."""
    publications, policies = begun(town()), town().policies()
    until_ms = T + 2 * DAY_MS
    parts = []
    for is_last in (False, False, True, True):
        due = publications.due(policies, "office", until_ms)
        assert due is not None
        parts.append((due.end_ms - T, due.part))
        publications.formed(due, is_last=is_last)
    assert parts == [(DAY_MS, 0), (DAY_MS, 1), (DAY_MS, 2), (2 * DAY_MS, 0)]
    assert publications.due(policies, "office", until_ms) is None


def test_void_has_the_same_part_formed_again() -> None:
    """Also the last one, which had ended the publication."""
    publications, policies = begun(town()), town().policies()
    for is_last in (False, True):
        due = publications.due(policies, "office", T + DAY_MS)
        assert due is not None
        publications.formed(due, is_last=is_last)
        publications.void(due)
        assert publications.due(policies, "office", T + DAY_MS) == due
        publications.formed(due, is_last=is_last)
    assert publications.due(policies, "office", T + DAY_MS) is None


def test_other_policies_begin_what_is_partly_formed_again() -> None:
    """They may lay out otherwise what has not left; what has left is in no table any more."""
    publications, policies, noted = begun(town()), town().policies(), list[tuple[str, str, int]]()
    due = publications.due(policies, "office", T + DAY_MS)
    assert due is not None
    publications.formed(due, is_last=False)
    publications.begin_again(lambda *each: noted.append(each))
    assert noted == [("office", "day", T)]
    assert publications.due(policies, "office", T + DAY_MS) == due
    publications.begin_again(lambda *each: noted.append(each))
    assert len(noted) == 1


def test_flows_that_come_and_go() -> None:
    """A kind that is asked no more ends, and begins anew with the day in which it is asked again; both are journalled."""
    publications, noted = begun(town()), list[tuple[str, str, int]]()
    publications.begin(city().policies(), T + DAY_MS, lambda *each: noted.append(each))
    assert list(publications) == []
    later_ms = T + 30 * DAY_MS + HOUR_MS
    publications.begin(town().policies(), later_ms, lambda *each: noted.append(each))
    publications.begin(town().policies(), later_ms + HOUR_MS, lambda *each: noted.append(each))
    assert noted == [("office", "day", -1), ("office", "day", T + 30 * DAY_MS)]
    assert [due.end_ms for due in all_due(publications, town(), T + 31 * DAY_MS)] == [T + 31 * DAY_MS]


def test_state_survives() -> None:
    """Progress is stored with the snapshot."""
    publications = begun(with_all())
    due = publications.due(with_all().policies(), "office", T + DAY_MS)
    assert due is not None
    publications.formed(due, is_last=False)
    again = Publications()
    again.restore(publications.state())
    assert again.state() == publications.state()
    assert all_due(again, with_all(), T + DAY_MS) == all_due(publications, with_all(), T + DAY_MS)
