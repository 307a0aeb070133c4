"""No module of what is shipped prints past the guarded streams, and every way into a process guards them first."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.checkout import ROOT

STANDALONE = "gateway/audit/standalone/verify.py"
DRAWING = {
    "gateway/terminal.py",
    "gateway/audit/command.py",
    "gateway/commands/devices/discover.py",
    "gateway/demo/screen.py",
    "gateway/service.py",
}
"""Who uses the door for control sequences; each makes foreign text printable itself."""
WAYS_IN = {"gateway/cli.py", "gateway/witness/__main__.py"}
SILENT = {"gateway/demo/embedded_broker.py"}
"""A child whose output goes nowhere."""


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for package in ("gateway", "consent", "firmware_sim"):
        for file in sorted((ROOT / package).rglob("*.py")):
            yield file.relative_to(ROOT).as_posix(), ast.parse(file.read_text())


def _is(node: ast.AST, *names: str) -> bool:
    """Return whether a node is `sys.NAME`."""
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys" and node.attr in names


def _past(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield what writes to a descriptor or to the bytes behind a stream."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            raw = node.attr in ("buffer", "detach", "fileno") and _is(node.value, "stdout", "stderr")
            opened = node.attr in ("write", "writev", "dup2") and isinstance(node.value, ast.Name) and node.value.id == "os"
            if raw or opened or _is(node, "__stdout__", "__stderr__"):
                yield node
        elif isinstance(node, ast.Constant):
            if node.value in ("/dev/tty", "/dev/stdout", "/dev/stderr"):
                yield node
        elif isinstance(node, ast.Name) and node.id == "input":
            yield node


def test_no_module_writes_past_the_guarded_streams() -> None:
    """Neither bytes nor descriptors: what is to leave byte for byte goes into a file."""
    assert {name: [node.lineno for node in found] for name, tree in _modules() if (found := list(_past(tree)))} == {}


def test_door_for_drawing_is_used_by_those_who_draw_alone() -> None:
    """A new name here has to show how foreign text is kept out of what it draws."""
    uses = {
        name
        for name, tree in _modules()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Name) and node.id == "drawing") or (isinstance(node, ast.FunctionDef) and node.name == "drawing")
    }
    assert uses == DRAWING


def test_every_way_into_a_process_guards_the_streams_first() -> None:
    """The first statement of `main`, before arguments are parsed and quoted."""
    ways = {name for name, tree in _modules() if any(_is_way_in(node) for node in tree.body)}
    assert ways == WAYS_IN | SILENT | {STANDALONE}
    for name in WAYS_IN:
        (main,) = (n for n in ast.parse((ROOT / name).read_text()).body if isinstance(n, ast.FunctionDef) and n.name == "main")
        assert ast.unparse(main.body[1]) == "guard_streams()", name


def test_verifier_of_an_export_prints_through_its_own_door_alone() -> None:
    """It stands alone, so it has a copy of the guard."""
    tree = ast.parse((ROOT / STANDALONE).read_text())
    prints = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "print"]
    (say,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "say")
    assert len(prints) == 1
    assert say.lineno < prints[0].lineno <= (say.end_lineno or 0)


def _is_way_in(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)


def test_scripts_that_are_installed_are_ways_in() -> None:
    """What the distribution puts on the path."""
    import tomllib

    scripts = tomllib.loads(Path(ROOT, "pyproject.toml").read_text())["project"]["scripts"]
    assert {target.partition(":")[0].replace(".", "/") + ".py" for target in scripts.values()} <= WAYS_IN
