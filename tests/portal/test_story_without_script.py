"""Everything that tells less works without script: the code of the letter is typed, the paper code alone comes in, and stops."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from consent.core.languages import LANGUAGES
from tests.support.own_city import own_city
from tests.support.resident import resident

DAILY, HOURLY = "energy-daily-totals", "energy-hourly"


def test_everything_that_tells_less_works_without_script(tmp_path: Path, browser: Browser) -> None:
    """A home whose yes was entered at the counter comes in by paper: less, pause, stop, no; export; erasing."""
    with (
        own_city(tmp_path, households=1) as city,
        resident(browser, city.origin, java_script_enabled=False) as eva,
    ):
        eva.claim(city.letters[0])
        (mine,) = city.call("consent.show", {"subject": city.subjects[0]})["residents"]
        for flow in (DAILY, HOURLY):
            city.call("consent.grant", {"subject": city.subjects[0], "resident": mine, "scope": flow, "channel": "counter"})
        eva.leave()
        eva.come_in_by_paper()

        eva.open(f"/my/{DAILY}/fine?retention=30&identity=any&space=any")
        eva.press('main form[method="post"] .acts button[type="submit"]')
        eva.done()
        assert "Kept for 30 days at most" in eva.open(f"/my/{DAILY}")
        eva.open("/my")
        eva.press('main button[value="pause"] >> nth=0')
        eva.done()
        assert "Paused. Nothing goes until you resume it." in eva.reads()
        eva.stop()
        assert eva.reads().count("Taken back. Nothing goes.") == 2
        eva.answer("energy-typical-week", "no")

        eva.choose(DAILY, "yes")
        assert eva.page.locator("form[data-passkey]").count() == 0, "a yes can be sent without a passkey"
        assert "counter" in eva.reads().lower()

        assert eva.save("/my/export", tmp_path / "home.json").stat().st_size > 1000
        for language in LANGUAGES:
            eva.open(f"/my?lang={language}")
            assert eva.page.locator("html").get_attribute("lang") == language
        eva.open("/my/erase")
        eva.send('main form:has(input[value="paper"])', code=eva.paper_code)
        assert eva.page.locator("main .rows li").count() == 7
        assert eva.tab.take_complaints() == []
