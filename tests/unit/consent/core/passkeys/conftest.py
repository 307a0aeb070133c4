"""A passkey of each algorithm; made once, since RSA keys are slow to make."""

from __future__ import annotations

import pytest

from tests.support.passkey_site import ALGORITHMS, ORIGIN, SITE
from tests.support.virtual_passkey import VirtualPasskey

_MADE = {algorithm: VirtualPasskey(ORIGIN, SITE.id, algorithm) for algorithm in ALGORITHMS}


@pytest.fixture(params=ALGORITHMS)
def passkey(request: pytest.FixtureRequest) -> VirtualPasskey:
    """A passkey of the site, of each algorithm."""
    return _MADE[request.param]


@pytest.fixture
def es256() -> VirtualPasskey:
    """A passkey of the site, where the algorithm does not matter."""
    return _MADE["ES256"]
