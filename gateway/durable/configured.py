"""The durable core of one installation, assembled with the edges that its configuration names.

``gateway.service`` runs it; a command that finds no gateway running starts it alone. A restore uses edges of its own.
"""

from __future__ import annotations

import os

from gateway.config import Installation
from gateway.durable.startup import Edges
from gateway.durable.state import Durable
from gateway.edge.clock import GatewayClock
from gateway.edge.keys.keyring import GatewayKeys, load_keys
from gateway.edge.keys.log import FORMER_LOG_KEY_FILE, LOG_KEY_FILE
from gateway.edge.keys.root import root_key_file
from gateway.edge.policy_check import CheckProcess, PolicyCheck
from gateway.edge.publisher import Publisher
from gateway.edge.store.store import Store
from gateway.edge.witnesses.configured import configured_witnesses
from gateway.errors import KeyFileError


def edges_of(
    place: Installation, keys: GatewayKeys, store: Store, clock: GatewayClock, check: PolicyCheck | None = None
) -> Edges:
    """Return the edges that the configuration names, together with a store and a clock.

    Args:
        check: Used instead of a process that checks policies.

    Raises: OperatorError: a folder or the witnesses' policy cannot be used.
    """
    witnesses = configured_witnesses(place, keys.log_signer)
    publisher = Publisher(place.log, place.openings, keys.log_signer.verifier, witnesses)
    return Edges(
        store=store,
        publisher=publisher,
        witnesses=witnesses,
        clock=clock,
        random_bytes=os.urandom,
        policy_check=check or CheckProcess(),
    )


def keys_of(place: Installation) -> GatewayKeys:
    """Load the gateway's keys.

    Raises: KeyFileError: a file is absent, readable by others, or does not hold what it should; the line says what to do.
    """
    files = [root_key_file(place.keys), place.keys / LOG_KEY_FILE]
    absent = next((file for file in files if not os.path.lexists(file)), None)
    hidden = os.path.isdir(place.keys) and not os.access(place.keys, os.X_OK)
    if os.path.lexists(place.keys / FORMER_LOG_KEY_FILE):
        absent = None  # its replacement was interrupted, and loading ends it
    if absent is None or hidden:
        return load_keys(place.keys)
    if os.path.exists(place.database) or absent != files[0]:
        raise KeyFileError(f"`{absent}`: there is no such file; put your copy of the keys back, for no other can take its place")
    raise KeyFileError(f"`{absent}`: there is no such file; make the keys with `{place.command('keys', 'init')}`")


async def start(
    place: Installation,
    keys: GatewayKeys,
    clock: GatewayClock | None = None,
    *,
    unwitnessed: bool = False,
    accept: bool | str = False,
    reading: bool = False,
    in_turns: bool = False,
    check: PolicyCheck | None = None,
) -> Durable:
    """Open the database, restore memory from it, and commit the beginning of this run.

    Args:
        clock: Used instead of the configured one.
        unwitnessed: Sign and release at once, even if witnesses are configured; the log records it.
        accept: Put the first policies in force even if one of their cases fails; as a text, only under that proposal.
        reading: Begin no run: nothing is to be changed.
        in_turns: Leave the compilation of plans to the turns of a loop that is to run.
        check: Used instead of a process that checks policies.
    Raises:
        OperatorError: A folder, the file or a policy cannot be used.
        PoliciesRefusedError: A case of the first policies fails.
        CorruptionError: What is stored is damaged, or contradicts the published log.
    """
    store = Store(place.state, keys)
    edges = edges_of(place, keys, store, clock or GatewayClock(place.config.clock), check)
    await store.open()
    try:
        durable = await Durable.open(place, keys, edges, unwitnessed=unwitnessed)
        if reading:
            await durable.rotation.resume()
            durable.settle()
        else:
            await durable.begin(accept=accept, in_turns=in_turns)
    except BaseException:
        await store.close()
        raise
    return durable
