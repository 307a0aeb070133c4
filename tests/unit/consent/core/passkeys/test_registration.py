"""Registrations: those of the three algorithms are taken as another implementation takes them, and nothing else is."""

from __future__ import annotations

import contextlib
import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from itertools import count

import cbor2
import pytest
import webauthn
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from consent.core.passkeys.registration import LONGEST_ATTESTATION, check_registration
from consent.core.passkeys.relying_party import RelyingParty
from consent.errors import PasskeyError
from tests.support.passkey_site import CHALLENGE, ORIGIN, SITE
from tests.support.virtual_passkey import AT, BS, UP, UV, VirtualPasskey

_MADE = VirtualPasskey(ORIGIN, SITE.id).create(CHALLENGE)


def _taken_by_oracle(client_data: bytes, attestation: bytes) -> tuple[bytes, bytes, int]:
    data = cbor2.loads(attestation)["authData"]
    credential = data[55 : 55 + int.from_bytes(data[53:55])]
    said = webauthn.verify_registration_response(
        credential={
            "id": _b64(credential),
            "rawId": _b64(credential),
            "type": "public-key",
            "response": {"clientDataJSON": _b64(client_data), "attestationObject": _b64(attestation)},
        },
        expected_challenge=CHALLENGE,
        expected_rp_id=SITE.id,
        expected_origin=ORIGIN,
        require_user_verification=True,
    )
    return said.credential_id, said.credential_public_key, said.sign_count


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _attested(key: bytes, credential: bytes = bytes(16), flags: int = UP | UV | AT, more: bytes = b"") -> bytes:
    """Return an attestation object of the site that holds a public key."""
    data = SITE.id_sha256 + bytes([flags]) + bytes(4) + bytes(16) + len(credential).to_bytes(2) + credential + key + more
    return cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})


def test_new_passkey_is_read_as_the_oracle_reads_it(passkey: VirtualPasskey) -> None:
    client_data, attestation = passkey.create(CHALLENGE)
    made = check_registration(client_data, attestation, CHALLENGE, SITE)
    assert (made.credential, made.public_key, made.sign_count) == _taken_by_oracle(client_data, attestation)
    assert (made.credential, made.public_key) == (passkey.credential, passkey.public_key)


def test_counter_of_a_new_passkey_is_what_it_states() -> None:
    made = VirtualPasskey(ORIGIN, SITE.id, counts=True, sign_count=7).create(CHALLENGE)
    assert check_registration(*made, CHALLENGE, SITE).sign_count == 7


@pytest.mark.parametrize("flags", [UV, UP, 0, UP | UV | BS])
def test_passkey_made_without_the_person_is_refused(es256: VirtualPasskey, flags: int) -> None:
    with pytest.raises(PasskeyError):
        check_registration(*es256.create(CHALLENGE, flags=flags), CHALLENGE, SITE)


def test_registration_of_anything_else_is_refused(es256: VirtualPasskey) -> None:
    client_data, attestation = es256.create(CHALLENGE)
    with pytest.raises(PasskeyError, match="another challenge"):
        check_registration(client_data, attestation, bytes(32), SITE)
    with pytest.raises(PasskeyError, match="something else"):
        check_registration(*es256.create(CHALLENGE, kind="webauthn.get"), CHALLENGE, SITE)
    other_site = RelyingParty.at("https://other.example")
    with pytest.raises(PasskeyError, match="another site"):
        check_registration(client_data, attestation, CHALLENGE, other_site)
    with pytest.raises(PasskeyError, match="for another site"):
        check_registration(*VirtualPasskey(ORIGIN, other_site.id).create(CHALLENGE), CHALLENGE, SITE)
    with pytest.raises(PasskeyError, match="another algorithm"):
        check_registration(*VirtualPasskey(ORIGIN, SITE.id, "ES384").create(CHALLENGE), CHALLENGE, SITE)


@pytest.mark.parametrize("length", [0, 15, 1024])
def test_credential_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(PasskeyError, match="id of the passkey"):
        check_registration(*VirtualPasskey(ORIGIN, SITE.id, credential=bytes(length)).create(CHALLENGE), CHALLENGE, SITE)


@pytest.mark.parametrize("length", [16, 1023])
def test_credential_of_the_shortest_and_longest_length_is_taken(length: int) -> None:
    made = VirtualPasskey(ORIGIN, SITE.id, credential=bytes(length)).create(CHALLENGE)
    assert check_registration(*made, CHALLENGE, SITE).credential == bytes(length)


def test_weak_key_is_refused() -> None:
    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()  # noqa: S505  a weak key is what is refused
    weak = cbor2.dumps({1: 3, 3: -257, -1: numbers.n.to_bytes(128), -2: b"\x01\x00\x01"})
    with pytest.raises(PasskeyError, match="not one of its algorithm"):
        check_registration(_MADE[0], _attested(weak), CHALLENGE, SITE)


