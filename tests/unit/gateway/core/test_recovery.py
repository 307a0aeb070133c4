"""A crash at any moment changes nothing: two gateways live through the same history, one of them is killed again and again.

After every crash the killed one is made anew from what was committed, as at a start of the process. Its windows, memories,
books and outbox must then be the other's, and so must every bundle that either forms later. What was not committed never
happened: its frames come again, with those that were committed and not yet acknowledged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.core.decide import Owner
from consent.core.disclosure import Time
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from consent.errors import ConsentError
from gateway.core import pipeline, recovery
from gateway.core.changes import changes
from gateway.core.mqtt.events import Frame
from gateway.core.plans import Device
from tests.support.gate import DAY_MS, FILES, HOUR_MS, MINUTE_MS, TOWN, Gate, limited, only, reading, town
from tests.support.killed_gate import KilledGate

FLOWS = ("hourly", "daily", "raw", "register", "nights", "street-noise", "street-hourly")
RECIPIENTS = ("office", "public")
SCOPES = ("purpose:energy", "purpose:quiet", "raw")
POLICIES = (only(*FLOWS), only("hourly", "raw", "street-noise"), town(("exact_group = 1", "exact_group = 2")))
LEVELS = (limited(), limited(time=Time.HOUR_4))


class Twins:
    """Two gateways with one history; the second is killed now and then."""

    def __init__(self) -> None:
        self.spared, self.killed = KilledGate(POLICIES[0]), KilledGate(POLICIES[0])
        self.devices = self._settle(self.spared)
        self._settle(self.killed)
        self._pieces: Iterator[None] | None = None
        self._homes = self.devices[:4]
        self._packets = 0

    @staticmethod
    def _settle(gate: KilledGate) -> list[Device]:
        """Register five households, four of which consent to all, and three of the city's own; two devices send no times."""
        devices = [gate.home(*(SCOPES if n < 3 else ()), profile=("meter", "numbered")[n % 2]) for n in range(4)]
        devices += [gate.home(*SCOPES, profile="timeless"), gate.device(profile="numbered")]
        devices += [gate.device(profile="meter", zone="chapel"), gate.device(profile="timeless")]
        gate.commit()
        return devices

    def play(self, step: Sequence[Any], crash: str) -> None:
        """Take a step, and perhaps a crash."""
        name, *arguments = step
        if name in ("tick", "form", "segment"):
            self._finish_segment()
        if name == "readings":
            arguments = [self._frames(*arguments)]
        elif name == "device":
            arguments = [self._new_device(*arguments)]
        elif name == "tick":
            arguments = [self.spared.now_ms + arguments[0] * MINUTE_MS]
        if crash == "crash before the commit":
            take_step(self.killed, name, arguments, self)
            self.crash()
            arguments = [again(arguments[0])] if name == "readings" else arguments
        refusals = {take_step(gate, name, arguments, self) for gate in (self.spared, self.killed)}
        assert len(refusals) == 1
        for gate in (self.spared, self.killed):
            gate.commit()
        if crash == "crash after the commit":
            self.crash()
            if name == "readings":  # the broker has not heard of them
                for gate in (self.spared, self.killed):
                    gate.take(*again(arguments[0]))

    def begin_segment(self) -> None:
        """Take the next piece of a journal segment's beginning, or the first, in the one that is killed."""
        state = self.killed.state
        if self._pieces is None and not state.inflight.ready:
            self._pieces = recovery.segment_pieces(state, lambda: self.killed.now_ms)
        if self._pieces is not None and next(self._pieces, "end") == "end":
            self._pieces = None

    def _finish_segment(self) -> None:
        while self._pieces is not None:
            self.begin_segment()
            self.killed.commit()

    def crash(self) -> None:
        """Kill one, and let the other live through what the world sees of it."""
        self._pieces = None
        changes.expire(self.spared.state, self.spared.now_ms)
        self.spared.hand_over()  # what was formed counts as handed over
        self.spared.state.log.checkpoint(self.spared.state.ledger, self.spared.now_ms)
        self.spared.commit()
        self.killed.now_ms = self.spared.now_ms
        self.killed.crash()
        self.killed.state.windows.advance(self.spared.state.windows.watermark_ms)  # as the next tick will
        for gate in (self.spared, self.killed):
            gate.reconnect(session_present=True)
        self.compare()

    def finish(self) -> None:
        """Let all windows end and everything leave."""
        self._finish_segment()
        for gate in (self.spared, self.killed):
            gate.hand_over()
            gate.acknowledge()
            gate.to(self.spared.now_ms if gate is self.killed else gate.now_ms + 3 * DAY_MS)
            gate.commit()
            for recipient in RECIPIENTS:
                while gate.form_next(recipient) is not None:
                    gate.commit()
                    gate.hand_over()
                    gate.acknowledge()
                    gate.commit()
            gate.state.log.checkpoint(gate.state.ledger, gate.now_ms)
            gate.commit()
        self.compare()

    def compare(self) -> None:
        """Fail unless both hold the same, have told the same, and keep true books."""
        assert self.killed.standing() == self.spared.standing()
        assert self.killed.seen() <= self.spared.seen()
        assert self.killed.told == self.spared.told
        assert self.killed.audited() == self.spared.audited() == []

    def _frames(self, offset_ms: int, count: int, kwh: int, falls: bool) -> list[Frame]:
        """Return a round of readings, one of each of the first devices."""
        frames = []
        for place, device in enumerate(self.devices[:count]):
            self._packets += 1
            number, t_ms = self._packets, self.spared.now_ms + offset_ms
            total, db = number - 50 * falls, 40 + place * kwh
            frames.append(reading(device, t_ms, number, kwh=kwh + place, total=total, db=db, seq=number, boot=1))
        return frames

    def _new_device(self, home: int) -> Device:
        topic = f"t/more/{len(self.devices)}"
        subject = self._homes[home].subject
        device = Device(
            sha256(topic.encode()).digest()[:16], topic, "numbered", "mill", subject, 0, self.spared.now_ms, Owner.RESIDENT
        )
        self.devices.append(device)
        return device

    def home(self, number: int) -> Device:
        """Return a household's first device."""
        return self._homes[number]


