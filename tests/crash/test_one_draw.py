"""One draw leaves, ever: a gateway that is killed between draw, commit, hand-over and acknowledgement tells no figure twice.

Two draws of the same homes would halve the noise, and two of almost the same homes would tell the difference. So of each part
of a publication one bundle leaves, whenever the gateway dies and whoever withdraws meanwhile; it is sent again unchanged, or it
was voided before its first byte and never left.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from gateway.audit.log.earlier_payloads import decode_release
from gateway.audit.log.payloads import ReleasePayload
from gateway.core.plans import Device
from tests.support.gate import DAY_MS, HOUR_MS, LATENESS_MS, MIDNIGHT_MS, reading
from tests.support.killed_gate import KilledGate, first_part
from tests.support.publications import exact_town, figures

DAYS = 4
RECIPIENTS = ("office", "grid")


class Street:
    """Homes whose gateway is killed at random, and what it has told by then."""

    def __init__(self, seed: int) -> None:
        built = figures(exact_town().limits(mu_day=9), "noisy", recipient="grid", budget=2)
        built = figures(built, "windows", recipient="office", budget=2, publish="window", time="4h")
        self.random = Random(seed)
        self.gate = KilledGate(built.policies())
        self.gate.to(self.gate.now_ms)
        self.homes: list[Device] = self.gate.homes(24, "purpose:energy")
        self.gate.commit()

    def live(self) -> None:
        """Let some days pass, with a few random steps after every few hours of readings."""
        for hours in range(0, 24 * DAYS, 4):
            at_ms = MIDNIGHT_MS + DAY_MS + hours * HOUR_MS
            self.gate.to(max(self.gate.now_ms, at_ms + 2 * HOUR_MS))
            self.gate.take(*(reading(home, at_ms + HOUR_MS, kwh=self.random.random()) for home in self.homes))
            for _ in range(self.random.randrange(6)):
                self.random.choice([self.form, self.form, self.hand_over, self.acknowledge, self.withdraw, self.kill])()
        self.gate.to(MIDNIGHT_MS + (DAYS + 1) * DAY_MS + LATENESS_MS)
        self.drain()

    def form(self) -> None:
        """Form a bundle; of four times once the gateway dies before it is committed."""
        formed = self.gate.form_next(self.random.choice(RECIPIENTS))
        if formed is not None and self.random.random() < 0.25:
            self.kill()
        self.gate.commit()

    def hand_over(self) -> None:
        """Let what stands ready leave."""
        self.gate.hand_over()
        self.gate.commit()

    def acknowledge(self) -> None:
        """Let what has left be acknowledged."""
        self.gate.acknowledge()
        self.gate.commit()

    def withdraw(self) -> None:
        """Let a household withdraw and consent again, so that it is missing for the rest of the day."""
        home = self.random.choice(self.homes)
        self.gate.withdraw(home, "purpose:energy")
        self.gate.grant(home, "purpose:energy")
        self.gate.commit()

    def kill(self) -> None:
        """Kill the gateway, and start it again."""
        self.gate.crash()
        self.gate.reconnect(session_present=True)

    def drain(self) -> None:
        """Deliver all that is still to leave."""
        for recipient in RECIPIENTS:
            for _ in range(400):
                self.hand_over()
                self.acknowledge()
                if self.gate.form_next(recipient) is None:
                    break
                self.gate.commit()

    def payload(self, index: int) -> ReleasePayload:
        """Return what the log states of a release."""
        payload = decode_release(first_part(self.gate.entries[index][2]))
        assert isinstance(payload, ReleasePayload)
        return payload


def check(seed: int) -> Street:
    """Let a street live, and check what its gateway has told; return it."""
    street = Street(seed)
    street.live()
    told = {index: street.payload(index) for index in street.gate.told}
    parts = Counter((each.recipient, each.publication) for each in told.values() if each.publication)
    assert set(parts.values()) == {1}, "a part of a publication left twice"
    draws = Counter((one.flow, one.cell, one.level, one.span) for each in told.values() for one in each.draws)
    assert set(draws.values()) <= {1}, "a figure was drawn twice"
    assert street.gate.audited() == []
    assert street.gate.state.ledger.sum("pairs.open") == 0
    ends = sorted(each.publication.end for each in told.values() if each.publication and each.recipient == "grid")
    assert ends == [MIDNIGHT_MS + day * DAY_MS for day in range(1, DAYS + 2)], "a day has left twice, or not at all"
    return street


@pytest.mark.parametrize("seed", range(4))
def test_gateway_killed_at_random_tells_every_part_once(seed: int) -> None:
    """Four days, with a kill or a withdrawal every few hours."""
    check(seed)


@pytest.mark.slow
def test_gateway_killed_at_random_for_years_tells_every_part_once() -> None:
    """Sixty such streets; among them there were voids, kills before the commit, and bundles sent again."""
    voids = releases = told = 0
    for seed in range(4, 64):
        street = check(seed)
        kinds = Counter(kind for kind, _, _ in street.gate.entries)
        voids += kinds["void"]
        releases += kinds["release"]
        told += len(street.gate.told)
    assert voids > 60
    assert releases == told + voids
