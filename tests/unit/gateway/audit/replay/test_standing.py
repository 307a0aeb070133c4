"""Who stands in which draw: devices at several places are counted, one device in two cohorts is named, a void forgets both."""

from __future__ import annotations

from msgspec import structs

from gateway.audit.log.payloads import Contribution, ReleasedDraw
from gateway.audit.replay.entitlement import ReleasedPart
from gateway.audit.replay.standing import CohortStanding
from tests.support.gate import DAY_MS

HOME = b"h" * 16
DRAW = ReleasedDraw("f", ("1h", "district", "1"), "north", "p", "sum", "day", (0, DAY_MS), "none", "", 1, "", "", 5, 24, (), 1)


def part(zone: str = "mill", profile: str = "meter") -> ReleasedPart:
    """Return the part of the home by a device that stands in a zone."""
    return ReleasedPart(HOME, Contribution(0, HOME, {}, 1, (), 1, profile, zone), b"", b"")


def test_device_in_two_cohorts_of_a_period_is_named_and_one_at_another_place_is_counted() -> None:
    """The next day is another period."""
    standing = CohortStanding()
    assert standing.take(1, DRAW, [part()]) == []
    assert standing.take(1, structs.replace(DRAW, cell="south"), [part("dock")]) == []
    assert standing.several_places == 1
    coarser = structs.replace(DRAW, level=("4h", "district", "1"))
    assert standing.take(2, coarser, [part()]) == ["`1` subjects stand in another draw of that flow and day as well"]
    assert standing.take(3, structs.replace(coarser, span=(DAY_MS, 2 * DAY_MS)), [part()]) == []


def test_void_forgets_slices_and_who_stood_in_them() -> None:
    """So the home may be drawn elsewhere."""
    standing = CohortStanding()
    standing.take(1, DRAW, [part()])
    assert standing.take(2, DRAW, []) == ["what is in it was released before, by entry `1`"]
    standing.void(1)
    assert standing.take(3, DRAW, []) == []
    assert standing.take(3, structs.replace(DRAW, level=("4h", "district", "1")), [part()]) == []
