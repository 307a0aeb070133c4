"""The control socket: JSON-RPC 2.0 by lines over a Unix socket, mode 0600; an answer means committed and in force.

The server hands each request to the application and writes its answer; the client is what the commands use.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self

from gateway.errors import OperatorError, SluiceError, UnavailableError

LINE_BYTES = 16 * 1024 * 1024
Handle = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""(method, parameters) → answer; raises ``SluiceError`` to refuse."""

PARSE_ERROR, INVALID_REQUEST, REFUSED = -32700, -32600, -32000


class ControlServer:
    """Serves one socket."""

    def __init__(self, path: Path, handle: Handle) -> None:
        """Name the socket's path; ``start`` binds it."""
        self._path = path
        self._handle = handle
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Bind the socket with mode 0600; one left behind by a process that is gone is replaced.

        Raises: OperatorError: the path cannot be used.
        """
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()  # the state folder's lock says that no other gateway serves here
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            before = os.umask(0o177)
            try:
                listener.bind(str(self._path))
            finally:
                os.umask(before)
            self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=LINE_BYTES)
        except OSError as error:
            raise OperatorError(f"`{self._path}`: cannot listen: {(error.strerror or str(error)).lower()}") from error

    async def close(self) -> None:
        """Stop serving and remove the socket."""
        if self._server is None:
            return
        self._server.close()
        await asyncio.sleep(0)  # let the last answers out
        for writer in list(self._writers):
            writer.close()
        await self._server.wait_closed()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):  # gone, or a line beyond all bounds
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            return _error(None, PARSE_ERROR, "not json")
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _error(None, INVALID_REQUEST, "not a json-rpc 2.0 request")
        params = request.get("params", {})
        if request.get("jsonrpc") != "2.0" or not isinstance(params, dict):
            return _error(request.get("id"), INVALID_REQUEST, "not a json-rpc 2.0 request with named parameters")
        try:
            result = await self._handle(request["method"], params)
        except SluiceError as error:
            return _error(request.get("id"), REFUSED, str(error), error.exit_status)
        return {"jsonrpc": "2.0", "id": request.get("id"), "result": result}


def _error(request_id: Any, code: int, message: str, exit_status: int = 2) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "id": request_id,
        "error": {"code": code, "message": message, "data": {"exit_status": exit_status}},
    }


class RefusedError(SluiceError):
    """The gateway refused a request."""

    def __init__(self, message: str, exit_status: int) -> None:
        """Carry the gateway's own exit status on."""
        super().__init__(message)
        self.exit_status = exit_status


class ControlClient:
    """A connection to a running gateway, for commands: plain blocking calls."""

    def __init__(self, path: Path, timeout_s: float = 60.0) -> None:
        """Connect.

        Raises: UnavailableError: no gateway serves there.
        """
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise UnavailableError(f"`{path}`: no gateway is running") from error
        self._file = self._socket.makefile("rb")
        self._next_id = 0

    def call(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask, and wait for the answer.

        Raises: RefusedError: the gateway refuses. UnavailableError: it went away.
        """
        self._next_id += 1
        request = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params or {}}
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            line = self._file.readline()
        except OSError as error:
            raise UnavailableError("the gateway went away before it answered") from error
        if not line:
            raise UnavailableError("the gateway went away before it answered")
        answer = json.loads(line)
        if "error" in answer:
            raise RefusedError(answer["error"]["message"], answer["error"].get("data", {}).get("exit_status", 1))
        result: dict[str, Any] = answer["result"]
        return result

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()

    def __enter__(self) -> Self:
        """Use as a context."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up at the end."""
        self.close()
