"""A site's id is the host of its origin, as browsers take it."""

from __future__ import annotations

from hashlib import sha256

import pytest

from consent.core.passkeys.relying_party import RelyingParty


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://sensors.ribera.example", "sensors.ribera.example"),
        ("https://sensors.ribera.example:8443", "sensors.ribera.example"),
        ("http://localhost:8460", "localhost"),
    ],
)
def test_id_is_the_host_without_its_port(address: str, host: str) -> None:
    """The origin keeps the port; the id never has one."""
    site = RelyingParty.at(address)
    assert (site.origin, site.id) == (address, host)
    assert site.id_sha256 == sha256(host.encode()).digest()
