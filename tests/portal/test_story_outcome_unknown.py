"""Gateway or portal die between a form and its answer: no page claims either way, and then the truth is told.

A door between the two cuts in at the very request, before the gateway has it or after it has committed, so that nothing of this
is a matter of luck; the processes are ended by SIGKILL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Error as BrowserError

from tests.support.cut_door import Side
from tests.support.own_city import OwnCity, own_city
from tests.support.resident import Resident, resident
from tests.support.waiting import HANG_S

DAILY = "energy-daily-totals"
CLAIMS = re.compile(r"in force since|nothing was changed|taken back|it holds\.|was not done", re.IGNORECASE)
"""What a page says that knows how it came out."""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnCity]:
    """A street."""
    with own_city(tmp_path_factory.mktemp("city"), households=4) as made:
        yield made


@pytest.fixture
def ana(city: OwnCity, browser: Browser) -> Iterator[Resident]:
    """Somebody of a home of its own, who has said yes."""
    with resident(browser, city.origin) as one:
        one.claim(city.letters.pop())
        one.answer(DAILY, "yes")
        yield one


def said(ana: Resident) -> list[str]:
    """Return what the person's own history holds, newest first."""
    ana.open("/my/history")
    return [" ".join(row.split()) for row in ana.page.locator("main table tbody td:nth-of-type(1)").all_inner_texts()]


def cut_off(city: OwnCity, method: str, side: Side, act: Callable[[], None], send: Callable[[], None]) -> None:
    """Send a form whose answer is cut off."""
    city.door.cut(method, side, act)
    send()
    assert city.door.happened.wait(HANG_S)


def started_again(city: OwnCity) -> None:
    """Start the gateway that was killed."""
    city.live.start()
    city.live.wait_ready()


def test_gateway_dies_before_it_has_the_stop(city: OwnCity, ana: Resident) -> None:
    """The page says that nobody knows; once the gateway is back, that it was not done; and sends it again under the same id."""
    ana.open("/my/went")
    cut_off(city, "consent.less", "before", city.live.kill, ana.stop)
    assert not CLAIMS.search(ana.reads()), ana.reads()
    assert ana.page.locator('main a[href^="/my/sent"]').count() == 1
    ana.press('main a[href^="/my/sent"]')
    assert not CLAIMS.search(ana.reads()), ana.reads()
    started_again(city)
    ana.page.wait_for_function("() => document.querySelector('main form')")  # the page asks again by itself
    assert "It was not done" in ana.reads()
    ana.press('main form button[type="submit"]')
    ana.done()
    assert "Taken back. Nothing goes." in ana.reads()


def test_gateway_dies_once_the_stop_is_committed(city: OwnCity, ana: Resident) -> None:
    """The page says that nobody knows; once the gateway is back, that it holds; and the record has it once."""
    ana.open("/my")
    cut_off(city, "consent.less", "after", city.live.kill, ana.stop)
    assert not CLAIMS.search(ana.reads()), ana.reads()
    started_again(city)
    ana.press('main a[href^="/my/sent"]')
    assert "It holds" in ana.heading
    ana.press('main a[href^="/my/done/"]')
    ana.done()
    assert "Taken back. Nothing goes." in ana.reads()
    assert sum("You took back your yes" in row for row in said(ana)) == 1


@pytest.mark.parametrize("side", ["before", "after"])
def test_portal_dies_with_the_answer(side: Side, city: OwnCity, ana: Resident) -> None:
    """The browser shows no page of ours; the portal that is started again lets the person on, and shows what holds."""
    ana.open("/my/home")

    def send() -> None:
        with pytest.raises(BrowserError, match="ERR_"):
            ana.stop()

    cut_off(city, "consent.less", side, city.kill_portal, send)
    city.start_portal()
    overview = ana.open("/my")
    assert ana.path == "/my", "the person has to come in again"
    assert ("Taken back. Nothing goes." in overview) == (side == "after")
    assert sum("You took back your yes" in row for row in said(ana)) == (side == "after")
