"""How an answer is sent: what is of one visitor alone is kept nowhere, and goes to this site alone."""

from __future__ import annotations

import pytest

from consent.portal.answers import JSON, Content, Page, Route, Who
from consent.portal.frame import PageFrame
from consent.portal.pages.offline import OfflineView
from consent.portal.responding import page_response, problem_response, respond
from consent.portal.visit import Visit
from tests.support.portal import SaidGate, SaidRecord, said_site, said_state

SITE = said_site(SaidGate(said_state()), SaidRecord(None))


async def show(*_: object) -> Page:
    """Answer nothing."""
    raise AssertionError


@pytest.mark.parametrize("answer", [Page("offline.html", OfflineView(), keep_s=60), Content(b"{}", JSON, keep_s=60)])
async def test_own_answer_is_kept_nowhere(answer: Page | Content) -> None:
    """Whatever the page says of itself."""
    own = await respond(SITE, Visit("en"), Route("/my", show, "", who=Who.SIGNED_IN), answer)
    assert own.headers["cache-control"] == "no-store"
    public = await respond(SITE, Visit("en"), Route("/", show, ""), answer)
    assert public.headers["cache-control"] == "public, max-age=60"
    assert "refresh" not in own.headers


def test_page_goes_on_by_itself_without_script() -> None:
    """By a header, after a few seconds."""
    page = Page("offline.html", OfflineView(), goes_to="/my/sent?lang=pt")
    assert page_response(page, Visit("pt"), PageFrame()).headers["refresh"] == "4; url=/my/sent?lang=pt"


def test_program_is_told_in_its_own_form() -> None:
    """RFC 9457."""
    answer = problem_response(401)
    assert (answer.media_type, bytes(answer.body)) == ("application/problem+json", b'{"title":"Unauthorized","status":401}')
