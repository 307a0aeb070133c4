"""`docs/formats.md` tells of every format what the program knows of it, and its profiles are profiles."""

from __future__ import annotations

import re

import pytest

from consent.core.profiles.parse import read_profile
from consent.core.profiles.presets import PRESETS
from consent.core.profiles.profile import Codec
from consent.core.toml.file import TomlFile
from gateway.core.codecs.gzipped import MOST_BYTES, MOST_RATIO
from gateway.core.codecs.registry import compile_decoder
from gateway.core.codecs.tree import MOST_ELEMENTS
from tests.docs.pages import Page, pages
from tests.support.profiles import CITY_TERMS


@pytest.fixture
def page() -> Page:
    """The page."""
    return pages()["docs/formats.md"]


def _rows(page: Page, heading: str) -> dict[str, list[str]]:
    """Return the cells of the first table after a heading, by codec; a row may tell of several."""
    part = page.path.read_text().partition(heading)[2].partition("\n\n#")[0]
    table = re.search(r"(?:^\|.*\n)+", part, re.MULTILINE)
    assert table is not None
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table[0].splitlines()[2:]]
    return {codec: cells[1:] for cells in rows for codec in re.findall(r"`([^`]*)`", cells[0])}


def test_every_format_is_on_the_page(page: Page) -> None:
    """A new one needs its row."""
    assert _rows(page, "# Formats").keys() == {codec.value for codec in Codec}


def test_what_formats_state_by_themselves_is_what_the_page_says(page: Page) -> None:
    """Time, number, run and device, by their places."""
    stated = {}
    for codec, preset in PRESETS.items():
        time = "of each record" if preset.time is None else f"`{preset.time.path}`"
        number, run = ("", "") if preset.sequence is None else (f"`{preset.sequence.path}`", f"`{preset.sequence.boot}`")
        stated[codec.value] = [time, number, run, f"`{preset.hub[0]}`" if preset.hub else ""]
    assert _rows(page, "## What a format states by itself") == stated


def test_bounds_of_compression_are_those_of_the_page(page: Page) -> None:
    """In the words of the page."""
    text = " ".join(page.path.read_text().split())
    assert f"may hold {MOST_BYTES // 1024} KiB" in text
    assert f"more than {MOST_ELEMENTS:,} lines" in text
    assert (MOST_RATIO, "no more than a hundred times what came in" in text) == (100, True)


def test_profiles_on_the_page_are_profiles(page: Page) -> None:
    """They are parsed and compiled."""
    blocks = page.blocks("toml")
    assert len(blocks) == 2
    for block in blocks:
        file = TomlFile("devices/page.toml", block.text.encode())
        assert compile_decoder(read_profile(file, "page", CITY_TERMS)) is not None
