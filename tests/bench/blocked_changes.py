"""The actions of ``tests.bench.blocked`` that change who may see what or read all that is held: none is to make others wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from consent.instants import parse_utc_ms
from consent.messages import BackupTo, Id, Nothing, PolicyChange, SubjectOf, Word
from gateway.durable.state import SETTLING

if TYPE_CHECKING:
    from tests.bench.blocked import Blocked

_FIRST_DAY_MS: Final = parse_utc_ms("2026-05-02T00:00:00Z")
_HOURS: Final = 2
_TIMES: Final = 5
_BETWEEN_S: Final = 0.2


async def policy_apply(city: Blocked) -> None:
    """Put policies in force that change every flow, so that everybody's plans and windows do; until everybody is settled."""
    await city.report(_FIRST_DAY_MS, _HOURS)
    file = city.folder / "policies/city.toml"
    file.write_text(file.read_text().replace("retention = 365", "retention = 364").replace("retention = 30 ", "retention = 29 "))
    await city.quiet()

    async def apply() -> None:
        await city.ask("policy.apply", PolicyChange(accept=True))
        await city.durable.turns.finished(SETTLING)

    await city.beside(apply())


async def erasure(city: Blocked) -> None:
    """Erase some households, one after another."""
    await _again(city, lambda number: city.ask("consent.erase", SubjectOf(subject=Id(city.homes[number]))))


async def backup(city: Blocked) -> None:
    """Back up, one file after another."""
    await _again(city, lambda number: city.ask("backup", BackupTo(file=str(city.folder / f"backup-{number}"))))


async def export(city: Blocked) -> None:
    """Export what is held of some households."""
    await _again(city, lambda number: city.ask("consent.export", SubjectOf(subject=Id(city.homes[number]))))


async def device_list(city: Blocked) -> None:
    """List all devices."""
    await _again(city, lambda _: city.ask("device.list", Nothing()))


async def withdrawal(city: Blocked) -> None:
    """Have some households withdraw."""

    def withdraw(number: int) -> Awaitable[object]:
        return city.ask("consent.withdraw", Word(subject=Id(city.homes[number]), scope="purpose:energy-planning"))

    await _again(city, withdraw)


async def _again(city: Blocked, action: Callable[[int], Awaitable[object]]) -> None:
    """Do something several times, with the number of each, while a few hours of everybody's readings are held."""
    await city.report(_FIRST_DAY_MS, _HOURS)
    await city.quiet()

    async def each() -> None:
        for number in range(_TIMES):
            await action(number)
            await asyncio.sleep(_BETWEEN_S)

    await city.beside(each())


CHANGES: Final[Mapping[str, Callable[[Blocked], Awaitable[None]]]] = {
    "policy apply": policy_apply,
    "erasure": erasure,
    "backup": backup,
    "export": export,
    "device list": device_list,
    "withdrawal": withdrawal,
}
"""By name."""
