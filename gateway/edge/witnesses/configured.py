"""The gateway's witnesses as configured, and what they need to see of its log; see ``gateway.edge.witnesses.quorum``.

Until a witness has confirmed the last checkpoint that this gateway signed, nothing new is signed or released: an old card that
was put back would otherwise fork the log. Readings and changes of consent are taken in and committed meanwhile.
"""

from __future__ import annotations

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.merkle import tree_root
from gateway.audit.log.notes import Signer, sign_note, split_note
from gateway.config import Place
from gateway.edge.witnesses.quorum import Witnesses, load_policy
from gateway.errors import OperatorError


def configured_witnesses(place: Place, signer: Signer) -> Witnesses | None:
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


def size_of(note: bytes) -> int:
    """Return the size of a signed checkpoint."""
    return Checkpoint.parse(split_note(note)[0]).size


def empty_head(signer: Signer) -> bytes:
    """Return the checkpoint of a log without entries, which contradicts nothing: for a gateway that has signed none yet."""
    return sign_note(Checkpoint(signer.name, 0, tree_root([])).text(), signer)
