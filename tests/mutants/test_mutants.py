"""The tests test something: each mutant of lattice, lifecycle, plans and figures is found by the test that is named for it.

A mutant is applied to a copy of the packages, and its test is run there alone. It must fail by an assertion, and not because
something can no longer be imported; on the copy without mutants all the tests must pass.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.checkout import ROOT

COPIED = ("consent", "gateway", "firmware_sim", "tests", "policies", "pyproject.toml")
BY_ASSERTION = ("AssertionError", "assert ", "Failed: DID NOT RAISE")


@dataclass(frozen=True)
class Mutant:
    """A way to break the code.

    Attributes:
        file: Relative to the checkout.
        old: Stands once in the file.
        new: Takes its place.
        killed_by: The test that must fail.
    """

    file: str
    old: str
    new: str
    killed_by: str


TABLE: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_name("mutants.toml").read_text())
MUTANTS = {name: Mutant(**row) for name, row in TABLE.items()}


@dataclass(frozen=True)
class Outcome:
    """How tests went: how many there were, and what each that failed said first."""

    tests: int
    failed: tuple[str, ...]
    broken: tuple[str, ...]


class Workshop:
    """A copy of the packages, in which the tests of this copy run."""

    def __init__(self, folder: Path) -> None:
        """Copy the packages into an empty folder."""
        self.folder = folder
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, folder / name)

    def run(self, tests: Iterable[str], *, compiled: bool = False) -> Outcome:
        """Run tests; with ``compiled``, keep the bytecode for the runs that follow."""
        report = self.folder / "report.xml"
        report.unlink(missing_ok=True)
        options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "tests.mutants.first_failure", f"--junitxml={report}"]
        done = self._python("-m", "pytest", *options, *sorted(set(tests)), compiled=compiled)
        assert report.exists(), done.stdout + done.stderr
        cases = list(ET.parse(report).iter("testcase"))  # noqa: S314  # written by the line above
        return Outcome(len(cases), _said(cases, "failure"), _said(cases, "error"))

    def _python(self, *arguments: str, compiled: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "" if compiled else "1"}
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120, check=False)

    def imported_from(self, package: str) -> Path:
        """Return where a package comes from that is imported here."""
        return Path(self._python("-c", f"import {package}; print({package}.__file__)").stdout.strip())

    @contextmanager
    def mutated(self, mutant: Mutant) -> Iterator[None]:
        """Hold a mutant in the copy."""
        path = self.folder / mutant.file
        text = path.read_text()
        path.write_text(text.replace(mutant.old, mutant.new))
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)  # two mutants within a second have one date
        try:
            yield
        finally:
            path.write_text(text)


def _said(cases: Iterable[ET.Element], tag: str) -> tuple[str, ...]:
    return tuple(found.get("message", "") for case in cases for found in case.iter(tag))


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Return a copy in which every named test passes."""
    made = Workshop(tmp_path_factory.mktemp("mutants"))
    for package in ("consent", "gateway", "tests"):
        assert made.imported_from(package).is_relative_to(made.folder)
    outcome = made.run((mutant.killed_by for mutant in MUTANTS.values()), compiled=True)
    assert outcome.tests >= len({mutant.killed_by for mutant in MUTANTS.values()})
    assert outcome.failed == outcome.broken == ()
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_killed_by_the_test_that_is_named(workshop: Workshop, name: str) -> None:
    """The named test fails where the mutant lives, and by an assertion."""
    mutant = MUTANTS[name]
    with workshop.mutated(mutant):
        outcome = workshop.run([mutant.killed_by])
    assert outcome.broken == ()
    assert outcome.failed, "the mutant survived"
    assert all(message.startswith(BY_ASSERTION) for message in outcome.failed), outcome.failed


def test_mutants_are_all_different() -> None:
    """As many as there are, so that none is lost unnoticed."""
    assert len(MUTANTS) == len({(mutant.file, mutant.old) for mutant in MUTANTS.values()}) == 46


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_fits_the_code_and_names_a_test_that_there_is(name: str) -> None:
    """Its text stands in the file exactly once, and what replaces it is something else; the test is where it is said to be."""
    mutant = MUTANTS[name]
    assert (ROOT / mutant.file).read_text().count(mutant.old) == 1
    assert mutant.old != mutant.new
    path, _, function = mutant.killed_by.partition("::")
    assert f"\ndef {function}(" in (ROOT / path).read_text()
