"""The first half of every start: the edges that the core uses, and the state restored to memory from the open database.

``gateway.durable.state`` continues from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.audit.log.handover import Handover, join_handovers
from gateway.audit.log.notes import Signer
from gateway.config import ConfigError, Installation
from gateway.core.effects import BundleRow
from gateway.core.state import GatewayIdentity, RandomBytes, State
from gateway.durable.log_recovery import ComparedLog, LogRecovery, keep_compared
from gateway.durable.publication import Unpublished
from gateway.durable.state_recovery import StateRecovery
from gateway.edge.clock import GatewayClock
from gateway.edge.keys.keyring import GatewayKeys
from gateway.edge.policy_check import PolicyCheck
from gateway.edge.publisher import Publisher
from gateway.edge.store.store import Store, Stored
from gateway.edge.witnesses.quorum import Witnesses
from gateway.errors import KeyFileError


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFound:
    """What a database held when it was opened, restored to memory.

    Attributes:
        unpublished: What the next publication has to contain.
        to_send_again: The bundles that no sink has acknowledged.
        public_keys: Of the recipients in the policies in force.
        last_head: The last signed checkpoint, stored or published; empty in a new database.
        ended_in_order: Whether the previous run ended cleanly; true of a new database.
        starts: How often the gateway was started on it.
        since: Where the comparison with the published log began.
        signed_size: Up to where the log had been signed.
    """

    state: State
    unpublished: Unpublished
    to_send_again: list[BundleRow]
    public_keys: dict[str, bytes]
    last_head: bytes
    ended_in_order: bool
    starts: int
    since: ComparedLog
    signed_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """The edges that the core uses, supplied by whoever assembles it; see ``gateway.durable.configured``.

    Attributes:
        store: The open database.
        publisher: Publishes the log and its openings.
        witnesses: The witnesses that are asked for cosignatures, if any.
        clock: The gateway's clock.
        random_bytes: n → n random bytes.
        policy_check: Checks a policies folder before it comes into force.
    """

    store: Store
    publisher: Publisher
    witnesses: Witnesses | None
    clock: GatewayClock
    random_bytes: RandomBytes
    policy_check: PolicyCheck


async def restore(place: Installation, keys: GatewayKeys, edges: Edges) -> StateFound:
    """Restore memory from the open database; change nothing but the next sub-epoch, and what is kept of the log compared."""
    stored = await edges.store.load()
    handovers = tuple(map(Handover.parse, await edges.store.reader.handovers()))
    signers = _signers(keys, handovers)
    if len(signers) > 1:
        edges.publisher.hand_over(handovers[-1], join_handovers(handovers))
    state = _empty_state(place.config.gateway, keys, edges, stored.sub_epoch, signers)
    log_recovery = LogRecovery(edges.store, edges.publisher)
    unpublished = await _restore_log(state, stored, edges, log_recovery)
    unpublished.handovers = join_handovers(handovers)
    if state.log.size:
        try:
            edges.clock.resume(state.log.latest_entry_ms)
        except ConfigError as error:
            raise ConfigError(f"`{place.file}`: {error}") from error
    recovered = StateRecovery(edges.store, state)
    await recovered.recover(stored, edges.clock.now_ms())
    return StateFound(
        state=state,
        unpublished=unpublished,
        to_send_again=stored.bundles,
        public_keys=recovered.public_keys,
        last_head=log_recovery.last_head,
        ended_in_order=stored.ended_in_order,
        starts=stored.starts,
        since=log_recovery.since,
        signed_size=log_recovery.signed_size,
    )


def _empty_state(gateway: str, keys: GatewayKeys, edges: Edges, sub_epoch: int, signers: tuple[Signer, ...]) -> State:
    """Return the state of a gateway of which nothing is known yet but who it is."""
    identity = GatewayIdentity(
        gateway=gateway,
        signer=signers[0],
        device_key=keys.device_key,
        device_generation=keys.device_generation,
        keeps_generation=keys.keeps_generation,
        random_bytes=edges.random_bytes,
        sub_epoch=sub_epoch,
        simulated_clock=edges.clock.simulated,
    )
    state = State(identity)
    state.log.signers = signers
    return state


async def _restore_log(state: State, stored: Stored, edges: Edges, log_recovery: LogRecovery) -> Unpublished:
    """Rebuild the log's tree from its entries, and compare the published log with it; return what is unpublished."""
    await log_recovery.grow(state.log, stored.head, stored.compared)
    unpublished = Unpublished(exports_openings=edges.publisher.exports_openings)
    unpublished.size = log_recovery.signed_size
    unpublished.files = await log_recovery.lost_files()
    if edges.publisher.exports_openings:
        since = edges.publisher.exported_until(log_recovery.signed_size)
        unpublished.openings = dict(await edges.store.reader.openings(since))
    if (compared := log_recovery.compared) != log_recovery.since:
        await keep_compared(edges.store, compared)
    return unpublished


def _signers(keys: GatewayKeys, handovers: Sequence[Handover]) -> tuple[Signer, ...]:
    """Return the keys that sign the log: its present one and, while a handover to it is under way, the one before.

    A key that was prepared for a handover that never became durable has signed nothing, and is not used.

    Raises: KeyFileError: the log was handed over to a key that is not there.
    """
    if not handovers or handovers[-1].new == keys.log_signer.verifier:
        return (keys.log_signer,)
    last, following = handovers[-1], keys.next_log_signer
    if following is not None and following.verifier == last.new:
        return (following, keys.log_signer)
    raise KeyFileError(
        f"entry `{last.index}` handed the log over to `{last.new.vkey()}`, and that is neither `log.skey` nor `log-next.skey`: "
        "put your copy of the latest keys back"
    )
