"""Assertions: what was signed by this passkey, for this challenge and site, is taken, as the oracle does; and nothing else."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from hashlib import sha256

import cbor2
import pytest
import webauthn
from hypothesis import given
from hypothesis import strategies as st

from consent.core.passkeys.assertion import SignedChallenge, check_assertion
from consent.core.passkeys.relying_party import RelyingParty
from consent.errors import PasskeyError
from tests.support.passkey_site import CHALLENGE, ORIGIN, SITE
from tests.support.virtual_passkey import AT, BS, UP, UV, VirtualPasskey

_PASSKEY = VirtualPasskey(ORIGIN, SITE.id)
_SAID = SignedChallenge(*_PASSKEY.get(CHALLENGE))


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _counter_by_oracle(said: SignedChallenge, public_key: bytes, sign_count: int = 0) -> int:
    verified = webauthn.verify_authentication_response(
        credential={
            "id": _b64(bytes(32)),
            "rawId": _b64(bytes(32)),
            "type": "public-key",
            "response": {
                "clientDataJSON": _b64(said.client_data),
                "authenticatorData": _b64(said.authenticator_data),
                "signature": _b64(said.signature),
            },
        },
        expected_challenge=CHALLENGE,
        expected_rp_id=SITE.id,
        expected_origin=ORIGIN,
        credential_public_key=public_key,
        credential_current_sign_count=sign_count,
        require_user_verification=True,
    )
    return verified.new_sign_count


def test_signed_challenge_is_taken_as_by_the_oracle(passkey: VirtualPasskey) -> None:
    said = SignedChallenge(*passkey.get(CHALLENGE))
    assert check_assertion(said, CHALLENGE, passkey.public_key, SITE) == _counter_by_oracle(said, passkey.public_key) == 0


@pytest.mark.parametrize(("before", "stated"), [(0, 0), (0, 1), (1, 2), (1, 1), (2, 1), (5, 0), (2**32 - 1, 2**32 - 1)])
def test_counter_must_rise_where_there_is_one(before: int, stated: int) -> None:
    said = SignedChallenge(*_PASSKEY.get(CHALLENGE, count=stated))
    try:
        expected: int | None = _counter_by_oracle(said, _PASSKEY.public_key, before)
    except webauthn.helpers.exceptions.InvalidAuthenticationResponse:
        expected = None
    if stated > before or stated == before == 0:
        assert check_assertion(said, CHALLENGE, _PASSKEY.public_key, SITE, before) == expected == stated
    else:
        assert expected is None
        with pytest.raises(PasskeyError, match="counter"):
            check_assertion(said, CHALLENGE, _PASSKEY.public_key, SITE, before)


def test_another_key_challenge_type_or_site_is_refused(passkey: VirtualPasskey) -> None:
    said = SignedChallenge(*passkey.get(CHALLENGE))
    with pytest.raises(PasskeyError, match="has not signed"):
        check_assertion(said, CHALLENGE, VirtualPasskey(ORIGIN, SITE.id).public_key, SITE)
    with pytest.raises(PasskeyError, match="another challenge"):
        check_assertion(said, bytes(32), passkey.public_key, SITE)
    with pytest.raises(PasskeyError, match="something else"):
        check_assertion(SignedChallenge(*passkey.get(CHALLENGE, kind="webauthn.create")), CHALLENGE, passkey.public_key, SITE)
    for address in ("https://other.example", "http://sensors.ribera.example", ORIGIN + ":8443"):
        with pytest.raises(PasskeyError, match="another site"):
            check_assertion(said, CHALLENGE, passkey.public_key, RelyingParty(address, SITE.id))


def test_key_of_another_algorithm_is_refused() -> None:
    other = VirtualPasskey(ORIGIN, SITE.id, "ES384")
    with pytest.raises(PasskeyError, match="another algorithm"):
        check_assertion(SignedChallenge(*other.get(CHALLENGE)), CHALLENGE, other.public_key, SITE)


@pytest.mark.parametrize("flags", [0, UP, UV, UP | UV | BS, UP | UV | AT, UP | UV | 0x80])
def test_answer_without_the_person_or_with_other_content_is_refused(flags: int) -> None:
    with pytest.raises(PasskeyError):
        check_assertion(SignedChallenge(*_PASSKEY.get(CHALLENGE, flags=flags)), CHALLENGE, _PASSKEY.public_key, SITE)


def test_extensions_are_passed_over() -> None:
    data = _SAID.authenticator_data[:32] + bytes([UP | UV | 0x80]) + bytes(4) + cbor2.dumps({"appid": False})
    said = SignedChallenge(_SAID.client_data, data, _PASSKEY.sign(data + sha256(_SAID.client_data).digest()))
    assert check_assertion(said, CHALLENGE, _PASSKEY.public_key, SITE) == _counter_by_oracle(said, _PASSKEY.public_key) == 0


@given(st.sampled_from(["client_data", "authenticator_data", "signature"]), st.data())
def test_truncated_or_flipped_piece_is_refused(name: str, data: st.DataObject) -> None:
    piece: bytes = getattr(_SAID, name)
    place = data.draw(st.integers(0, len(piece) - 1))
    flipped = piece[:place] + bytes([piece[place] ^ 1 << data.draw(st.integers(0, 7))]) + piece[place + 1 :]
    for other in (piece[:place], flipped, piece + b"\0"):
        with pytest.raises(PasskeyError) as refused:
            check_assertion(replace(_SAID, **{name: other}), CHALLENGE, _PASSKEY.public_key, SITE)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["client_data", "authenticator_data", "signature"])
def test_piece_that_is_too_long_is_refused(name: str) -> None:
    with pytest.raises(PasskeyError):
        check_assertion(replace(_SAID, **{name: bytes(100_000)}), CHALLENGE, _PASSKEY.public_key, SITE)
    with pytest.raises(PasskeyError):
        check_assertion(_SAID, CHALLENGE, bytes(100_000), SITE)


def test_nested_client_data_are_refused() -> None:
    nested = json.dumps(json.loads(_SAID.client_data)).encode()[:-1] + b',"more":' + b"[" * 900 + b"]" * 900 + b"}"
    with pytest.raises(PasskeyError):
        check_assertion(replace(_SAID, client_data=nested), CHALLENGE, _PASSKEY.public_key, SITE)
