"""The tests lie as the source lies, share what they share in one place, and import nothing of each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.checkout import ROOT

PACKAGES = ("gateway", "consent", "firmware_sim", "deploy")
LIST = Path(__file__).with_name("modules_without_a_test.txt")

OF_THE_CHECKOUT = {
    "test_house_rules.py",
    "test_import_rules.py",
    "test_import_table.py",
    "test_layout.py",
    "test_repository.py",
    "test_shapes.py",
}
"""Tests of no module of the source; they lie directly in `tests/unit`."""


def modules() -> set[str]:
    """Return the modules of the source, by path without ending."""
    return {
        path.relative_to(ROOT).with_suffix("").as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if not path.name.startswith("__")
    }


def place_of(module: str) -> Path:
    """Return where the test of a module has its place."""
    folder, _, name = module.rpartition("/")
    return ROOT / "tests" / "unit" / folder / f"test_{name}.py"


def listed() -> list[str]:
    """Return the modules that have no test of their name."""
    return [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]


def imports() -> Iterator[tuple[Path, str]]:
    """Go through what the files of `tests` import, wherever in them: the file, and the module or the name in it."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield path, str(node.module)
                yield from ((path, f"{node.module}.{alias.name}") for alias in node.names)


def is_test(module: str) -> bool:
    """Return whether a dotted name is that of a file with tests or fixtures."""
    path = ROOT / f"{module.replace('.', '/')}.py"
    return path.is_file() and path.name.startswith(("test_", "conftest"))


def test_every_module_has_a_test_of_its_name_or_is_listed() -> None:
    """Whoever looks for the test of a file finds it; the list of those without one gets no new lines."""
    bare = {module for module in modules() if not place_of(module).is_file()}
    new = sorted(bare - set(listed()))
    assert not new, f"give each its test: {', '.join(str(place_of(module).relative_to(ROOT)) for module in new)}"


def test_listed_module_is_there_and_has_no_test() -> None:
    """A line goes with its module, or once the module has its test; and each stands once, in order."""
    assert listed() == sorted(set(listed()))
    idle = [module for module in listed() if module not in modules() or place_of(module).is_file()]
    assert not idle, f"take out of {LIST.name}: {', '.join(idle)}"


def test_folders_of_unit_tests_are_folders_of_the_source() -> None:
    """What tests no module of its name still lies in the folder whose code it tests."""
    here = Path(__file__).parent
    strays = [
        path.relative_to(ROOT).as_posix()
        for path in sorted(here.rglob("test_*.py"))
        if not (ROOT / path.relative_to(here)).parent.is_dir() or (path.parent == here and path.name not in OF_THE_CHECKOUT)
    ]
    assert not strays, ", ".join(strays)


def test_no_test_imports_a_test() -> None:
    """What two tests need lies in `tests/support`, where whoever changes it sees that others need it."""
    found = [f"{path.relative_to(ROOT)}: {name}" for path, name in imports() if name.startswith("tests.") and is_test(name)]
    assert not found, "\n".join(found)


def test_unit_tests_are_imported_by_nobody_else() -> None:
    """Nothing outside `tests/unit`, a bench for instance, uses what lies there; and `tests/support` uses itself alone."""
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, name in imports()
        if (name.startswith("tests.unit") and not path.is_relative_to(ROOT / "tests/unit"))
        or (path.is_relative_to(ROOT / "tests/support") and name.startswith("tests.") and not name.startswith("tests.support"))
    ]
    assert not found, "\n".join(found)
