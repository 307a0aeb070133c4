"""How a route is described."""

from __future__ import annotations

import re

from consent.portal.answers import HTML, Parameter
from consent.portal.routes import ROUTES


def test_pattern_in_the_document_is_the_whole_value() -> None:
    """What the route table refuses, the document does not allow."""
    schema = Parameter("day", r"\d{4}|x", "2026").schema()
    assert re.search(schema["pattern"], "2026")
    assert not re.search(schema["pattern"], "20261")
    assert not re.search(schema["pattern"], "ax")


def test_pages_are_html_and_say_what_they_are() -> None:
    """Every route has a summary in a line, and those that need the gate are few."""
    assert all(route.summary and "\n" not in route.summary for route in ROUTES)
    assert next(route.path for route in ROUTES if route.media == HTML) == "/"
