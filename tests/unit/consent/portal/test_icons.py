"""The line drawings of the pages, by their names."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from consent.portal import icons

NAMES = [*icons._LINE, "gate-open", "gate-half", "gate-shut"]


@pytest.mark.parametrize("name", NAMES)
def test_drawing_is_sound_and_hidden_from_who_hears_the_page(name: str) -> None:
    """A word stands beside it; it has no style of its own, which the policy would stop, and takes the text's colour."""
    drawing = ET.fromstring(icons.icon(name))  # noqa: S314  our own
    assert drawing.get("aria-hidden") == "true"
    assert drawing.get("stroke") == "currentColor"
    assert "style" not in icons.icon(name)


def test_gate_is_drawn_in_three_ways() -> None:
    """Status by form, never by colour alone; water runs only where something does."""
    assert len({icons.icon(f"gate-{how}") for how in ("open", "half", "shut")}) == 3
    assert 'class="w"' not in icons.icon("gate-shut")


def test_unknown_drawing_is_an_error() -> None:
    """A page that names one fails in its test."""
    with pytest.raises(KeyError):
        icons.icon("nothing")
