"""What tests have in common: Hypothesis is warm before the first that uses it, and no test leaves its setting of the log behind.

Hypothesis is warmed up so that no test's first input is timed with what all need once.

On a fresh checkout the first text makes Hypothesis's tables of Unicode, and the first input has it read every imported module of
ours for constants: seconds on a busy machine, which its check for slow strategies lays at the door of whichever test comes first.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# How fast an input is drawn is a property of the machine, and of what else it does.
settings.register_profile("any machine", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@settings(max_examples=1, database=None)
@given(st.text(), st.integers(), st.binary(), st.floats())
def _draw(text: str, number: int, data: bytes, real: float) -> None:
    """Draw one of each kind for which Hypothesis keeps something."""


def pytest_collection_finish(session: pytest.Session) -> None:
    """Warm up once all modules are imported, if any test needs it; the constants of these are then known."""
    if any(item.get_closest_marker("hypothesis") for item in session.items):
        _draw()


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Put back how loggers are set up: a command in this process may have set them to tell warnings alone."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
