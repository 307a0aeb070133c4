"""Connections to the gateway: each says whether the gateway may have heard; the doors over them are tested beside this."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from consent.portal.gates.wire import GateConnection, GateConnections
from tests.support.spoken_door import spoken


async def test_connection_says_whether_anything_may_have_been_carried_out(tmp_path: Path) -> None:
    """Not before a request was written, and not where the gateway refuses the line itself."""
    async with spoken(
        tmp_path / "s", lambda method, params: b'{"id":null,"error":{"code":-32600,"message":"no","data":{"exit_status":2}}}\n'
    ):
        connection = await GateConnection.to(tmp_path / "s")
        assert not connection.has_sent
        with pytest.raises(EOFError):
            await connection.ask({"jsonrpc": "2.0", "method": "a", "params": {}})
        assert not connection.has_sent
        connection.close()


async def test_change_that_cannot_be_sent_is_not_sent(tmp_path: Path) -> None:
    """Nobody listens there."""
    sent = asyncio.Event()
    with pytest.raises(OSError, match="s"):
        await GateConnections(tmp_path / "s", asyncio.Semaphore(1)).change({"method": "a"}, sent)
    assert not sent.is_set()
