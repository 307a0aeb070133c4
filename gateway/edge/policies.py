"""The policies folder and the recipients' public keys beside it, which policies name and bundles are sealed to."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from consent.core.policies.fingerprint import split_keys
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import CITY_FILE, PolicySet, Recipient
from consent.errors import PolicyError
from consent.messages import CaseFailed, ExampleFailed
from consent.policy_files import read_policy_files
from gateway.core.codecs.registry import compile_decoder
from gateway.errors import OperatorError
from gateway.files import reason_of, write_whole
from gateway.recipient.keys import RecipientKeyError, load_public


@dataclass(frozen=True, slots=True)
class PoliciesFound:
    """What a policies folder holds, checked as a whole.

    Attributes:
        public_keys: The raw public key of each recipient that has one; of one that has several, one behind the other.
        failed: The cases that come out otherwise than expected; none where nobody has tried them.
        failed_examples: The examples of device profiles of which the gateway makes something else than they say.
    """

    policies: PolicySet
    public_keys: dict[str, bytes]
    failed: tuple[CaseFailed, ...] = ()
    failed_examples: tuple[ExampleFailed, ...] = ()


def read_policies(folder: Path, sinks: Container[str], in_force: bytes | None = None) -> PoliciesFound:
    """Read a policies folder, and load the keys that it names; ``gateway.edge.policy_check`` tries it out.

    Args:
        folder: The policies.
        sinks: Names of the configured sinks; a recipient on any other sink could never be reached.
        in_force: SHA-256 of the set that is in force already, which is taken as it was meant; any other is refused if it asks
            something that is no longer permitted.
    Raises: OperatorError: a file of policies or a key file cannot be used; the message names it.
    """
    try:
        policies = parse_compilable(read_policy_files(folder))
        if policies.sha256 != in_force:
            policies.refuse_unsupported()
        keys = {}
        for recipient in policies.recipients.values():
            refuse_unknown_sink(recipient, sinks)
            if recipient.public_key_file is not None:
                keys[recipient.id] = load_keys(folder, recipient)
    except PolicyError as error:
        raise OperatorError(str(error)) from error
    return PoliciesFound(policies, keys)


def parse_compilable(files: Mapping[str, bytes]) -> PolicySet:
    """Parse the files of a policies folder; every device profile of the set that is returned can be compiled to a decoder.

    Raises: PolicyError: a file is wrong.
    """
    policies = parse_policies(files)
    for profile in policies.profiles.values():
        compile_decoder(profile)  # not every field map that parses can be compiled
    return policies


def rewrite(folder: Path, changed: Mapping[str, bytes]) -> None:
    """Write policy files anew, each whole or not at all, under the owner and mode that it had.

    Args:
        folder: The policies.
        changed: The files' new bytes, by path relative to it.
    Raises: OperatorError: one of them is a link, and then none is written; or it cannot be written.
    """
    for path in changed:
        if (folder / path).is_symlink():
            raise OperatorError(f"`{folder / path}`: is a link: edit what it leads to")
    for path, data in changed.items():
        target = folder / path
        try:
            before = target.stat()
            write_whole(target, data, stat.S_IMODE(before.st_mode))
            with contextlib.suppress(PermissionError):
                os.chown(target, before.st_uid, before.st_gid)
        except OSError as error:
            why = reason_of(error)
            raise OperatorError(f"`{target}`: cannot be written: {why}") from error


def refuse_unknown_sink(recipient: Recipient, sinks: Container[str]) -> None:
    """Refuse a recipient on a sink that is not configured.

    Raises: PolicyError: names the recipient.
    """
    if recipient.sink not in sinks:
        key = f"recipient.{recipient.id}.sink"
        raise PolicyError(CITY_FILE, key, f"the configuration has no sink `{recipient.sink}`")


def load_keys(folder: Path, recipient: Recipient) -> bytes:
    """Return the raw public keys of a recipient, one behind the other, from the files that the policies name.

    Raises: PolicyError: as ``load_key``, or two of the files hold one key.
    """
    keys = [load_key(folder, recipient, file) for file in recipient.key_files]
    if len(set(keys)) < len(keys):
        raise PolicyError(CITY_FILE, f"recipient.{recipient.id}.public_key_files", "two of the files hold the same key")
    return b"".join(keys)


def load_key(folder: Path, recipient: Recipient, public_key_file: str) -> bytes:
    """Return the raw public key of a recipient, from the file that the policies name.

    Raises: PolicyError: the file is absent or holds no usable key; the message names the recipient and the file.
    """
    path = folder / public_key_file
    if not os.path.lexists(path):
        why = f"`{public_key_file}`: no such file; put the public key there that the recipient has sent"
        raise PolicyError(CITY_FILE, f"recipient.{recipient.id}.public_key_file", why)
    try:
        return load_public(path).public_bytes_raw()
    except RecipientKeyError as error:
        why = str(error).replace(str(path), public_key_file)
        raise PolicyError(CITY_FILE, f"recipient.{recipient.id}.public_key_file", why) from error


def public_keys(raw: bytes | None) -> tuple[X25519PublicKey, ...]:
    """Return a recipient's keys from their bytes, one behind the other; none for open data."""
    return tuple(map(X25519PublicKey.from_public_bytes, split_keys(raw or b"")))
