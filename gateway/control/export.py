"""Everything that is held about a subject, as plain data: what `sluice consent export` writes.

One function for each thing that can hold anything of a subject. A test lists the fields of all state and all tables, and fails
where one is neither exported nor known to hold nothing. The secret itself is not handed out: what it is good for, finding the
subject's releases, the label keys do.

Among it is the list of every release that contained the subject, as `sluice consent releases` shows it too. Releases are found by
their labels, and read from the openings as far as these are still kept. No opening holds a value: what was told is what the
recipient has.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from consent.core.consents.records import decode as decode_consent
from consent.core.languages import spoken_language
from consent.messages import ConsentShown, Hex, Id, ReleaseTold, ResidentHeld, SubjectExport
from gateway.control.consents import shown
from gateway.control.context import Control
from gateway.control.status import log_head
from gateway.control.subjects import messages_shown
from gateway.core.changes.subjects import devices_of, label_keys
from gateway.core.ingest.counters import PARTS
from gateway.core.ingest.memory import DeviceMemory
from gateway.core.plans import Device
from gateway.core.registry import Resident, Subject
from gateway.core.release.records import Waiting, read_row
from gateway.core.state import State
from gateway.core.windows.accumulators import Accumulator, Delta
from gateway.core.windows.cells import CellTable
from gateway.core.windows.cohorts import Cohort
from gateway.core.windows.windows import Window
from gateway.durable.subject_search import ReleaseFound, SubjectSearch

FORMAT = "sluice subject export 1"
NO_LONGER_KEPT = "no longer kept"

Plain = dict[str, Any]


async def export_of(control: Control, subject_id: bytes, search: SubjectSearch, own: bytes = b"") -> SubjectExport:
    """Return all that is held about a known subject at this moment; nothing may be left to commit, or it would be missed.

    Args:
        search: Of the subject, as far as it has come; it is brought up to this moment.
        own: A resident who asks, and is shown nothing of what others of the household have said; empty: it is for the operator.
    """
    state, now_ms = control.state, control.clock.now_ms()
    subject = state.registry.subjects[subject_id]
    releases = await releases_of(control, subject_id, search)
    return SubjectExport(
        format=FORMAT,
        time_ms=now_ms,
        gateway=state.identity.gateway,
        log=log_head(state),
        subject=Id(subject_id),
        residents_since_ms=subject.since_ms,
        residents_entries=list(subject.key_entries),
        residents=[_resident(subject, resident, with_credentials=own in (b"", resident.id)) for resident in subject.residents],
        label_keys=[Hex(key) for key in label_keys(subject)],
        messages=await messages_shown(control, subject.messages, spoken_language(state.policies.city.languages)),
        open_claims=_claims(state, subject_id),
        devices=[_device(state, device) for device in devices_of(state, subject_id)],
        consents=[
            shown(entry.consent, entry.index, now_ms)
            for entry in state.registry.book.for_subject(subject_id)
            if own in (b"", entry.consent.resident)
        ],
        history=[one for one in await _history(control, subject_id) if own in (b"", one.resident)],
        contributions=list(_contributions(state, subject_id)),
        counters=list(_counters(state, subject_id)),
        waiting=_waiting(state, subject_id, search),
        bundles_under_way=list(_under_way(state, subject_id)),
        releases=releases,
        enrolment_entries=list(subject.enrolment_entries),
        ended_keys=[Hex(key) for key in subject.ended_keys],
    )


def _resident(subject: Subject, resident: Resident, *, with_credentials: bool) -> ResidentHeld:
    """Return what is held about a resident; their credentials are for themselves and the operator."""
    held = ResidentHeld(resident=Id(resident.id), since_ms=resident.since_ms, claimed_ms=resident.claimed_ms)
    if not with_credentials:
        return held
    paper = resident.paper
    return msgspec.structs.replace(
        held,
        user_handle=Hex(resident.user_handle),
        passkeys=[_plainly(passkey) for passkey in resident.passkeys],
        paper=None if paper is None else _plainly(paper),
        sessions=[_plainly(session) for session in resident.sessions],
        answered=[
            _plainly(one) | {"answer": msgspec.json.decode(one.answer)} for one in subject.answered if one.resident == resident.id
        ],
    )


def _plainly(held: msgspec.Struct) -> Plain:
    """Return a struct's fields by their names, bytes in hexadecimal."""
    values = {name: getattr(held, name) for name in held.__struct_fields__}
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in values.items()}


