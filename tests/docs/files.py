"""Makes `docs/files.md`, the map of the source: every folder, and what each file in it says of itself in its first sentence."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.docs.pages import MADE
from tests.support.checkout import ROOT

_ROOMS = ("gateway", "consent", "firmware_sim", "deploy")

_HEAD = f"""\
# Which file holds what

{MADE.format(source="the first sentence of each file")}

The way through these folders is told in [architecture.md](architecture.md), and what the folders of `tests/` are for.
"""


def page() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *(_room(folder) for room in _ROOMS for folder in _folders(ROOT / room))])


def _folders(room: Path) -> list[Path]:
    """Return a room and the rooms in it, as far as they are packages."""
    return sorted({path.parent for path in room.rglob("__init__.py")})


def _room(folder: Path) -> str:
    summary = _first_paragraph(folder / "__init__.py")
    rows = [
        f"| [`{path.name}`](../{path.relative_to(ROOT).as_posix()}) | {_first_sentence(path)} |"
        for path in sorted(folder.glob("*.py"))
        if path.name not in ("__init__.py", "__main__.py")
    ]
    name = folder.relative_to(ROOT).as_posix()
    return "\n".join([f"## `{name}/`", "", summary, "", "| file | what it is |", "|---|---|", *rows, ""])


def _first_paragraph(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_bytes())) or ""
    return docstring.partition("\n\n")[0].replace("\n", " ").replace("``", "`")


def _first_sentence(path: Path) -> str:
    return _first_paragraph(path).replace("|", "\\|")
