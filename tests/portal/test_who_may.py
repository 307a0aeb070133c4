"""Who may see which page, and send which form: every route and every method, as a stranger and as two households.

The gateway's own handlers stand behind the portal, so what is tested is both together: the session's household and nobody else's,
whatever an address or a form names.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from consent.portal.answers import HTML, Route, Who
from consent.portal.routes import ROUTES
from tests.support.citizens_door import Person, citizens_door
from tests.support.own_portal import OwnPortal, names_in, names_of

OWN = [route for route in ROUTES if route.is_own]
FORMS = [route for route in OWN if route.form is not None]
FLOW = "energy-hourly"


@dataclass
class TwoHomes:
    """Two households that have come in, each with an answer on the record.

    Attributes:
        names: All that is the first one's alone.
        index: Of the first one's answer in the record.
    """

    portal: OwnPortal
    one: Person
    two: Person
    names: set[str]
    other_names: set[str]
    index: int

    def cookies(self) -> dict[str, str]:
        """Return a browser's cookie of each."""
        return {"one": self.portal.come_in(self.one.opened), "two": self.portal.come_in(self.two.opened)}

    def address(self, route: Route) -> str:
        """Return an address of a route: with the first household's numbers, wherever it names something."""
        named = {"index": str(self.index), "number": str(self.index), "flow": FLOW}
        path = re.sub(r"{(\w+)(:path)?}", lambda gap: named.get(gap[1], "a"), route.path)
        query = "&".join(f"{parameter.name}={parameter.example}" for parameter in route.parameters if parameter.is_in_query)
        return path + (f"?{query}" if query else "")

    async def state(self) -> object:
        """Return all that the gateway holds of the first household, but for when it was last seen."""
        shown = await self.one.ask("home.show")
        used = [{**row, "used_ms": 0} for row in shown["passkeys"]]
        return {**shown, "passkeys": used}, await self.one.ask("consent.show", subject="00" * 16)


@asynccontextmanager
async def two_homes(folder: Path) -> AsyncIterator[TwoHomes]:
    """Open a gateway with two households."""
    async with citizens_door(folder) as door:
        one, two = await door.home(), await door.home()
        index = 0
        for person in (one, two):
            subject = (await person.ask("home.show"))["devices"][0]
            assert subject
        for person in (one, two):
            answer = await person.ask("consent.less", step="refuse", scope=FLOW)
            index = index or answer["changes"][0]["log_index"]
        ours, theirs = await names_of(one), await names_of(two)
        yield TwoHomes(OwnPortal(door), one, two, ours - theirs, theirs - ours, index)


def test_every_address_of_a_household_is_a_household_s_alone() -> None:
    """Nothing under `/my` is for anyone; nothing is taken from anyone but to come in; and no public page takes a form."""
    assert {route.path for route in ROUTES if route.path == "/my" or route.path.startswith("/my/")} == {
        route.path for route in ROUTES if route.who is Who.SIGNED_IN
    }
    assert {route.path for route in FORMS if route.who is Who.ANYONE} == {"/claim", "/in", "/in/paper"}


async def test_stranger_sees_nothing_and_sends_nothing(tmp_path: Path) -> None:
    """Of a page they are led to where one comes in; of data they are refused; and nothing is changed."""
    async with two_homes(tmp_path) as homes:
        before = await homes.state()
        for route in OWN:
            address = homes.address(route)
            for method, cookie in itertools.product(("GET", "HEAD", "POST"), ("", f"__Host-sluice={'A' * 43}")):
                form = {"form": "0" * 64, "request": "0" * 32, "act": "end"} if method == "POST" else None
                told = await homes.portal.ask(method, address, cookie, form)
                assert not {name for name in homes.names | homes.other_names if name in told.all}, (method, address)
                if route.who is Who.ANYONE:
                    assert told.status == (403 if method == "POST" else 200), (method, address)
                elif method == "POST" and route.form is None:
                    assert told.status == 405, (method, address)
                elif route.media == HTML or method == "POST":
                    assert (told.status, told.header("location").partition("?")[0]) == (303, "/in"), (method, address)
                else:
                    assert told.status == 401, (method, address)
        assert await homes.state() == before


