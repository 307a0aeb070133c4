"""Whatever happens in whatever order: the books balance, no bundle holds what was withdrawn, nothing leaves twice, and a crash
at any moment changes nothing.

Hypothesis makes up histories of a few households with readings, consents, withdrawals, ticks, bundles, reconnects and policies. A
simple model beside the gateway counts, for each subject and flow, the readings that may still leave.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.core import recovery
from gateway.core.plans import Device
from gateway.core.release.void import void_bundle
from tests.support.gate import DAY_MS, HOUR_MS, LATENESS_MS, MINUTE_MS, Gate, limited, only, reading
from tests.support.refolded import pairs_standing, refolded, standing

FLOWS = ("hourly", "daily", "raw", "register")
ALL, FEWER = only(*FLOWS), only("hourly", "raw", "register")
HOMES = st.integers(0, 3)
SCOPES = st.sampled_from(FLOWS)


def voided(*flows: str) -> Gate:
    """Return a gateway whose one bundle was voided, having ended a window that nobody had left a figure in."""
    gate = Gate(only(*flows))
    gate.send(gate.home(*flows), kwh=1)
    gate.to(gate.now_ms + DAY_MS + LATENESS_MS)
    assert gate.form() is not None
    void_bundle(gate.state, "office", gate.now_ms)
    gate.commit()
    return gate


def test_crash_after_the_void_of_a_bundle_of_waiting_records_alone() -> None:
    """Such a bundle closes no window, so there is none to reopen."""
    gate = voided("raw")
    assert standing(refolded(gate)) == standing(gate.state)


def test_crash_after_a_void_reopens_no_window_without_members() -> None:
    """A window that was suppressed when the bundle was formed stays closed."""
    gate = voided("hourly", "daily")
    assert standing(refolded(gate)) == standing(gate.state)
    assert {window.cohort.flow for window in refolded(gate).windows} == {"daily"}


class Histories(RuleBasedStateMachine):
    """A gateway, and what an onlooker knows of its households."""

    @initialize()
    def begin(self) -> None:
        """Three households consent to everything, the fourth to nothing yet."""
        self.gate = Gate(ALL)
        self.homes = [*self.gate.homes(3, *FLOWS), self.gate.home()]
        self.devices: list[Device] = list(self.homes)
        self.may_leave: Counter[tuple[bytes, str]] = Counter()
        self.given = {(home.subject or b"", flow) for home in self.homes[:3] for flow in FLOWS}
        self.sent = 0

    @rule(at=st.integers(0, 99), offset_minutes=st.integers(-90, 90), kwh=st.integers(0, 5), total=st.integers(0, 9))
    def send(self, at: int, offset_minutes: int, kwh: int, total: int) -> None:
        """Take a reading; its register rises with time, and now and then falls."""
        device = self.devices[at % len(self.devices)]
        self.sent += 1
        t_ms = self.gate.now_ms + offset_minutes * MINUTE_MS + self.sent  # no two alike
        before = Counter(self.gate.state.ledger.totals)
        self.gate.take(reading(device, t_ms, self.sent % 7 + 1, kwh=kwh, total=self.sent + total))
        kept = Counter(self.gate.state.ledger.totals)
        kept.subtract(before)
        assert kept["frames.received"] == 1
        for flow in FLOWS:
            if (device.subject, flow) in self.given:
                self.may_leave[device.subject or b"", flow] += 1

    @rule(home=HOMES, scope=SCOPES, days=st.none() | st.integers(1, 40), coarse=st.booleans())
    def grant(self, home: int, scope: str, days: int | None, coarse: bool) -> None:
        """Consent, or consent anew, perhaps for some hours only and perhaps keeping less."""
        limits = limited(retention_days=5) if coarse else limited()
        expiry_ms = None if days is None else self.gate.now_ms + days * HOUR_MS
        device = self.homes[home]
        if scope not in self.gate.state.policies.flows:
            return
        self._unform()
        self.gate.grant(device, scope, limits, expiry_ms)
        self.given.add((device.subject or b"", scope))

    @rule(home=HOMES, scope=SCOPES)
    def withdraw(self, home: int, scope: str) -> None:
        """Withdraw: nothing of before may leave from now on."""
        who = (self.homes[home].subject or b"", scope)
        if who in self.given:
            self._unform()
            self.gate.withdraw(self.homes[home], scope)
            self.given.discard(who)
            self.may_leave[who] = 0

    @rule(minutes=st.sampled_from([0, 1, 20, 75, 300, 24 * 60]))
    def tick(self, minutes: int) -> None:
        """Let time pass."""
        ready = list(self.gate.state.inflight.ready.values())
        self.gate.to(self.gate.now_ms + minutes * MINUTE_MS)
        if not self.gate.state.inflight.ready:  # a consent ran out, and took it back
            for unsent in ready:
                self._account(unsent, -1)
        recovery.prune(self.gate.state)

    @rule()
    def form(self) -> None:
        """Form a bundle, where none is under way; it stays ready."""
        if self.gate.state.inflight.ready or self.gate.state.inflight.sent:
            return
        self._account(self.gate.form(), 1)

    def _account(self, unsent: Any, sign: int) -> None:
        if unsent is None:
            return
        records = self.gate.release_payload(unsent.index).records
        for part in self.gate.contributions(unsent.index):
            who = (part.subject, records[part.record].flow)
            self.may_leave[who] -= sign * part.n
            assert self.may_leave[who] >= 0, "something leaves that was withdrawn, or a second time"

    @precondition(lambda self: self.gate.state.inflight.ready)
    @rule()
    def deliver(self) -> None:
        """Hand the bundle over and have it acknowledged."""
        self.gate.deliver(self.gate.state.inflight.ready["office"])

    @precondition(lambda self: self.gate.state.inflight.ready)
    @rule()
    def void(self) -> None:
        """Take the bundle back for the sake of somebody else's change."""
        self._account(self.gate.state.inflight.ready["office"], -1)
        void_bundle(self.gate.state, "office", self.gate.now_ms)

    @rule(present=st.booleans())
    def reconnect(self, present: bool) -> None:
        """Lose the broker, with or without the session."""
        self.gate.reconnect(session_present=present)

    @rule(fewer=st.booleans())
    def apply(self, fewer: bool) -> None:
        """Put policies in force, with or without the daily flow."""
        self._unform()
        self.gate.apply(FEWER if fewer else ALL)

    def _unform(self) -> None:
        for unsent in list(self.gate.state.inflight.ready.values()):
            self._account(unsent, -1)

    @rule(home=HOMES)
    def second_device(self, home: int) -> None:
        """Give a household another meter."""
        if len(self.devices) < 7:
            self.devices.append(self.gate.device(self.homes[home].subject))

    @rule()
    def checkpoint(self) -> None:
        """Account and sign; begin a new journal segment where that may be."""
        self.gate.state.log.checkpoint(self.gate.state.ledger, self.gate.now_ms)
        if not self.gate.state.inflight.ready:
            recovery.begin_segment(self.gate.state)

    @invariant()
    def books_balance(self) -> None:
        """Every unit is in one account, and what is open or waits is really there."""
        if hasattr(self, "gate"):
            gate = self.gate
            assert gate.state.ledger.imbalances() == []
            assert gate.count("pairs.open") == pairs_standing(gate.state)
            assert gate.count("bundles.ready") == len(gate.state.inflight.ready)

    @invariant()
    def a_crash_changes_nothing(self) -> None:
        """What was committed tells all that is in memory."""
        if hasattr(self, "gate"):
            self.gate.commit()
            again = refolded(self.gate)
            assert standing(again) == standing(self.gate.state)
            assert again.marks.digests() == self.gate.state.marks.digests()

    def teardown(self) -> None:
        """In the end everything comes to rest: nothing open, nothing waiting."""
        if not hasattr(self, "gate"):
            return
        gate = self.gate
        for ready in list(gate.state.inflight.ready.values()):
            gate.deliver(ready)
        self.tick(0)  # at the first one, publications begin
        self.tick(2 * 24 * 60 + 15)
        while (unsent := gate.form()) is not None:
            self._account(unsent, 1)
            gate.deliver(unsent)
        assert gate.count("pairs.open") == gate.count("pairs.waiting") == 0
        assert gate.state.windows.open == {}
        assert gate.state.domain_keys.domains() == ()


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
