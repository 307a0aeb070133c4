"""Client data: what a browser asked, where and with which challenge, and nothing from within another site's page."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from consent.core.passkeys.client_data import LONGEST_CLIENT_DATA, challenge_in, check_client_data
from consent.errors import PasskeyError
from tests.support.passkey_site import CHALLENGE, ORIGIN, SITE


def client_data(**others: Any) -> bytes:
    """Return what a browser says of an answer, with other members."""
    challenge = urlsafe_b64encode(CHALLENGE).decode().rstrip("=")
    return json.dumps({"type": "webauthn.get", "challenge": challenge, "origin": ORIGIN, **others}).encode()


@pytest.mark.parametrize("others", [{}, {"crossOrigin": False}, {"crossOrigin": False, "unknown": {"more": 1}}])
def test_own_page_asked(others: dict[str, Any]) -> None:
    """Members that are not known may come with any browser."""
    check_client_data(client_data(**others), "webauthn.get", CHALLENGE, SITE)


@pytest.mark.parametrize(
    ("others", "refusal"),
    [
        ({"type": "webauthn.create"}, "something else"),
        ({"challenge": "AAAA"}, "another challenge"),
        ({"challenge": ""}, "another challenge"),
        ({"origin": "https://other.example"}, "another site"),
        ({"origin": f"{ORIGIN}:8443"}, "another site"),
        ({"crossOrigin": True}, "within another site"),
        ({"topOrigin": ORIGIN}, "within another site"),
        ({"type": 1}, "malformed"),
    ],
)
def test_anything_else_is_refused(others: dict[str, Any], refusal: str) -> None:
    """Each would be a signature that the person never meant for this."""
    with pytest.raises(PasskeyError, match=refusal):
        check_client_data(client_data(**others), "webauthn.get", CHALLENGE, SITE)


def test_long_client_data_are_not_read() -> None:
    """Their length is bounded before anything looks into them."""
    with pytest.raises(PasskeyError, match="too long"):
        check_client_data(client_data(more="x" * LONGEST_CLIENT_DATA), "webauthn.get", CHALLENGE, SITE)


def test_challenge_is_found_as_it_was_asked() -> None:
    """By it one finds what an answer is for, before anything is checked."""
    assert challenge_in(client_data(origin="https://other.example")) == CHALLENGE


@pytest.mark.parametrize("data", [b"", b"{}", client_data(challenge=1), client_data(challenge="é"), b"[" * 2000, b"\xff"])
def test_client_data_that_are_none_have_no_challenge(data: bytes) -> None:
    """Whatever they are, nothing fails but the check."""
    assert challenge_in(data) == b""
