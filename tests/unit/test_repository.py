"""What holds for the checkout as a whole: its layout, its lock files, and what must not stand in any file."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkout import ROOT
from tests.support.waiting import HANG_S

TOP_LEVEL = {
    *("gateway", "consent", "firmware_sim", "policies", "tests", "deploy", "docs"),
    *("Dockerfile", "README.md", "dev", "pyproject.toml", ".ci", ".gitignore"),
}

LOCKS = ("deploy/requirements-build.txt", "deploy/requirements.txt", "deploy/requirements-dev.txt")

#: Fewer words than these cannot say what a module is.
MEANINGFUL_WORDS = 4

#: What no file may contain, and why. This file is exempt, for it has to name them.
FORBIDDEN = {
    "the address of a package registry": (
        r"(?:pythonhosted|pypi|npmjs|deb\.debian|security\.debian|golang)\.(?:org|com)\b(?!/x/mod/sumdb/)"  # no host: an import
    ),
    "a path of one machine": r"(?<![\w.$}/-])/(?:root|work|home/\w+|Users/\w+)/",
    "an unfinished mark": r"\b(?:TODO|FIXME|XXX|HACK)\b",
}

#: A code that ruff is told to ignore, in pyproject.toml; a reason stands behind it on the same line.
IGNORED_CODE = re.compile(r'^\s*"[A-Z]+\d*"')
NOQA = re.compile(r"#\s*noqa\b(?P<rest>.*)")
NOQA_WITH_REASON = re.compile(r":\s*[A-Z]+[0-9]+(,\s*[A-Z]+[0-9]+)*\s+(#|-)?\s*\w+")


@cache
def _files() -> tuple[Path, ...]:
    """Return the checkout's files, relative to its top: those that git has or would take."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout, so its files are not known")
    names = sorted({name for name in listed.stdout.decode().split("\0") if name})
    return tuple(Path(name) for name in names if (ROOT / name).is_file())


def _texts() -> list[tuple[Path, str]]:
    """Return the files that are text, but for this one."""
    texts = []
    for path in _files():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content and ROOT / path != Path(__file__).resolve():
            texts.append((path, content.decode(errors="replace")))
    return texts


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _pins(lock: str) -> dict[str, str]:
    """Return name → version of a lock file."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def test_layout_top_level_holds_only_the_known_rooms() -> None:
    """A new room at the top is a decision about the house, not a by-product."""
    assert {path.parts[0] for path in _files()} <= TOP_LEVEL


@pytest.mark.parametrize("what", FORBIDDEN)
def test_files_forbidden_text_is_nowhere(what: str) -> None:
    """The project names no registry and no machine, and leaves no loose ends."""
    pattern = re.compile(FORBIDDEN[what])
    found = [
        f"{path}:{number}: {line.strip()[:120]}"
        for path, text in _texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, "\n".join([what, *found])


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_every_requirement_has_a_version_and_hashes(lock: str) -> None:
    """What is installed is what was resolved, byte for byte, wherever it is fetched from."""
    text = (ROOT / lock).read_text()
    requirements = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert requirements
    for requirement in requirements:
        assert re.match(r"[a-z0-9-]+==\S+", requirement), requirement
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", requirement), requirement
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE), "an option in a lock file"


def test_lock_files_agree_with_each_other_and_with_the_project() -> None:
    """The tests run on the versions that are shipped, and no declared dependency is missing from the locks."""
    build, runtime, development = map(_pins, LOCKS)
    assert runtime.items() <= development.items()
    project = _project()
    declared = (
        (project["build-system"]["requires"], build),
        (project["project"]["dependencies"], runtime),
        (project["project"]["optional-dependencies"]["dev"], development),
    )
    for requirements, pins in declared:
        assert {_name(requirement) for requirement in requirements} <= pins.keys()


def test_modules_docstring_begins_with_a_telling_line() -> None:
    """Every module says what it is in its first sentence."""
    dull = []
    for path in _files():
        if path.suffix == ".py" and (path.parts[0] != "tests" or path.name != "__init__.py"):
            docstring = ast.get_docstring(ast.parse((ROOT / path).read_bytes())) or ""
            first = docstring.partition("\n\n")[0].strip()
            if len(first.split()) < MEANINGFUL_WORDS or not first.endswith((".", ":", "?")):
                dull.append(f"{path}: {first!r}")
    assert not dull, "\n".join(dull)


def test_ruff_ignore_has_a_reason() -> None:
    """A rule that is switched off says why, in pyproject.toml and in the source."""
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    bare = [f"pyproject.toml: {line.strip()}" for line in lines if IGNORED_CODE.match(line) and "#" not in line]
    for path, text in _texts():
        if path.suffix == ".py":
            marks = [match for match in map(NOQA.search, text.splitlines()) if match]
            bare += [f"{path}: {mark[0]}" for mark in marks if not NOQA_WITH_REASON.match(mark["rest"])]
    assert not bare, "\n".join(bare)


def test_dev_help_lists_every_subcommand() -> None:
    """The first thing that a newcomer types tells what there is, and installs nothing."""
    done = subprocess.run([ROOT / "dev", "--help"], capture_output=True, text=True, check=False, timeout=HANG_S)
    assert done.returncode == 0
    for name in ("demo", "test [--slow]", "lint", "bench", "lock"):
        assert f"./dev {name}" in done.stdout
    assert done.stderr == ""