def take_step(gate: KilledGate, name: str, arguments: Sequence[Any], twins: Twins) -> str:
    """Take a step without committing it; return why it was refused, if it was."""
    state = gate.state
    try:
        match name, *arguments:
            case "readings", frames:
                pipeline.take_frames(state, frames, gate.now_ms)
            case "tick", to_ms:
                gate.to(to_ms)
            case "form", recipient:
                gate.form_next(recipient)
            case "grant", home, scope, level, hours:
                expiry_ms = gate.now_ms + hours * HOUR_MS if hours else None
                gate.grant(twins.home(home), scope, LEVELS[level], expiry_ms)
            case "withdraw", home, scope:
                gate.withdraw(twins.home(home), scope)
            case "policies", number:
                gate.apply(POLICIES[number])
            case "device", device:
                changes.add_device(state, device, gate.now_ms)
            case "revoke", at:
                if (place := twins.devices[at % len(twins.devices)].place) in state.registry.devices:
                    changes.revoke_device(state, place, gate.now_ms)
            case ("segment",):
                if not state.inflight.ready:
                    recovery.begin_segment(state)
            case ("part of a segment",):
                if gate is twins.killed:
                    twins.begin_segment()
            case ("account",):
                state.log.checkpoint(state.ledger, gate.now_ms)
            case ("session lost",):
                gate.reconnect(session_present=False)
            case ("session kept",):
                pipeline.session_opened(state, session_present=True, now_ms=gate.now_ms)
            case ("queue dry",):
                pipeline.queue_drained(state, gate.now_ms)
            case ("hand over",):
                gate.hand_over()
            case ("acknowledge",):
                gate.acknowledge()
    except ConsentError as refusal:
        return str(refusal)
    return ""


def again(frames: Sequence[Frame]) -> list[Frame]:
    """Return frames as the broker sends them again."""
    return [msgspec.structs.replace(frame, duplicate=True) for frame in frames]


# histories with plain arguments, so that a failing one can be read

OFFSETS = st.integers(-12, 12).map(lambda tens: 10 * tens * MINUTE_MS)
FALLS = st.sampled_from([False, False, False, True])
READINGS = st.tuples(st.just("readings"), OFFSETS, st.integers(2, 8), st.integers(0, 5), FALLS)
TICK = st.tuples(st.just("tick"), st.sampled_from([1, 20, 60, 90, 150, 600]))
FORM = st.tuples(st.just("form"), st.sampled_from(RECIPIENTS))
ACKNOWLEDGE = st.just(("acknowledge",))
CONSENTS = st.one_of(
    st.tuples(st.just("grant"), st.integers(0, 3), st.sampled_from(SCOPES), st.integers(0, 1), st.integers(0, 30)),
    st.tuples(st.just("withdraw"), st.integers(0, 3), st.sampled_from(SCOPES)),
)
CHANGES = st.one_of(
    st.tuples(st.just("policies"), st.integers(0, len(POLICIES) - 1)),
    st.tuples(st.just("device"), st.integers(0, 3)),
    st.tuples(st.just("revoke"), st.integers(0, 7)),
    st.sampled_from([("segment",), ("account",), ("session lost",), ("session kept",), ("queue dry",), ("hand over",)]),
)
PIECES = st.just(("part of a segment",))
STEP = st.one_of(READINGS, READINGS, PIECES, PIECES, TICK, TICK, FORM, FORM, FORM, ACKNOWLEDGE, CONSENTS, CHANGES)
CRASH = st.sampled_from([*["no crash"] * 6, "crash before the commit", "crash after the commit"])
HISTORY = st.lists(st.tuples(STEP, CRASH), min_size=20, max_size=60)


