"""Which of the gateway's own keys are in use, as its database and the folder of the keys together say."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.audit.log.handover import Handover
from gateway.audit.log.notes import Signer
from gateway.edge.keys import GatewayKeys
from gateway.errors import OperatorError


def signers_of(keys: GatewayKeys, handovers: Sequence[Handover]) -> tuple[Signer, ...]:
    """Return the keys that sign the log: its present one and, while a handover to it is under way, the one before.

    A key that was prepared for a handover that never became durable has signed nothing, and is not used.

    Raises: OperatorError: the log was handed over to a key that is not there.
    """
    if not handovers or handovers[-1].new == keys.log_signer.verifier:
        return (keys.log_signer,)
    last, following = handovers[-1], keys.next_log_signer
    if following is not None and following.verifier == last.new:
        return (following, keys.log_signer)
    raise OperatorError(
        f"entry `{last.index}` handed the log over to `{last.new.vkey()}`, and that is neither `log.skey` nor `log-next.skey`: "
        "put your copy of the latest keys back"
    )
