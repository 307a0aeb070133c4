"""The gateway's witnesses as configured, and what they need to see of its log; see ``gateway.edge.witnesses.quorum``.

Until a witness has confirmed the last checkpoint that this gateway signed, nothing new is signed or released: an old disk image
that was restored would otherwise fork the log. Readings and consent changes are accepted and committed meanwhile.
"""

from __future__ import annotations

from gateway.audit.log.notes import Signer
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
    if policy.logs and signer.verifier not in [log.verifier for log in policy.logs]:
        raise OperatorError(f"`{file}`: lists logs, and not `{signer.name}` with its present key")
    return Witnesses(policy, ca_file=place.path(place.config.audit.witness_ca_file))