def _claims(state: State, subject_id: bytes) -> list[Plain]:
    """Return the claim codes that are still open: for whom and until when; the codes themselves are kept nowhere."""
    return [
        {
            "expires_ms": claim.expires_ms,
            "resident": claim.resident.hex() or None,
            "device": claim.device.hex() or None,
            "how": claim.how,
            "proof": claim.proof.hex() or None,
        }
        for claim in state.registry.claims.values()
        if claim.subject == subject_id
    ]


def _device(state: State, device: Device) -> Plain:
    memory = state.memories.get(device.id)
    runs, times = ([], {}) if memory is None else (memory.runs_known(), memory.state()[1])
    return {
        "device": device.id.hex(),
        "topic": device.topic,
        "hub_id": device.hub_id or None,
        "profile": device.profile,
        "zone": device.zone,
        "owner": device.owner.value,
        "generation": device.generation,
        "since_ms": device.added_ms,
        "sequences": [{"boot": boot, "highest": highest, "bitmap": bitmap} for boot, highest, bitmap in runs],
        "remembered_times_ms": times,
        "last_message": _last_message(memory),
        "registers": list(_registers(state, device)),
        "heard": None if memory is None else asdict(memory.heard),
    }


def _last_message(memory: DeviceMemory | None) -> Plain | None:
    """Return by what the next message of a device is told from a repeat, where its profile tells repeats by arrival."""
    at_ms, digest = (-1, b"") if memory is None else memory.last_arrival
    return None if at_ms < 0 else {"at_ms": at_ms, "digest": digest.hex() or None}


def _registers(state: State, device: Device) -> Iterator[Plain]:
    """Yield the last readings of a device's registers, in first steps, by which the next one is judged; and one in doubt."""
    for (_, meter, name), memory in state.windows.counters.items():
        if meter == device.id:
            taken = [(point.earliest_ms, point.t_ms, point.total - point.shift) for point in memory]
            yield {"property": name, "readings": list(map(_shown_by, taken)), "in_doubt": list(map(_shown_by, memory.in_doubt()))}


def _shown_by(reading: tuple[int, int, int]) -> Plain:
    earliest_ms, time_ms, parts = reading
    return {"earliest_ms": earliest_ms, "time_ms": time_ms, "reading": parts / PARTS}


async def _history(control: Control, subject_id: bytes) -> list[ConsentShown]:
    """Return all that was ever said, each with the signed record itself."""
    return [
        msgspec.structs.replace(shown(decode_consent(data), index), record=urlsafe_b64encode(data).decode().rstrip("="))
        for index, data in await control.store.reader.consents_of(subject_id)
    ]


def _contributions(state: State, subject_id: bytes) -> Iterator[Plain]:
    """Yield what stands in windows: the open ones, and those of bundles that may still be voided."""
    for window in state.windows:
        if subject_id in window.members:
            yield _contribution(window, window.members[subject_id])
    for table in state.windows.tables.values():
        if subject_id in table.rows:
            yield _cells(table, subject_id)
    for bundle in state.inflight.ready.values():
        for window in bundle.windows:
            if subject_id in window.members:
                yield {**_contribution(window, window.members[subject_id]), "bundle": bundle.index}
        for table in bundle.tables:
            if subject_id in table.rows:
                yield {**_cells(table, subject_id), "bundle": bundle.index}


def _cells(table: CellTable, subject_id: bytes) -> Plain:
    """Return a row of cells: how many readings were contributed to each, and their sum in the property's first steps."""
    sums, counts = table.cells_of(subject_id)
    period_ms = [table.start_ms, table.end_ms]
    return {**_cohort(table.cohort), "period_ms": period_ms, "pairs": sum(counts), "counts": list(counts), "sums": list(sums)}


