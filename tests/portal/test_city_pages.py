"""What the pages say of a city equals what its log, its openings and its registry say, counted anew; and a browser shows them.

The numbers of the pages are read as a visitor reads them, from HTML without script, and rounded down as they say.
"""

from __future__ import annotations

import csv
import io
import re
import urllib.request
from collections import Counter
from datetime import UTC, datetime
from http.client import HTTPResponse

import pytest
from playwright.sync_api import Browser

from consent.core.policies.policy import PolicySet
from gateway.audit.log.entries import Kind
from tests.support.addresses import MISSING, WITH_FORMS, counted, one_of_each
from tests.support.counted_log import CITY, DAY_MS, CountedLog, Left, Way
from tests.support.policy_folder import load_policies
from tests.support.read_page import ReadPage, number, read_page
from tests.support.still_city import StillCity
from tests.support.waiting import HANG_S
from tests.support.watched import PHONE, hindrances, malformed, unreachable_by_keyboard, watched

HOMES_STEP = 5

HEARTBEATS = 20
"""So often at most a page and a count of the record are compared, of which an entry may come between."""


@pytest.fixture(scope="module")
def count(city: StillCity) -> CountedLog:
    """The record, counted anew."""
    return counted(city)


@pytest.fixture(scope="module")
def policies(city: StillCity) -> PolicySet:
    """The rules in force."""
    return load_policies(city.place.policies)


def asked(city: StillCity, path: str) -> HTTPResponse:
    """Return the answer of the portal to a request."""
    answer = urllib.request.urlopen(city.origin + path, timeout=HANG_S)  # noqa: S310  our own portal
    assert isinstance(answer, HTTPResponse)
    return answer


def fetched(city: StillCity, path: str) -> str:
    """Return what stands at an address."""
    with asked(city, path) as response:
        assert response.status == 200
        return response.read().decode()


def page_at(city: StillCity, path: str) -> ReadPage:
    """Return a page, in English."""
    return read_page(fetched(city, path))


def down(n: int, step: int) -> int:
    """Return a number rounded down to a multiple."""
    return n - n % step


def day_text(day: int) -> str:
    """Return a day since the epoch as addresses have it."""
    return datetime.fromtimestamp(day * DAY_MS / 1000, UTC).date().isoformat()


def balance_rows(city: StillCity, day: int) -> list[dict[str, str]]:
    """Return the rows of a day's file."""
    return list(csv.DictReader(io.StringIO(fetched(city, f"/balance.csv?day={day_text(day)}"))))


