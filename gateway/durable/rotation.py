"""The gateway's own keys replaced while it goes on: the log's is handed over, and what a root key seals is sealed anew.

Each step is durable before the next one rests on it, and what an end between two steps has left undone the next start does.
"""

from __future__ import annotations

import asyncio
import sqlite3

from consent.core.profiles.profile import Scheme
from gateway.audit.log.handover import MOST_HANDOVERS, Handover, join_handovers
from gateway.config import Installation
from gateway.core.state import State
from gateway.durable.publication import Unpublished, describe_log
from gateway.durable.startup import Edges
from gateway.edge.keys.keyring import GatewayKeys
from gateway.edge.keys.log import prepare_log_key, replace_log_key
from gateway.edge.loggers import structlog
from gateway.edge.store.disk_space import FULL_DISK_RETRY_S, NO_ROOM, says_full
from gateway.errors import KeyFileError, OperatorError

_log = structlog.get_logger()


class Rotation:
    """Replaces the keys of one gateway.

    Attributes:
        reseal_due: Whether rows may be sealed under a former root.
        root_entry: Log index of the entry that records the present root; None of the first.
    """

    def __init__(self, place: Installation, keys: GatewayKeys, edges: Edges, state: State, unpublished: Unpublished) -> None:
        """Take the state with its disk, as it was restored."""
        self._place = place
        self._keys = keys
        self._edges = edges
        self._state = state
        self._unpublished = unpublished
        self.reseal_due = False
        self.root_entry: int | None = None
        self._sealing = False

    async def begin(self, now_ms: int) -> None:
        """Log a root key that has come into use and is not logged: the process ended in between, or the operator put it there.

        Raises: KeyFileError: what the root keeps of those before it is not there.
        """
        known = await self.resume()
        if self._keys.root_generation > known:
            self._note_root(now_ms)
        elif self._keys.former_generations and not self.reseal_due:
            self._forget_roots()  # the process may have ended just before it did

    async def resume(self) -> int:
        """Read what is stored of the root key, and return the number of the one that the log knows.

        Raises: KeyFileError: what the root keeps of those before it is not there.
        """
        known, self.root_entry, self.reseal_due = await self._edges.store.resealing.known()
        if self._keys.root_generation < known:  # then rows are looked for under other hashes, and an erasure would miss them
            raise KeyFileError(
                f"`{self._place.keys}`: has no `root-….kept` of this `root.key`, which is number `{known}`: "
                "put your copy of the latest keys back"
            )
        return known

    # the log's key

    async def hand_over_log(self) -> Handover:
        """Hand the log over to a new key; both sign until every witness goes by it, and ``end_handover`` drops the former.

        Raises: OperatorError: a handover is under way, no verifier would follow another one, or the key cannot be written.
        """
        log, edges = self._state.log, self._edges
        if len(log.signers) > 1:
            raise OperatorError("the log is being handed over already; `sluice keys status` shows who still needs the former key")
        before = [Handover.parse(each) for each in await edges.store.reader.handovers()]
        if len(before) >= MOST_HANDOVERS:
            raise OperatorError(
                f"the log has been handed over {len(before)} times, and no verifier follows more: begin a new log"
            )
        signer = prepare_log_key(self._place.keys, log.origin)
        handover = log.hand_over(signer, edges.clock.now_ms())
        self._keys.next_log_signer = signer
        self._unpublished.handovers = join_handovers([*before, handover])
        edges.publisher.hand_over(handover, self._unpublished.handovers)
        if self._state.force is not None:
            asked = () if edges.witnesses is None else edges.witnesses.policy.witnesses
            self._unpublished.description = describe_log(signer.verifier, self._state.policies, asked)
        return handover

    def end_handover(self) -> bool:
        """Destroy the log's former key, once nobody needs it any more; return whether that is so now."""
        if not self._edges.publisher.handed_over:
            return False
        signer = self._state.log.signer
        try:
            replace_log_key(self._place.keys, signer)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            return False  # both keys go on signing until there is room
        self._keys.log_signer, self._keys.next_log_signer = signer, None
        self._state.log.drop_former_key()
        self._edges.publisher.drop_former_key()
        _log.info("the log's former key is destroyed", key=signer.vkey())
        return True

    # the root key

    def replace_root(self) -> int:
        """Replace the root key, and return the log index of the entry that records it; ``reseal`` does what is then due.

        Raises: OperatorError: the last one is not over, the key is no file of this gateway, or there is no room for another.
        """
        if self.reseal_due:
            raise OperatorError(
                "rows are still being sealed under the present root key: replace it when `sluice keys status` says so"
            )
        try:
            self._keys.replace_root(self._place.keys)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            raise OperatorError(f"`{self._place.keys}`: there is no room for another root key") from error
        return self._note_root(self._edges.clock.now_ms())

    def _note_root(self, now_ms: int) -> int:
        self.root_entry = self._state.log.note_root_key(self._keys.root_generation, now_ms)
        self.reseal_due = True
        return self.root_entry

    def begins_to_reseal(self) -> bool:
        """Return whether ``reseal`` is to be started now: True once for each time that it is due, after the commit of that."""
        if self._sealing or not self.reseal_due:
            return False
        self._sealing = True
        return True

    async def reseal(self) -> None:
        """Seal every row under the present root, and destroy the former ones that nothing needs any more."""
        while True:
            try:
                await self._edges.store.resealing.run()
                break
            except sqlite3.OperationalError as error:
                if not says_full(error):
                    raise
            await asyncio.sleep(FULL_DISK_RETRY_S)
        self.reseal_due = self._sealing = False
        self._forget_roots()
        _log.info("everything is sealed under the present root key", generation=self._keys.root_generation)

    def _forget_roots(self) -> None:
        """Destroy the former roots that nothing needs; where there is no room for the rest of them, the next start does it."""
        try:
            self._keys.forget_roots(self._place.keys, self.devices_by_root())
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            _log.error("no room to write what is left of former root keys: the next start destroys them")

    def devices_by_root(self) -> dict[int, int]:
        """Return how many devices may have their key from each root; one that has none by its profile counts for none."""
        counts: dict[int, int] = {}
        for device in self._state.registry.devices.values():
            profile = None if self._state.force is None else self._state.policies.profiles.get(device.profile)
            if profile is None or profile.authentication.scheme is Scheme.MAC0:
                counts[device.generation + 1] = counts.get(device.generation + 1, 0) + 1
        return counts
