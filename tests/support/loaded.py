"""Which modules a piece of Python loads, in an interpreter of its own."""

from __future__ import annotations

import subprocess
import sys

from tests.support.checkout import ROOT


def loaded_by(code: str) -> set[str]:
    """Return the names of all modules that are there once the code has run in a new interpreter."""
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules, sep='\\n')"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return set(told.stdout.splitlines())
