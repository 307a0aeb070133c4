"""Proofs: have one encoding, and prove one challenge for one site."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.canonical import encode_canonical
from consent.core.passkeys.assertion import SignedChallenge
from consent.core.passkeys.proof import LONGEST_PROOF, Proof
from consent.errors import RecordError
from tests.support.passkey_site import CHALLENGE, ORIGIN, SITE
from tests.support.virtual_passkey import VirtualPasskey

_PASSKEY = VirtualPasskey(ORIGIN, SITE.id)
_PROOF = Proof(_PASSKEY.public_key, ORIGIN, SignedChallenge(*_PASSKEY.get(CHALLENGE)))
_PIECES = st.binary(min_size=1, max_size=600)


@given(_PIECES, st.text(min_size=1, max_size=300), _PIECES, _PIECES, _PIECES)
def test_every_proof_survives_its_encoding(key: bytes, origin: str, client: bytes, data: bytes, signature: bytes) -> None:
    proof = Proof(key, origin, SignedChallenge(client, data, signature))
    assert Proof.decode(proof.encode()) == proof


@given(st.binary(max_size=400))
def test_noise_is_no_proof(noise: bytes) -> None:
    with pytest.raises(RecordError):
        Proof.decode(noise)


@given(st.integers(0, len(_PROOF.encode()) - 1))
def test_truncated_proof_is_none(length: int) -> None:
    with pytest.raises(RecordError):
        Proof.decode(_PROOF.encode()[:length])


def test_other_shapes_are_no_proof() -> None:
    whole = {
        "public_key": b"k",
        "origin": "o",
        "client_data": b"c",
        "authenticator_data": b"a",
        "signature": b"s",
    }
    assert Proof.decode(encode_canonical(whole)).origin == "o"
    for other in [
        whole | {"more": 1},
        whole | {"origin": b"o"},
        whole | {"origin": ""},
        whole | {"origin": "o" * 301},
        whole | {"signature": "s"},
        whole | {"signature": b""},
        whole | {"client_data": bytes(2049)},
        list(whole.values()),
        {name: value for name, value in whole.items() if name != "origin"},
    ]:
        with pytest.raises(RecordError):
            Proof.decode(encode_canonical(other))
    with pytest.raises(RecordError, match="too long"):
        Proof.decode(bytes(LONGEST_PROOF + 1))


def test_proof_holds_for_its_challenge_and_site_alone(passkey: VirtualPasskey) -> None:
    proof = Proof(passkey.public_key, ORIGIN, SignedChallenge(*passkey.get(CHALLENGE)))
    assert proof.faults(CHALLENGE, SITE.id) == []
    assert proof.faults(bytes(32), SITE.id) == ["the passkey answered another challenge"]
    assert proof.faults(CHALLENGE, "ribera.example") == ["the passkey is for another site"]
    assert replace(proof, origin="https://other.example").faults(CHALLENGE, "other.example")


@pytest.mark.parametrize(
    "origin", ["http://sensors.ribera.example", "https://sensors.ribera.example/", "", "file:///", ORIGIN.upper()]
)
def test_origin_at_which_no_passkey_works_proves_nothing(origin: str) -> None:
    passkey = VirtualPasskey(origin, SITE.id)
    proof = Proof(passkey.public_key, origin, SignedChallenge(*passkey.get(CHALLENGE)))
    assert proof.faults(CHALLENGE, SITE.id) == ["the passkey is for another site"]


def test_counter_does_not_matter_to_a_proof() -> None:
    passkey = VirtualPasskey(ORIGIN, SITE.id, counts=True, sign_count=41)
    proof = Proof(passkey.public_key, ORIGIN, SignedChallenge(*passkey.get(CHALLENGE)))
    assert proof.faults(CHALLENGE, SITE.id) == []
