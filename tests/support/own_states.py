"""Walks a household through every state that its own pages can be in, and stops at each so that it can be looked at.

One person walks, in whatever language their browser asks for; whoever goes through the states looks at that person's page. The
states that follow a form cannot be loaded again, so that what is to be seen in several widths or colours is changed in place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from playwright.sync_api import Route

from tests.support.own_city import OwnCity
from tests.support.resident import PAUSE, STOP, Resident

DAILY, HOURLY, WEEKLY = "energy-daily-totals", "energy-hourly", "energy-typical-week"
OF_ANYONE: Final = frozenset(
    {
        "claim",
        "claim-wrong",
        "claim-looked",
        "claim-joins",
        "in",
        "in-wrong",
        "in-paper",
        "in-paper-wrong",
        "erased",
        "unknown-asking",
    }
    | {"unknown-not-done", "unknown-done", "away"}
)
"""States without the bar of the own pages: of who has not come in, is out again, or where the gate does not answer."""
PRINTED: Final = "receipt-print"
_SENT: Final = "**/my/sent*"


def own_states(city: OwnCity, ana: Resident, rui: Resident, letter: str) -> Iterator[str]:
    """Yield the name of each state, with the page of ``ana`` in it.

    Args:
        rui: Who joins the home on the way.
        letter: The claim code of a home of which nobody has come in.
    """
    yield from _coming_in(ana, letter)
    yield from _answering(city, ana)
    yield from _two(ana, rui)
    yield from _taking_back(ana)
    yield from _unknown(city, ana)
    yield from _ways_in(ana)
    yield from _lost(ana)
    yield from _erasing(ana)


def _coming_in(ana: Resident, letter: str) -> Iterator[str]:
    ana.open("/claim")
    yield "claim"
    ana.send("main form:has(#code)", code="7K3M-QX2P-9RT")
    yield "claim-wrong"
    ana.look_at(letter)
    yield "claim-looked"
    ana.sign()


def _answering(city: OwnCity, ana: Resident) -> Iterator[str]:
    ana.open("/my")
    yield "my-nothing"
    ana.page.set_extra_http_headers({"Sec-GPC": "1"})
    ana.open("/my")
    yield "my-privacy"
    ana.open(f"/my/{HOURLY}")
    yield "question-privacy"
    ana.page.set_extra_http_headers({})
    for flow in (HOURLY, WEEKLY, DAILY):
        ana.open(f"/my/{flow}")
        yield f"question-{flow}"
    ana.press('form:has(#a-yes) .acts button[type="submit"]')
    yield "question-none-chosen"
    ana.open(f"/my/{HOURLY}/fine")
    yield "fine"
    ana.open(f"/my/{HOURLY}/fine?time=4h&space=any&precision.consumption=1&retention=any&budget=0.5")
    yield "fine-chosen"
    ana.choose(HOURLY, "yes")
    yield "confirm"
    ana.sign()
    number = ana.done()
    yield "done-yes"
    ana.answer(DAILY, "yes")
    ana.open("/my")
    yield "my-answered"
    ana.open(f"/my/{DAILY}")
    yield "question-answered"
    ana.wait_for(f"/my/receipts/{number}", f'a[href="/my/receipts/{number}/proof"]')
    yield "receipt"
    ana.open(f"/my/receipts/{number}/print")
    yield PRINTED
    for page in ("went", "readings", "history", "home", "keys", "erase"):
        ana.open(f"/my/{page}")
        yield page


def _two(ana: Resident, rui: Resident) -> Iterator[str]:
    ana.open("/my/home")
    ana.press('main form:has(input[value="invite"]) button')
    yield "invite"
    ana.sign()
    code = ana.page.inner_text("strong.code").strip()
    yield "invite-code"
    rui.claim(code)
    rui.answer(DAILY, "less")
    ana.open("/my")
    yield "my-held-back"
    ana.open("/my/home")
    yield "home-of-two"


def _taking_back(ana: Resident) -> Iterator[str]:
    ana.press(f".own-acts {PAUSE} button")
    yield "done-paused"
    ana.open("/my")
    yield "my-paused"
    ana.open(f"/my/{HOURLY}/confirm?answer=resume")
    yield "confirm-resume"
    ana.press(f".own-acts {STOP} button")
    yield "done-stopped"
    ana.stop()
    yield "my-nothing-to-stop"
    ana.open("/my/history")
    yield "history-longer"


def _unknown(city: OwnCity, ana: Resident) -> Iterator[str]:
    """Yield what is seen where an answer was lost: nothing has to be killed for it, for the connection alone breaks."""
    ana.answer(HOURLY, "yes")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    ana.page.route(_SENT, hold)  # the page goes on by itself, and is to stay while it is looked at
    city.door.cut("consent.less", "before", lambda: None)
    ana.stop()
    yield "unknown-asking"
    ana.page.unroute(_SENT)
    for route in held:
        route.continue_()
    _gone_on(ana, "form button")
    yield "unknown-not-done"
    city.door.cut("consent.less", "after", lambda: None)
    ana.press('main form button[type="submit"]')
    _gone_on(ana, 'a[href^="/my/done/"]')
    yield "unknown-done"
    city.door.is_shut = True
    ana.open("/my", status=503)
    yield "away"
    city.door.is_shut = False


def _gone_on(ana: Resident, element: str) -> None:
    """Wait until the page has asked by itself what became of the form, and shows an element."""
    ana.page.wait_for_selector(f"main {element}")
    ana.open("/my/sent")


def _ways_in(ana: Resident) -> Iterator[str]:
    ana.open("/my/keys")
    ana.press('main form:has(input[value="make"]) button')
    yield "keys-make"
    ana.open("/my/keys")
    ana.press('main form:has(input[value="replace"]) button')
    yield "keys-replace"
    ana.sign()
    ana.paper_code = ana.page.inner_text("strong.code").strip()
    yield "keys-kept"


def _lost(ana: Resident) -> Iterator[str]:
    assert ana.phone is not None
    ana.phone.lose()
    ana.leave()
    ana.open("/in")
    yield "in"
    ana.open("/in/paper")
    yield "in-paper"
    ana.send("main form:has(#code)", code="0000-0000-0000-0000")
    yield "in-paper-wrong"
    ana.come_in_by_paper()
    yield "my-by-paper"
    ana.open(f"/my/{DAILY}")
    yield "question-by-paper"
    ana.choose(DAILY, "yes")
    yield "confirm-by-paper"
    ana.open("/my/keys")
    yield "keys-by-paper"
    ana.press('main form:has(input[value="end-passkey"]) button')
    yield "keys-none"
    ana.press('main form:has(input[value="make"]) button')
    yield "keys-make-by-paper"
    ana.page.fill("form[data-passkey] #code", ana.paper_code)
    ana.sign()
    ana.paper_code = ana.page.inner_text("strong.code").strip()
    yield "keys-recovered"
    ana.open("/in")
    ana.sign()
    ana.choose(DAILY, "yes")
    yield "confirm-waits"
    ana.open("/my/keys")
    yield "keys-wait"


def _erasing(ana: Resident) -> Iterator[str]:
    ana.open("/my/erase")
    yield "erase-of-two"
    ana.press('main form:has(input[value="ask"]) button')
    yield "erase-sign"
    ana.open("/my/erase")
    ana.send('main form:has(input[value="paper"])', code=ana.paper_code)
    yield "erased"
