"""How a command reaches the gateway: over its control socket, or, where none runs, by doing the same in this process."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from consent.control import AwayError, ControlClient
from gateway.commands.output import in_lines, show
from gateway.config import Installation, load_config

LONG_S = 3600.0
"""How long to wait for an answer that takes a pass over the whole database."""


def call_gateway(
    place: Installation,
    method: str,
    params: dict[str, Any],
    timeout_s: float = 60.0,
    *,
    accept: bool | str = False,
    reading: bool = False,
    writes: Sequence[Path] = (),
) -> dict[str, Any]:
    """Run a control method in the gateway, or in this process where none is running.

    Args:
        accept: In this process, put the first policies in force even if one of their cases fails; as a text, under that proposal.
        reading: The method changes nothing, so in this process nothing is committed, not even the beginning of a run.
        writes: Files that the method writes.
    Raises:
        AnothersFolderError: This process would write, and is another user's than the gateway's.
        ControlError: The gateway refuses.
        SluiceError: This process does.
    """
    try:
        client = ControlClient(place.control_socket, timeout_s)
    except AwayError:
        place.refuse_another_user(*writes)  # also to read: to open the database is to write beside it
        import asyncio

        from gateway.durable.state import ended_by_the_disk

        with ended_by_the_disk(place):
            return asyncio.run(_call_offline(place, method, params, accept=accept, reading=reading))
    with client:
        return client.call(method, params)


async def _call_offline(
    place: Installation, method: str, params: dict[str, Any], *, accept: bool | str, reading: bool
) -> dict[str, Any]:
    from consent.messages import plain
    from gateway.control.context import Control
    from gateway.control.doors import action, perform
    from gateway.durable.configured import keys_of, start
    from gateway.durable.state import answer_of
    from gateway.service import set_up_logging

    set_up_logging(logging.WARNING)
    durable = await start(place, keys_of(place), accept=accept, reading=reading)
    try:
        if reading:
            answer = await answer_of(action(Control(durable), method, params))
        else:
            (answer,) = await perform(Control(durable), [(method, params)])
        shown: dict[str, Any] = plain(answer)
        return shown
    finally:
        await durable.close()


def ask(args: argparse.Namespace, timeout_s: float = 60.0, writes: Sequence[Path] = ()) -> dict[str, Any]:
    """Call the method of a verb, and return its answer."""
    return call_gateway(load_config(args.config), args.method, args.params(args), timeout_s, writes=writes)


def one_call(args: argparse.Namespace) -> int:
    """Run any command that is one control method, and print its answer."""
    answer = ask(args)
    show(args, answer, in_lines(answer))
    return 0
