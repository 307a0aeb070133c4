"""What a page says: its words without its markup, for tests of the portal."""

from __future__ import annotations

import re
from html import unescape

LANGUAGES = ("en", "es", "pt")
_ALREADY_SPACED = re.compile(r"\s+")


def main_of(page: str) -> str:
    """Return the markup of a page's own matter, without head, states and foot."""
    return page.split('<main id="main"', 1)[1].partition(">")[2].split("</main>", 1)[0]


def words_of(markup: str) -> str:
    """Return what is read there, in one line; names of drawings too, since those are read aloud."""
    named = re.sub(r'<svg[^>]*aria-label="([^"]*)"[^>]*>', r" \1 ", markup)
    return _ALREADY_SPACED.sub(" ", unescape(re.sub(r"<[^>]*>", " ", named))).strip()


def paragraphs_of(markup: str) -> str:
    """Return what is read in paragraphs and headings alone: neither lists nor drawings."""
    return " ".join(words_of(found) for found in re.findall(r"<(?:h1|h2|p)\b[^>]*>.*?</(?:h1|h2|p)>", markup, re.DOTALL))
