"""The files of a log's folder by their paths: what each is by its name, and whether a checkpoint of some size covers it.

``tiles`` makes these paths; this reads them, for whoever has to account for every file that is there.

Source: C2SP tlog-tiles; labels and policies are ours (``docs/log-format.md``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.audit.log.tiles import TILE_WIDTH, tile_path

_LEVEL_BITS: Final = 8
_TILE = re.compile(r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)
_LABELS = re.compile(r"labels/(0|[1-9][0-9]{0,18})", re.ASCII)
_POLICIES = re.compile(r"policies/([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class TileFile:
    """A hash tile or, at the lowest level, a bundle of entries: its number and width."""

    level: int
    index: int
    width: int

    def is_covered(self, size: int) -> bool:
        """Return whether a log of this size has all that the file holds."""
        return self.index * TILE_WIDTH + self.width <= size >> (_LEVEL_BITS * self.level)


@dataclass(frozen=True, slots=True)
class LabelsFile:
    """The labels of the release at a log index."""

    index: int

    def is_covered(self, size: int) -> bool:
        """Return whether a log of this size has that entry."""
        return self.index < size


@dataclass(frozen=True, slots=True)
class PoliciesFile:
    """A policy set, named by its SHA-256."""

    sha256: bytes

    def is_covered(self, size: int) -> bool:
        """Return True: whatever it holds is told by its name, and not by a size."""
        return size >= 0


def parse_path(path: str) -> TileFile | LabelsFile | PoliciesFile | None:
    """Return which file of a log has this path; None for a path that no file of a log has."""
    if path.startswith("labels/"):
        labels = _LABELS.fullmatch(path)
        return None if labels is None else LabelsFile(int(labels[1]))
    if policies := _POLICIES.fullmatch(path):
        return PoliciesFile(bytes.fromhex(policies[1]))
    found = _TILE.fullmatch(path)
    if found is None:
        return None
    kind, number, width = found.groups()
    tile = TileFile(
        level=0 if kind == "entries" else int(kind),
        index=int(number.replace("x", "").replace("/", "")),
        width=TILE_WIDTH if width is None else int(width),
    )
    shortest = tile_path(0, tile.index) == f"tile/0/{number}"
    return tile if shortest and (width is None or tile.width < TILE_WIDTH) else None
