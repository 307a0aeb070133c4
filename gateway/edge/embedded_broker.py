"""An MQTT 5 broker inside the demo and the light tests, so that neither needs a service on the machine.

It is rumqttd, from the ``iotcore`` package, in a child process that ends with ours. Not for production: it keeps sessions in
memory only, gives redelivered messages new identifiers without the DUP flag, and hangs up on out-of-order acknowledgements.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import iotcore

# Its log keeps this much per filter, read or not, and drops the oldest beyond it: memory against loss.
_SEGMENT_BYTES = 8 << 20
_SEGMENTS = 32
_STARTS = 3

_CONFIGURATION = """\
id = 0

[router]
id = 0
max_connections = 20000
max_outgoing_packet_count = 1000
max_segment_size = {segment_bytes}
max_segment_count = {segments}

[v5.1]
name = "v5"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 0

[v5.1.connections]
connection_timeout_ms = 10000
max_payload_size = {largest_packet_bytes}
max_inflight_count = {most_in_flight}
"""


@asynccontextmanager
async def embedded_broker(*, largest_packet_bytes: int = 1 << 20, most_in_flight: int = 1000) -> AsyncIterator[int]:
    """Run a broker on a free port of the loopback interface for the length of the context.

    Args:
        largest_packet_bytes: Larger packets end their sender's connection.
        most_in_flight: How many messages it sends to a client before the first is acknowledged.

    Yields:
        The port.

    Raises:
        RuntimeError: It does not start.
    """
    with tempfile.TemporaryDirectory(prefix="sluice-broker-") as folder:
        file = Path(folder) / "broker.toml"
        broker = await asyncio.to_thread(_start, file, largest_packet_bytes, most_in_flight)
        try:
            yield broker.port
        finally:
            await asyncio.to_thread(broker.stop)


def _start(file: Path, largest_packet_bytes: int, most_in_flight: int) -> iotcore.Broker:
    """Write the configuration and start; another process may take the port in between, so try again with another one."""
    for _ in range(_STARTS):
        text = _CONFIGURATION.format(
            port=_free_port(),
            segment_bytes=_SEGMENT_BYTES,
            segments=_SEGMENTS,
            largest_packet_bytes=largest_packet_bytes,
            most_in_flight=most_in_flight,
        )
        file.write_text(text)
        try:
            return iotcore.Broker(config_path=str(file)).start()
        except OSError:
            continue
    raise RuntimeError("the embedded broker found no free port")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
