"""Reads a page of the portal as a browser does, strictly: every element closed where it must be, ids once, nothing inline."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_VOID: Final = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])


class MarkupError(AssertionError):
    """A page that is not well-formed, or holds what the Content-Security-Policy forbids."""


@dataclass
class Element:
    """An element with its attributes, and its text with that of all within."""

    tag: str
    attributes: dict[str, str]
    text: str = ""

    @property
    def classes(self) -> list[str]:
        """Its classes."""
        return self.attributes.get("class", "").split()


@dataclass
class Markup(HTMLParser):
    """A page; ``elements`` are all of them, in order of their beginnings."""

    page: str
    elements: list[Element] = field(default_factory=list)
    _open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read the page.

        Raises: MarkupError: it is not well-formed.
        """
        super().__init__(convert_charrefs=True)
        self.feed(self.page)
        self.close()
        if self._open:
            raise MarkupError(f"`{self._open[-1].tag}` is not closed")
        ids = [each.attributes["id"] for each in self.elements if "id" in each.attributes]
        if len(ids) != len(set(ids)):
            raise MarkupError(f"ids are there twice: {sorted(one for one in ids if ids.count(one) > 1)}")
        named = {one for each in self.elements for one in each.attributes.get("aria-labelledby", "").split()}
        if not named <= set(ids):
            raise MarkupError(f"names refer to no element: {sorted(named - set(ids))}")
        texts = {each.attributes["id"]: each.text for each in self.elements if "id" in each.attributes}
        parts = [
            each.attributes["aria-labelledby"].split() for each in self.all("section") if "aria-labelledby" in each.attributes
        ]
        names = [" ".join(texts[one] for one in part) for part in parts]
        if len(names) != len(set(names)):
            raise MarkupError(f"parts of the page have the same name: {names}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            raise MarkupError(f"`{tag}` has an attribute twice: {names}")
        if "style" in names or any(name.startswith("on") for name in names):
            raise MarkupError(f"`{tag}` has an inline style or script: {names}")
        if tag == "style" or (tag == "script" and "src" not in names):
            raise MarkupError(f"an inline `{tag}`")
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open and close an element of a drawing."""
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element."""
        if not self._open or self._open[-1].tag != tag:
            raise MarkupError(f"`{tag}` ends within `{self._open[-1].tag if self._open else 'nothing'}`")
        self._open.pop()

    def handle_data(self, data: str) -> None:
        """Add text to all that it stands in."""
        for element in self._open:
            element.text += data

    def all(self, tag: str) -> list[Element]:
        """Return the elements of a tag."""
        return [each for each in self.elements if each.tag == tag]

    @property
    def text(self) -> str:
        """What stands in the body, each run of line ends and spaces as one; spaces that do not break stay."""
        return re.sub(r"[ \t\n]+", " ", self.all("body")[0].text)
