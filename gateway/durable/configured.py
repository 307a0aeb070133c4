"""The durable core of one installation, assembled with the edges that its configuration names.

``gateway.service`` runs it; a command that finds no gateway running starts it alone. A restore uses edges of its own.
"""

from __future__ import annotations

import os

from gateway.config import Installation
from gateway.durable.startup import Edges
from gateway.durable.state import Durable
from gateway.edge.clock import GatewayClock
from gateway.edge.keys import GatewayKeys
from gateway.edge.publisher import Publisher
from gateway.edge.store.store import Store
from gateway.edge.witnesses.configured import configured_witnesses


def edges_of(place: Installation, keys: GatewayKeys, store: Store, clock: GatewayClock) -> Edges:
    """Return the edges that the configuration names, together with a store and a clock.

    Raises: OperatorError: a folder or the witnesses' policy cannot be used.
    """
    witnesses = configured_witnesses(place, keys.log_signer)
    publisher = Publisher(place.log, place.openings, keys.log_signer.vkey(), witnesses)
    return Edges(store=store, publisher=publisher, witnesses=witnesses, clock=clock, random_bytes=os.urandom)


async def start(
    place: Installation, keys: GatewayKeys, clock: GatewayClock | None = None, *, unwitnessed: bool = False
) -> Durable:
    """Open the database, restore memory from it, and commit the beginning of this run.

    Args:
        clock: Used instead of the configured one.
        unwitnessed: Sign and release at once, even if witnesses are configured; the log records it.
    Raises:
        OperatorError: A folder, the file or a policy cannot be used.
        CorruptionError: What is stored is damaged, or contradicts the published log.
    """
    store = Store(place.state, keys)
    edges = edges_of(place, keys, store, clock or GatewayClock(place.config.clock))
    await store.open()
    try:
        durable = await Durable.open(place, keys, edges, unwitnessed=unwitnessed)
        await durable.begin()
    except BaseException:
        await store.close()
        raise
    return durable
