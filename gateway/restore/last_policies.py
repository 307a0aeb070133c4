"""The policies that the log says were in force last, with their keys: a restore brings these back, and not what the folder holds.

What the folder holds counts from `sluice policy apply` on, which shows what it would change.
"""

from __future__ import annotations

from pathlib import Path

from consent.core.policies.archive import unpack_files
from consent.core.policies.fingerprint import fingerprint_of, key_sha256
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet, Recipient
from consent.errors import PolicyError, RecordError
from gateway.audit.log.earlier_payloads import decode_policy
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import PayloadError, PolicyPayload
from gateway.durable.state import Durable
from gateway.edge.policies import load_keys
from gateway.errors import CorruptionError, OperatorError
from gateway.restore.published_log import PublishedLog


class LastPolicies:
    """Finds the policies and keys that were in force last.

    Args:
        durable: The backup's memory, with the later entries of the log.
        published: The log, which holds every policy set that was in force.
        folder: The policies folder: there may lie keys that the backup does not have.
    """

    def __init__(self, durable: Durable, published: PublishedLog, folder: Path) -> None:
        self._durable = durable
        self._published = published
        self._folder = folder

    def found(self, opening: Opening | None, *, changed: bool) -> tuple[PolicySet, dict[str, bytes]]:
        """Return the policies, and the recipients' raw public keys.

        Args:
            opening: That of the latest policy entry since the backup, where there is one and its opening is at hand.
            changed: Whether there is such an entry.
        Raises:
            OperatorError: A key is nowhere to be found.
            CorruptionError: The log lacks the policies.
        """
        durable = self._durable
        if not changed:
            return durable.state.policies, durable.public_keys
        policies = self._policies(durable.state.log.chain.policy or b"")
        recorded = _recorded(opening)
        named = [recipient for recipient in policies.recipients.values() if recipient.public_key_file is not None]
        return policies, {recipient.id: self._key(recipient, recorded) for recipient in named}

    def _policies(self, sha256: bytes) -> PolicySet:
        if sha256 == self._durable.state.policies.sha256:
            return self._durable.state.policies
        packed = self._published.policies(sha256)
        if packed is None:
            raise CorruptionError(f"`{self._published.name}`: policies `{sha256.hex()}` are absent or changed")
        try:
            return parse_policies(unpack_files(packed))
        except (RecordError, PolicyError) as error:
            raise CorruptionError(f"the log's policies `{sha256.hex()}` cannot be understood: {error}") from error

    def _key(self, recipient: Recipient, recorded: dict[str, bytes] | None) -> bytes:
        """Return the key that the log's opening names; where there is none, the backup's, and else the folder's."""
        stored = self._durable.public_keys.get(recipient.id)
        wanted = None if recorded is None else recorded.get(recipient.id)
        if stored is not None and wanted in (None, key_sha256(stored)):
            return stored
        try:
            found = load_keys(self._folder, recipient)
        except PolicyError as error:
            raise OperatorError(str(error)) from error
        if wanted not in (None, key_sha256(found)):
            shown = fingerprint_of(wanted or b"")
            raise OperatorError(
                f"`{', '.join(recipient.key_files)}`: the key of `{recipient.id}` in force was another: `{shown}`"
            )
        return found


def _recorded(opening: Opening | None) -> dict[str, bytes] | None:
    """Return what an opening holds of the keys, by recipient; None where it does not tell."""
    if opening is None or opening.first is None:
        return None
    try:
        payload = decode_policy(opening.first)
    except PayloadError as error:
        raise CorruptionError(f"the opening of a policy entry: {error}") from error
    return payload.keys if isinstance(payload, PolicyPayload) else None
