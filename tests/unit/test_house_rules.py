"""Rules of the source that no tool checks: one class name for one thing, docstrings that state, folders that hold one idea."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "consent", "firmware_sim")
STANDALONE = ROOT / "gateway" / "audit" / "standalone"
"""One file that has to stand alone, with names of its own."""

DIALECT = re.compile(r"(?:Say|Let|Go through|Take note|Take up|Hang up)\b")
"""How no docstring begins: a docstring states a fact, or an act in a plain verb."""

FILES_PER_FOLDER = 14
MORE_FILES = {
    "gateway/audit/log": 21,  # one small format a file
    "gateway/control": 15,  # one noun of the doors a file
    "gateway/commands": 15,  # one noun of the shell a file
}


@cache
def modules() -> dict[Path, ast.Module]:
    """Return every module of the source, parsed."""
    return {path: ast.parse(path.read_text()) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


def definitions(kinds: type | tuple[type, ...]) -> Iterator[tuple[Path, ast.AST]]:
    """Yield every node of those kinds with the module that it stands in."""
    for path, module in modules().items():
        for node in ast.walk(module):
            if isinstance(node, kinds):
                yield path, node


def folders() -> dict[str, list[str]]:
    """Return the names of the modules in each folder of the source."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in modules():
        if path.name != "__init__.py":
            found[path.parent.relative_to(ROOT).as_posix()].append(path.stem)
    return found


def test_class_name_has_one_meaning() -> None:
    """Whoever reads a public class name in the gateway or in consent knows which one it is."""
    places: dict[str, set[str]] = defaultdict(set)
    for path, node in definitions(ast.ClassDef):
        assert isinstance(node, ast.ClassDef)
        if path.is_relative_to(ROOT / "firmware_sim") or path.is_relative_to(STANDALONE) or node.name.startswith("_"):
            continue
        places[node.name].add(path.relative_to(ROOT).as_posix())
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_docstrings_state() -> None:
    """They say what is so or what is done, in the words of the field."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {text.splitlines()[0]}"
        for path, node in definitions((ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and DIALECT.match(text := ast.get_docstring(node) or "")
    ]
    assert not found, "\n".join(found)


def test_module_begins_with_what_it_is() -> None:
    """Every module and every folder says so in its first line."""
    assert [str(path.relative_to(ROOT)) for path, module in modules().items() if not ast.get_docstring(module)] == []


@pytest.mark.parametrize("folder", sorted(folders()))
def test_folder_holds_about_a_dozen_files(folder: str) -> None:
    """More files are more ideas than one, and three that share a prefix are a folder of their own."""
    names = folders()[folder]
    assert len(names) <= MORE_FILES.get(folder, FILES_PER_FOLDER), sorted(names)
    prefixes = Counter(name.split("_")[0] for name in names if "_" in name)
    assert [prefix for prefix, count in prefixes.items() if count >= 3] == []


@pytest.mark.parametrize("folder", sorted(folders()))
def test_file_does_not_repeat_the_name_of_its_folder(folder: str) -> None:
    """Within `release/` a file is `bundle.py`, not `release_bundle.py`; the folder's own subject may bear its name."""
    last = folder.rpartition("/")[2]
    assert [name for name in folders()[folder] if name.startswith(f"{last}_") or name.endswith(f"_{last}")] == []
