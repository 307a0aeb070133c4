"""What stands around every page: how gate and record are, in words and in the logo."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from consent.portal.frame import frame_of
from consent.portal.record import Head, RecordFault
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.public_messages import PublicState
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.portal import NOW_MS, SaidGate, SaidRecord, portal_client, said_head, said_site, said_state

POLICIES = load_policies(ROOT / "policies")
LANGUAGES = ("en", "es", "pt")


def site(state: PublicState | None = None, record: SaidRecord | None = None, now_ms: int = NOW_MS) -> Site:
    """Return a site in order, but for what is given."""
    gate = SaidGate(state or said_state(), away=state is None)
    return replace(said_site(gate, record or SaidRecord(POLICIES, said_head())), now_ms=lambda: now_ms)


async def keys(of: Site) -> list[str]:
    """Return what is said above a page."""
    return [notice.key for notice in (await frame_of(of, Visit("en"))).notices]


@pytest.mark.parametrize(
    ("changed", "gate", "said"),
    [
        ({}, "open", []),
        ({"hears_sensors": False}, "half", []),
        ({"reaches_city": False}, "half", []),
        ({"disk_full": True}, "shut", ["full"]),
        ({"confirmed": False}, "shut", ["unconfirmed"]),
        ({"simulated": True, "rate": 60.0}, "open", ["simulated"]),
        ({"simulated": True, "rate": 0.0}, "open", ["stands"]),
    ],
)
async def test_gate_is_shown_as_it_is(changed: dict[str, Any], gate: str, said: list[str]) -> None:
    """Up where all goes, half where a part is missing, down where nothing leaves."""
    of = site(said_state(**changed))
    assert (await frame_of(of, Visit("en"))).gate == gate
    assert await keys(of) == said


async def test_gate_that_is_away_is_said_to_be_and_the_record_still_speaks() -> None:
    """No page takes silence for anything else."""
    of = site(None)
    frame = await frame_of(of, Visit("en"))
    assert (frame.gate, frame.logo, await keys(of)) == ("away", "gate-shut", ["away"])
    assert frame.name == "Ayuntamiento de Ribera"


async def test_record_that_does_not_grow_is_said_to_stand_still() -> None:
    """After ten minutes, not before; by the machine's clock, and by its last entry where the gateway tells the time."""
    head = said_head()
    assert await keys(site(said_state(now_ms=NOW_MS + 599_999), now_ms=NOW_MS + 599_999)) == []
    later = site(said_state(now_ms=NOW_MS + 720_000), now_ms=NOW_MS + 720_000)
    assert await keys(later) == ["still"]
    assert (await frame_of(later, Visit("en"))).notices[0].gaps == {"minutes": "12"}
    for seconds, key, gaps in (
        (7199, "still", {"minutes": "119"}),
        (172_799, "still-hours", {"hours": "47"}),
        (172_800, "still-days", {"days": "2"}),
    ):
        long_since = site(said_state(now_ms=NOW_MS + seconds * 1000), now_ms=NOW_MS + seconds * 1000)
        assert [(each.key, each.gaps) for each in (await frame_of(long_since, Visit("en"))).notices] == [(key, gaps)]
    found_late = SaidRecord(POLICIES, replace(head, latest_ms=NOW_MS - 3_600_000))
    assert await keys(site(said_state(), found_late)) == ["still"], "the portal was started an hour after it stopped growing"
    assert await keys(site(None, found_late)) == ["away"], "the clock may be a simulated one"
    assert await keys(site(said_state(simulated=True), found_late)) == ["simulated"]


async def test_record_is_said_to_be_as_it_is() -> None:
    """Absent, without rules, unread, or not holding: each is another thing, and "nothing goes out" is said of one alone."""
    assert await keys(site(said_state(), SaidRecord(None))) == ["absent"]
    assert await keys(site(said_state(), SaidRecord(None, said_head()))) == ["nothing"]
    assert await keys(site(said_state(), SaidRecord(None, said_head(), is_read=False))) == ["unread"]
    assert await keys(site(said_state(), SaidRecord(POLICIES, said_head(), is_read=False))) == ["unread"]
    fault = RecordFault("rollback", "checkpoint", NOW_MS)
    assert await keys(site(said_state(), SaidRecord(POLICIES, said_head(), fault=fault))) == ["fault"]
    assert await keys(site(said_state(), SaidRecord(None, fault=fault))) == ["fault"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_has_its_sentence(language: str) -> None:
    """In each language, on the page, and the logo's state in words for who does not see it."""
    heads = [replace(said_head(), read_ms=NOW_MS - hours * 3_600_000) for hours in (1, 24, 240)]
    fault = RecordFault("fork", "checkpoint", NOW_MS)
    shown = set()
    for gate in (
        SaidGate(said_state(), away=True),
        SaidGate(said_state(simulated=True, rate=3600.0, disk_full=True)),
        SaidGate(said_state(simulated=True, rate=0.0, confirmed=False)),
        SaidGate(said_state(reaches_city=False)),
    ):
        grown = [SaidRecord(POLICIES, head, is_read=False, fault=fault) for head in heads]
        for record in (SaidRecord(None), SaidRecord(None, said_head()), *grown):
            page = portal_client(gate, record).get(f"/offline-not?lang={language}").text
            shown |= {part.partition('"')[0] for part in page.split('class="notice ')[1:]}
            assert page.count('<span class="vh">') == 1
    usual = {"away", "simulated", "stands", "full", "unconfirmed", "absent", "nothing", "fault", "unread"}
    assert shown == usual | {"still", "still-hours", "still-days"}


@dataclass
class CountingGate(SaidGate):
    """A gate that counts how often it is asked how it is."""

    times: int = 0

    async def state(self) -> PublicState:
        """Count."""
        self.times += 1
        return await super().state()


def test_page_asks_once_how_the_gate_is() -> None:
    """And a page that tells nothing of the moment does not ask."""
    gate = CountingGate(said_state())
    client = portal_client(gate, SaidRecord(POLICIES, said_head()))
    client.get("/nowhere")
    assert gate.times == 1
    assert "vh" not in client.get("/offline").text
    assert gate.times == 1


def test_head_of_the_future_is_no_stillness() -> None:
    """A gateway whose clock is ahead has not stopped."""
    head: Head = replace(said_head(), latest_ms=NOW_MS + 10**9, read_ms=NOW_MS)
    page = portal_client(SaidGate(said_state()), SaidRecord(POLICIES, head)).get("/nowhere").text
    assert "notice still" not in page
