"""A person of a household with a browser, who does on the portal's own pages what people do there.

Everything is found by how the pages are made (fields, forms, addresses) and never by their words, so that the same person can
read any of the languages. Where a form is sent, the page that follows has come before a method returns.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Response

from tests.support.authenticator import Authenticator, authenticator_of
from tests.support.waiting import HANG_S
from tests.support.watched import PHONE, Watched, watched

STOP, PAUSE = 'form[action^="/my/stop"]', 'form[action^="/my/pause"]'
"""In the bar of every own page; a receipt has its own besides, of one answer."""
_WRITTEN_CODE = "strong.code"
_LOOK_MS = 100


@dataclass
class Resident:
    """A person, in one tab.

    Attributes:
        phone: What holds their passkeys; None where no script runs.
        paper_code: As they wrote it down.
        came: The answer that brought the page that is open.
    """

    tab: Watched
    phone: Authenticator | None
    paper_code: str = ""
    came: Response | None = None

    @property
    def page(self) -> Page:
        """The tab's page."""
        return self.tab.page

    def open(self, path: str, status: int = 200) -> str:
        """Open an address, which must answer so; return what its matter says."""
        self.came = self.tab.open(path)
        assert self.came.status == status, (path, self.came.status, self.reads())
        return self.reads()

    def reads(self) -> str:
        """Return what the matter of the page says, each run of blanks as one."""
        return " ".join(self.page.inner_text("main").split())

    def wait_for(self, path: str, element: str) -> None:
        """Load a page until it has an element, which comes once the portal has read on in the record."""
        deadline_s = time.monotonic() + HANG_S
        self.open(path)
        while not self.page.locator(element).count():
            assert time.monotonic() < deadline_s, self.reads()
            self.page.wait_for_timeout(_LOOK_MS)
            self.open(path)

    @property
    def heading(self) -> str:
        """The heading of the page."""
        return " ".join(self.page.inner_text("h1").split())

    @property
    def path(self) -> str:
        """Where the tab is, without the query."""
        return re.sub(r"[?#].*", "", self.page.url.removeprefix(self.tab.origin))

    def press(self, button: Locator | str) -> None:
        """Press what sends a form, and wait for the page that follows."""
        found = self.page.locator(button) if isinstance(button, str) else button
        with self.page.expect_navigation() as gone:
            found.click()
        self.came = gone.value

    def send(self, form: str, **values: str) -> None:
        """Fill in a form of the page and send it by its button."""
        for name, value in values.items():
            self.page.fill(f'{form} [name="{name}"]', value)
        self.press(f'{form} button[type="submit"]')

    def sign(self) -> None:
        """Have the passkey answer that the page asks for."""
        self.press("form[data-passkey] button[data-ask]")

    # coming in

    def look_at(self, code: str) -> None:
        """Open the address of a letter as its picture has it, and look at what the code does; write the paper code down."""
        if self.phone is None:
            self.open("/claim")
            self.page.fill("#code", code.lower())
        else:
            self.page.goto("about:blank")  # from the page itself the part after # would load nothing
            self.open(f"/claim#{code}")
            assert self.page.input_value("#code") == code
            assert code not in self.page.url, "the code stays where whoever looks at the address reads it"
        self.press("main form:has(#code) button")
        if self.page.locator(_WRITTEN_CODE).count():
            self.paper_code = self.page.inner_text(_WRITTEN_CODE).strip()

    def claim(self, code: str) -> None:
        """Come in with a claim code: with a new passkey, or, without script, by paper alone."""
        self.look_at(code)
        if self.phone is None:
            self.press('main form:has(input[value="paper"]) button')
        else:
            self.sign()
        assert self.path == "/my", self.reads()

    def come_in(self) -> None:
        """Come in with a passkey."""
        self.open("/in")
        self.sign()
        assert self.path == "/my", self.reads()

    def come_in_by_paper(self) -> None:
        """Come in with the paper code."""
        self.open("/in/paper")
        self.send("main form:has(#code)", code=self.paper_code)
        assert self.path == "/my", self.reads()

    def leave(self) -> None:
        """End the session."""
        self.press('.own-session button[value="end"]')

    # answers

    def choose(self, flow: str, answer: str) -> None:
        """Read a question and send an answer; it is saved, or a page asks for a passkey."""
        self.open(f"/my/{flow}")
        self.page.check(f"#a-{answer}")
        self.press(f'form:has(#a-{answer}) .acts button[type="submit"]')

    def answer(self, flow: str, answer: str) -> int:
        """Answer, signing where that is asked for; return the number in the record."""
        self.choose(flow, answer)
        if self.path.endswith("/confirm"):
            self.sign()
        return self.done()

    def limit(self, flow: str, limits: str) -> int:
        """Say yes up to limits of one's own, as the address has them; return the number in the record."""
        self.open(f"/my/{flow}/confirm?answer=fine&limits={limits}")
        self.sign()
        return self.done()

    def done(self) -> int:
        """Return the number of the answer that the page says is in force."""
        found = re.fullmatch(r"/my/done/(\d+)", self.path)
        assert found, (self.page.url, self.reads())
        return int(found[1])

    def stop(self) -> None:
        """Take everything back, in one tap, from the page that is open."""
        self.press(f".own-acts {STOP} button")

    def seen_by_city(self, answer: str) -> list[str]:
        """Return the amounts of what the city would have seen by an answer of the question that is open."""
        cells = self.page.locator(f".answer:has(#a-{answer}) table tbody tr td.n")
        return [" ".join((text or "").split()) for text in cells.all_text_contents()]

    # people

    def invite(self) -> str:
        """Return a claim code for one more person of the home."""
        self.open("/my/home")
        self.press('main form:has(input[value="invite"]) button')
        self.sign()
        return self.page.inner_text(_WRITTEN_CODE).strip()

    def make_passkey_by_paper(self) -> None:
        """Use the paper code up for a new passkey, and write the new paper code down."""
        self.open("/my/keys")
        self.press('main form:has(input[value="make"]) button')
        self.page.fill("form[data-passkey] #code", self.paper_code)
        self.sign()
        self.paper_code = self.page.inner_text(_WRITTEN_CODE).strip()

    # files

    def save(self, path: str, into: Path) -> Path:
        """Save a file that stands at an address, as this person's browser gets it."""
        answer = self.page.request.get(self.tab.origin + path)
        assert answer.status == 200, (path, answer.status, answer.text()[:500])
        into.write_bytes(answer.body())
        return into


@contextmanager
def resident(browser: Browser, origin: str, width: int = PHONE, **settings: Any) -> Iterator[Resident]:
    """Yield a person whose browser knows of no earlier visit, with a phone of their own where script runs."""
    with watched(browser, origin, width, **{"locale": "en", "timezone_id": "UTC", **settings}) as tab:
        has_script = settings.get("java_script_enabled", True)
        yield Resident(tab, authenticator_of(tab.page) if has_script else None)
