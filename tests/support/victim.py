"""A household whose data is everywhere that it can be, and the search for what is left of it, in clear, sealed and unsealed."""

from __future__ import annotations

from gateway.audit.log.openings import subject_label_key
from tests.support.disk_gate import HOUR_MS, LATENESS_MS, MIDNIGHT_MS, MINUTE_MS, DiskGate, database
from tests.support.gate import DAY_MS

SCOPE = "purpose:energy"


TOPIC = "homes/victim-7394251/meter"


SEALED = ("subject", "device", "claim", "consent", "segment", "batch", "sealing_key", "outbox")
"""Tables whose rows of before must not be found after: the victim's own, and what was under former keys."""


FRAGMENT_BYTES = 16


Home = dict[str, str]


async def town(gate: DiskGate) -> tuple[Home, list[Home]]:
    """Make a victim whose data is everywhere, and three others like it; everybody's data is where the victim's is."""
    victim = await gate.home(TOPIC, SCOPE)
    others = [await gate.home(f"homes/{n}/meter", SCOPE) for n in range(3)]
    everybody = [victim, *others]
    await gate.ask("device.add", devices=[_device(f"{TOPIC}/second", victim, "numbered"), _device(f"{TOPIC}/third", victim)])
    third = (await gate.ask("device.list"))["devices"][-1]["device"]
    await gate.to(MIDNIGHT_MS + HOUR_MS)
    await gate.send(*((home["topic"], {"total": 100.0}) for home in everybody))
    await gate.send((f"{TOPIC}/second", {"kwh": 0.5, "seq": 5, "boot": "b"}), (f"{TOPIC}/third", {"kwh": 0.5}), packet_id=7)
    await gate.ask("device.revoke", device=third)
    await gate.hour(*everybody)
    await day_ends(gate)
    assert await gate.deliver()
    await gate.ask("consent.withdraw", subject=victim["subject"], scope=SCOPE)
    await gate.ask("consent.grant", subject=victim["subject"], scope=SCOPE)
    code = (await gate.ask("subject.code", subject=victim["subject"]))["claim_code"]
    newcomer = (await gate.ask("subject.claim", code=code))["resident"]
    await gate.ask("subject.leave", subject=victim["subject"], resident=newcomer)
    await gate.ask("subject.code", subject=victim["subject"])
    await day_ends(gate)  # who permits figures anew stands in those of whole days
    assert not await gate.deliver()
    return victim, others


async def day_ends(gate: DiskGate) -> None:
    """Let the day end, lateness included, so that its figures may leave."""
    await gate.to(gate.now_ms // DAY_MS * DAY_MS + DAY_MS + LATENESS_MS)


def _device(topic: str, home: Home, profile: str = "meter") -> dict[str, str]:
    return {"profile": profile, "zone": "mill", "topic": topic, "owner": "resident", "subject": home["subject"]}


async def under_way(gate: DiskGate, everybody: list[Home]) -> int:
    """Have a bundle under way, one that nobody has acknowledged; return its log index."""
    await gate.hour(*everybody)
    unsent = await gate.form()
    assert unsent is not None
    await gate.hand_over()
    return unsent.index


async def outage(gate: DiskGate, everybody: list[Home]) -> None:
    """Let records wait and windows fill while nothing can leave."""
    for _ in range(3):
        await gate.hour(*everybody)
    await gate.send(*((home["topic"], {"t": gate.now_ms + 5 * MINUTE_MS, "kwh": 1.0, "total": 101.0}) for home in everybody))


def traces(gate: DiskGate, victim: Home) -> dict[str, bytes]:
    """Return what must be found nowhere once the victim is erased: ids, topics, secret, keys; call it before."""
    state = gate.durable.state
    subject = state.registry.subjects[bytes.fromhex(victim["subject"])]
    devices = [device for device in state.registry.devices.values() if device.subject == subject.id]
    return {
        "id": subject.id,
        "secret": subject.secret,
        "label key": subject_label_key(subject.secret),
        **{f"resident {n}": resident.id for n, resident in enumerate(subject.residents)},
        **{f"device {n}": device.id for n, device in enumerate(devices)},
        **{f"topic {n}": device.topic.encode() for n, device in enumerate(devices)},
    }


def found(places: dict[str, bytes], wanted: dict[str, bytes]) -> list[str]:
    """Say which of some byte strings stand where, in clear or in hexadecimal."""
    return sorted(
        f"{name} in {place}"
        for place, held in places.items()
        for name, data in wanted.items()
        if data in held or data.hex().encode() in held
    )


def fragments_found(places: dict[str, bytes], blobs: list[bytes]) -> int:
    """Count the byte strings of which a piece of 16 bytes still stands somewhere; some ten pieces of each are looked for."""
    held = b"\0".join(places.values())
    count = 0
    for blob in set(blobs):
        last = len(blob) - FRAGMENT_BYTES
        count += any(blob[at : at + FRAGMENT_BYTES] in held for at in {*range(0, last, max(1, last // 8)), last})
    return count


def unsealed(gate: DiskGate) -> dict[str, bytes]:
    """Return what whoever has the root key reads in the database, row by row."""
    keys, rows = gate.live.keys, gate.durable.store._segments
    plain: dict[str, bytes] = {}
    with database(gate.live) as db:
        for table in ("subject", "device", "claim"):
            for number, (row_id, sealed) in enumerate(db.execute(f"SELECT id, sealed FROM {table}")):  # noqa: S608  fixed names
                plain[f"{table} {number}"] = keys.sealer.open(table, row_id, sealed)
        for table in ("consent", "opening"):
            for index, sealed in db.execute(f"SELECT entry_index, sealed FROM {table}"):  # noqa: S608  fixed names
                plain[f"{table} {index}"] = keys.sealer.open(table, index.to_bytes(8, "big"), sealed)
        for number, segment, sealed in db.execute("SELECT number, sealing_key, sealed FROM outbox"):
            plain[f"outbox {number}"] = rows.opened(number, segment, sealed)
        for number, sealed in db.execute("SELECT number, sealed FROM segment"):
            plain[f"segment {number}"] = rows.sealers[number].open("segment", number.to_bytes(8, "big"), sealed)
        for number, segment, sealed in db.execute("SELECT number, segment, sealed FROM batch WHERE sealed <> x''"):
            plain[f"batch {number}"] = rows.sealers[segment].open("batch", number.to_bytes(8, "big"), sealed)
    return plain