def _contribution(window: Window, member: Accumulator) -> Plain:
    """Return one contribution; its figures are in first steps of the property's ladder."""
    head = {**_cohort(window.cohort), "window_ms": [window.start_ms, window.end_ms], "pairs": member.pairs}
    if not isinstance(member, Delta):
        return {**head, "total": member.state()[1]}
    meters = [
        {"device": meter.hex(), "time_ms": t_ms, "reading": reading, "baseline": baseline}
        for meter, (t_ms, reading, baseline) in member.meters.items()
    ]
    return {**head, "fell": member.broken, "meters": meters}


def _counters(state: State, subject_id: bytes) -> Iterator[Plain]:
    """Yield the last readings of counters, from which the next window's difference is taken."""
    for cohort, meter, t_ms, reading in state.windows.baselines(subject_id):
        yield {**_cohort(cohort), "device": meter.hex(), "time_ms": t_ms, "reading": reading}


def _waiting(state: State, subject_id: bytes, search: SubjectSearch) -> list[Plain]:
    """Return the records that wait in the outbox, and those of bundles that may still be voided."""
    found = [_waiting_record(recipient, waiting) for recipient, waiting in search.waiting()]
    for bundle in state.inflight.ready.values():
        for row in bundle.outbox:
            own = [waiting for waiting in read_row(row.content) if waiting.contributor == subject_id]
            found += [{**_waiting_record(row.recipient, waiting), "bundle": bundle.index} for waiting in own]
    return found


def _waiting_record(recipient: str, waiting: Waiting) -> Plain:
    return {
        "recipient": recipient,
        **_cohort(waiting.cohort),
        "record_id": waiting.record_id.hex(),
        "phenomenon_time_ms": [waiting.start_ms, waiting.end_ms],
        "terms_since_ms": waiting.since_ms,
        "steps": waiting.n,
    }


def _under_way(state: State, subject_id: bytes) -> Iterator[Plain]:
    """Yield the bundles that no PUBACK has come for; after a restart it is not known whom one speaks of."""
    for bundle in state.inflight.ready.values():
        if subject_id in bundle.subjects:
            yield {"log_index": bundle.index, "recipient": bundle.recipient, "handed_over": False}
    for index, handed in state.inflight.sent.items():
        if handed.may_speak_of(subject_id):
            yield {"log_index": index, "recipient": handed.recipient, "handed_over": True, "certain": handed.subjects is not None}


def _cohort(cohort: Cohort) -> Plain:
    return {
        "flow": cohort.flow,
        "property": cohort.observed_property,
        "statistic": cohort.statistic or None,
        "identity": cohort.identity,
        "level": {"time": cohort.time, "space": cohort.space, "precision": cohort.step},
        "cell": cohort.cell,
    }


async def releases_of(control: Control, subject: bytes, search: SubjectSearch) -> list[ReleaseTold]:
    """Return, oldest first, every release with data of a known subject in it, as committed; nothing may be left to commit."""
    await search.go_on(label_keys(control.state.registry.subjects[subject]))
    return [_told(control.state, found, search.voided_by.get(found.index)) for found in search.releases]


def _told(state: State, found: ReleaseFound, taken_back: int | None) -> ReleaseTold:
    way = _way_of(state, found.index)
    told = ReleaseTold(log_index=found.index, time_ms=found.time_ms, taken_back=taken_back, opening=NO_LONGER_KEPT, under_way=way)
    if not found.recipient:
        return told
    return msgspec.structs.replace(told, opening="kept", recipient=found.recipient, records=list(found.records))


def _way_of(state: State, index: int) -> Literal["waiting", "sent"] | UnsetType:
    """Return how a release is under way; unset where it is not any more."""
    if any(bundle.index == index for bundle in state.inflight.ready.values()):
        return "waiting"
    return "sent" if index in state.inflight.sent else UNSET
