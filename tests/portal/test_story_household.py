"""A household of two, from the letter to erasing: what the pages say beside what the city then got, and what outsiders find.

A real broker, gateway and portal, a browser each with a phone that holds passkeys, and a clock that stands until it is set. One
story, told in order; what it comes to is checked where it happens.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.support.own_city import NEIGHBOURS, OwnCity, own_city
from tests.support.resident import Resident, resident
from tests.support.shell import Shell

DAILY, HOURLY = "energy-daily-totals", "energy-hourly"
FIRST_DAY, SECOND_DAY, THIRD_DAY = "2026-05-05", "2026-05-06", "2026-05-07"
OWN_TOTAL = 19.5
"""24 hours at 0.8 kWh, floored to 1 kWh and told as the middle of the step; the neighbours' are others."""


def test_household_of_two_from_letter_to_erasing(tmp_path: Path, browser: Browser) -> None:
    """Claim, passkey, answers, what leaves, a second person, less, everything taken back, receipts, export, erasing."""
    with own_city(tmp_path, households=1) as city, resident(browser, city.origin) as ana, resident(browser, city.origin) as rui:
        ana.claim(city.letters[0])
        said = [ana.answer(DAILY, "yes"), ana.answer(HOURLY, "yes")]
        _first_day(city, ana)
        _second_joins(city, ana, rui)
        taken_back = _stops(city, ana)
        _check_offline(city, ana, [*said, taken_back], tmp_path)
        said_by = _replayed(city)
        assert said_by["grants"] == {"operator": NEIGHBOURS, "passkey": 3}, "three times somebody said yes, or less"
        _erases(city, ana, rui)
        for one in (ana, rui):
            assert [line for line in one.tab.take_complaints() if "status of 4" not in line] == []


def own(city: OwnCity) -> list[float]:
    """Return the days' totals that can only be this household's, as the city has them."""
    return [record.result for record in city.records(DAILY) if record.result == OWN_TOTAL]


def _first_day(city: OwnCity, ana: Resident) -> None:
    """What left of the first whole day is what the question shows of it, and nothing of the day of the answer left."""
    city.day(FIRST_DAY, "2026-05-06T05:00:00Z")
    ana.open(f"/my/{DAILY}")
    (shown,) = ana.seen_by_city("yes")
    assert own(city) == [OWN_TOTAL]
    assert shown == f"{OWN_TOTAL} kWh"
    ana.open(f"/my/{HOURLY}")
    assert len(ana.seen_by_city("yes")) == 24
    hours = {record.phenomenon_time for record in city.records(HOURLY) if record.cell == "riverside"}
    assert len(hours) == 24
    assert sorted(_numbers_that_went(ana)) == [bundle.log_index for bundle in city.bundles() if bundle.records]


def _second_joins(city: OwnCity, ana: Resident, rui: Resident) -> None:
    """Once somebody has joined nothing goes until they have answered too; and the more careful of the two answers counts."""
    rui.claim(ana.invite())
    assert city.call("status")["clock"]["now"].startswith("2026-05-06")
    rui.limit(DAILY, "retention:30")
    overview = ana.open("/my")
    assert "holds something back" in overview
    before = len(city.records(DAILY))
    city.day(SECOND_DAY, "2026-05-07T05:00:00Z")
    later = city.records(DAILY)[before:]
    assert later
    assert OWN_TOTAL not in [record.result for record in later], "they had not both said yes when the day began"
    city.day(THIRD_DAY, "2026-05-08T05:00:00Z")
    (record,) = [one for one in city.records(DAILY)[before + len(later) :] if one.result == OWN_TOTAL]
    assert record.retention_days == 30
    assert record.result == OWN_TOTAL


def _stops(city: OwnCity, ana: Resident) -> int:
    """One tap on any page takes all back: of the day that was under way nothing leaves, and the pages say so."""
    city.advance("2026-05-08T12:00:00Z")
    city.say("2026-05-08T00:00:00Z", 12)
    ana.open("/my/readings")
    ana.stop()
    number = ana.done()
    assert "Nothing that is made from now on holds anything that you took back" in ana.reads()
    before, went = len(city.records(DAILY)), _numbers_that_went(ana)
    city.day("2026-05-08", "2026-05-09T05:00:00Z")
    later = city.records(DAILY)[before:]
    assert later
    assert OWN_TOTAL not in [record.result for record in later]
    assert _numbers_that_went(ana) == went
    return number


def _check_offline(city: OwnCity, ana: Resident, numbers: list[int], folder: Path) -> None:
    """Each receipt and proof that the pages give holds by the commands alone, which ask neither portal nor gateway."""
    shell, went = Shell(city.live), _numbers_that_went(ana)
    for number in numbers:
        ana.wait_for(f"/my/receipts/{number}", f'a[href="/my/receipts/{number}/proof"]')
        receipt = ana.save(f"/my/receipts/{number}.json", folder / f"{number}.jsonld")
        shell.run("consent", "check-receipt", str(receipt), "--key", city.live.vkey)
        proof = ana.save(f"/my/receipts/{number}/proof", folder / f"{number}.tlog-proof")
        shell.run("audit", "check-proof", str(proof), "--key", city.live.vkey)
        found = shell.json("audit", "find", str(city.live.place.log), "--receipt", str(receipt), "--key", city.live.vkey)
        assert [one["index"] for one in found["found"]] == sorted(went)
    held = json.loads(ana.save("/my/export", folder / "home.json").read_text())
    assert set(numbers) <= {record["log_index"] for record in held["history"]}


def _numbers_that_went(ana: Resident) -> list[int]:
    """Return the numbers of all that left with something of the home in it, as its page has them."""
    ana.open("/my/went")
    rows = ana.page.locator("main ol.lines > li").all_inner_texts()
    found = [int(match[1].replace(",", "")) for row in rows if (match := re.search(r"number ([\d,]+)", row))]
    assert len(found) == len(rows) > 0
    return found


def _erases(city: OwnCity, ana: Resident, rui: Resident) -> None:
    """Everything goes, for both; the record stays whole, and every decision can still be made again from it."""
    ana.open("/my/erase")
    ana.press('main form:has(input[value="ask"]) button')
    ana.sign()
    assert ana.page.locator("main .rows li").count() == 7
    rui.open("/my")
    assert rui.path == "/in"
    ana.open("/in")
    ana.sign()
    assert ana.path == "/in"
    _replayed(city)


def _replayed(city: OwnCity) -> dict[str, Any]:
    """Return what an auditor finds who verifies the record and makes every decision anew: that nothing is wrong."""
    log, openings, shell = str(city.live.place.log), str(city.live.place.openings), Shell(city.live)
    shell.run("audit", "verify", log, "--key", city.live.vkey, "--openings", openings)
    report: dict[str, Any] = shell.json("audit", "replay", log, "--key", city.live.vkey, "--openings", openings)
    assert report["problems"] == report["findings"] == []
    assert report["releases"]["mismatch"] == report["unchecked_sessions"] == 0
    return report
