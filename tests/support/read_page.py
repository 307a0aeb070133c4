"""Reads a page of the portal as a visitor does without script: its heading, its terms and tables, and all of its text."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_BLOCKS: Final = frozenset(
    {"p", "li", "dd", "dt", "div", "h1", "h2", "h3", "td", "th", "tr", "caption", "figure", "section", "ul"}
)
_SILENT: Final = frozenset({"script", "style", "svg", "title"})


@dataclass(slots=True)
class ReadPage:
    """A page.

    Attributes:
        heading: The first.
        facts: Term → what is said of it, of all lists of facts.
        rows: The rows of all tables, cell by cell.
        links: Address → text.
        text: All of it, a line a block.
    """

    heading: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    rows: list[list[str]] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    text: str = ""

    def row(self, name: str) -> list[str]:
        """Return the cells after a name, of the only row that begins with it."""
        (found,) = [row[1:] for row in self.rows if row and row[0] == name]
        return found


def number(text: str) -> int:
    """Return an English number that stands alone."""
    return int(text.replace(",", ""))


def read_page(html: str) -> ReadPage:
    """Read HTML."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.said).splitlines())
    parser.page.text = "\n".join(line for line in lines if line)
    return parser.page


class _Parser(HTMLParser):
    """Gathers what stands in the elements that are asked for."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = ReadPage()
        self.said: list[str] = []
        self._silent = 0
        self._gathering: dict[str, list[str]] = {}
        self._term = ""
        self._address = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT
        if tag in _BLOCKS or tag == "br":
            self.said.append("\n")
        if tag in ("h1", "dt", "dd", "td", "th", "a"):
            self._gathering[tag] = []
        if tag == "a":
            self._address = dict(attrs).get("href") or ""
        if tag == "tr":
            self.page.rows.append([])

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT
        if tag in _BLOCKS:
            self.said.append("\n")
        if tag not in self._gathering:
            return
        text = " ".join("".join(self._gathering.pop(tag)).split())
        if tag == "h1":
            self.page.heading = self.page.heading or text
        elif tag == "dt":
            self._term = text
        elif tag == "dd":
            self.page.facts[self._term] = text
        elif tag == "a":
            self.page.links[self._address] = text
        else:
            self.page.rows[-1].append(text)

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        self.said.append(data)
        for gathered in self._gathering.values():
            gathered.append(data)
