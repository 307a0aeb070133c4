"""A recipient's key pair: how it is made, and the two text files that hold it.

The fingerprint in a public file is a comment, for people who look at it; one that is not the key's own makes the file unusable.

The private file stays with the recipient (mode 0600); the public file goes into the city's policies (`public_key_file`).
Both hold comment lines and one line `sluice-recipient-private:x25519:<base64>` or `sluice-recipient-public:x25519:<base64>`.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from consent.core.policies import fingerprint as fingerprints
from consent.errors import one_line
from gateway.files import PUBLIC_MODE, SECRET_MODE, SecretFileError, create_file, read_secret_file, refuse_anothers

_PRIVATE_PREFIX: Final = "sluice-recipient-private:x25519:"
_PUBLIC_PREFIX: Final = "sluice-recipient-public:x25519:"
_KEY_BYTES: Final = 32
_DEFAULT_STEM: Final = "recipient"
_LARGEST_BYTES: Final = 1 << 16
_CLAIM: Final = re.compile(r"#\s*fingerprint\b[^:]*:(.*)", re.IGNORECASE)


class RecipientKeyError(ValueError):
    """A recipient's key file that cannot be made or used. The message is one line and names the file."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """The files of a new key pair, and the fingerprint by which it can be compared over the telephone."""

    private_path: Path
    public_path: Path
    fingerprint: str


def generate(target: Path) -> KeyPair:
    """Make a key pair in two new files.

    Args:
        target: A folder, which gets `recipient.key` and `recipient.pub`; or a file name, with or without `.key`.

    Raises:
        RecipientKeyError: If one of the files exists already, or cannot be written.
    """
    stem = target / _DEFAULT_STEM if target.is_dir() else target
    if stem.suffix in (".key", ".pub"):
        stem = stem.with_suffix("")
    private_path, public_path = stem.with_name(f"{stem.name}.key"), stem.with_name(f"{stem.name}.pub")
    refuse_anothers(private_path)
    if public_path.exists():
        raise RecipientKeyError(f"`{public_path}`: exists already, and keys are never overwritten")
    key = X25519PrivateKey.generate()
    try:
        create_file(private_path, format_private(key).encode(), SECRET_MODE)
        create_file(public_path, format_public(key.public_key()).encode(), PUBLIC_MODE)
    except SecretFileError as error:
        raise RecipientKeyError(str(error)) from error
    return KeyPair(private_path, public_path, fingerprint(key.public_key()))


def load_private(path: Path) -> X25519PrivateKey:
    """Load a private key.

    Raises:
        RecipientKeyError: If the file is absent, readable by others, a symbolic link, or holds no private key.
    """
    try:
        text = read_secret_file(path).decode("ascii", errors="replace")
    except SecretFileError as error:
        raise RecipientKeyError(str(error)) from error
    return X25519PrivateKey.from_private_bytes(_key_bytes(text, _PRIVATE_PREFIX, str(path), "private"))


def load_public(path: Path) -> X25519PublicKey:
    """Load a public key.

    Raises:
        RecipientKeyError: If the file is absent or holds no usable public key.
    """
    return parse_public(_read_text(path), str(path))


def load_fingerprint(path: Path) -> str:
    """Return the fingerprint of the public key in a file, or of the one that belongs to the private key in it.

    Raises:
        RecipientKeyError: If the file is absent or holds no usable key.
    """
    text = _read_text(path)
    private = any(line.strip().startswith(_PRIVATE_PREFIX) for line in text.splitlines())
    return fingerprint(load_private(path).public_key() if private else parse_public(text, str(path)))


def _read_text(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # opening a pipe could block for ever
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise RecipientKeyError(f"`{path}`: is no regular file")
            data = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise RecipientKeyError(f"`{path}`: cannot be read: {(error.strerror or str(error)).lower()}") from error
    if len(data) > _LARGEST_BYTES:
        raise RecipientKeyError(f"`{path}`: is larger than {_LARGEST_BYTES} bytes")
    return data.decode("ascii", errors="replace")


def parse_public(text: str, source: str) -> X25519PublicKey:
    """Read a public key from a public file's text.

    Args:
        text: The file's text.
        source: The file's name in error messages.

    Raises:
        RecipientKeyError: If it holds no public key, a weak one with which every shared secret is the same, or one whose
            fingerprint is not the one in a comment beside it.
    """
    key = X25519PublicKey.from_public_bytes(_key_bytes(text, _PUBLIC_PREFIX, source, "public"))
    try:
        X25519PrivateKey.generate().exchange(key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise RecipientKeyError(f"`{source}`: the public key is a weak one that protects nothing") from error
    own = fingerprint(key)
    for line in text.splitlines():
        claim = _CLAIM.fullmatch(line.strip())
        if claim and not fingerprints.same_fingerprint(claim[1], own):
            said = one_line(claim[1].strip())
            raise RecipientKeyError(f"`{source}`: a comment gives the fingerprint `{said}`, and that of the key is `{own}`")
    return key


def format_private(key: X25519PrivateKey) -> str:
    """Return the text of a private file."""
    return (
        "# Private key of a Sluice recipient. Whoever holds this file can read the bundles: keep it secret, keep a copy.\n"
        f"# Fingerprint of its public key: {fingerprint(key.public_key())}\n"
        f"{_PRIVATE_PREFIX}{base64.b64encode(key.private_bytes_raw()).decode()}\n"
    )


def format_public(key: X25519PublicKey) -> str:
    """Return the text of a public file."""
    return (
        "# Public key of a Sluice recipient, for `public_key_file` in the policies. It need not be kept secret.\n"
        f"# Fingerprint: {fingerprint(key)}\n"
        f"{_PUBLIC_PREFIX}{base64.b64encode(key.public_bytes_raw()).decode()}\n"
    )


def fingerprint(key: X25519PublicKey) -> str:
    """Return a public key's fingerprint."""
    return fingerprints.fingerprint(key.public_bytes_raw())


def _key_bytes(text: str, prefix: str, source: str, kind: str) -> bytes:
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    if len(keys) != 1 or not keys[0].startswith(prefix):
        other = _PUBLIC_PREFIX if prefix == _PRIVATE_PREFIX else _PRIVATE_PREFIX
        if len(keys) == 1 and keys[0].startswith(other):
            raise RecipientKeyError(f"`{source}`: holds the other half of the pair; a {kind} key is wanted")
        if any(line.startswith(prefix) for line in keys):
            raise RecipientKeyError(f"`{source}`: holds more than a key; besides comments one line is expected")
        raise RecipientKeyError(f"`{source}`: holds no line that begins with `{prefix}`")
    try:
        raw = base64.b64decode(keys[0].removeprefix(prefix), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RecipientKeyError(f"`{source}`: the {kind} key is not base64") from error
    if len(raw) != _KEY_BYTES:
        raise RecipientKeyError(f"`{source}`: the {kind} key has `{len(raw)}` bytes, not {_KEY_BYTES}")
    return raw
