"""The shape of the source in figures: folders, files, and what imports what. `python -m tests.support.import_table [CHECKOUT]`.

An area is a package, and its parts are what lies directly in it: folders, each with all that is inside, and single files. Imports
are counted between parts, wherever in a file they stand: within functions and for type checkers too. A circle is a set of parts
each of which leads to every other; a floor is a part's height above those that import no other.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tests.support.checkout import ROOT

AREAS: Final = ("gateway", "gateway.core", "gateway.audit", "consent.core")
CORES: Final = ("gateway.core", "consent.core")
EDGES: Final = (
    *(f"gateway.{name}" for name in ("app", "cli", "config", "delivery", "files", "service")),
    *(f"gateway.{name}" for name in ("commands", "control", "demo", "durable", "edge", "restore", "witness")),
    *(f"gateway.audit.{name}" for name in ("arguments", "command", "export", "find", "proof", "verify", "replay", "explain")),
    *(f"gateway.audit.log.{name}" for name in ("folder", "reader", "remote")),
    *(f"gateway.recipient.{name}" for name in ("command", "coverage", "follow", "inbox", "keys", "opening")),
    "consent.policy_files",
)
"""What waits, reads or writes, or rests on what does; in older layouts, the part of the same name."""

Imports = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Area:
    """A package and the imports between its parts.

    Attributes:
        folders: Parts that are folders.
        files: Python files anywhere in it; an `__init__` counts where it holds more than a docstring.
        parts: All parts, by their whole name.
        arrows: Pairs of parts, importer first.
        circles: Each with the names of its parts.
        floors: The number of parts in the longest chain of imports, where a circle counts as one part.
    """

    name: str
    folders: int
    files: int
    parts: tuple[str, ...]
    arrows: Imports
    circles: tuple[tuple[str, ...], ...]
    floors: int


def modules_of(root: Path) -> dict[str, Path]:
    """Return the files of `gateway` and `consent` in a checkout, by module."""
    files = [path for package in ("gateway", "consent") for path in (root / package).rglob("*.py")]
    return {_module(path.relative_to(root)): path for path in files}


def _module(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(modules: dict[str, Path]) -> Imports:
    """Return every import of one of some modules by another."""
    return frozenset(
        (importer, imported)
        for importer, path in modules.items()
        for imported in _imported(path, modules)
        if imported != importer
    )


def _imported(path: Path, modules: dict[str, Path]) -> Iterator[str]:
    """Yield what a file imports; where a name is no module, the module that has it."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module in modules and not node.level:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in modules else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)


def area_of(name: str, modules: dict[str, Path], imports: Imports) -> Area:
    """Return an area's parts and the imports between them; its own `__init__` is no part."""
    inside = {module: ".".join(module.split(".")[: name.count(".") + 2]) for module in modules if module.startswith(f"{name}.")}
    parts = tuple(sorted(set(inside.values())))
    arrows = frozenset(
        (inside[importer], inside[imported])
        for importer, imported in imports
        if importer in inside and imported in inside and inside[importer] != inside[imported]
    )
    circles = tuple(sorted({circle for part in parts if len(circle := _circle(part, parts, arrows)) > 1}))
    folders = sum(any(module.startswith(f"{part}.") for module in modules) for part in parts)
    files = sum(path.name != "__init__.py" or _says_more(path) for module, path in modules.items() if module in inside)
    return Area(name, folders, files, parts, arrows, circles, _floors(parts, arrows))


def _says_more(init: Path) -> bool:
    return len(ast.parse(init.read_bytes()).body) > 1


def _circle(part: str, parts: tuple[str, ...], arrows: Imports) -> tuple[str, ...]:
    """Return the parts that a part leads to and that lead back to it, itself among them."""
    there = _reached(part, arrows)
    return tuple(other for other in parts if other == part or (other in there and part in _reached(other, arrows)))


def _reached(part: str, arrows: Imports) -> set[str]:
    reached: set[str] = set()
    waiting = [part]
    while waiting:
        importer = waiting.pop()
        new = {imported for one, imported in arrows if one == importer} - reached
        reached |= new
        waiting += new
    return reached


def _floors(parts: tuple[str, ...], arrows: Imports) -> int:
    of = {part: _circle(part, parts, arrows) for part in parts}

    @cache
    def height(circle: tuple[str, ...]) -> int:
        below = {of[imported] for importer, imported in arrows if importer in circle} - {circle}
        return 1 + max(map(height, below), default=0)

    return max(map(height, of.values()), default=0)


def climbing(imports: Imports) -> list[tuple[str, str]]:
    """Return the imports of an edge by a core, which must not be."""
    return sorted((importer, imported) for importer, imported in imports if _is_in(importer, CORES) and _is_in(imported, EDGES))


def _is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def main() -> None:
    """Print the table."""
    modules = modules_of(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT)
    imports = imports_of(modules)
    print(f"{'area':<14} {'folders':>7} {'files':>6} {'parts':>6} {'imports':>8} {'floors':>7} {'circles':>8}")
    for area in (area_of(name, modules, imports) for name in AREAS):
        row = f"{area.name:<14} {area.folders:>7} {area.files:>6} {len(area.parts):>6} {len(area.arrows):>8} {area.floors:>7}"
        print(f"{row} {len(area.circles):>8}")
        for circle in area.circles:
            print(f"  circle: {', '.join(circle)}")
    for importer, imported in climbing(imports):
        print(f"from a core to an edge: {importer} -> {imported}")


if __name__ == "__main__":
    main()
