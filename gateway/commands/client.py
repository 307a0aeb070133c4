"""How a command reaches the gateway: over its control socket, or, where none runs, by doing the same in this process."""

from __future__ import annotations

import argparse
import asyncio
import logging
from functools import partial
from pathlib import Path
from typing import Any

from gateway.commands.output import in_lines, show
from gateway.config import Installation, load_config
from gateway.control.socket import ControlClient
from gateway.errors import UnavailableError

DEFAULT_CONFIG = Path("gateway.toml")


def call_gateway(place: Installation, calls: list[tuple[str, dict[str, Any]]], timeout_s: float = 60.0) -> list[dict[str, Any]]:
    """Run control methods in the gateway, or in this process where none is running.

    Raises: SluiceError: a method is refused; what came before it stands.
    """
    try:
        client = ControlClient(place.control_socket, timeout_s)
    except UnavailableError:
        from gateway.durable.state import ended_by_the_disk

        with ended_by_the_disk(place):
            return asyncio.run(_call_offline(place, calls))
    with client:
        return [client.call(name, params) for name, params in calls]


async def _call_offline(place: Installation, calls: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    from gateway.control import methods
    from gateway.durable.configured import start
    from gateway.edge.keys import load_keys
    from gateway.service import set_up_logging

    set_up_logging(logging.WARNING)
    durable = await start(place, load_keys(place.keys))
    try:
        return await durable.perform([partial(methods.action, durable, *call) for call in calls])
    finally:
        await durable.close()


def one_call(args: argparse.Namespace) -> int:
    """Any command that is one control method: its parameters are made by ``args.params``."""
    place = load_config(args.config)
    answer = call_gateway(place, [(args.method, args.params(args))])[0]
    show(args, answer, in_lines(answer))
    return 0
