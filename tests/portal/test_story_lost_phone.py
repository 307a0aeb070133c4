"""A phone is lost: the paper code stops everything at once and makes a new passkey, whose yes waits a day by the gate's clock.

The household is told of it, so that whoever finds the paper speaks for nobody unseen.
"""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser

from tests.support.own_city import own_city
from tests.support.resident import resident
from tests.support.shell import Shell

DAILY = "energy-daily-totals"


def test_phone_lost_from_paper_code_to_the_next_yes(tmp_path: Path, browser: Browser) -> None:
    """Two of a home; one loses the phone, stops by paper, makes a passkey, waits, and says yes again."""
    with own_city(tmp_path, households=1) as city, resident(browser, city.origin) as ana, resident(browser, city.origin) as rui:
        ana.claim(city.letters[0])
        ana.answer(DAILY, "yes")
        rui.claim(ana.invite())
        rui.answer(DAILY, "yes")

        assert ana.phone is not None
        ana.phone.lose()
        ana.leave()
        ana.come_in_by_paper()
        old_paper = ana.paper_code
        ana.stop()
        ana.done()
        assert "Taken back. Nothing goes." in ana.reads()

        ana.choose(DAILY, "yes")
        assert ana.path.endswith("/confirm")
        assert ana.page.locator("form[data-passkey]").count() == 0, "a paper code is offered to say yes with"
        ana.open("/my/keys")
        ana.press('main form:has(input[value="end-passkey"]) button')
        ana.make_passkey_by_paper()
        assert ana.phone.passkeys() == 1
        assert ana.paper_code != old_paper
        assert "can say yes from" in ana.reads()
        news = rui.open("/my")
        assert "paper code" in news[news.index("News") :], news

        ana.leave()
        ana.paper_code, new_paper = old_paper, ana.paper_code
        ana.open("/in/paper")
        ana.send("main form:has(#code)", code=old_paper)
        assert ana.path == "/in/paper", "a code that is used up opens something"
        ana.paper_code = new_paper
        ana.come_in()

        city.advance("2026-05-05T11:59:00Z")
        ana.choose(DAILY, "yes")
        assert ana.page.locator("form[data-passkey]").count() == 0
        assert re.search(r"can say more from 5 May 2026, 14:00", ana.reads()), ana.reads()
        city.advance("2026-05-05T12:00:00Z")
        number = ana.answer(DAILY, "yes")
        assert f"number {number} in the record" in ana.reads()
        assert "With the paper code, in place of what was lost" in rui.open("/my/history")

        shell, log = Shell(city.live), str(city.live.place.log)
        shell.run("audit", "replay", log, "--key", city.live.vkey, "--openings", str(city.live.place.openings))
