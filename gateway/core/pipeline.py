"""The path of a batch on one page: from frames that the broker delivered to what must be committed before they are acknowledged.

     1 receive       frames, in order of arrival, at most 1,000                         (gateway.edge.mqtt)
     2 identify      topic → device, or a hub whose messages say which; unknown is a counted rejection
     3 authenticate  the raw bytes, where the device has a key
     4 decode        by the device's profile
     5 admit         replay window, repeats, clock window; a reading without a time of its own that may have waited gets a span
     6 decide        device → plans, compiled before                                    (gateway.core.plans)
     7 minimise      floor to the first step; contribute to a window or a cell, or make a record; hold it for its household too
     8 account       every frame, observation and pair to exactly one account
     9 commit        once, in one transaction                                           (gateway.edge.store.store)
    10 acknowledge   in order of arrival                                                (gateway.app)
    11 release       at each tick                                                       (gateway.core.release.bundle)
    12 publish       a checkpoint                                                       (gateway.audit.log.folder)

Steps 2 to 8 are ``take_frames``: the hot loop, one function, exempt from the size rule because every call in it is
paid for a hundred thousand times. A hub's frame takes steps 3 to 5 in ``gateway.core.hubs.carried``, once for each reading in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from gateway.core.changes import settling
from gateway.core.hubs.carried import Carried, HubFrames
from gateway.core.ingest.marks import mark_of, pack
from gateway.core.ingest.memory import Admissions
from gateway.core.ingest.minimise import LEAST_STEPS, MAX_STEPS, floor_steps
from gateway.core.ingest.remembered import NEW, REPEATED
from gateway.core.journal import Missed, Subscriptions, WholeSince
from gateway.core.model import (
    CLOCK_AHEAD,
    CLOCK_BEHIND,
    COPY,
    IMPLAUSIBLE,
    MALFORMED,
    NO_SEQUENCE,
    OUT_OF_RANGE,
    REDELIVERED,
    REPLAYED,
    TOO_LARGE,
    UNKNOWN_DEVICE,
    UNKNOWN_MS,
    Decoded,
    Ignore,
    Reading,
    Reject,
)
from gateway.core.mqtt.events import Frame
from gateway.core.plans import DevicePlan
from gateway.core.release.records import outbox_rows
from gateway.core.state import State
from gateway.core.windows.accumulators import CONTRIBUTED, EXPIRED, LAST_KEPT, LATE, PARTIAL, RECORDED, RESET, UNDATED
from gateway.core.windows.targets import RecordTarget, Target

MAX_PAYLOAD_BYTES = 64 * 1024

_PAIR_ACCOUNTS = {
    CONTRIBUTED: "pairs.contributed",
    RECORDED: "pairs.recorded",
    RESET: "pairs.withheld.reset",
    LAST_KEPT: "pairs.withheld.partial",
    LATE: "pairs.late",
    PARTIAL: "pairs.withheld.partial",
    EXPIRED: "pairs.withheld.expired",
    UNDATED: "pairs.withheld.undated",
}

_Taken = tuple[RecordTarget, tuple[int, int], int]
"""(target, earliest and latest phenomenon time, first steps)"""


def session_opened(state: State, session_present: bool, now_ms: int) -> None:
    """Record a new connection to the broker: what it may redeliver, and whether readings can have been lost."""
    state.drained = False
    dry_ms = state.arrivals.dry_ms
    state.arrivals.opened(session_present, now_ms)
    state.redeliverable = state.marks.digests() if session_present else {}
    if not session_present:
        state.marks.clear()
        state.windows.whole_since_ms = now_ms
        state.journal.note(WholeSince(now_ms))
        if dry_ms != now_ms:  # by a clock that was set back, the last dry moment is still to come
            from_ms, until_ms = sorted((dry_ms, now_ms))
            state.windows.miss(from_ms, until_ms)
            state.journal.note(Missed(from_ms, until_ms))


def queue_drained(state: State, now_ms: int) -> None:
    """Record that everything that the broker had queued has been taken: windows may end, and what comes now has not waited."""
    state.drained = True
    state.arrivals.drained(now_ms)


def held_up(state: State, now_ms: int) -> None:
    """Record that intake has stopped: what comes meanwhile waits in the broker, and no window may end before it is in.

    Args:
        now_ms: What the clock shows, also where that cannot be the time.
    """
    state.drained = False
    state.arrivals.held_up(now_ms)


def subscribed(state: State, patterns: tuple[str, ...]) -> bool:
    """Record which filters the session holds, so that one that the configuration no longer names can be taken out of it.

    Returns: Whether they are others than before, which has to become durable soon, whether or not frames come.
    """
    if patterns == state.subscriptions:
        return False
    state.subscriptions = patterns
    state.journal.note(Subscriptions(list(patterns)))
    return True


def take_frames(state: State, frames: Sequence[Frame], now_ms: int) -> None:
    """Decide the fate of each frame, and add it to the commit under way.

    Args:
        state: Changed in place.
        frames: In order of arrival.
        now_ms: The gateway's clock; also the latest time of readings that carry none.
    """
    devices, journal, arrivals = state.devices, state.journal, state.arrivals
    first_ref = journal.first_ref
    discovery, admissions = state.discovery, Admissions()
    hubs = HubFrames(arrivals, admissions, now_ms, lambda contributors: settling.settle(state, contributors, now_ms))
    rejected: defaultdict[str, int] = defaultdict(int)
    withheld: defaultdict[str, int] = defaultdict(int)
    refused: defaultdict[str, int] = defaultdict(int)
    outcomes = [0] * (UNDATED + 1)
    admitted = ignored = decoded = asked = considered = duplicate = 0
    taken: list[int] = []  # for the journal, flat: slot number, phenomenon time, first steps; or a span, see ``Take``
    sequences = admissions.numbers
    held: list[int] = []  # for households, flat: place of their series, phenomenon time, first steps
    untold: list[int] = []  # the same of readings that nothing leaves of, and that may be repeats
    records: list[_Taken] = []
    reading: Decoded
    following: Carried | None  # readings of the same frame, the next one last

    marks, fresh = _marked(state.redeliverable, frames)
    if len(fresh) < len(frames):
        rejected[REDELIVERED.reason] += len(frames) - len(fresh)
    for frame, (known, ahead) in zip(fresh, _decoded(state, fresh, now_ms), strict=True):
        topic, payload = frame.topic, frame.payload
        if frame.copy:
            rejected[COPY.reason] += 1
            continue
        # 2 identify
        plan = known or devices.get(topic)
        if plan is None and not state.is_settled:
            plan = settling.settle_topic(state, topic, now_ms)
        if plan is None:
            found = state.filters.find(topic)
            if found is None:
                rejected[(UNKNOWN_DEVICE if topic else MALFORMED).reason] += 1
                if discovery is not None:
                    discovery.saw(topic, payload, now_ms)
                continue
            if isinstance(found, DevicePlan):
                plan = found
            else:
                behind = found
        if len(payload) > MAX_PAYLOAD_BYTES:
            rejected[TOO_LARGE.reason] += 1
            if plan is not None:
                plan.memory.heard.reject(TOO_LARGE.reason, now_ms)
            continue
        if plan is None:
            opened = hubs.open(behind, frame)
            if discovery is not None and hubs.has_unknown:
                discovery.saw(topic, payload, now_ms)
            if isinstance(opened, Reject):
                rejected[opened.reason] += 1
                continue
            if isinstance(opened, Ignore):
                ignored += 1
                continue
            admitted += 1
            if not opened:  # every part of it was refused
                continue
            following = opened[::-1]
            plan, reading, may_have_waited = following.pop()
            heard = plan.memory.heard
        else:
            following = None
            memory = plan.memory
            # 3 authenticate
            sequence = None
            if plan.key is not None:
                verified = plan.key.verify(payload)
                if isinstance(verified, Reject):
                    rejected[verified.reason] += 1
                    memory.heard.reject(verified.reason, now_ms)
                    continue
                payload, sequence = verified
            # 4 decode
            reading = plan.decode(topic, payload, now_ms) if ahead is None else ahead
            if not isinstance(reading, Reading):
                if isinstance(reading, Reject):
                    rejected[reading.reason] += 1
                    memory.heard.reject(reading.reason, now_ms)
                else:
                    ignored += 1
                    memory.heard.last_ms = now_ms
                continue
            # 5 admit
            may_have_waited = not reading.has_time and (arrivals.waited or frame.retain)
            refusal = None
            if plan.needs_sequence:
                if sequence is None:
                    sequence = reading.sequence
                if sequence is None:
                    refusal = NO_SEQUENCE
                elif memory.sequences.admit(reading.boot, sequence):
                    sequences += (plan.device_id, reading.boot, sequence)
                else:
                    refusal = REPLAYED
            elif plan.asks_rules:
                refusal = plan.admit(reading, sequence, payload, now_ms, admissions, may_have_waited=may_have_waited)
            if refusal is not None:
                rejected[refusal.reason] += 1
                memory.heard.reject(refusal.reason, now_ms)
                continue
            heard = memory.heard
            heard.last_ms = heard.reading_ms = now_ms
            heard.readings += 1
            if may_have_waited:
                reading = arrivals.date(reading, plan.decode, topic, payload, now_ms, retained=frame.retain)
            admitted += 1
        while True:  # once, or for each reading that a hub's frame carries
            first_slot = plan.first_slot
            if reading.refused:
                decoded += len(reading.refused)
                for reject in reading.refused:
                    refused[reject.reason] += 1
                    heard.reject(reject.reason, now_ms)
            for observation in reading.observations:
                decoded += 1
                t_ms = observation.phenomenon_time_ms
                if t_ms - now_ms > plan.most_ahead_ms or now_ms - t_ms > plan.most_behind_ms:
                    late_or_early = CLOCK_AHEAD if t_ms > now_ms else CLOCK_BEHIND
                    refused[late_or_early.reason] += 1
                    heard.reject(late_or_early.reason, now_ms)
                    continue
                # 6 decide
                slot = first_slot
                if slot is None or slot.observed_property is not observation.observed_property:
                    slot = plan.slots.get(observation.observed_property)
                    if slot is None:
                        continue
                # 7 minimise
                n = floor_steps(observation.result, slot.step)
                if n > MAX_STEPS or n < LEAST_STEPS:
                    refused[OUT_OF_RANGE.reason] += 1
                    heard.reject(OUT_OF_RANGE.reason, now_ms)
                    continue
                register = slot.register
                if register is not None:
                    read = register.read(observation, slot.step, may_have_waited=may_have_waited)
                    if read is None:
                        refused[IMPLAUSIBLE.reason] += 1
                        heard.reject(IMPLAUSIBLE.reason, now_ms)
                        if doubtful := register.doubt():
                            taken += (-1 - (slot.ref - first_ref if slot.ref >= first_ref else journal.define(slot)), *doubtful)
                        continue
                    n = read
                # 8 account
                asked += 1
                asking = len(slot.flows)
                considered += asking
                heard.pairs += asking
                for reason in slot.withheld:
                    withheld[reason] += 1
                targets, preview = slot.targets, slot.preview
                if not targets:
                    if preview is not None and observation.earliest_ms is None:
                        if reading.has_time:
                            untold += (preview, t_ms, n)
                        else:
                            held += (preview, t_ms, n)
                    continue
                seen = slot.seen
                # without number or time, a repeat looks like a second reading
                if seen is not None and t_ms <= seen.newest_ms and reading.has_time and (recalled := seen.recall(t_ms)) != NEW:
                    if recalled == REPEATED:
                        duplicate += len(targets)
                    else:
                        withheld["forgotten"] += len(targets)
                    continue
                if may_have_waited and (since_ms := observation.earliest_ms) is not None:
                    if _take_between(targets, (since_ms, t_ms), n, outcomes, records):
                        if register is not None:
                            n = register.keep()
                        taken += (
                            -1 - (slot.ref - first_ref if slot.ref >= first_ref else journal.define(slot)),
                            since_ms,
                            t_ms,
                            n,
                        )
                    continue
                if preview is not None:
                    held += (preview, t_ms, n)
                keep = False
                for target in targets:
                    outcome = target.take(t_ms, n)
                    outcomes[outcome] += 1
                    if outcome <= LAST_KEPT:
                        keep = True
                        if outcome == RECORDED:
                            records.append((target, (t_ms, t_ms), n))  # type: ignore[arg-type]  # only a RecordTarget returns this
                if not keep:
                    continue
                if register is not None:
                    n = register.keep()
                if seen is not None:
                    if not reading.has_time:  # nothing to remember it by
                        taken += (-1 - (slot.ref - first_ref if slot.ref >= first_ref else journal.define(slot)), t_ms, t_ms, n)
                        continue
                    seen.add(t_ms)
                taken += (slot.ref - first_ref if slot.ref >= first_ref else journal.define(slot), t_ms, n)
            if not following:
                break
            plan, reading, may_have_waited = following.pop()
            heard = plan.memory.heard

    ledger = state.ledger
    ledger.add("frames.received", len(frames))
    ledger.add("frames.admitted", admitted)
    ledger.add("frames.ignored", ignored)
    ledger.add("readings.carried", hubs.carried)
    ledger.add("readings.admitted", hubs.admitted)
    ledger.add("observations.decoded", decoded)
    ledger.add("observations.asked", asked)
    ledger.add("observations.unasked", decoded - asked - sum(refused.values()))
    ledger.add("pairs.considered", considered)
    ledger.add("pairs.duplicate", duplicate)
    for unit, reasons in (
        ("frames.rejected", rejected),
        ("readings.rejected", hubs.rejected),
        ("observations.refused", refused),
        ("pairs.withheld", withheld),
    ):
        for reason, count in reasons.items():
            ledger.add(f"{unit}.{reason}", count)
    for outcome, count in enumerate(outcomes):
        ledger.add(_PAIR_ACCOUNTS[outcome], count)
    ledger.add("pairs.open", outcomes[CONTRIBUTED])
    ledger.add("pairs.waiting", outcomes[RECORDED])
    if taken or sequences:
        journal.take(taken, sequences, state.windows.watermark_ms)
    journal.admissions(admissions)
    if marks:
        state.commit.marks = pack(marks, state.commit.marks)
        state.marks.add(pack(marks))
    state.held.add(held, now_ms)
    state.held.add_new(untold, now_ms)
    if records:
        _put_in_outbox(state, records)


def _marked(redeliverable: dict[int, bytes], frames: Sequence[Frame]) -> tuple[list[bytes], Sequence[Frame]]:
    """Return the marks of a batch, and its frames without those that were committed on an earlier connection, exactly once.

    A step of its own for all frames at once: what digests take of the processor's caches is not taken anew for each of them.
    """
    marks = [
        mark_of(frame.packet_id, sha256(b"%b\0%b" % (frame.topic.encode(), frame.payload)).digest())
        for frame in frames
        if frame.packet_id
    ]
    if not redeliverable:
        return marks, frames
    fresh: list[Frame] = []
    kept: list[bytes] = []
    found = iter(marks)
    for frame in frames:
        if frame.packet_id:
            mark = next(found)
            known = redeliverable.pop(frame.packet_id, None)
            if frame.duplicate and known == mark[2:]:
                redeliverable[frame.packet_id] = known
                continue
            kept.append(mark)
        fresh.append(frame)
    return kept, fresh


_UNKNOWN: Final = (None, None)


def _decoded(state: State, frames: Sequence[Frame], now_ms: int) -> Iterable[tuple[DevicePlan | None, Decoded | None]]:
    """Return for each frame its device's plan and what it decodes to, found for all at once like the marks.

    Both are None, and found in the frame's turn, for whatever a plan does not decode as it came. So they are for all while a
    change of policies is under way: an earlier frame may bring a household its plans.
    """
    if not state.is_settled:
        return [_UNKNOWN] * len(frames)
    plans = map(state.devices.get, [frame.topic for frame in frames])
    return [
        _UNKNOWN
        if plan is None or plan.key is not None or frame.copy or len(frame.payload) > MAX_PAYLOAD_BYTES
        else (plan, plan.decode(frame.topic, frame.payload, now_ms))
        for plan, frame in zip(plans, frames, strict=True)
    ]


def _take_between(targets: Sequence[Target], span: tuple[int, int], n: int, outcomes: list[int], records: list[_Taken]) -> bool:
    """Decide the fate of a reading of which only a span is known; return whether it left a trace."""
    if span[0] == UNKNOWN_MS:
        outcomes[UNDATED] += len(targets)
        return False
    keep = False
    for target in targets:
        outcome = target.take_between(*span, n)
        outcomes[outcome] += 1
        keep = keep or outcome <= LAST_KEPT
        if outcome == RECORDED and isinstance(target, RecordTarget):
            records.append((target, span, n))
    return keep


def _put_in_outbox(state: State, records: list[_Taken]) -> None:
    """Add the batch's records to the outbox, one row for each recipient and at most ``ROW_RECORDS`` records."""
    by_recipient: dict[str, list[_Taken]] = {}
    for record in records:
        by_recipient.setdefault(state.policies.flows[record[0].cohort.flow].recipient, []).append(record)
    for recipient, own in by_recipient.items():
        for row in outbox_rows(own, state.outbox.next_number, recipient, state.policies, state.identity.random_bytes):
            state.outbox.put(row)
