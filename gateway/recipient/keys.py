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
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from consent.core.policies import fingerprint as fingerprints
from consent.printable import one_line
from gateway.files import (
    PUBLIC_MODE,
    SECRET_MODE,
    SecretFileError,
    create_file,
    read_regular,
    read_secret_file,
    reason_of,
    refuse_anothers,
)

_PRIVATE_PREFIX: Final = "sluice-recipient-private:x25519:"
_PUBLIC_PREFIX: Final = "sluice-recipient-public:x25519:"
_KEY_BYTES: Final = 32
_DEFAULT_STEM: Final = "recipient"
_LARGEST_BYTES: Final = 1 << 16
_POLICIES_MARK: Final = "city.toml"
_CLAIM: Final = re.compile(r"#\s*fingerprint\b[^:]*:(.*)", re.IGNORECASE)


class RecipientKeyError(ValueError):
    """A recipient's key file that cannot be made or used. The message is one line and names the file."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """The files of a new key pair, and the fingerprint by which it can be compared over the telephone."""

    private_path: Path
    public_path: Path
    fingerprint: str


def generate(target: Path, public: Path | None = None) -> KeyPair:
    """Make a key pair in two new files.

    Args:
        target: A folder, which gets `recipient.key` and `recipient.pub`; or a file name, with or without `.key`.
        public: Where the public half goes instead, such as into the policies: a folder, or a file name.

    Raises:
        RecipientKeyError: If one of the files exists already or cannot be written, or the private one would lie among policies.
    """
    stem = target / _DEFAULT_STEM if target.is_dir() else target
    if stem.suffix in (".key", ".pub"):
        stem = stem.with_suffix("")
    private_path, public_path = stem.with_name(f"{stem.name}.key"), stem.with_name(f"{stem.name}.pub")
    if public is not None:
        public_path = public / public_path.name if public.is_dir() else public
    _keep_out_of_policies(private_path)
    refuse_anothers(private_path)
    if public_path.exists():
        raise RecipientKeyError(f"`{public_path}`: exists already, and keys are never overwritten")
    if not public_path.parent.is_dir():
        raise RecipientKeyError(f"`{public_path}`: cannot be written: no such file or directory")
    key = X25519PrivateKey.generate()
    try:
        create_file(private_path, format_private(key).encode(), SECRET_MODE)
        create_file(public_path, format_public(key.public_key()).encode(), PUBLIC_MODE)
    except SecretFileError as error:
        raise RecipientKeyError(str(error)) from error
    return KeyPair(private_path, public_path, fingerprint(key.public_key()))


def _keep_out_of_policies(private_path: Path) -> None:
    """Raise if a private key would lie in a policies folder, by the name given or where its links lead: those are published."""
    for leads_to in (os.path.abspath, os.path.realpath):
        named = Path(leads_to(private_path.parent))
        for folder in (named, *named.parents):
            if os.path.lexists(folder / _POLICIES_MARK):
                raise RecipientKeyError(
                    f"`{private_path}`: lies in the policies folder `{folder}`, which is published, and a private key is secret; "
                    f"give a place of your own, and `--public` for the other half: "
                    f"`sluice recipient keygen ~/{private_path.stem} --public {private_path.with_suffix('.pub')}`"
                )


def load_private(path: Path) -> X25519PrivateKey:
    """Load a private key.

    Raises:
        RecipientKeyError: If the file is absent, readable by others, a symbolic link, or holds no private key.
    """
    try:
        text = read_secret_file(path).decode("ascii", errors="replace")
    except SecretFileError as error:
        _refuse_public_half(path)
        raise RecipientKeyError(str(error)) from error
    return X25519PrivateKey.from_private_bytes(_key_bytes(text, _PRIVATE_PREFIX, str(path), "private"))


def _refuse_public_half(path: Path) -> None:
    """Raise if a file that cannot be used as a private key is a public one: its mode is right, and it is not the one wanted."""
    try:
        text = _read_text(path)
    except RecipientKeyError:
        return
    if _holds(text, _PUBLIC_PREFIX) and not _holds(text, _PRIVATE_PREFIX):
        raise RecipientKeyError(_other_half(str(path), "private"))


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
    private = _holds(text, _PRIVATE_PREFIX)
    return fingerprint(load_private(path).public_key() if private else parse_public(text, str(path)))


def _read_text(path: Path) -> str:
    try:
        return read_regular(path, _LARGEST_BYTES).decode("ascii", errors="replace")
    except OSError as error:
        raise RecipientKeyError(f"`{path}`: cannot be read: {reason_of(error)}") from error


def _holds(text: str, prefix: str) -> bool:
    return any(line.strip().startswith(prefix) for line in text.splitlines())


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
            raise RecipientKeyError(_other_half(source, kind))
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


def _other_half(source: str, kind: str) -> str:
    """Return what to say of a file that holds the half of a pair that is not wanted."""
    here, suffix = ("public", ".key") if kind == "private" else ("private", ".pub")
    wanted = Path(source).with_suffix(suffix)
    if wanted == Path(source):
        exposed = "" if here == "public" else "; others may have read it, so let its recipient make a new pair"
        return f"`{source}`: holds the {here} half of a pair, and should hold the {kind} one{exposed}"
    return f"`{source}`: holds the other half of the pair, the {here} one; give the {kind} one, `{wanted}`"
