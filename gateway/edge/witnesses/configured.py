"""The gateway's witnesses as configured, and what they need to see of its log; see ``gateway.edge.witnesses.quorum``.

Until a witness has confirmed the last checkpoint that this gateway signed, nothing new is signed or released: an old disk image
that was restored would otherwise fork the log. Readings and consent changes are accepted and committed meanwhile.
"""

from __future__ import annotations

from gateway.audit.log.handover import HandoverError, LogKeys
from gateway.audit.log.notes import Signer, Verifier
from gateway.audit.log.reader import FileError, LogReader
from gateway.config import Installation
from gateway.edge.witnesses.quorum import Witnesses, load_policy
from gateway.errors import OperatorError


def configured_witnesses(place: Installation, signer: Signer) -> Witnesses | None:
    """Return the witnesses that the configuration names, or None.

    Raises: OperatorError: their policy cannot be used, or is for other logs.
    """
    file = place.path(place.config.audit.witness_policy)
    if file is None:
        return None
    policy = load_policy(file)
    if policy.logs and not any(_leads_to(place, log.verifier, signer.verifier) for log in policy.logs):
        raise OperatorError(f"`{file}`: lists logs, and not `{signer.name}` with its present key")
    return Witnesses(policy, ca_file=place.path(place.config.audit.witness_ca_file))


def _leads_to(place: Installation, listed: Verifier, present: Verifier) -> bool:
    """Return whether a listed key is the log's present one, or one from which it was handed over."""
    if listed == present:
        return True
    try:
        return present in LogKeys.follow(listed, LogReader(place.log).handovers()).verifiers
    except (HandoverError, FileError):
        return False