def _es256_key(**changed: object) -> bytes:
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    key = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
    return cbor2.dumps(key | {int(name[1:].replace("m", "-")): value for name, value in changed.items()})


@pytest.mark.parametrize(
    "key",
    [
        _es256_key(km2=bytes(32)),  # a point beside the curve
        _es256_key(km1=2),
        _es256_key(km1=True),  # which Python takes for 1
        _es256_key(k1=2.0),
        _es256_key(km2=bytes(31)),
        _es256_key(k2=b"a name"),
        _es256_key(k3=-8),
        b"\xbf" + _es256_key()[1:] + b"\xff",  # of indefinite length
        b"\xb8\x05" + _es256_key()[1:],  # another spelling of the same key
        b"\xa6" + _es256_key()[1:] + b"\x01\x02",  # a key twice
        b"\x80",
        b"\x00",
        b"\xa0",
        b"",
    ],
    ids=count(),  # the keys are made anew in each process
)
def test_other_public_key_is_refused(key: bytes) -> None:
    with pytest.raises(PasskeyError):
        check_registration(_MADE[0], _attested(key), CHALLENGE, SITE)


def test_extensions_are_passed_over_and_nothing_else_may_follow() -> None:
    key = _es256_key()
    extended = _attested(key, flags=UP | UV | AT | 0x80, more=cbor2.dumps({"credProtect": 2}))
    assert check_registration(_MADE[0], extended, CHALLENGE, SITE).public_key == key
    for flags, more in [(AT, b"\x00"), (AT | 0x80, b""), (AT | 0x80, b"\x00"), (AT | 0x80, b"\xa0\x00"), (AT, b"\xa0")]:
        with pytest.raises(PasskeyError):
            check_registration(_MADE[0], _attested(key, flags=UP | UV | flags, more=more), CHALLENGE, SITE)


@given(st.integers(0, len(_MADE[1]) - 1))
def test_truncated_attestation_is_refused(length: int) -> None:
    with pytest.raises(PasskeyError):
        check_registration(_MADE[0], _MADE[1][:length], CHALLENGE, SITE)


@given(st.integers(0, len(_MADE[0]) - 1))
def test_truncated_client_data_are_refused(length: int) -> None:
    with pytest.raises(PasskeyError):
        check_registration(_MADE[0][:length], _MADE[1], CHALLENGE, SITE)


@given(st.binary(max_size=300))
def test_noise_is_refused_in_one_line(noise: bytes) -> None:
    for client_data, attestation in [(noise, _MADE[1]), (_MADE[0], noise), (_MADE[0], _MADE[1] + (noise or b"\0"))]:
        with pytest.raises(PasskeyError) as refused:
            check_registration(client_data, attestation, CHALLENGE, SITE)
        assert "\n" not in str(refused.value)


@given(st.integers(0, 8 * len(_MADE[1]) - 1))
def test_flipped_bit_never_breaks_out(bit: int) -> None:
    flipped = bytearray(_MADE[1])
    flipped[bit // 8] ^= 1 << bit % 8
    with contextlib.suppress(PasskeyError):  # else it is another id, counter or mark of backup, which nobody has signed
        check_registration(_MADE[0], bytes(flipped), CHALLENGE, SITE)


def test_whatever_is_longer_than_it_should_be_is_not_read() -> None:
    with pytest.raises(PasskeyError, match="too long"):
        check_registration(_MADE[0], bytes(LONGEST_ATTESTATION + 1), CHALLENGE, SITE)
    with pytest.raises(PasskeyError, match="too long"):
        check_registration(_MADE[0] + b" " * 2048, _MADE[1], CHALLENGE, SITE)


@pytest.mark.parametrize(
    "more", [{"crossOrigin": True}, {"topOrigin": "https://other.example"}, {"origin": ORIGIN + "/"}, {"type": 1}]
)
def test_page_within_another_site_is_refused(more: dict[str, object]) -> None:
    said = json.dumps(json.loads(_MADE[0]) | more).encode()
    with pytest.raises(PasskeyError):
        check_registration(said, _MADE[1], CHALLENGE, SITE)


def test_what_it_attests_is_not_looked_at(es256: VirtualPasskey) -> None:
    client_data, attestation = es256.create(CHALLENGE)
    packed = cbor2.loads(attestation) | {"fmt": "packed", "attStmt": {"alg": -7, "sig": sha256(b"").digest(), "x5c": [b"a"]}}
    assert check_registration(client_data, cbor2.dumps(packed), CHALLENGE, SITE).public_key == es256.public_key
