"""What a part rests on, decided again: by the rules of now for draws, by those of then for releases of versions before."""

from __future__ import annotations

from gateway.audit.log.earlier_payloads import SecondReleasePayload
from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import ReleaseRecord
from gateway.audit.replay.entitlement import length_ms, level_of
from tests.support.drawn import Suburb
from tests.support.gate import DAY_MS, HOUR_MS, MIDNIGHT_MS
from tests.support.replayed import replayed


def test_level_of_a_draw_is_that_of_its_figures() -> None:
    """At identity aggregate, whatever else it states."""
    town = Suburb(6, "hourly")
    draw = town.draw("hourly", MIDNIGHT_MS + DAY_MS, town.homes)
    assert level_of(draw) == town.outcome(town.homes[0], "hourly").level
    assert length_ms(draw) == HOUR_MS


def test_hour_after_a_consent_is_in_order_in_a_release_of_the_version_before() -> None:
    """There, days were not whole, and figures over homes stood in records; now an hour of the first day is too early."""
    town = Suburb(6)
    town.gate.now_ms = MIDNIGHT_MS
    homes = [town.gate.home("hourly") for _ in range(6)]
    joined_ms = town.gate.now_ms = MIDNIGHT_MS + 2 * HOUR_MS
    homes.append(town.gate.home("hourly"))
    town.gate.now_ms += 3 * HOUR_MS
    window = (joined_ms, joined_ms + HOUR_MS)
    level = level_of(town.draw("hourly", MIDNIGHT_MS, homes)).precision
    record = ReleaseRecord("hourly", level, "north", window, 7, "aggregate", "consumption", "sum")
    log = town.gate.state.log
    parts = log.one_part(SecondReleasePayload("office", (record,)).encode())
    for home in homes:
        parts += log.one_part(town.share(home, "hourly", 0).encode())
    log.append_entry(Kind.RELEASE, town.gate.now_ms, parts, labels=bytes(16), bundle_sha256=bytes(32))
    assert [one.problem for one in replayed(town.gate).findings] == []
