"""Words within drawings: how wide they are, how they are broken to fit, and how they are written as SVG.

Widths are those of the portal's font at its boldest, rounded up, so that what is found to fit does fit; letters that the font
lacks are taken to be wider than any that it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from markupsafe import Markup

_WIDTHS: Final = (
    (0.35, "\N{NO-BREAK SPACE} !'(),.:;I[]`ijl|¡´·ÌÍÎÏìíî‘’"),
    (0.48, '"*-/J\\^frt{}1ï²³ª°º“”'),
    (0.62, "?_LTFaZbcdeghknopqsuvxyz+<=>~ßàáâãäåçèéêëñòóôõöøùúûüýÿ«»¿–−"),
    (0.70, "0$#23456789BEPRSVYÈÉÊË£€"),
    (0.80, "&ACDGHKNOQUXwÀÁÂÃÄÅÇÑÒÓÔÕÖÙÚÛÜ"),
    (1.16, "%@MWmæÆ—…"),
)
_WIDTH: Final = {letter: width for width, letters in _WIDTHS for letter in letters}
_UNKNOWN: Final = 1.2
_ELLIPSIS: Final = "…"

SMALL: Final = 13.0
"""The size of `text` in charts, in units of the drawing."""
LARGE: Final = 15.0
"""The size of `text.t` and `text.v`."""

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text in a drawing.

    Attributes:
        x: Of its anchor.
        y: Of its baseline.
        size: As the style sheet has it for `kind`.
        kind: A class of the style sheet: `t` for names, `v` for values, empty for scales.
    """

    text: str
    x: float
    y: float
    size: float = SMALL
    kind: str = ""
    anchor: Anchor = "start"

    @property
    def left(self) -> float:
        """Where it begins at the furthest."""
        width = width_of(self.text, self.size)
        return self.x - {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]

    @property
    def right(self) -> float:
        """Where it ends at the furthest."""
        return self.left + width_of(self.text, self.size)

    @property
    def top(self) -> float:
        """The top of its tallest letter."""
        return self.y - self.size

    @property
    def bottom(self) -> float:
        """The foot of its lowest letter."""
        return self.y + self.size * 0.25

    def overlaps(self, other: Label) -> bool:
        """Return whether both cover the same spot."""
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.bottom <= other.top or other.bottom <= self.top)

    def drawn(self) -> Markup:
        """Return it as SVG."""
        kind = Markup(' class="{}"').format(self.kind) if self.kind else Markup()
        anchor = Markup() if self.anchor == "start" else Markup(' text-anchor="{}"').format(self.anchor)
        return Markup('<text{} x="{:.1f}" y="{:.1f}"{}>{}</text>').format(kind, self.x, self.y, anchor, self.text)


def width_of(text: str, size: float) -> float:
    """Return how wide a text is at most."""
    return size * sum(_WIDTH.get(letter, _UNKNOWN) for letter in text)


def wrapped(text: str, room: float, size: float, lines: int = 2) -> list[str]:
    """Return a text in at most so many lines; what does not fit ends with an ellipsis.

    Args:
        text: Any text.
        room: How wide a line may be.
        size: Of its letters.
        lines: The most lines, at least one.
    """
    words, found = [word for word in text.split(" ") if word], [""]
    for index, word in enumerate(words):
        longer = f"{found[-1]} {word}".strip()
        if width_of(longer, size) <= room:
            found[-1] = longer
        elif len(found) < lines and found[-1]:
            found.append(word)
        else:
            found[-1] = " ".join([found[-1], *words[index:]]).strip()
            break
    return [cut(line, room, size) for line in found]


def cut(text: str, room: float, size: float) -> str:
    """Return as much of a text as there is room for."""
    if width_of(text, size) <= room:
        return text
    while text and width_of(text + _ELLIPSIS, size) > room:
        text = text[:-1]
    return text.rstrip() + _ELLIPSIS if text else ""
