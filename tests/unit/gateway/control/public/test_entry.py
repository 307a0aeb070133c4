"""What an entry may tell anyone: nothing that counts homes but what a recipient was told, and nothing of homes one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.log.openings import Opening, Part
from gateway.audit.log.payloads import PublicationPart, ReleasedDraw, ReleasePayload, ReleaseRecord
from gateway.control.context import ANYONE, MethodError
from gateway.control.public.entry import _told
from tests.support.asking import begin
from tests.support.gate import HOUR_MS
from tests.support.inside import started
from tests.support.live import LiveGateway

LEVEL = ("exact", "block", "0.1")


def opening(records: Sequence[ReleaseRecord] = (), draws: Sequence[ReleasedDraw] = (), part: Any = None) -> bytes:
    """Return the opening of a release."""
    payload = ReleasePayload("office", tuple(records), tuple(draws), part)
    return Opening(3, (Part(bytes(32), payload.encode()), Part(bytes(32), b"\xa0"))).encode()


def own(flow: str, cell: str, at_ms: int, n: int = 1) -> ReleaseRecord:
    """Return what an entry states of a record about nobody."""
    return ReleaseRecord(flow, LEVEL, cell, (at_ms, at_ms + 1), n, "per-record", "LAeq", owner="city")


def homes(flow: str, cell: str, at_ms: int) -> ReleaseRecord:
    """Return what an entry states of a home's."""
    return ReleaseRecord(flow, LEVEL, cell, (at_ms, at_ms + 1), 7, "per-record", "LAeq")


def draw(told: int, records: int) -> ReleasedDraw:
    """Return what an entry states of a draw about homes, of 4711 pairs."""
    span = (0, 24 * HOUR_MS)
    return ReleasedDraw("f", LEVEL, "north", "kWh", "sum", "day", span, "gaussian", "1", 1, "9", "2", told, records, (), 4711)


def test_records_about_nobody_are_told_by_kind() -> None:
    """How many, and from when to when."""
    told = _told(opening([own("a", "mill", 50), own("a", "mill", 20), own("a", "dock", 30)]), None)
    assert (told.known, told.recipient) == (True, "office")
    assert [(part.cell, part.from_ms, part.until_ms, part.records, part.homes) for part in told.parts] == [
        ("dock", 30, 31, 1, None),
        ("mill", 20, 51, 2, None),
    ]


def test_homes_one_by_one_are_not_told_at_all() -> None:
    """Neither flow nor cell nor time nor how many; where nothing else is in it, not even who got it."""
    beside = _told(opening([own("a", "mill", 50), homes("secret", "dock", 99)]), None)
    assert [(part.flow, part.records) for part in beside.parts] == [("a", 1)]
    assert beside == _told(opening([own("a", "mill", 50)]), None)
    alone = _told(opening([homes("secret", "dock", 99)]), None)
    assert (alone.known, alone.recipient, alone.parts) == (True, "", ())


@pytest.mark.parametrize(("said", "told"), [(20, 20), (0, 0), (23, 20)])
def test_figures_about_homes_state_what_was_told_and_never_the_pairs(said: int, told: int) -> None:
    """A number of pairs is one of homes, to whoever knows how often a meter speaks."""
    found = _told(opening(draws=[draw(said, 24)], part=PublicationPart("day", 1, 0, 1)), None)
    (part,) = found.parts
    assert (part.homes, part.records) == (told, 24)
    assert "4711" not in repr(found)


def test_publication_without_figures_tells_its_recipient() -> None:
    """It leaves by the clock, and as long as any other."""
    found = _told(opening(draws=[draw(0, 0)], part=PublicationPart("day", 1, 0, 1)), None)
    assert (found.recipient, found.parts) == ("office", ())


async def test_entries_that_are_no_releases_are_known_whatever_is_kept_of_them(tmp_path: Path) -> None:
    """Consents whose openings vanish together would be one home's; what is not published does not exist."""
    async with started(LiveGateway(tmp_path, 1)) as durable:
        row = {"profile": "meter", "zone": "north-quay", "topic": "t/0", "owner": "resident", "subject": "new"}
        home = (await begin(durable, "device.add", {"devices": [row]}))["devices"][0]
        consent = await begin(durable, "consent.grant", {"subject": home["subject"], "scope": "purpose:energy-planning"})
        index = consent["log_index"]
        await durable.commit()
        with pytest.raises(MethodError, match=f"the record has no entry `{index}`"):
            await begin(durable, "public.entry", {"index": index}, ANYONE)
        durable.checkpoint()
        await durable.commit()
        before = [await begin(durable, "public.entry", {"index": each}, ANYONE) for each in range(durable.published)]
        await begin(durable, "consent.erase", {"subject": home["subject"]})
        await durable.commit()
        after = [await begin(durable, "public.entry", {"index": each}, ANYONE) for each in range(len(before))]
        assert before == after
        assert all(entry["known"] for entry in after)
        for nowhere in (-1, durable.state.log.size, 1 << 70):
            with pytest.raises(MethodError, match="the record has no entry"):
                await begin(durable, "public.entry", {"index": nowhere}, ANYONE)
