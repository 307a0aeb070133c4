"""Where tests find the shared data sets and vectors, which the project does not carry."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent


def shared_path(relative: str) -> Path:
    """Return a file or folder of the shared test data, or skip the test, saying what is absent.

    The folder is named by ``SLUICE_TEST_DATA``; by default it is ``shared`` beside the checkout.
    """
    base = Path(os.environ.get("SLUICE_TEST_DATA", _ROOT.parent / "shared"))
    path = base / relative
    if not path.exists():
        pytest.skip(f"test data `{relative}` is absent; set SLUICE_TEST_DATA to the folder that holds it")
    return path
