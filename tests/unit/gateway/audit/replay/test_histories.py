"""Whatever an honest gateway lives through, an auditor who replays its log finds that every release follows.

Hypothesis makes up histories of households with several residents and devices: consents of all kinds and levels, expiry, people
who come and go, devices added and revoked, policies changed, bundles voided, lost sessions, and crashes at any moment.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from consent.core.disclosure import TOP, Disclosure, Identity, Space, Time
from consent.core.lifecycle import steps as lifecycle
from consent.errors import ConsentError
from gateway.audit.replay.report import ReplayReport, ReplayVerdict
from gateway.core import pipeline, recovery
from gateway.core.changes import changes, subjects
from gateway.core.plans import Device
from tests.support.gate import HOUR_MS, LATENESS_MS, MINUTE_MS, limited, only, reading, town
from tests.support.killed_gate import KilledGate
from tests.support.replayed import replayed

FLOWS = ("hourly", "daily", "raw", "register", "street-noise", "street-hourly")
SCOPES = st.sampled_from(("hourly", "daily", "raw", "register", "purpose:energy"))
POLICIES = (
    only(*FLOWS),
    only("hourly", "raw", "register"),
    town(("clamp = [0, 100]", "clamp = [0, 60]")),
    town(("retention = 7", "retention = 5")),
    town(("group = 2, retention = 365", "group = 3, retention = 365")),
    town(('identity = "per-epoch"\nspace', 'identity = "per-record"\nspace')),
    town(('[ceiling]\nidentity = "per-epoch"\nspace = "block"', '[ceiling]\nidentity = "per-epoch"\nspace = "city"')),
)
LIMITS = (
    TOP,
    limited(time=Time.HOUR_4),
    limited(space=Space.CITY, retention_days=5),
    limited(identity=Identity.PER_RECORD),
    limited(identity=Identity.AGGREGATE, group=3),
    limited(group=4),
    limited(identity=Identity.NONE),
    limited(budget=1.0),
)
HOMES = st.integers(0, 3)
RECIPIENTS = st.sampled_from(("office", "public"))


class HonestLives(RuleBasedStateMachine):
    """A gateway that can be killed; at the end of its life it is audited."""

    @initialize()
    def begin(self) -> None:
        """Three households consent to everything, the fourth to nothing yet; two devices are the city's own."""
        self.gate = KilledGate(POLICIES[0])
        self.homes = [
            self.gate.home(*(("purpose:energy", "raw") if n < 3 else ()), zone=("mill", "chapel")[n // 3]) for n in range(4)
        ]
        self.devices: list[Device] = [*self.homes, self.gate.device(), self.gate.device(zone="chapel")]
        self.gate.commit()
        self.sent = 0

    @rule(data=st.lists(st.tuples(st.integers(0, 99), st.integers(-90, 90)), max_size=9), kwh=st.integers(0, 5))
    def readings(self, data: list[tuple[int, int]], kwh: int) -> None:
        """Take readings of some devices, early and late."""
        for at, offset_minutes in data:
            device = self.devices[at % len(self.devices)]
            self.sent += 1
            t_ms = self.gate.now_ms + offset_minutes * MINUTE_MS + self.sent
            self.gate.take(reading(device, t_ms, self.sent % 7 + 1, kwh=kwh, total=self.sent, db=50 + kwh))

    @rule(minutes=st.integers(1, 59), hours=st.integers(1, 30))
    def a_full_time(self, minutes: int, hours: int) -> None:
        """Let every device report for some hours, so that there is something to release."""
        for hour in range(hours):
            self.gate.to(self.gate.now_ms + HOUR_MS)
            frames = []
            for device in self.devices:
                self.sent += 1
                frames.append(
                    reading(device, self.gate.now_ms - minutes * MINUTE_MS + self.sent % 1000, kwh=hour % 4, total=self.sent)
                )
            self.gate.take(*frames)

    @rule(
        home=HOMES, resident=st.integers(0, 2), scope=SCOPES, limits=st.sampled_from(LIMITS), hours=st.none() | st.integers(1, 40)
    )
    def grant(self, home: int, resident: int, scope: str, limits: Disclosure, hours: int | None) -> None:
        """Consent, or consent anew, at some level, perhaps for some hours only."""
        expiry_ms = None if hours is None else self.gate.now_ms + hours * HOUR_MS
        self._say(lambda who: [lifecycle.grant(who, self.gate.state.policies, scope, limits, expiry_ms)], home, resident)

    @rule(home=HOMES, resident=st.integers(0, 2), scope=SCOPES, what=st.sampled_from(("withdraw", "pause", "resume", "refuse")))
    def otherwise(self, home: int, resident: int, scope: str, what: str) -> None:
        """Say something else."""
        policies = self.gate.state.policies
        steps = {
            "withdraw": lambda who: [lifecycle.withdraw(who, scope)],
            "pause": lambda who: lifecycle.pause(who, scope),
            "resume": lambda who: lifecycle.resume(who, policies, scope),
            "refuse": lambda who: [lifecycle.refuse(who, policies, scope)],
        }
        self._say(steps[what], home, resident)

    def _say(self, step, home: int, resident: int) -> None:  # type: ignore[no-untyped-def]  # any step of the lifecycle
        device = self.homes[home]
        if device.subject not in self.gate.state.registry.subjects:
            return
        residents = self.gate.state.registry.book.residents(device.subject)
        try:
            self.gate.say(*step(self.gate.speaker(device, resident % len(residents))))
        except ConsentError:
            return  # nothing leads there from what was said before
        self.gate.commit()

    @rule(home=HOMES)
    def join(self, home: int) -> None:
        """Let somebody join a household, who has said nothing yet."""
        state, subject = self.gate.state, self.homes[home].subject
        if subject in state.registry.subjects and len(state.registry.book.residents(subject)) < 3:
            subjects.claim(state, subjects.invite(state, subject, self.gate.now_ms), None, self.gate.now_ms)
            self.gate.commit()

    @rule(home=HOMES, resident=st.integers(0, 2))
    def leave(self, home: int, resident: int) -> None:
        """Let somebody leave."""
        state, subject = self.gate.state, self.homes[home].subject
        residents = state.registry.book.residents(subject or b"")
        if len(residents) > 1:
            assert subject is not None
            subjects.leave(state, subject, residents[resident % len(residents)], self.gate.now_ms)
            self.gate.commit()

    @rule(home=HOMES, zone=st.sampled_from(("mill", "chapel", "dock")), profile=st.sampled_from(("meter", "shy")))
    def another_device(self, home: int, zone: str, profile: str) -> None:
        """Give a household another meter, perhaps in another place or of another class."""
        subject = self.homes[home].subject
        if len(self.devices) < 9 and subject in self.gate.state.registry.subjects:
            self.devices.append(self.gate.device(subject, profile, zone))
            self.gate.commit()

    @rule(at=st.integers(6, 8))
    def revoke(self, at: int) -> None:
        """Strike out a device that was added."""
        if at < len(self.devices):
            changes.revoke_device(self.gate.state, self.devices.pop(at).place, self.gate.now_ms)
            self.gate.commit()

    @rule(policies=st.sampled_from(POLICIES))
    def apply(self, policies: object) -> None:
        """Put other policies in force."""
        self.gate.apply(policies)  # type: ignore[arg-type]  # one of the list
        self.gate.commit()

    @rule(minutes=st.sampled_from([0, 1, 20, 75, 300, 24 * 60]))
    def tick(self, minutes: int) -> None:
        """Let time pass."""
        self.gate.to(self.gate.now_ms + minutes * MINUTE_MS)
        recovery.prune(self.gate.state)
        self.gate.commit()

    @rule(recipient=RECIPIENTS)
    def form(self, recipient: str) -> None:
        """Form a bundle, where none is under way; it stays ready."""
        self.gate.form_next(recipient)
        self.gate.commit()

    @precondition(lambda self: self.gate.state.inflight.ready)
    @rule()
    def deliver(self) -> None:
        """Hand over what is ready, and have it acknowledged."""
        self.gate.hand_over()
        self.gate.commit()
        self.gate.acknowledge()
        self.gate.commit()

    @rule(present=st.booleans())
    def reconnect(self, present: bool) -> None:
        """Lose the broker, with or without the session."""
        self.gate.reconnect(session_present=present)
        self.gate.commit()

    @rule()
    def crash(self) -> None:
        """Be killed, and begin again from what was committed."""
        self.gate.crash()
        pipeline.queue_drained(self.gate.state, self.gate.now_ms)
        self.gate.acknowledge()
        self.gate.commit()

    def teardown(self) -> None:
        """Let everything out that may leave, and audit."""
        if hasattr(self, "gate"):
            self.tick(2 * 24 * 60 + LATENESS_MS // MINUTE_MS)
            for recipient in ("office", "public"):
                self.gate.hand_over()
                self.gate.acknowledge()
                while self.gate.form_next(recipient) is not None:
                    self.gate.hand_over()
                    self.gate.acknowledge()
                    self.gate.commit()
            assert_nothing_wrong(replayed(self.gate))


def assert_nothing_wrong(found: ReplayReport) -> None:
    """Check that every release of a log could be checked, and follows."""
    assert [f"{one.where}: {one.problem}" for one in found.findings] == []
    assert sum(found.verdicts.values()) == found.verdicts[ReplayVerdict.MATCH]


TestHonestLives = HonestLives.TestCase
TestHonestLives.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
