"""`sluice run`: the gateway as a process, with signals, control socket, metrics, and the exit status of whatever ends it."""

from __future__ import annotations

import asyncio
import gc
import logging
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from typing import Any

from consent.messages import PolicyChange, plain
from consent.printable import printable, printable_lines
from gateway.app import Gateway
from gateway.config import Installation
from gateway.control.context import ANYONE
from gateway.control.doors import ControlDoor
from gateway.control.socket import OWNER_AND_GROUP, PUBLIC_BOUNDS, ControlServer
from gateway.durable.configured import keys_of, start
from gateway.durable.state import Durable, ended_by_the_disk
from gateway.edge.allocator import return_large_blocks
from gateway.edge.connections import broker_link
from gateway.edge.loggers import structlog
from gateway.edge.policies import read_policies
from gateway.edge.sinks.configured import configured_sinks
from gateway.errors import OperatorError, PoliciesRefusedError, SluiceError
from gateway.terminal import drawing
from gateway.watching.log_keys import known_keys_alone
from gateway.watching.machine import Machine
from gateway.watching.notify import Notifier
from gateway.watching.server import WatchServer
from gateway.watching.watch import Watch

_log = structlog.get_logger()


def run(place: Installation, *, unwitnessed: bool = False) -> int:
    """Run the gateway until SIGTERM or SIGINT; return the exit status.

    Args:
        unwitnessed: Do not wait for a witness to confirm the log; the log records it.
    Raises: SluiceError: it cannot start, or has to stop because of a disk or its own records.
    """
    set_up_logging()
    return_large_blocks()
    loop_factory = None
    if sys.platform == "linux":
        import uvloop

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner, ended_by_the_disk(place):
        runner.run(_serve(place, unwitnessed=unwitnessed))
    return 0


def set_up_logging(level: int = logging.INFO) -> None:
    """Log to standard error from a level on: coloured on a terminal, otherwise one JSON object a line."""
    terminal = sys.stderr.isatty()
    rendering: list[Any] = [_printable, structlog.dev.ConsoleRenderer()] if terminal else [structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[
            known_keys_alone,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            *rendering,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(drawing(sys.stderr) if terminal else sys.stderr),
    )


def _printable(_: object, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Return what is logged with all its text printable: colours go past the guarded stream, and would take the rest along."""
    return {name: value if isinstance(value, int | float | None) else _shown(name, str(value)) for name, value in event.items()}


def _shown(name: str, text: str) -> str:
    return printable_lines(text) if name == "exception" else printable(text)


@contextmanager
def _kept_for_good() -> Iterator[None]:
    """Have the collector look at nothing of what is made here, now or later: the registry lives as long as the process."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


async def _serve(place: Installation, *, unwitnessed: bool) -> None:
    watch = Watch(Notifier.from_environment())
    async with AsyncExitStack() as opened:
        port_refused = await _answer_about(watch, place, opened)
        with _kept_for_good():
            durable = await start(place, keys_of(place), unwitnessed=unwitnessed, in_turns=True)
            opened.push_async_callback(durable.close)
            if port_refused is not None:  # raised only now, since what is wrong with the start itself matters more
                raise port_refused
            await durable.count_start()
        app = Gateway(durable, partial(broker_link, place), partial(configured_sinks, place))
        control = ControlServer(place.control_socket, ControlDoor(app).connection)
        opened.push_async_callback(control.close)
        await control.start()
        portal = ControlServer(place.portal_socket, ControlDoor(app, ANYONE).connection, PUBLIC_BOUNDS, OWNER_AND_GROUP)
        opened.push_async_callback(portal.close)
        try:
            await portal.start()
        except OperatorError as error:  # a gateway does its work without one, and an upgrade must not end that
            _log.error("no door for the portal, whose pages then tell what the public log alone tells", problem=str(error))
        _tell_of_policies(durable)
        _follow_signals(app, watch)
        watch.begin(app)
        await app.run()


async def _answer_about(watch: Watch, place: Installation, opened: AsyncExitStack) -> OperatorError | None:
    """Answer about the gateway where that is configured, from before it has started; return why the port cannot be had."""
    if not place.config.metrics.port:
        return None
    from gateway.watching.metrics import Figures  # takes 3 MiB, so loaded only where it is configured

    server = WatchServer(place.config.metrics.port, watch, Figures(watch, Machine(place)).text)
    try:
        await server.start()
    except OperatorError as error:
        return error
    opened.push_async_callback(server.close)
    return None


def _follow_signals(app: Gateway, watch: Watch) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        watch.stopping()
        app.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, lambda: app.beside(_apply_policies(app), "policies"))


async def _apply_policies(app: Gateway) -> None:
    """Apply the policies on SIGHUP as `sluice policy apply` does; what it refuses is logged, and the old set stays in force."""
    try:
        applied = await ControlDoor(app).answer("policy.apply", PolicyChange())
    except PoliciesRefusedError as refusal:
        command = app.durable.place.command("policy", "apply", "--accept", refusal.proposal)
        _log.error("policies not applied", problem=str(refusal), command=command)
    except SluiceError as error:
        for line in error.lines or (str(error),):
            _log.error("policies not applied", problem=line)
    else:
        shown = plain(applied)
        _log.info("policies applied", log_index=shown["log_index"], sha256=shown["sha256"])


def _tell_of_policies(durable: Durable) -> None:
    """Log what is withheld of the policies in force, and that the folder holds others: a start does not put these in force."""
    place = durable.place
    for one in durable.state.policies.unsupported:
        command = f"sluice policy migrate {shlex.quote(str(place.policies))}"
        _log.warning(
            "policies in force ask what is no longer permitted; it is withheld", problem=str(one.as_error()), command=command
        )
    try:
        found = read_policies(place.policies, place.config.sink, durable.state.policies.sha256)
    except SluiceError as error:
        _log.warning("the policies folder cannot be applied; what was in force stays so", problem=str(error))
        return
    if (found.policies.sha256, found.public_keys) != (durable.state.policies.sha256, durable.public_keys):
        command = place.command("policy", "apply")
        _log.warning("the policies folder is not what is in force; a start changes nothing of that", command=command)
