"""The door that these tests ask at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.citizens_door import CitizensDoor, citizens_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[CitizensDoor]:
    """A gateway's door for citizens."""
    async with citizens_door(tmp_path) as opened:
        yield opened
