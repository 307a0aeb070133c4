"""A life at random: what happens next is drawn, until so many messages have come in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.upgrade.gate import HOUR_MS, RECIPIENTS, iso
from tests.upgrade.life import CITY_FILE, ENERGY, QUIET, Life

PROFILES = ["meter", "numbered", "sealed", "timeless"]
ZONES = ["mill", "chapel", "dock"]
LIMITS = [{"time": "day"}, {"space": "city"}, {"group": 3}, {"identity": "aggregate"}, {"retention": 5}]


async def disaster(life: Life) -> None:
    """Let much happen after a backup, and then let the database be lost and the backup restored."""
    backup = await life.back_up()
    await life.hour()
    await life.deliver()
    await life.say(life.homes[0], "grant")
    await life.say(life.homes[1], "withdraw")
    await life.join(life.homes[2])
    await life.erase(life.homes[3])
    await life.hour()
    await life.lose_and_restore(backup)


async def wander(life: Life, frames: int) -> None:
    """Let things happen at random until so many messages have come in."""
    steps: list[tuple[float, Callable[[Life], Any]]] = [
        (0.40, _some_send),
        (0.15, Life.hour),
        (0.12, _some_delivery),
        (0.19, _somebody_says),
        (0.05, _residents_change),
        (0.03, _devices_change),
        (0.02, _policies_change),
        (0.02, _rights_are_used),
        (0.01, _time_passes),
        (0.008, _house_changes),
        (0.002, disaster),
    ]
    while life.frames < frames:
        drawn = life.rng.random() * sum(weight for weight, _ in steps)
        for weight, step in steps:
            drawn -= weight
            if drawn < 0:
                await step(life)
                break


def _one(life: Life, things: Sequence[Any]) -> Any:
    return things[int(life.rng.random() * len(things))]


def _chance(life: Life, likely: float) -> bool:
    return life.rng.random() < likely


async def _some_send(life: Life) -> None:
    devices = [device for home in life.homes for device in home.devices] + life.street
    senders = [_one(life, devices) for _ in range(4 + int(20 * life.rng.random()))]
    t_ms = life.gate.now_ms - int(life.rng.random() ** 3 * 40 * HOUR_MS)
    await life.everybody_sends(t_ms, repeat=_chance(life, 0.05), devices=senders)


async def _some_delivery(life: Life) -> None:
    if _chance(life, 0.6):
        for index in life.gate.under_way:
            await life.gate.acknowledge(index)
        for recipient in life.gate.ready:
            await life.gate.hand_over(recipient)
    elif _chance(life, 0.5):
        await life.deliver()
    else:
        await life.form(_one(life, RECIPIENTS), hand_over=_chance(life, 0.3))


async def _somebody_says(life: Life) -> None:
    home = _one(life, life.homes)
    scope = _one(life, [ENERGY, ENERGY, QUIET, "hourly", "daily", "raw", "register", "warmth", "nights", "extremes"])
    what = _one(life, ["grant"] * 8 + ["request", "refuse", "pause", "resume", "resume", "withdraw", "revoke"])
    params: dict[str, Any] = {"authority": "a court"} if what == "revoke" else {}
    if what == "grant" and _chance(life, 0.4):
        params["limits"] = _one(life, LIMITS)
    if what == "grant" and _chance(life, 0.2):
        params["expiry"] = iso(life.gate.now_ms + int(50 * life.rng.random()) * HOUR_MS + HOUR_MS)
    await life.say(home, what, scope, resident=int(len(home.residents) * life.rng.random()), **params)


async def _residents_change(life: Life) -> None:
    home = _one(life, life.homes)
    if len(home.residents) > 1 and _chance(life, 0.7):
        await life.leave(home)
    else:
        await life.join(home)
        if _chance(life, 0.8):
            await life.say(home, "grant", resident=len(home.residents) - 1)


async def _devices_change(life: Life) -> None:
    if len(life.homes) < 10:
        home = await life.new_home(_one(life, PROFILES), zone=_one(life, ZONES))
        await life.say(home, "grant")
        await life.say(home, "grant", QUIET)
        return
    home = _one(life, life.homes)
    if len(home.devices) > 1:
        await life.ask("device.revoke", device=home.devices.pop().id)


async def _policies_change(life: Life) -> None:
    text = (life.folder / CITY_FILE).read_text()
    old, new = _one(
        life,
        [
            ("group = 2,", "group = 3,"),
            ('time = "1h", space = "block"', 'time = "4h", space = "block"'),
            ("clamp = [0, 100]", "clamp = [0, 90]"),
        ],
    )
    await life.apply(old, new) if old in text else await life.apply(new, old)


async def _rights_are_used(life: Life) -> None:
    home = _one(life, life.homes)
    for what in ("subject.show", "consent.show", "consent.releases", "consent.export"):
        await life.ask(what, subject=home.subject)
    await life.say(home, "receipt")


async def _time_passes(life: Life) -> None:
    await life.to(life.gate.now_ms + (1 + int(60 * life.rng.random())) * HOUR_MS)


async def _house_changes(life: Life) -> None:
    if len(life.homes) > 6 and _chance(life, 0.4):
        await life.erase(_one(life, life.homes))
    elif _chance(life, 0.3):
        await life.gate.reconnect(session_present=_chance(life, 0.5))
    else:
        await life.restart(killed=_chance(life, 0.5))
