"""The consents that a change of policies ends are counted as they will end."""

from __future__ import annotations

from consent.core.lifecycle import expiry
from consent.core.review.endings import Endings, endings, endings_text
from tests.support.gate import Gate, town

LONGER = town(("retention = 30 }", "retention = 31 }"))  # of `daily`
SHORTER = town(("retention = 30 }", "retention = 29 }"))


def test_endings_are_the_records_that_come_of_it() -> None:
    """A consent to the flow ends; one to its purpose ends for that flow alone; one to another flow stays."""
    gate = Gate()
    for scopes in (["daily"], ["purpose:energy"], ["hourly"], ["daily", "hourly"]):
        gate.home(*scopes)
    book = gate.state.registry.book
    assert endings(book, LONGER, gate.now_ms) == Endings(3, 3, {"daily": 3})
    records = list(expiry.invalidated(book, LONGER, gate.now_ms))
    assert [record.scope for record in records] == ["daily"] * 3


def test_endings_of_policies_that_ask_no_more_are_none() -> None:
    """Neither where less is asked, nor where nobody has consented."""
    gate = Gate()
    assert endings(gate.state.registry.book, LONGER, gate.now_ms) == Endings(0, 0, {})
    gate.home("daily")
    assert endings(gate.state.registry.book, SHORTER, gate.now_ms) == Endings(0, 0, {})


def test_endings_count_subjects_once() -> None:
    """A household with two consents that end is one household, and a purpose that ends as a whole counts in each flow."""
    gate = Gate()
    gate.home("daily", "raw")
    both = town(("retention = 30 }", "retention = 31 }"), ("retention = 7 }", "retention = 8 }"))
    assert endings(gate.state.registry.book, both, gate.now_ms) == Endings(2, 1, {"daily": 1, "raw": 1})


def test_endings_in_words() -> None:
    """Numbers agree with their verbs."""
    assert endings_text(Endings(1, 1, {"daily": 1})) == "1 consent of 1 subject ends (`daily` 1)"
    assert endings_text(Endings(3, 2, {"daily": 2, "raw": 1})) == "3 consents of 2 subjects end (`daily` 2, `raw` 1)"
