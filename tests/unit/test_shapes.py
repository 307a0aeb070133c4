"""Records have names: loose maps and long tuples are for encoders, and a folder gets no more of them than it has."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from tests.support.checkout import ROOT

LIMITS = Path(__file__).with_name("loose_shapes.txt")
LONGEST_TUPLE = 3


def loose_shapes(tree: ast.AST) -> int:
    """Return how often `dict[str, Any]`, or the type of a tuple with more than three places, stands in a module."""
    found = 0
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Tuple)):
            continue
        places = [ast.unparse(place) for place in node.slice.elts]
        found += node.value.id == "dict" and places == ["str", "Any"]
        found += node.value.id == "tuple" and len(places) > LONGEST_TUPLE
    return found


def counted() -> dict[str, int]:
    """Return how many there are in each folder that has any; the verifier that runs alone is exempt."""
    counts: Counter[str] = Counter()
    for package in ("gateway", "consent"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.parent.name != "standalone":
                counts[path.parent.relative_to(ROOT).as_posix()] += loose_shapes(ast.parse(path.read_bytes()))
    return {folder: n for folder, n in sorted(counts.items()) if n}


def test_loose_shapes_are_found_in_any_place() -> None:
    """As parameters, returns, fields and inside other types, and nothing else is."""
    source = "a: dict[str, Any]\ndef f(b: list[tuple[int, int, int, str]], c: dict[str, int]) -> tuple[int, ...]: ...\n"
    assert loose_shapes(ast.parse(source)) == 2


def test_loose_shapes_only_become_fewer() -> None:
    """A folder above its limit needs a record in their place; one below it, a lower limit."""
    lines = [line.split() for line in LIMITS.read_text().splitlines() if line and not line.startswith("#")]
    limits = {folder: int(n) for folder, n in lines}
    found = counted()
    above = [f"{folder} has {n}, not {limits.get(folder, 0)}" for folder, n in found.items() if n > limits.get(folder, 0)]
    assert not above, f"give them a struct: {'; '.join(above)}"
    below = [f"{folder} {found.get(folder, 0)}" for folder, n in limits.items() if found.get(folder, 0) < n]
    assert not below, f"lower the limits in {LIMITS.name}: {'; '.join(below)}"
