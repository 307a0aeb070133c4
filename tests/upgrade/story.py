"""A told life: in three days everything happens once that can be stored or logged, and at the end all of it is under way."""

from __future__ import annotations

import json
from pathlib import Path

from tests.upgrade.coming_in import Person, come_in, invite, lose_telephone
from tests.upgrade.gate import DAY_MS, HOUR_MS, LATENESS_MS, MINUTE_MS, START_MS, iso
from tests.upgrade.life import QUIET, Life


async def story(life: Life) -> Path:
    """Let everything happen once that can be stored or logged; the gateway runs at the end, in the middle of things.

    Returns: A backup of before its third act.
    """
    await life.begin()
    await _moving_in(life)
    await _first_day(life)
    await _second_day(life)
    partner = await _coming_in(life)
    backup = await life.back_up()
    await _third_day(life)
    await life.restart(killed=True)
    await _last_hours(life)
    await lose_telephone(partner, 3)
    return backup


async def _moving_in(life: Life) -> None:
    """Register households and stations; consents are asked for, given, limited, bounded in time, and refused."""
    for zone in ("mill", "chapel", "dock"):
        await life.new_station("station", zone)
    await life.new_station("air", "mill")
    for profiles, zone in (
        (("meter", "numbered"), "mill"),
        (("numbered",), "mill"),
        (("sealed",), "chapel"),
        (("timeless",), "chapel"),
        (("meter", "meter"), "dock"),
        (("shy",), "dock"),
        (("numbered",), "mill"),
        (("meter",), "mill"),
    ):
        await life.new_home(*profiles, zone=zone)
    for home in life.homes:
        await life.ask("subject.claim", code=home.code)
        await life.say(home, "request")
        await life.say(home, "grant")
    first, second, third, *_, last = life.homes
    for home in life.homes[:4]:
        await life.say(home, "grant", QUIET)
    await life.say(first, "grant", "raw", limits={"time": "1h", "space": "district"})
    await life.say(second, "grant", "hourly", limits={"group": 3, "retention": 10}, expiry=iso(START_MS + 30 * HOUR_MS))
    await life.say(third, "grant", "warmth", limits={"precision": {"temperature": 1}})
    await life.say(last, "refuse", QUIET)


async def _first_day(life: Life) -> None:
    """Take good and bad messages; pause and resume, withdraw under a ready bundle, join and leave; fail over, start again."""
    for _ in range(2):
        await life.hour()
        await life.deliver()
    first, second, third, fourth, *_ = life.homes
    now_ms = life.gate.now_ms
    topic = first.devices[0].topic
    early = json.dumps({"t": now_ms - 3 * HOUR_MS, "kwh": 1}).encode()
    wild = [json.dumps({"t": t_ms, "kwh": kwh}).encode() for t_ms, kwh in ((now_ms + 3 * DAY_MS, 1), (now_ms, 1e300), (0, 1))]
    await life.send((topic, b"{"), ("t/unknown", b"{}"), (topic, early), *((topic, payload) for payload in wild))
    repeated = second.devices[0].message(now_ms, life.rng)
    await life.send(repeated, repeated, (third.devices[0].topic, b"\xd1\x84"), (topic, bytes(70_000)))
    await life.everybody_sends(now_ms + 1000, repeat=True)
    await life.say(first, "pause", "hourly")
    await life.hour()
    await life.say(first, "resume", "hourly")
    await life.hour()
    assert await life.form("office") is not None
    await life.say(second, "withdraw")
    await life.hour()
    await life.deliver()
    await life.join(third)
    await life.say(third, "grant", resident=1)
    await life.join(fourth)
    await life.hour()
    await life.deliver("grid")
    await life.leave(third)
    await life.ask("subject.code", subject=fourth.subject, resident=fourth.residents[0])
    await life.restart()
    await life.hour()
    assert await life.form("grid", hand_over=True) is not None
    await life.restart(killed=True)


async def _second_day(life: Life) -> None:
    """Let the day end, its totals leave under pseudonyms, a consent run out and another be revoked; change policies."""
    await life.to(START_MS + DAY_MS - 20 * MINUTE_MS)
    await life.everybody_sends(life.gate.now_ms)
    await life.to(START_MS + DAY_MS + LATENESS_MS)
    await life.deliver()
    for _ in range(3):
        await life.hour()
    await life.to(START_MS + 31 * HOUR_MS)
    await life.say(life.homes[4], "revoke", authority="a court")
    await life.apply("retention = 7 }", "retention = 9 }")  # of `raw`: more than was consented to
    await life.say(life.homes[0], "grant", "raw")
    await life.hour()
    await life.deliver()
    device = life.homes[4].devices.pop()
    await life.ask("device.revoke", device=device.id)
    made = await life.new_home("meter")
    host = life.homes[1]
    await life.ask("subject.claim", code=made.code, subject=host.subject)  # its device joins another household
    host.devices += made.devices
    life.homes.remove(made)
    await life.gate.reconnect(session_present=False)
    await life.hour()
    await life.hour()
    await life.deliver()


async def _coming_in(life: Life) -> Person:
    """Let a household come in by itself: one person by the letter, who invites another; both with passkeys.

    Returns: The second.
    """
    home = await life.new_home("meter")
    first = await come_in(life, home.code, 1)
    partner = await come_in(life, await invite(first), 2)
    life.homes.remove(home)  # they say nothing more in this life
    return partner


async def _third_day(life: Life) -> None:
    """Erase a household whose data is everywhere, and let others say more."""
    await life.to(START_MS + 2 * DAY_MS + LATENESS_MS)
    await life.deliver()
    await life.hour()
    await life.everybody_sends(life.gate.now_ms)
    assert await life.form("grid", hand_over=True) is not None
    assert await life.form("office") is not None
    await life.say(life.homes[0], "withdraw", QUIET)
    await life.erase(life.homes[6])
    await life.say(life.homes[1], "grant")
    await life.gate.acknowledge(life.gate.under_way[0])
    await life.join(life.homes[0])
    await life.say(life.homes[0], "grant", resident=1)
    await life.hour()
    await life.deliver()


async def _last_hours(life: Life) -> None:
    """Fill one segment of the journal with every kind of record, and leave something of everything under way."""
    await life.hour()
    await life.deliver()
    await life.hour()
    assert await life.form("office") is not None
    await life.say(life.homes[3], "withdraw", QUIET)
    await life.everybody_sends(life.gate.now_ms)
    await life.say(life.homes[6], "withdraw")
    await life.say(life.homes[6], "grant")
    await life.gate.reconnect(session_present=False)
    await life.hour()
    await life.ask("subject.code", subject=life.homes[0].subject)
    await life.hour()
    assert await life.form("grid", hand_over=True) is not None
    assert await life.form("office") is not None
    await life.everybody_sends(life.gate.now_ms)