def whole_days(count: CountedLog) -> list[int]:
    """Return the days that have ended."""
    now_ms = max(entry.time_ms for entry in count.entries)
    return sorted({entry.time_ms // DAY_MS for entry in count.entries if entry.time_ms // DAY_MS < now_ms // DAY_MS})


def test_balance_file_says_what_the_record_holds_of_each_flow(city: StillCity, count: CountedLog) -> None:
    """For every day that has ended: the same flows, and of each the records and pairs of its releases, rounded down as stated.

    What is below its step of homes one by one is not named: that there is somebody would show.
    """
    shown = 0
    for day in whole_days(count):
        said: dict[Way, dict[str, int]] = {}
        steps: dict[Way, int] = {}
        for row in balance_rows(city, day):
            if row["kind"] == "flow":
                way = Way(row["flow"], row["recipient"], row["owner"], row["identity"])
                said.setdefault(way, {})[row["unit"]] = int(row["n"])
                if row["unit"] == "pairs":
                    steps[way] = int(row["rounded_to"])
        left = {way: one for (of, way), one in count.left.items() if of == day}
        unsaid = left.keys() - said.keys()
        assert said.keys() == left.keys() - unsaid, day_text(day)
        assert all(way.owner != CITY and way.identity != "aggregate" for way in unsaid), day_text(day)
        for way, one in left.items():
            if way in unsaid:
                continue
            assert said[way]["pairs"] == down(one.pairs, steps[way]), way
            is_of_homes = way.owner != CITY and way.identity != "aggregate"
            assert said[way]["records"] == down(one.records, steps[way] if is_of_homes else 1), way
            shown += said[way]["pairs"] + said[way]["records"]
    assert shown > 0


def test_balance_file_says_what_the_books_hold(city: StillCity, count: CountedLog) -> None:
    """Each account of a day lies between what the log's own books around its two midnights allow."""
    seen = set()
    for day in whole_days(count):
        for row in balance_rows(city, day):
            if row["kind"] != "account":
                continue
            least, most = count.between(row["account"], day * DAY_MS, (day + 1) * DAY_MS)
            step = int(row["rounded_to"])
            assert down(max(least, 0), step) <= int(row["n"]) <= max(most, 0), row
            seen.add(row["account"])
    assert "bundles.formed" in seen


def test_balance_page_says_what_its_file_says(city: StillCity, count: CountedLog, policies: PolicySet) -> None:
    """Of every day, and what went on from the city's own sensors stands there by recipient."""
    compared = 0
    for day in whole_days(count):
        page = page_at(city, f"/balance?day={day_text(day)}")
        told: Counter[str] = Counter()
        for row in balance_rows(city, day):
            if row["kind"] == "flow" and row["unit"] == "pairs" and row["owner"] == CITY:
                told[policies.recipients[row["recipient"]].title["en"]] += int(row["n"])
        for recipient, pairs in told.items():
            if pairs:
                (said,) = [row[-1] for row in page.rows if row[0].startswith(f"{recipient}, from the city’s own sensors")]
                assert number(said) == pairs
                compared += 1
    assert compared > 0


def test_flow_pages_say_what_left_and_among_how_many(city: StillCity, count: CountedLog, policies: PolicySet) -> None:
    """Bundles, records and, day by day, the smallest and the usual number of homes that a recipient was told."""
    figures = 0
    for flow in policies.flows:
        page, left = page_at(city, f"/flows/{flow}"), count.of_flow(flow)
        if policies.flows[flow].ask.identity.name.lower() not in ("per_epoch", "stable"):
            assert said_served(page) == served(left), flow
        for day, told in count.told(flow).items():
            when = datetime.fromtimestamp(day * DAY_MS / 1000, UTC)
            least, usual, many = page.row(f"{when.day} {when:%B} {when.year}")
            assert number(least) == down(min(told), HOMES_STEP)
            assert number(usual) == down(sorted(told)[(len(told) - 1) // 2], HOMES_STEP)
            assert number(many) == len(told)
            figures += len(told)
    assert figures > 0


def served(left: list[Left]) -> tuple[int, int]:
    """Return how many bundles and records there were."""
    indices = {index for one in left for index in one.indices}
    return len(indices), sum(one.records for one in left)


def said_served(page: ReadPage) -> tuple[int, int]:
    """Return what a page says of that."""
    return number(page.facts.get("Bundles", "0")), number(page.facts.get("Records in them", "0"))


def test_check_page_says_what_the_checkpoint_says(city: StillCity) -> None:
    """Size, root, key, the latest number and how many there are of each kind."""
    for _ in range(HEARTBEATS):  # the books of a city that stands may still be closed while a page is read
        page, count = page_at(city, "/check"), counted(city)
        if page.facts["Written down"] == f"{len(count.entries):,} numbers":
            break
    assert page.facts["Written down"] == f"{len(count.entries):,} numbers"
    assert page.facts["One number over all"] == count.root.hex()
    assert city.vkey.endswith(page.facts["Key ends in"].replace(" ", ""))
    assert f"/check/{len(count.entries) - 1}" in page.links
    says = {"data left": "release", "the books": "account", "an answer was given": "consent", "rules came into force": "policy"}
    for sentence, kind in says.items():
        (said,) = page.row(sentence)
        assert number(said) == count.kinds()[kind] > 0, kind


def test_page_of_each_release_says_what_its_opening_holds(city: StillCity, count: CountedLog, policies: PolicySet) -> None:
    """Whom it went to and how many values, of the city's own sensors and of figures; of homes one by one not even that."""
    seen: Counter[str] = Counter()
    for (_, way), left in sorted(count.left.items()):
        for index in sorted(left.indices)[:2]:
            page = page_at(city, f"/check/{index}")
            is_told = way.owner == CITY or way.identity == "aggregate"
            title = policies.recipients[way.recipient].title["en"]
            if is_told:
                assert title in page.heading, (index, page.heading)
                assert policies.flows[way.flow].title["en"] in page.text, index
            assert str(index) in page.heading
            seen[way.identity] += 1
    assert seen["aggregate"]
    assert seen["per-record"]


def test_page_of_an_answer_says_nothing_of_whose_it_is(city: StillCity, count: CountedLog) -> None:
    """No id of a home, which the operator knows, stands on any page of an answer."""
    devices = city.call("device.list")["devices"]
    subjects = {device["subject"] for device in devices if len(device.get("subject") or "") == 32}
    assert subjects
    for entry in [entry for entry in count.entries if entry.kind in (Kind.CONSENT, Kind.WITHDRAWAL)][:5]:
        html = fetched(city, f"/check/{entry.sequence}")
        assert not [subject for subject in subjects if subject in html]


def test_home_page_counts_what_is_registered(city: StillCity, count: CountedLog) -> None:
    """Sensors of the city exactly, those of homes by zone and profile rounded down; and the entries of the record."""
    devices = city.call("device.list")["devices"]
    own = sum(not is_about_a_home(device) for device in devices)
    homes = Counter((device["zone"], device["profile"]) for device in devices if is_about_a_home(device))
    page = page_at(city, "/")
    (said,) = re.findall(r"At least ([\d,]+) sensors measure here", page.text)
    assert number(said) == own + sum(down(n, HOMES_STEP) for n in homes.values())
    assert f"{len(count.entries):,} entries so far" in page.text


def is_about_a_home(device: dict[str, str]) -> bool:
    """Return whether somebody lives where it is."""
    return len(device.get("subject") or "") == 32


def test_pages_are_the_same_to_whom_they_never_saw(city: StillCity) -> None:
    """No page sets a cookie but the one by which a form knows its page; and each forbids all that it does not bring itself."""
    for path in one_of_each(city)[:-1]:
        with asked(city, path) as response:
            cookies = [cookie.partition("=")[0] for cookie in response.headers.get_all("set-cookie", [])]
            assert cookies == (["__Host-sluice-form"] if path in WITH_FORMS else []), path
            assert response.headers["content-security-policy"].startswith("default-src 'none'")


def test_browser_shows_each_page_well(city: StillCity, browser: Browser) -> None:
    """On a phone: one page of each route, without a complaint of the browser's or of axe's, and some of them by keyboard."""
    found = {}
    walked = {"/", "/check", one_of_each(city)[2]}
    with watched(browser, city.origin, PHONE, locale="en") as tab:
        for path in one_of_each(city):
            status = tab.open(path).status
            wrong = [] if status == (404 if path == MISSING else 200) else [f"status {status}"]
            wrong += malformed(tab.page, "en") + hindrances(tab.page)
            wrong += unreachable_by_keyboard(tab.page) if path in walked else []
            complaints = [line for line in tab.take_complaints() if not (path == MISSING and "404" in line)]
            if wrong or complaints:
                found[path] = wrong + complaints
    assert found == {}
