"""A kind of import-linter contract that names what may be imported, where the built-in kinds name what may not.

A list of what is forbidden grows stale with every new dependency; a list of what is allowed does not. Registered and
used in ``pyproject.toml``, run by ``./dev lint``.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from importlinter import Contract, ContractCheck, fields, output

if TYPE_CHECKING:
    from grimp import ImportGraph
    from importlinter.domain.imports import Module


class OnlyContract(Contract):
    """Modules of ``source_modules`` import the standard library, ``allowed_modules`` and nothing else.

    A package stands for all that is in it. ``exceptions`` are single imports, ``a.b -> c``, each for a reason that is
    written beside it.
    """

    source_modules = fields.SetField(subfield=fields.ModuleField())
    allowed_modules = fields.SetField(subfield=fields.ModuleField(), required=False)
    exceptions = fields.SetField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Compare every direct import with the list.

        What is allowed and our own has a contract of its own, so direct imports are enough.
        """
        allowed = _names(self.allowed_modules)
        exceptions = cast("set[str] | None", self.exceptions) or set()
        sources = _names(self.source_modules)
        absent = sources - graph.modules
        if absent:
            raise ValueError(f"no module `{min(absent)}`")
        strangers = [
            f"{importer} -> {imported}"
            for source in sorted(sources)
            for importer in sorted({source, *graph.find_descendants(source)})
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not _is_within(imported, allowed | sources | sys.stdlib_module_names)
        ]
        strangers = [stranger for stranger in strangers if stranger not in exceptions]
        return ContractCheck(kept=not strangers, metadata={"strangers": strangers})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each import that is not on the list."""
        for stranger in cast("list[str]", check.metadata["strangers"]):
            output.print_error(f"not on the list: {stranger}")


def _names(modules: object) -> set[str]:
    return {module.name for module in cast("set[Module] | None", modules) or set()}


def _is_within(module: str, packages: set[str]) -> bool:
    parts = module.split(".")
    return any(".".join(parts[:depth]) in packages for depth in range(1, len(parts) + 1))
