"""The import rule of our own: an allow-list that covers packages, the standard library and named exceptions."""

from __future__ import annotations

from typing import Any

import grimp
import pytest
from importlinter import ContractCheck

from tests.support.import_rules import OnlyContract


def _check(imports: list[tuple[str, str]], **options: Any) -> ContractCheck:
    graph = grimp.ImportGraph()
    for name in {"shop", "shop.till", *(name for pair in imports for name in pair)}:
        graph.add_module(name)
    for importer, imported in imports:
        graph.add_import(importer=importer, imported=imported, line_number=1, line_contents="import")
    contract = OnlyContract("rule", {}, {"name": "rule", "type": "only", "source_modules": ["shop"], **options})
    return contract.check(graph, verbose=False)


@pytest.mark.parametrize("imported", ["shop.till", "json", "os", "stock.core", "stock.core.shelf"])
def test_only_contract_own_standard_and_allowed_modules_kept(imported: str) -> None:
    """What a module may import: its own package, the standard library, and what is on the list or inside it."""
    assert _check([("shop.desk", imported)], allowed_modules=["stock.core"]).kept


@pytest.mark.parametrize("imported", ["requests", "stock", "stock.edge", "stock.corelike"])
def test_only_contract_stranger_broken_and_named(imported: str) -> None:
    """Anything else breaks the rule: also the parent of an allowed package, and one whose name merely begins alike."""
    done = _check([("shop.desk", imported)], allowed_modules=["stock.core"])
    assert not done.kept
    assert done.metadata["strangers"] == [f"shop.desk -> {imported}"]


def test_only_contract_exception_kept_for_that_module_alone() -> None:
    """An exception is one import of one module."""
    done = _check([("shop.desk", "requests"), ("shop.till", "requests")], exceptions=["shop.desk -> requests"])
    assert done.metadata["strangers"] == ["shop.till -> requests"]


def test_only_contract_source_that_does_not_exist_refused() -> None:
    """A mistyped source would make a rule that nothing can break."""
    with pytest.raises(ValueError, match="no module `shoop`"):
        _check([], source_modules=["shoop"])
