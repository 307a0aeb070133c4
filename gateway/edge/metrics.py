"""Figures for Prometheus on the loopback interface: the ledger's accounts and what waits; never a topic, id or value."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gateway.errors import OperatorError

_REQUEST_BYTES = 8192


class _Gauges(Collector):
    def __init__(self, read: Callable[[], Mapping[str, float]]) -> None:
        self._read = read

    def collect(self) -> list[GaugeMetricFamily]:
        accounts = GaugeMetricFamily("sluice_account", "Units in an account of the ledger", labels=["account"])
        families = [accounts]
        for name, value in self._read().items():
            if "." in name:
                accounts.add_metric([name], value)
            else:
                families.append(GaugeMetricFamily(f"sluice_{name}", name.replace("_", " "), value=value))
        return families


class MetricsServer:
    """Answers any HTTP request with the figures as they are at that moment."""

    def __init__(self, port: int, read: Callable[[], Mapping[str, float]]) -> None:
        """Serve 127.0.0.1:``port``; ``read`` gives accounts (names with a dot) and single gauges."""
        self._port = port
        self._registry = CollectorRegistry()
        self._registry.register(_Gauges(read))
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen.

        Raises: OperatorError: the port is taken.
        """
        try:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, limit=_REQUEST_BYTES)
        except OSError as error:
            reason = (os.strerror(error.errno) if error.errno else str(error)).lower()
            raise OperatorError(f"`metrics.port`: cannot listen on `{self._port}`: {reason}") from error

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            body = generate_latest(self._registry)
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len(body)}\r\n"
            writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
            await writer.drain()
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()
