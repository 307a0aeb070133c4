"""What was sent and not answered is remembered for its visitor alone, for a while, and not without end."""

from __future__ import annotations

from consent.portal.http.cookies import SENT_S
from consent.portal.sessions.sent import MOST, MOST_CARRIED, CarriedOut, SentForms
from consent.portal.visit import SentForm


def form(request: str, at_ms: int = 0) -> SentForm:
    """Return a form."""
    return SentForm("/my/stop", {}, request, at_ms)


def test_form_is_its_visitor_s_for_ten_minutes() -> None:
    """Another visitor who knows its id finds nothing."""
    now = 0
    sent = SentForms(lambda: now)
    sent.keep("ann", form("a"))
    assert sent.find("ann", "a") == form("a")
    assert sent.find("zoe", "a") is None
    now = SENT_S * 1000 + 1
    assert sent.find("ann", "a") is None
    sent.keep("ann", form("b", now))
    sent.drop("ann", "b")
    assert sent.find("ann", "b") is None


def test_memory_is_bounded() -> None:
    """The oldest goes."""
    sent = SentForms(lambda: 0)
    for n in range(MOST + 3):
        sent.keep("ann", form(str(n)))
    assert [sent.find("ann", str(n)) is None for n in range(5)] == [True, True, True, False, False]


def test_something_else_under_the_same_id_is_known() -> None:
    """Of the same visitor: another address, or another answer; the language is none."""
    carried_out = CarriedOut()
    given = SentForm("/my/noise?lang=pt", {"answer": "less"}, "a", 0)
    assert not carried_out.is_another("ann", given)
    carried_out.keep("ann", given)
    assert not carried_out.is_another("ann", SentForm("/my/noise", {"answer": "less"}, "a", 7))
    assert carried_out.is_another("ann", SentForm("/my/noise", {"answer": "no"}, "a", 0))
    assert carried_out.is_another("ann", SentForm("/my/traffic", {"answer": "less"}, "a", 0))
    assert not carried_out.is_another("zoe", SentForm("/my/noise", {"answer": "no"}, "a", 0))
    for n in range(MOST_CARRIED):
        carried_out.keep("ann", form(str(n)))
    assert not carried_out.is_another("ann", SentForm("/my/noise", {"answer": "no"}, "a", 0))
