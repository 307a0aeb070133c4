"""Control methods of the gateway's own keys: replace one, and show how old they are."""

from __future__ import annotations

from consent.messages import KeyRotated, KeyRotation, KeysStatus, LogKeyStatus, Nothing, RootKeyStatus
from gateway.audit.log.entries import Entry
from gateway.audit.log.handover import Handover
from gateway.control.context import Caller, Control


async def rotate(control: Control, caller: Caller, params: KeyRotation) -> KeyRotated:
    """Replace one of the gateway's own keys; the log records it."""
    durable = control.durable
    if params.key == "root":
        index = durable.rotation.replace_root()
        return KeyRotated(key=params.key, generation=durable.keys.root_generation, log_index=index)
    generation = len(await control.store.reader.handovers()) + 2
    handover = await durable.rotation.hand_over_log()
    return KeyRotated(
        key=params.key,
        generation=generation,
        log_index=handover.index,
        vkey=handover.new.vkey(),
        waits_for=durable.publisher.witnesses_without_key(),
    )


async def show(control: Control, caller: Caller, params: Nothing) -> KeysStatus:
    """Show the gateway's own keys: generations, age, and what still rests on former ones."""
    handovers = list(map(Handover.parse, await control.store.reader.handovers()))
    signers = control.state.log.signers
    log = LogKeyStatus(
        generation=len(handovers) + 1,
        vkey=signers[0].vkey(),
        since_ms=await _since_ms(control, handovers[-1].index if handovers else 0),
        former=signers[1].vkey() if len(signers) > 1 else "",
        waits_for=control.durable.publisher.witnesses_without_key(),
    )
    keys, rotation = control.durable.keys, control.durable.rotation
    root = RootKeyStatus(
        generation=keys.root_generation,
        since_ms=await _since_ms(control, rotation.root_entry or 0),
        former=list(keys.former_generations),
        resealing=rotation.reseal_due,
        devices={str(generation): count for generation, count in sorted(rotation.devices_by_root().items())},
    )
    return KeysStatus(now_ms=control.clock.now_ms(), log=log, root=root)


async def _since_ms(control: Control, index: int) -> int:
    """Return when the entry at a log index was made; now where there is none yet."""
    if index >= control.state.log.size:
        return control.clock.now_ms()
    return Entry.decode(await control.store.reader.entry(index)).time_ms