async def test_household_sees_its_own_and_nothing_of_another(tmp_path: Path) -> None:
    """Whichever numbers an address names; and what it sees is kept nowhere."""
    async with two_homes(tmp_path) as homes:
        before = await homes.state()
        seen = dict.fromkeys(("one", "two"), "")
        for who, cookie in homes.cookies().items():
            strange = homes.other_names if who == "one" else homes.names
            for route, method in itertools.product(OWN, ("GET", "HEAD")):
                address = homes.address(route)
                told = await homes.portal.ask(method, address, cookie)
                assert told.status in (200, 303, 404), (who, address, told.text)
                assert not {name for name in strange if name in told.all}, (who, address)
                if told.status != 404:
                    assert "no-store" in told.header("cache-control"), (who, address)
                    assert told.header("content-encoding") == "", "what is compressed tells its secrets by its length"
                seen[who] += told.all
        assert {name for name in homes.names if name in seen["one"]}, "the pages do show what is looked for"
        assert {name for name in homes.other_names if name in seen["two"]}
        assert await homes.state() == before


@pytest.mark.parametrize("path", [route.path for route in FORMS])
async def test_form_that_names_another_household_changes_nothing_of_it(tmp_path: Path, path: str) -> None:
    """With each word that the form knows, and every name of the first household in every field."""
    route = next(route for route in FORMS if route.path == path)
    async with two_homes(tmp_path) as homes:
        before = await homes.state()
        shown = await homes.one.ask("home.show")
        theirs = [shown["passkeys"][0]["passkey"], shown["session"]["session"], shown["resident"], homes.one.paper_code, FLOW]
        words = [word for field in route.fields if field.name in ("how", "act", "answer") for word in _words(field.pattern)] or [
            ""
        ]
        page = homes.address(route)
        for word, name in itertools.product(words, theirs):
            person = await homes.portal.door.home()  # a new one each time: it may well end itself
            cookie = homes.portal.come_in(person.opened)
            values = {field.name: name for field in route.fields if field.name not in ("how", "act", "answer", "next")}
            values |= {field.name: word for field in route.fields if field.name in ("how", "act", "answer")}
            told = await homes.portal.send("/my", cookie, values, page.partition("?")[0])
            assert told.status < 500, (word, name, told.text)
            assert not {known for known in homes.names - set(theirs) if known in told.all}, (word, name)
            if path == "/in/paper" and name == homes.one.paper_code:
                before = await homes.state()  # whoever holds the paper comes in by it: one session more
            assert await homes.state() == before, (word, name)


async def test_session_of_one_opens_nothing_of_the_other_after_it_ends(tmp_path: Path) -> None:
    """The cookie of a household that was ended at the gateway is of no use, at the next request."""
    async with two_homes(tmp_path) as homes:
        cookie = homes.cookies()["one"]
        assert (await homes.portal.ask("GET", "/my/home", cookie)).status == 200
        await homes.one.ask("session.end")
        told = await homes.portal.ask("GET", "/my/home", cookie)
        assert (told.status, told.header("location").partition("?")[0]) == (303, "/in")
        assert (await homes.portal.ask("GET", "/my/export", homes.cookies()["one"])).status == 401
        assert (await homes.portal.ask("GET", "/my/home", homes.cookies()["two"])).status == 200


def _words(pattern: str) -> list[str]:
    """Return the words that a field's pattern knows."""
    return [word for word in re.split(r"[|()?:]", pattern) if re.fullmatch(r"[a-z][a-z-]*", word)]


def test_names_are_found_however_a_page_writes_them() -> None:
    """In hexadecimal, and in both forms of base64."""
    assert {"ff" * 16, "/////////////////////w==", "_____________________w"} <= set(names_in({"a": ["ff" * 16, 1, "short"]}))
