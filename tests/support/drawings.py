"""Reads drawings that the portal makes: every coordinate of their paths, and every text, whatever they show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from hypothesis import strategies as st

_PART = re.compile(r"([MHCVhvz])|(-?\d+(?:\.\d+)?)")

names = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co")), max_size=60)
"""Titles as policies may have them: any language, markup, and nothing at all."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """One SVG.

    Attributes:
        name: What it is called for those who do not see it.
        points: Every corner and control point of every path.
        texts: What is written.
    """

    kind: str
    width: float
    height: float
    name: str
    points: tuple[tuple[float, float], ...]
    texts: tuple[str, ...]
    kinds: tuple[str, ...]


def drawings(svg: str) -> list[Drawing]:
    """Return the drawings of a piece of a page."""
    return [_drawing(one) for one in ET.fromstring(f"<figure>{svg}</figure>")]  # noqa: S314  made here


def _drawing(svg: ET.Element) -> Drawing:
    width, height = [float(part) for part in svg.attrib["viewBox"].split()[2:]]
    paths = svg.findall("path")
    points = tuple(point for path in paths for point in _points(path.attrib["d"]))
    texts = tuple(text.text or "" for text in svg.iter("text"))
    kinds = tuple(path.attrib["class"] for path in paths)
    assert svg.attrib["role"] == "img"
    return Drawing(svg.attrib["class"], width, height, svg.attrib["aria-label"], points, texts, kinds)


def _points(path: str) -> list[tuple[float, float]]:
    """Return all points of a path, as its commands M, H, V, C, h, v and z have them."""
    x = y = 0.0
    found = []
    for command, numbers in _commands(path):
        pairs = list(zip(numbers[::2], numbers[1::2], strict=False))
        match command:
            case "M" | "C":
                found += pairs
                x, y = pairs[-1]
            case "H":
                x = numbers[0]
            case "V":
                y = numbers[0]
            case "h":
                x += numbers[0]
            case "v":
                y += numbers[0]
        found.append((x, y))
    return found


def _commands(path: str) -> list[tuple[str, list[float]]]:
    found: list[tuple[str, list[float]]] = []
    for command, number in _PART.findall(path):
        if command:
            found.append((command, []))
        else:
            found[-1][1].append(float(number))
    return found
