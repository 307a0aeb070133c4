"""Public keys of passkeys: COSE_Key of the three algorithms that are asked for, and their signatures.

Sources: RFC 9052, section 7; RFC 9053, sections 2 and 7; RFC 8230 for RSA; Web Authentication Level 3, 5.8.5 and 6.5.1.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from consent.core.canonical import decode_canonical
from consent.errors import PasskeyError, RecordError

ALGORITHMS: Final = (-7, -8, -257)
"""ES256, EdDSA, RS256: numbers of IANA's registry of COSE algorithms, the best first, as browsers are asked for them."""
LONGEST_PUBLIC_KEY: Final = 1024
LONGEST_SIGNATURE: Final = 1024

_KIND, _ALGORITHM, _CURVE, _X, _Y = 1, 3, -1, -2, -3
_MODULUS, _EXPONENT = -1, -2
_P256, _ED25519 = 1, 6
_RSA_BITS: Final = range(2048, 4097)
_LONGEST_EXPONENT: Final = 8

Verify = Callable[[bytes, bytes], None]
"""(signature, message): raises ``InvalidSignature`` where the signature is not the key's."""


def read_public_key(data: bytes) -> Verify:
    """Return what verifies a passkey's signatures.

    A key has one spelling alone, the canonical one that authenticators have to use, so that its hash names it.

    Raises: PasskeyError: it is no COSE_Key of one of ``ALGORITHMS``, or too weak a key.
    """
    if len(data) > LONGEST_PUBLIC_KEY:
        raise PasskeyError("the public key is too long")
    try:
        key = decode_canonical(data, "the public key")
    except RecordError as error:
        raise PasskeyError(str(error)) from error
    if not isinstance(key, dict) or any(type(name) is not int or type(value) not in (int, bytes) for name, value in key.items()):
        raise PasskeyError("the public key is no key")
    read = next((read for named, read in _READERS if named == (key.get(_KIND), key.get(_ALGORITHM))), None)
    if read is None:
        raise PasskeyError("the passkey is of another algorithm than ES256, EdDSA and RS256")
    try:
        return read(key)
    except ValueError as error:
        raise PasskeyError("the public key is not one of its algorithm") from error


def check_signature(public_key: bytes, signature: bytes, message: bytes) -> None:
    """Check a passkey's signature.

    Raises: PasskeyError: it is not the key's over the message.
    """
    verify = read_public_key(public_key)
    try:
        if len(signature) > LONGEST_SIGNATURE:
            raise InvalidSignature
        verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise PasskeyError("the passkey has not signed this") from error


def _es256(key: dict[int, Any]) -> Verify:
    if key.keys() != {_KIND, _ALGORITHM, _CURVE, _X, _Y} or key[_CURVE] != _P256:
        raise ValueError
    x, y = _bytes(key[_X], 32), _bytes(key[_Y], 32)
    point = EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), SECP256R1()).public_key()
    return lambda signature, message: point.verify(signature, message, ECDSA(SHA256()))


def _eddsa(key: dict[int, Any]) -> Verify:
    if key.keys() != {_KIND, _ALGORITHM, _CURVE, _X} or key[_CURVE] != _ED25519:
        raise ValueError
    return Ed25519PublicKey.from_public_bytes(_bytes(key[_X], 32)).verify


def _rs256(key: dict[int, Any]) -> Verify:
    if key.keys() != {_KIND, _ALGORITHM, _MODULUS, _EXPONENT}:
        raise ValueError
    modulus, exponent = _number(key[_MODULUS]), _number(key[_EXPONENT])
    if modulus.bit_length() not in _RSA_BITS or exponent.bit_length() > 8 * _LONGEST_EXPONENT:
        raise ValueError
    public = RSAPublicNumbers(exponent, modulus).public_key()
    return lambda signature, message: public.verify(signature, message, PKCS1v15(), SHA256())


def _bytes(value: object, length: int) -> bytes:
    if not isinstance(value, bytes) or len(value) != length:
        raise ValueError
    return value


def _number(value: object) -> int:
    """Return a number without leading zeros (RFC 8230, section 4)."""
    if not isinstance(value, bytes) or not value or not value[0]:
        raise ValueError
    return int.from_bytes(value)


_READERS: Final[tuple[tuple[tuple[int, int], Callable[[dict[int, Any]], Verify]], ...]] = (
    ((2, -7), _es256),
    ((1, -8), _eddsa),
    ((3, -257), _rs256),
)
