"""The policies folder with what stands beside it: recipients' public keys, which policies name and the gateway seals to."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from consent.core.policy import PolicySet
from consent.core.policy_text import CITY_FILE
from consent.errors import PolicyError
from consent.policy_files import load_policies
from gateway.core.codecs import compile_decoder
from gateway.errors import OperatorError
from gateway.recipient.keys import KeyFileError, load_public


def read_policies(folder: Path, sinks: Container[str]) -> tuple[PolicySet, dict[str, bytes]]:
    """Read and check a policies folder, and load the keys that it names.

    Args:
        folder: The policies.
        sinks: Names of the configured sinks; a recipient behind any other could never be reached.
    Returns: The policies, and the raw public key of each recipient that has one.
    Raises: OperatorError: a policy or key file cannot be used; the line names it.
    """
    try:
        policies = load_policies(folder)
        for profile in policies.profiles.values():
            compile_decoder(profile)  # not every field map that reads well can be compiled
        for recipient in policies.recipients.values():
            if recipient.sink not in sinks:
                key = f"recipient.{recipient.id}.sink"
                raise PolicyError(CITY_FILE, key, f"the configuration has no sink `{recipient.sink}`")
        keys = {
            recipient.id: load_public(folder / recipient.public_key_file).public_bytes_raw()
            for recipient in policies.recipients.values()
            if recipient.public_key_file is not None
        }
    except (PolicyError, KeyFileError) as error:
        raise OperatorError(str(error)) from error
    return policies, keys


def public_key(raw: bytes | None) -> X25519PublicKey | None:
    """Return a recipient's key from its 32 bytes; None for open data."""
    return None if raw is None else X25519PublicKey.from_public_bytes(raw)
