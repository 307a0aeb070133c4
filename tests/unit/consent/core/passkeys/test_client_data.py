"""Client data count only where a browser asked for this very thing, at this site, with this challenge."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest

from consent.core.passkeys.client_data import LONGEST_CLIENT_DATA, challenge_in, check_client_data
from consent.errors import PasskeyError
from tests.support.passkey_site import CHALLENGE, ORIGIN, SITE


def said(**changed: object) -> bytes:
    """Return client data in order, but for what is given."""
    challenge = urlsafe_b64encode(CHALLENGE).rstrip(b"=").decode()
    usual = {"type": "webauthn.get", "challenge": challenge, "origin": ORIGIN, "crossOrigin": False}
    return json.dumps({**usual, **changed}).encode()


def test_client_data_in_order_pass() -> None:
    """With keys that nobody knows too, as browsers add them at random."""
    check_client_data(said(other_keys_can_be_added_here="do not compare"), "webauthn.get", CHALLENGE, SITE)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"type": "webauthn.create"}, "something else"),
        ({"challenge": "AAAA"}, "another challenge"),
        ({"challenge": "é"}, "another challenge"),
        ({"origin": ORIGIN + "."}, "another site"),
        ({"origin": "http" + ORIGIN.removeprefix("https")}, "another site"),
        ({"crossOrigin": True}, "another site's page"),
        ({"topOrigin": "https://other.example"}, "another site's page"),
        ({"challenge": 1}, "malformed"),
        ({"more": "x" * LONGEST_CLIENT_DATA}, "too long"),
    ],
)
def test_other_client_data_are_refused(changed: dict[str, object], why: str) -> None:
    """Each by what is wrong with it."""
    with pytest.raises(PasskeyError, match=why):
        check_client_data(said(**changed), "webauthn.get", CHALLENGE, SITE)


def test_challenge_is_found_before_anything_is_checked() -> None:
    """By it one finds what an answer is for; whether it is one is seen afterwards."""
    assert challenge_in(said(origin="https://other.example")) == CHALLENGE


@pytest.mark.parametrize("data", [b"", b"{}", said(challenge=1), said(challenge="é"), said(challenge="%"), b"[" * 2000, b"\xff"])
def test_client_data_that_are_none_have_no_challenge(data: bytes) -> None:
    """Whatever they are, nothing fails but the check."""
    assert challenge_in(data) == b""
