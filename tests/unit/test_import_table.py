"""The shape of the source: no circle between the parts of a package, and no import of an edge by a core."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.import_table import EDGES, area_of, climbing, imports_of, modules_of

MODULES = modules_of(ROOT)
IMPORTS = imports_of(MODULES)
PACKAGES = sorted(module for module, path in MODULES.items() if path.name == "__init__.py")


def _tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize("package", PACKAGES)
def test_import_table_packages_have_no_circle(package: str) -> None:
    """Whoever reads a package can begin at the bottom: no two of its parts need each other."""
    assert area_of(package, MODULES, IMPORTS).circles == ()


def test_import_table_cores_import_no_edge() -> None:
    """A core is told time, randomness and bytes, and asks nobody for them."""
    assert climbing(IMPORTS) == []


def test_import_table_edges_exist() -> None:
    """A mistyped edge would be one that every core may import."""
    assert [edge for edge in EDGES if edge not in MODULES] == []


def test_import_table_figures_of_a_small_tree_counted(tmp_path: Path) -> None:
    """Imports count once between two parts, wherever they stand; a circle is one step of a chain."""
    root = _tree(
        tmp_path,
        {
            "gateway/__init__.py": '"""The gateway."""',
            "gateway/app.py": "import gateway.core.plans\nfrom gateway.core import plans, state\nfrom gateway import check\n",
            "gateway/check.py": "def run() -> None:\n    from gateway.report import show\n",
            "gateway/report.py": "from gateway.check import run\nfrom gateway.core.plans import compile\n",
            "gateway/core/__init__.py": '"""The core."""',
            "gateway/core/plans.py": "import os\n",
            "gateway/core/state.py": "from gateway.core.plans import compile\nfrom gateway.app import App\n",
        },
    )
    modules = modules_of(root)
    imports = imports_of(modules)
    area = area_of("gateway", modules, imports)
    assert (area.folders, area.files, len(area.parts), len(area.arrows), area.floors) == (1, 5, 4, 6, 1)
    assert area.circles == (("gateway.app", "gateway.check", "gateway.core", "gateway.report"),)
    assert climbing(imports) == [("gateway.core.state", "gateway.app")]
    (root / "gateway/core/state.py").write_text("from gateway.core.plans import compile\n")
    area = area_of("gateway", modules, imports_of(modules))
    assert (len(area.arrows), area.floors, area.circles) == (5, 3, (("gateway.check", "gateway.report"),))
