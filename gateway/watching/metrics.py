"""Metrics for Prometheus on the loopback interface: the ledger's accounts and what waits; never a topic, id or value."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gateway.errors import OperatorError
from gateway.witness.http import HttpServer, Response

_REQUEST_S = 5.0


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
    """Answers any HTTP request with the present figures."""

    def __init__(self, port: int, read: Callable[[], Mapping[str, float]]) -> None:
        """Serve 127.0.0.1:``port``; ``read`` gives accounts (names with a dot) and single gauges."""
        self._port = port
        registry = CollectorRegistry()
        registry.register(_Gauges(read))
        figures = "text/plain; version=0.0.4"
        self._server = HttpServer(lambda _: Response(200, generate_latest(registry), figures), _REQUEST_S)

    async def start(self) -> int:
        """Listen, and return the port.

        Raises: OperatorError: the port is taken.
        """
        try:
            return await self._server.start("127.0.0.1", self._port)
        except OSError as error:
            reason = (os.strerror(error.errno) if error.errno else str(error)).lower()
            raise OperatorError(f"`metrics.port`: cannot listen on `{self._port}`: {reason}") from error

    async def close(self) -> None:
        """Stop listening."""
        await self._server.close()
