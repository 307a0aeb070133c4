"""One gateway played twice: the same trace of a town's day, in which only data differ that nobody may be told of.

Randomness is drawn by name: a pseudonym key by its domain, a record's id by its reading, anything else by who asks for it and how
often before. So whatever differs between two runs is due to the data. ``Run.left`` is what a recipient reads.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import shake_256
from typing import Any, NamedTuple
from unittest import mock

from consent.core.lifecycle import steps
from consent.core.policies.policy import PolicySet
from consent.errors import ConsentError
from gateway.core import pipeline, recovery
from gateway.core.changes import changes, subjects
from gateway.core.effects import OutboxRow
from gateway.core.inflight import ReadyBundle
from gateway.core.mqtt.events import Frame
from gateway.core.plans import Device
from gateway.core.pseudonyms import DomainKeys, Pseudonymiser
from gateway.core.release.records import outbox_rows
from gateway.core.release.void import void_unsent
from gateway.core.windows.targets import RecordTarget
from gateway.recipient.opening import open_bundle
from gateway.recipient.records import Record
from tests.support.gate import MIDNIGHT_MS, MINUTE_MS, RECIPIENT_KEY, reading, town
from tests.support.killed_gate import KilledGate

RECIPIENTS = ("office", "public")
STOP_MS = MIDNIGHT_MS + 70 * MINUTE_MS
"""When those who had permitted something stop: the first hour is over, and its windows are not."""

SHUT = '\ntitle = { en = "Old town" }\n[ceiling]\nspace = "none"\n'
"""Of the old town nothing may be told."""

MORE = ("precision = { LAeq = 0.5 }", "precision = { LAeq = 0.1 }")

"""What a flow comes to ask when the silent stop: more than those were told who do not answer again."""

PURPOSES = ("purpose:energy", "purpose:quiet")
OPEN_HOMES = (("mill", "meter"), ("mill", "numbered"), ("dock", "meter"), *[("mill", "meter")] * 4)
"""So many in one district that no one of them makes up a day's figures; then come the city's own."""
SILENT = (
    *("undecided", "refused", "withdrawn", "paused", "revoked", "expired", "invalidated"),
    *("one of two undecided", "newcomer", "over the ceiling", "over the cap", "struck off"),
)


class NamedBytes:
    """Stands in for randomness: what is drawn depends on its name alone."""

    def __init__(self) -> None:
        self._drawn: Counter[str] = Counter()

    def __call__(self, n: int) -> bytes:
        """Return ``n`` bytes, named after the function that asks and how often it did."""
        caller = sys._getframe(1).f_code.co_qualname
        self._drawn[caller] += 1
        return named(n, caller, self._drawn[caller])


def named(n: int, *name: object) -> bytes:
    """Return the ``n`` bytes of a name."""
    return shake_256(repr(name).encode()).digest(n)


class NamedDomainKeys(DomainKeys):
    """Pseudonym keys that are named after their domain."""

    def pseudonymiser(self, recipient: str, purpose: str, epoch_day: str, next_sub_epoch: int) -> Pseudonymiser:
        """Return the open domain, or open it under its own key."""
        self._random_bytes = lambda n: named(n, "domain", recipient, purpose, epoch_day, next_sub_epoch)
        return super().pseudonymiser(recipient, purpose, epoch_day, next_sub_epoch)


def named_rows(
    taken: Sequence[tuple[RecordTarget, tuple[int, int], int]],
    number: int,
    recipient: str,
    policies: PolicySet,
    random_bytes: Callable[[int], bytes],
) -> Iterator[OutboxRow]:
    """Make outbox rows whose record ids are named after their readings."""
    ids = b"".join(named(16, target.cohort, target.contributor, span[0]) for target, span, _ in taken)
    return outbox_rows(taken, number, recipient, policies, lambda n: ids)


class Sent(NamedTuple):
    """A reading as it is sent: by whom, how many minutes from now it was made, what it says, and where in the batch it stands."""

    who: int
    offset_min: int
    value: int
    place: int
    seq: int


@dataclass(frozen=True)
class Left:
    """A bundle that was handed over, opened."""

    at_ms: int
    recipient: str
    records: tuple[Record, ...]


class Run(KilledGate):
    """One run.

    Attributes:
        open: Devices of those who permit, and one of the city's own.
        silent: Devices of those who permit nothing, or no longer do from ``STOP_MS`` on, by the reason.
        left: What has left, in order.
    """

    def __init__(self) -> None:
        """Begin at midnight, with everybody settled."""
        super().__init__(town(files={"neighbourhoods/old.toml": SHUT}))
        self.left: list[Left] = []
        self.random_bytes = NamedBytes()  # type: ignore[assignment]  # stands in for what stands in for randomness
        self._name_randomness()
        self.apply(self.state.policies)
        self.open = [self.home(*PURPOSES, zone=zone, profile=profile) for zone, profile in OPEN_HOMES]
        self.open.append(self.device(profile="meter"))
        self.silent = {reason: self._settle(reason) for reason in SILENT}
        self.commit()

    def _name_randomness(self) -> None:
        self.state.identity = replace(self.state.identity, random_bytes=self.random_bytes)
        self.state.domain_keys = NamedDomainKeys(self.random_bytes)

    def _settle(self, reason: str) -> Device:
        """Register a household of which nothing may be told, at the latest from ``STOP_MS`` on."""
        if reason in ("undecided", "refused", "expired"):
            home = self.home()
            for scope in PURPOSES:
                if reason == "refused":
                    self.refuse(home, scope)
                elif reason == "expired":
                    self.grant(home, scope, expiry_ms=STOP_MS)
            return home
        zone = "chapel" if reason == "over the ceiling" else "mill"
        home = self.home(*PURPOSES[reason == "invalidated" :], zone=zone, profile="shy" if reason == "over the cap" else "meter")
        if reason == "one of two undecided":
            self.join(home)
        return home

    def join(self, home: Device) -> None:
        """Let somebody move in, who has not decided yet."""
        assert home.subject is not None
        subjects.claim(self.state, subjects.invite(self.state, home.subject, self.now_ms), None, self.now_ms)

    def stop(self) -> None:
        """Let all who still permit anything, and of whom nothing may be told any more, stop."""
        self.to(STOP_MS)
        for scope in PURPOSES:
            self.withdraw(self.silent["withdrawn"], scope)
            self.pause(self.silent["paused"], scope)
            speaker = self.speaker(self.silent["revoked"])
            changes.change_consents(self.state, [steps.revoke(speaker, scope, "Court 1, ruling 2")], STOP_MS)
        self.join(self.silent["newcomer"])
        changes.revoke_device(self.state, self.silent["struck off"].place, STOP_MS)
        self.apply(town(MORE, files={"neighbourhoods/old.toml": SHUT}))
        for home in self.open[:-1]:
            self.grant(home, "purpose:quiet")
        self.commit()

    # the steps of a trace

    def play(self, name: str, *arguments: Any) -> None:
        """Take a step; one that nobody may take at this moment is left out."""
        with suppress(ConsentError):
            getattr(self, f"_{name}")(*arguments)
        self.commit()

    def _send(self, readings: Sequence[Sent], theirs: Sequence[Sent]) -> None:
        """Take a batch: readings of those who permit, and between them those of the others."""
        own = [self._frame(self.open[sent.who % len(self.open)], sent) for sent in readings]
        silent = list(self.silent.values())
        for sent in theirs:
            own.insert(sent.place % (len(own) + 1), self._frame(silent[sent.who % len(silent)], sent))
        pipeline.take_frames(self.state, own, self.now_ms)

    def _frame(self, device: Device, sent: Sent) -> Frame:
        t_ms = self.now_ms + sent.offset_min * MINUTE_MS + sent.who
        return reading(device, t_ms, kwh=sent.value, total=1_000 + sent.value, db=40 + sent.value % 50, seq=sent.seq, boot=1)

    def _tick(self, minutes: int) -> None:
        self.to(self.now_ms + minutes * MINUTE_MS)

    def form_next(self, recipient: str) -> ReadyBundle | None:
        """Form a bundle, if the recipient has none under way, and commit it, or what came of looking for one."""
        unsent = super().form_next(recipient)
        self.commit()
        return unsent

    def _form(self) -> None:
        for recipient in RECIPIENTS:
            self.form_next(recipient)

    def _void(self) -> None:
        void_unsent(self.state, self.now_ms)

    def _send_off(self) -> None:
        self.hand_over()
        self.acknowledge()

    def _withdraw(self, who: int) -> None:
        self.withdraw(self.open[who], "purpose:energy")

    def _grant(self, who: int) -> None:
        self.grant(self.open[who], "purpose:energy")

    def _segment(self) -> None:
        if not self.state.inflight.ready:
            recovery.begin_segment(self.state)

    def _crash(self) -> None:
        """Die and begin again; before the stop only where no bundle stands ready, for it would count as handed over."""
        if self.now_ms >= STOP_MS or not self.state.inflight.ready:
            self.crash()
            self._name_randomness()
            self.reconnect(session_present=True)

    def _tell(self, index: int, recipient: str, content: bytes) -> None:
        if index not in self.told:
            self.left.append(Left(self.now_ms, recipient, open_bundle(content, RECIPIENT_KEY, index).records))
        super()._tell(index, recipient, content)

    def end(self) -> list[Left]:
        """Let all come to rest; return what has left."""
        self._send_off()
        self._tick(3 * 24 * 60)
        self.commit()
        while self.form_next("office") or self.form_next("public"):
            self._form()
            self._send_off()
            self.commit()
        return self.left


def run(before: Sequence[Sequence[Any]], after: Sequence[Sequence[Any]]) -> list[Left]:
    """Play a trace; return what has left."""
    with mock.patch.object(pipeline, "outbox_rows", named_rows):
        played = Run()
        for step in before:
            played.play(*step)
        played.stop()
        for step in after:
            played.play(*step)
        return played.end()
