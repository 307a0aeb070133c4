"""The page of what became of a form, in three languages; its ways are tested as a browser goes them (`test_taking`)."""

from __future__ import annotations

import pytest

from consent.portal.routes import ROUTES
from consent.portal.sessions.outcome import SENT_PATH, SESSION_PATH
from consent.texts.portal import page_sentences


def test_every_outcome_has_its_words() -> None:
    """And none that is open says that nothing was changed, or that it holds."""
    for sentences in page_sentences("unknown").values():
        for kind in ("unsent", "unknown", "asking", "done", "not-done"):
            assert {f"{kind}.{key}" for key in ("heading", "lead", "do")} <= sentences.keys()
        assert sentences["unknown.lead"] == sentences["asking.lead"]
    english = page_sentences("unknown")["en"]
    assert "claims neither" in english["unknown.lead"]


@pytest.mark.parametrize("path", [SENT_PATH, SESSION_PATH])
def test_addresses_come_before_those_of_flows(path: str) -> None:
    """`/my/{flow}` would take them."""
    paths = [route.path for route in ROUTES]
    assert paths.index(path) < paths.index("/my/{flow}")
