"""A passkey of each algorithm, for the tests of this folder."""

from __future__ import annotations

import pytest

from tests.support.passkey_site import ALGORITHMS, MADE
from tests.support.virtual_passkey import VirtualPasskey


@pytest.fixture(params=ALGORITHMS)
def passkey(request: pytest.FixtureRequest) -> VirtualPasskey:
    """A passkey of the site, of each algorithm."""
    return MADE[request.param]


@pytest.fixture
def es256() -> VirtualPasskey:
    """A passkey of the site, where the algorithm does not matter."""
    return MADE["ES256"]
