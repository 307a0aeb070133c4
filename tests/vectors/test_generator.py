"""The stored vectors are what their generator makes, and it rests on nothing that they test."""

from __future__ import annotations

import ast

import pytest

from tests.vectors.generator.files import FOLDER, MADE, as_text

_ALLOWED = {
    "__future__",
    "ast",
    "base64",
    "collections",
    "cryptography",
    "dataclasses",
    "fractions",
    "functools",
    "hashlib",
    "json",
}
_ALLOWED |= {"pathlib", "tests", "typing"}


@pytest.mark.parametrize("name", MADE)
def test_stored_values_are_made_again(name: str) -> None:
    """Byte for byte, so that no value is changed by hand; `python -m tests.vectors.generator` writes them."""
    assert (FOLDER / name).read_text(encoding="utf-8") == as_text(MADE[name]())


def test_every_stored_file_has_a_maker() -> None:
    """No file of values lies there that nothing makes."""
    assert {path.name for path in FOLDER.glob("*.json")} == set(MADE)


def test_generator_imports_nothing_of_what_it_is_a_witness_for() -> None:
    """Else the same mistake would be in both."""
    for path in (FOLDER / "generator").glob("*.py"):
        for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(statement, ast.ImportFrom):
                modules = [statement.module or ""]
            else:
                modules = [one.name for one in statement.names] if isinstance(statement, ast.Import) else []
            for module in modules:
                assert module.partition(".")[0] in _ALLOWED, f"{path.name} imports {module}"
                assert not module.startswith("tests.") or module.startswith("tests.vectors.generator"), f"{path.name}: {module}"
