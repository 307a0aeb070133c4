"""One small city for all tests of this folder that a process runs, and a browser for each module that looks at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import chromium
from tests.support.still_city import StillCity, still_city


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StillCity]:
    """A city a few days in, behind a gateway and a portal, whose clock stands."""
    with still_city(tmp_path_factory.mktemp("still")) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with chromium() as opened:
        yield opened
