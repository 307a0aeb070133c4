"""Relying parties: a site's id is its host, and only origins at which a passkey can work have one."""

from __future__ import annotations

from hashlib import sha256

import pytest

from consent.core.passkeys.relying_party import RelyingParty


@pytest.mark.parametrize(
    ("origin", "site_id"),
    [
        ("https://sensors.ribera.example", "sensors.ribera.example"),
        ("https://sensors.ribera.example:8443", "sensors.ribera.example"),
        ("http://localhost:8080", "localhost"),
    ],
)
def test_id_is_the_host(origin: str, site_id: str) -> None:
    """Without scheme and port, as authenticators hash it."""
    site = RelyingParty.of_origin(origin)
    assert site == RelyingParty(origin, site_id) == RelyingParty.at(origin)
    assert site.id_sha256 == sha256(site_id.encode()).digest()


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "",
            "null",
            "http://sensors.ribera.example",
            "https://Sensors.example",
            "https://sensors.example/",
            "https://-a.example",
        ),
        *("https://sensors.example:123456", "ftp://sensors.example", "https://sensors.example\n", "http://localhost.example"),
    ],
)
def test_no_passkey_works_elsewhere(origin: str) -> None:
    """A proof that names such an origin proves nothing."""
    assert RelyingParty.of_origin(origin) is None