@settings(max_examples=60, deadline=None)
@given(HISTORY)
def test_killed_at_any_step_ends_where_the_spared_one_does(history: list[tuple[Any, str]]) -> None:
    """Windows, memories, books, outbox and every bundle are the same with crashes and without, and an auditor finds no fault."""
    twins = Twins()
    with patch.object(recovery, "_CELLS_A_PART", 48), patch.object(recovery, "_MEMBERS_A_PART", 2):
        for step, crash in history:
            twins.play(step, crash)
        twins.finish()


def test_bundle_that_its_sink_does_not_take_is_voided_by_a_withdrawal_and_never_leaves() -> None:
    """It was formed while the sink was connected; what it held returns, without the one who withdrew, and the audit agrees."""
    gate = KilledGate(only("hourly", "raw"))
    gate.to(gate.now_ms)
    homes = gate.homes(5, "hourly", "raw")
    gate.commit()
    for home in homes:
        gate.send(home, kwh=1)
    gate.to(gate.now_ms + DAY_MS + HOUR_MS)
    refused = gate.form_next("office")
    gate.commit()
    assert refused is not None
    gate.withdraw(homes[0], "purpose:energy")
    gate.commit()
    gate.crash()
    shown: list[Counter[Any]] = []
    for _ in range(2):
        formed = gate.form_next("office")
        gate.commit()
        gate.hand_over()
        gate.acknowledge()
        assert formed is not None
        _, records = gate.told[formed.index]
        shown.append(Counter((record.identity, record.n, record.result) for record in records))
    assert shown == [{("aggregate", 0, 4.0): 1}, {("per-record", None, 1.0): 4}]
    assert refused.index not in gate.told
    gate.state.log.checkpoint(gate.state.ledger, gate.now_ms)
    gate.commit()
    assert gate.audited() == []
    assert gate.count("bundles.voided") == 1


def test_void_of_a_bundle_of_single_readings_survives_a_crash() -> None:
    """Such a bundle has closed no window, so there is none to reopen."""
    gate = KilledGate(only("raw"))
    first, second = gate.homes(2, "raw")
    gate.commit()
    gate.send(first, kwh=1)
    assert gate.form_next("office") is not None
    gate.commit()
    gate.withdraw(second, "raw")
    gate.commit()
    gate.crash()
    assert gate.count("pairs.waiting") == 1
    assert gate.audited() == []


def without_noise() -> PolicySet:
    """Return a town that has never heard of `LAeq`."""
    head, *flows = TOWN.split("\n[flow.")
    for table in ("[property.LAeq]", "[quantity.laeq]"):
        before, _, rest = head.partition(table)
        head = before + rest.partition("\n\n")[2]
    text = "\n[flow.".join([head, *(flow for flow in flows if flow.startswith("hourly]"))])
    files = {name: file.replace('[fields.LAeq]\npath = "db"\nunit = "dB"\n', "") for name, file in FILES.items()}
    return parse_policies({name: file.encode() for name, file in {"city.toml": text, **files}.items()})


def test_property_that_new_policies_no_longer_know_does_not_stop_a_start() -> None:
    """What was journaled of it before is folded, and then taken out as it was the first time."""
    gate = KilledGate(only("hourly", "nights"))
    home = gate.home("hourly", "nights")
    gate.commit()
    gate.send(home, kwh=1, db=50)
    gate.apply(without_noise())
    gate.commit()
    gate.crash()
    assert gate.count("pairs.open") == gate.count("pairs.withdrawn") == 1


def test_segment_waits_while_publications_are_under_way_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables that they take would be stored once more, only to be dropped; the journal still stays bounded."""
    monkeypatch.setattr(recovery, "SEGMENT_BYTES", 100)
    gate = Gate()
    gate.state.journal.segment_bytes = 150
    assert not recovery.segment_is_due(gate.state, patient=True)
    gate.state.journal.segment_bytes = 201
    assert recovery.segment_is_due(gate.state, patient=True)
    gate.state.journal.segment_bytes = 150
    assert recovery.segment_is_due(gate.state)
