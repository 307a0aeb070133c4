"""The policies folder and the recipients' public keys beside it, which policies name and bundles are sealed to."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from consent.core.cases.cases import CaseResult, try_case
from consent.core.cases.parse import read_cases
from consent.core.policies.parse import CITY_FILE, parse_policies
from consent.core.policies.policy import PolicySet, Recipient
from consent.errors import PolicyError
from consent.policy_files import read_case_files, read_policy_files
from gateway.core.codecs.registry import compile_decoder
from gateway.errors import OperatorError
from gateway.recipient.keys import RecipientKeyError, load_public


@dataclass(frozen=True, slots=True)
class PoliciesFound:
    """What a policies folder holds, checked as a whole.

    Attributes:
        public_keys: The raw public key of each recipient that has one.
        failed: The cases that come out otherwise than expected.
    """

    policies: PolicySet
    public_keys: dict[str, bytes]
    failed: tuple[CaseResult, ...]


def read_policies(folder: Path, sinks: Container[str]) -> PoliciesFound:
    """Read and check a policies folder, load the keys that it names, and try its cases.

    Args:
        folder: The policies.
        sinks: Names of the configured sinks; a recipient on any other sink could never be reached.
    Raises: OperatorError: a file of policies or cases, or a key file, cannot be used; the message names it.
    """
    try:
        policies = parse_compilable(read_policy_files(folder))
        keys = {}
        for recipient in policies.recipients.values():
            refuse_unknown_sink(recipient, sinks)
            if recipient.public_key_file is not None:
                keys[recipient.id] = load_key(folder, recipient, recipient.public_key_file)
        failed = [
            result
            for path, data in read_case_files(folder).items()
            for result in (try_case(policies, case) for case in read_cases(path, data, policies))
            if not result.passed
        ]
    except PolicyError as error:
        raise OperatorError(str(error)) from error
    return PoliciesFound(policies, keys, tuple(failed))


def parse_compilable(files: Mapping[str, bytes]) -> PolicySet:
    """Parse the files of a policies folder; every device profile of the set that is returned can be compiled to a decoder.

    Raises: PolicyError: a file is wrong.
    """
    policies = parse_policies(files)
    for profile in policies.profiles.values():
        compile_decoder(profile)  # not every field map that parses can be compiled
    return policies


def refuse_unknown_sink(recipient: Recipient, sinks: Container[str]) -> None:
    """Refuse a recipient on a sink that is not configured.

    Raises: PolicyError: names the recipient.
    """
    if recipient.sink not in sinks:
        key = f"recipient.{recipient.id}.sink"
        raise PolicyError(CITY_FILE, key, f"the configuration has no sink `{recipient.sink}`")


def load_key(folder: Path, recipient: Recipient, public_key_file: str) -> bytes:
    """Return the raw public key of a recipient, from the file that the policies name.

    Raises: PolicyError: the file is absent or holds no usable key; the message names the recipient and the file.
    """
    path = folder / public_key_file
    try:
        return load_public(path).public_bytes_raw()
    except RecipientKeyError as error:
        why = str(error).replace(str(path), public_key_file)
        raise PolicyError(CITY_FILE, f"recipient.{recipient.id}.public_key_file", why) from error


def public_key(raw: bytes | None) -> X25519PublicKey | None:
    """Return a recipient's key from its 32 bytes; None for open data."""
    return None if raw is None else X25519PublicKey.from_public_bytes(raw)
