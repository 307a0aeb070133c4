"""Reads the pages of the documentation: their fenced blocks, links, headings and words in code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.checkout import ROOT

MADE = "<!-- Made by `./dev docs` from {source}: change that, not this page. -->"
"""The first line below the title of a page that is made from the source."""

_FENCE = re.compile(r"^ *```(?P<info>[^\n`]*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]\n]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (?P<title>.+)$", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block: the words behind its fence, and what stands in it."""

    info: str
    text: str


@dataclass(frozen=True)
class Page:
    """One page of Markdown."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        """Its path from the top of the checkout."""
        return self.path.relative_to(ROOT).as_posix()

    def blocks(self, *infos: str) -> list[Block]:
        """Return the fenced blocks; with ``infos``, those whose fence says one of them."""
        found = [Block(match["info"].strip(), match["text"]) for match in _FENCE.finditer(self.text)]
        return [block for block in found if not infos or block.info in infos]

    def prose(self) -> str:
        """Return the text without fenced blocks."""
        return _FENCE.sub("", self.text)

    def links(self) -> list[str]:
        """Return the targets of all links and pictures."""
        return [match["target"] for match in _LINK.finditer(self.prose())]

    def anchors(self) -> set[str]:
        """Return the names under which its headings can be linked to."""
        return {_anchor(match["title"]) for match in _HEADING.finditer(self.prose())}

    def code_words(self) -> Iterator[str]:
        """Go through what stands between backticks in the prose."""
        return (match[1] for match in _CODE.finditer(self.prose()))


def _anchor(title: str) -> str:
    """Return a heading's anchor, as GitHub and most others make it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@cache
def pages() -> dict[str, Page]:
    """Return every page of the documentation by its path."""
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "policies" / "README.md"]
    return {page.name: page for page in (Page(path, path.read_text()) for path in paths)}
