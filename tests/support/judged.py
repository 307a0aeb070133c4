"""Judges many cases in one test, so that its message names every case that failed, not the first alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Case = tuple[str, bool, Callable[[], Any]]
"""A case's name, whether it must be accepted, and the call that accepts it or raises."""


def misjudged(cases: Iterable[Case], refusal: type[Exception]) -> list[str]:
    """Return the names of the cases that were accepted and should not be, or refused and should not be.

    Args:
        cases: What to judge.
        refusal: What the call raises when it refuses; anything else it raises is an error of its own.
    """
    found = []
    for name, right, check in cases:
        try:
            check()
            accepted, why = True, "accepted"
        except refusal as error:
            accepted, why = False, f"refused: {error}"
        except Exception as error:  # noqa: BLE001  a crash is reported with its case and does not hide the others
            found.append(f"{name}: {error!r}")
            continue
        if accepted != right:
            found.append(f"{name}: {why}")
    return found
