"""The actions of ``tests.bench.blocked`` that change who may see what or read all that is held: none is to make others wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from consent.core.consents.records import OPERATOR
from consent.core.disclosure import DAY_MS, TOP
from consent.core.lifecycle import steps
from consent.instants import parse_utc_ms
from consent.messages import BackupTo, Id, Nothing, PolicyChange, PolicySides, SubjectOf, Word
from gateway.core.changes import changes
from gateway.durable.state import SETTLING

if TYPE_CHECKING:
    from tests.bench.blocked import Blocked

_FIRST_DAY_MS: Final = parse_utc_ms("2026-05-02T00:00:00Z")
_HOURS: Final = 2
_TIMES: Final = 5
_BETWEEN_S: Final = 0.2
_LOOK_S: Final = 0.05
_LATENESS_MS: Final = 900_000
_EXPIRES: Final = 10
_GRANTED_AT_ONCE: Final = 100


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
    """Export what is held of some households, once a day's figures of all have left, in which every household stands."""
    await city.report(_FIRST_DAY_MS, _HOURS)
    city.durable.clock.advance(_FIRST_DAY_MS + DAY_MS + _LATENESS_MS)
    await city.released()
    await city.quiet()
    await city.beside(_each(lambda number: city.ask_by_line("consent.export", SubjectOf(subject=Id(city.homes[number])))))


async def device_list(city: Blocked) -> None:
    """List all devices."""
    await _again(city, lambda _: city.ask_by_line("device.list", Nothing()))


async def policy_diff(city: Blocked) -> None:
    """Compare the policies in force with themselves, for everybody."""
    await _again(city, lambda _: city.ask_by_line("policy.diff", PolicySides(old="in-force", new="in-force")))


async def close_of_a_day(city: Blocked) -> None:
    """Let a day end with which a consent of every tenth household expires; nothing leaves, since the city's broker is away."""
    await city.report(_FIRST_DAY_MS, _HOURS)
    expiring = city.homes[::_EXPIRES]
    for at in range(0, len(expiring), _GRANTED_AT_ONCE):
        await city.app.ask(partial(_let_expire, city, expiring[at : at + _GRANTED_AT_ONCE]))
    await city.quiet()
    durable, ends_ms = city.durable, _FIRST_DAY_MS + DAY_MS + _LATENESS_MS

    async def close() -> None:
        durable.clock.advance(ends_ms)
        while True:
            await asyncio.sleep(_LOOK_S)
            has_ended = durable.state.windows.watermark_ms >= ends_ms - _LATENESS_MS
            if has_ended and durable.state.expires_next_ms > ends_ms and not durable.turns.pending:
                return

    await city.beside(close())


def _let_expire(city: Blocked, homes: list[bytes]) -> None:
    """Have some households permit everything until the day's end, and no longer."""
    state, now_ms = city.durable.state, city.durable.clock.now_ms()
    book, records = state.registry.book, []
    for home in homes:
        actor = steps.Actor(book, home, book.residents(home)[0], now_ms, OPERATOR)
        records.append(steps.grant(actor, state.policies, "purpose:energy-planning", TOP, _FIRST_DAY_MS + DAY_MS))
    changes.change_consents(state, records, now_ms)


async def withdrawal(city: Blocked) -> None:
    """Have some households withdraw."""

    def withdraw(number: int) -> Awaitable[object]:
        return city.ask("consent.withdraw", Word(subject=Id(city.homes[number]), scope="purpose:energy-planning"))

    await _again(city, withdraw)


async def _again(city: Blocked, action: Callable[[int], Awaitable[object]]) -> None:
    """Do something several times, with the number of each, while a few hours of everybody's readings are held."""
    await city.report(_FIRST_DAY_MS, _HOURS)
    await city.quiet()
    await city.beside(_each(action))


async def _each(action: Callable[[int], Awaitable[object]]) -> None:
    for number in range(_TIMES):
        await action(number)
        await asyncio.sleep(_BETWEEN_S)


CHANGES: Final[Mapping[str, Callable[[Blocked], Awaitable[None]]]] = {
    "policy apply": policy_apply,
    "policy diff": policy_diff,
    "close of a day": close_of_a_day,
    "erasure": erasure,
    "backup": backup,
    "export": export,
    "device list": device_list,
    "withdrawal": withdrawal,
}
"""By name."""
